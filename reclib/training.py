"""One ``fit`` for every model.

A model with a closed form is simply solved. One that is learnt by gradient
descent gets its batches, optimiser, schedule, early stopping, checkpoints and
history here, so that no model file repeats any of it. Started under
``torchrun``, with a process group initialised, every process works on its share
of each batch and the gradients are added up: the result is that of one process.
"""

from __future__ import annotations

import copy
import math
import numbers
import os
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import torch
import torch.distributed as dist
from torch import Tensor
from torch.utils._pytree import tree_map_only
from tqdm import tqdm

from reclib import checks
from reclib.interactions import Interactions, resolve_device
from reclib.models.base import GradientRecommender, Recommender, known_seed
from reclib.models.guards import needs_matrix
from reclib.naming import unknown


class AdamNormGrad(torch.optim.Adam):
    """Adam on gradients that each tensor has divided by its norm, as in Tomczak and Welling's
    program for the VampPrior, from which Kim and Suh (2019) have it.
    """

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One update; the gradients are normalised in place, after the closure has set them."""
        value = None
        if closure is not None:
            with torch.enable_grad():
                value = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.grad /= parameter.grad.norm() + 1e-7
        super().step()
        return value


OPTIMIZERS = {
    "adam": partial(torch.optim.Adam, fused=True),  # one pass over the weights in place of ten
    "adam-norm-grad": partial(AdamNormGrad, fused=True),
    "adagrad": torch.optim.Adagrad,
    "lbfgs": torch.optim.LBFGS,
    "rmsprop": torch.optim.RMSprop,
    "rprop": torch.optim.Rprop,
    "sgd": torch.optim.SGD,
}


@dataclass
class History:
    """What happened in training: one row an epoch, and which epoch's weights were kept."""

    rows: list[dict] = field(default_factory=list)
    best_epoch: int | None = None
    optimizer_state: dict | None = field(default=None, repr=False)

    @property
    def table(self) -> pd.DataFrame:
        """Columns ``loss`` (objective per row), ``lr``, ``seconds`` and, if asked, ``validation``
        and what was watched; indexed by epoch, from 1.
        """
        return pd.DataFrame(self.rows).set_index("epoch") if self.rows else pd.DataFrame()


def oriented(X: Interactions, model: Recommender) -> Interactions:
    """X with the rows that the model reads: X itself, or its transpose for a model of items."""
    return X.T if model.rows == "items" else X


def fit(
    model: Recommender,
    train: Interactions,
    *,
    epochs: int = 0,
    batch_size: int | Literal["all"] = 256,
    optimizer: str = "adam",
    lr: float = 1e-3,
    optimizer_options: dict | None = None,
    milestones: Sequence[int] = (),
    gamma: float = 0.5,
    validate: Callable[[Recommender], float] | None = None,
    patience: int | None = None,
    watch: Callable[[Recommender], dict[str, float]] | None = None,
    optimizer_state: dict | None = None,
    seed: int = 0,
    device: str | torch.device = "auto",
    checkpoint: str | Path | None = None,
    progress: bool = False,
) -> History:
    """Fit ``model`` to ``train`` (users x items), in place.

    Parameters
    ----------
    epochs : int
        Passes over the rows; needed for gradient models. A model with a closed form ignores it,
        as it does ``batch_size``, ``optimizer`` and ``lr``, so that one call can serve several
        models. Of the other options it refuses those that nothing would come of.
    batch_size : int or "all"
        Rows per step; "all" takes every row at once, as RProp and L-BFGS need.
    optimizer, lr, optimizer_options
        A name in ``OPTIMIZERS``, its learning rate, and its other arguments.
    milestones, gamma
        After each of these epochs the learning rate is multiplied by ``gamma``.
    validate : callable, optional
        Called with the model after every epoch, returns a number; *smaller is better* (for
        NDCG, return its negative). The weights of the best epoch are kept.
    patience : int, optional
        Stop after this many rounds without a better validation value. A round is an epoch, or
        what the model calls one (``model.cycle``: four epochs of RecVAE), and none is counted
        before its objective has settled (``model.settled_after``: a warm-up, earlier stages).
    watch : callable, optional
        Called with the model after every epoch; what it returns, numbers by name, is added to
        the history, and decides nothing.
    optimizer_state : dict, optional
        ``History.optimizer_state`` of an earlier training to start from, in place of a
        fresh optimiser. Its learning rate comes along.
    seed : int
        Of initial weights, batches and dropout. On a CPU the same seed gives the
        same weights; on a GPU sums in another order may change the last digits.
    device : str or torch.device
        Where it is trained; "auto" is the GPU if there is one. The model is left where
        ``train`` is, which decides where it is evaluated.
    checkpoint : path, optional
        Written after every epoch. If it exists, training goes on from there, and
        ends as if it had never been interrupted.
    progress : bool
        Show a progress bar.

    Returns
    -------
    History
        Empty for a model with a closed form. ``model.history`` has the same rows, from the first
        epoch on: an exception in an epoch, or Ctrl-C, goes through, but it leaves the model as it
        would be without that epoch, with the best weights so far or, without ``validate``, those
        of the last whole epoch. Unless the loss was not finite, a warning says so.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind, or what ``validate``, ``watch``, or the model's
        ``loss`` or ``fit`` returns.
    ValueError
        If an argument is out of range or of no effect, or the checkpoint is none or of another
        training.
    FileNotFoundError, IsADirectoryError
        If the checkpoint cannot be written there.
    FloatingPointError
        If the loss stops being finite.
    """
    needs_model(model)
    needs_matrix(train, "train")
    name = type(model).__name__
    if not train.nnz:
        raise ValueError(f"{name} cannot learn from a matrix without entries")
    epochs, seed = checks.whole("epochs", epochs, low=0), known_seed(seed)
    if batch_size != "all":
        batch_size = _batch_size(batch_size)
    if not isinstance(optimizer, str) or optimizer not in OPTIMIZERS:
        raise ValueError(unknown("optimizer", optimizer, OPTIMIZERS))
    lr, gamma = checks.number("lr", lr, low=0), checks.number("gamma", gamma, above=0)
    milestones = _milestones(milestones)
    if optimizer_options is not None and not isinstance(optimizer_options, Mapping):
        raise TypeError(f"optimizer_options must be a dict, got {type(optimizer_options).__name__}")
    _check_functions(validate, watch, patience)
    device = resolve_device(device)
    X = oriented(train, model).to(device)
    if not isinstance(model, GradientRecommender):
        in_vain = {
            "milestones": milestones or None,
            **{"validate": validate, "patience": patience, "watch": watch},
            **{"optimizer_state": optimizer_state, "checkpoint": checkpoint},
        }
        if given := [option for option, value in in_vain.items() if value is not None]:
            raise ValueError(f"{name} is solved, without epochs; leave out {', '.join(given)}")
        if model.fit(X) is not model:
            raise TypeError(f"{name}.fit must return the model; end it with `return self`")
        model.to(train.device)
        model.train_matrix = oriented(train, model)
        return History()
    if epochs < 1:
        raise ValueError(f"{name} needs epochs >= 1, got {epochs}")
    if checkpoint is not None:
        _writable(Path(checkpoint))

    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices):  # the caller's random numbers stay as they were
        torch.manual_seed(seed)
        model.build(X)
        model.to(device)
        parts = [{"params": part, "part": key} for key, part in model.parts().items()]
        if not any(part["params"] for part in parts):
            raise ValueError(f"{name}.build made no parameters; assign nn.Parameter to self in it")
        optimiser = OPTIMIZERS[optimizer](parts, lr=lr, **(optimizer_options or {}))
        if optimizer_state is not None:
            _load(optimiser, optimizer_state)
        schedule = torch.optim.lr_scheduler.MultiStepLR(optimiser, milestones, gamma)
        run = _Run(model, optimiser, schedule, torch.Generator().manual_seed(seed))
        # What a checkpoint must agree on; more epochs than before are allowed.
        identity = {
            "data": X.fingerprint(),
            "model": _settings(model),
            "steps": [batch_size, optimizer, lr, optimizer_options, milestones, gamma, seed],
        }
        if checkpoint is not None and Path(checkpoint).exists():
            run.resume(checkpoint, identity, epochs)
        model.history = run.history
        bar = tqdm(total=epochs, initial=run.epoch, disable=not progress, unit="epoch")
        try:
            while run.epoch < epochs and not run.out_of_patience(patience):
                run.one_epoch(X, batch_size if batch_size != "all" else X.num_rows, validate, watch)
                if checkpoint is not None:
                    run.save(checkpoint, identity)
                bar.set_postfix({k: v for k, v in run.history.rows[-1].items() if k != "epoch"})
                bar.update()
            run.keep_best()
        except BaseException as error:
            run.keep_whole(error)
            raise
        finally:
            bar.close()
            model.eval()
            model.to(train.device)
            model.train_matrix = oriented(train, model)  # where the model is, not where it learnt
        state = optimiser.state_dict()
    # The model keeps a history without this, which is larger than its weights.
    state = tree_map_only(Tensor, lambda t: t.to(train.device), state)
    return replace(run.history, optimizer_state=state)


def needs_model(model: object) -> None:
    """TypeError that says what to do, unless it is a model."""
    if isinstance(model, Recommender):
        return
    if isinstance(model, type) and issubclass(model, Recommender):
        raise TypeError(f"{model.__name__} is a class; write {model.__name__}() for a model")
    raise TypeError(
        f"model must be a Recommender and comes first, got {type(model).__name__}; "
        "reclib.models has all models"
    )


def _check_functions(validate: object, watch: object, patience: object) -> None:
    """What is called after every epoch is a function, and patience has something to wait for."""
    for what, function in (("validate", validate), ("watch", watch)):
        if function is not None and not callable(function):
            raise TypeError(f"{what} must be a function of the model, got {function!r}")
    if patience is not None:
        checks.whole("patience", patience)
        if validate is None:
            raise ValueError("patience needs validate, which says what should improve")


def _batch_size(value: object) -> int:
    """``value``, if it is a number of rows."""
    if isinstance(value, str) or value is None:
        raise TypeError(f'batch_size must be a whole number or "all", got {value!r}')
    return checks.whole("batch_size", value)


def _milestones(value: object) -> list[int]:
    """``value`` as a list, if it holds numbers of epochs."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(f"milestones must be a list of epochs, got {value!r}")
    return [checks.whole("each of the milestones", epoch) for epoch in value]


def _writable(path: Path) -> None:
    """What would stop the first checkpoint, said before the first epoch."""
    if path.is_dir():
        raise IsADirectoryError(f"checkpoint {path} is a folder; name a file in it")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"checkpoint {path}: there is no folder {path.parent}; make it")


def _load(optimiser: torch.optim.Optimizer, state: object) -> None:
    """Go on from ``History.optimizer_state``; ValueError if it is none or of another optimiser."""
    try:
        kinds = [
            {frozenset(group) - {"initial_lr", "params"} for group in groups}
            for groups in (optimiser.param_groups, state["param_groups"])
        ]
        if kinds[0] != kinds[1]:
            raise ValueError("it belongs to another optimizer")
        optimiser.load_state_dict(copy.deepcopy(state))  # torch would share it
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"optimizer_state must be History.optimizer_state of a training of the same model "
            f"with the same optimizer: {error}"
        ) from error


@dataclass
class _Run:
    """The state of one training: all that a checkpoint has to hold."""

    model: GradientRecommender
    optimiser: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    generator: torch.Generator
    history: History = field(default_factory=History)
    best: dict | None = None
    best_value: float = float("inf")
    last: dict | None = None  # weights of the last whole epoch, while none is known as the best

    @property
    def epoch(self) -> int:
        return len(self.history.rows)

    def out_of_patience(self, patience: int | None) -> bool:
        best = self.history.best_epoch
        if patience is None or best is None:
            return False
        return self.epoch - max(best, self.model.settled_after) >= patience * self.model.cycle

    def keep_best(self) -> None:
        """The model gets its best weights, if there was a validation."""
        if self.best is not None:
            self.model.load_state_dict(self.best)

    def keep_whole(self, error: BaseException) -> None:
        """After an error in an epoch: the best weights, or those of the last whole epoch."""
        kept, rows = self.best or self.last, len(self.history.rows)
        if kept is not None:
            self.model.load_state_dict(kept)
        if isinstance(error, FloatingPointError):
            return  # it says itself what happened
        if self.best is not None:
            what = f"the best weights of {rows} epochs, those of epoch {self.history.best_epoch}"
        else:
            what = f"the weights of epoch {rows}" if kept else "no weights of a whole epoch"
        warnings.warn(
            f"the training was interrupted: {type(self.model).__name__} has {what}, "
            "and the rows of model.history",
            stacklevel=3,
        )

    def weights(self) -> dict[str, Tensor]:
        """A copy of all that the model has learnt."""
        return {name: t.detach().clone() for name, t in self.model.state_dict().items()}

    def one_epoch(
        self,
        X: Interactions,
        batch_size: int,
        validate: Callable[[Recommender], float] | None,
        watch: Callable[[Recommender], dict[str, float]] | None,
    ) -> None:
        start = time.perf_counter()
        self.model.train()
        if self.model.start_epoch(self.epoch + 1):
            self.optimiser.state.clear()  # it remembers another loss
            if self.best is not None:
                self.model.load_state_dict(self.best)
        total = torch.zeros((), device=X.device)
        groups, rates = self.optimiser.param_groups, self.schedule.get_last_lr()
        for group, rate in zip(groups, rates, strict=True):
            group["lr"] = rate * self.model.rate(group["part"])
        lr = groups[0]["lr"]
        for batch in X.batches(batch_size, generator=self.generator):
            total += self.step(batch) * batch.num_rows
        for group, rate in zip(groups, rates, strict=True):
            group["lr"] = rate  # what the schedule goes on from
        self.schedule.step()
        loss = total.item() / X.num_rows
        row = {"epoch": self.epoch + 1, "loss": loss, "lr": lr}
        if not torch.isfinite(total):
            raise FloatingPointError(
                f"the loss is {loss} in epoch {row['epoch']}; lower the learning rate (now {lr:g})"
            )
        row["seconds"] = time.perf_counter() - start
        self.history.rows.append(row)
        if self.best is None:
            self.last = self.weights()
        self.model.eval()
        if watch is not None:
            row.update(_watched(watch(self.model), row))
        if validate is not None:
            self.validate(validate, row)

    def step(self, batch: Interactions) -> Tensor:
        """The updates of a batch; returns the loss per row before the first of them."""
        share, weight = _share(batch)
        values = []
        for loss in self.model.updates(share):
            # L-BFGS calls it several times in one step.
            values.append(self.optimiser.step(partial(self.gradient, loss, weight)).detach())
        return values[0]

    def gradient(self, loss: Callable[[], Tensor], weight: float) -> Tensor:
        """Set the gradients to those of ``loss``, added up over all processes."""
        self.optimiser.zero_grad(set_to_none=True)
        if not dist.is_initialized():
            value = self.scalar(loss())
            value.backward()
            return value
        parameters = list(self.model.parameters())
        value = self.scalar(loss()) * weight if weight else parameters[0].new_zeros(())
        if weight:
            value.backward()
        for parameter in parameters:
            if not parameter.requires_grad:
                continue
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            dist.all_reduce(parameter.grad)
        value = value.detach()
        dist.all_reduce(value)
        return value

    def scalar(self, value: object) -> Tensor:
        """What the model's loss returned, if it can be descended on."""
        if isinstance(value, Tensor) and value.numel() == 1 and value.requires_grad:
            return value
        what = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
        raise TypeError(
            f"{type(self.model).__name__}.loss must return a scalar that depends on the "
            f"parameters, got {what}"
        )

    def validate(self, validate: Callable[[Recommender], float], row: dict) -> None:
        row["validation"] = _number(validate(self.model), row["epoch"])
        if math.isnan(row["validation"]):
            raise FloatingPointError(f"validation gave NaN in epoch {row['epoch']}")
        value, best = row["validation"], self.best_value
        if value < best or (value == best and self.model.keeps_last_of_equals):
            self.best_value, self.history.best_epoch = row["validation"], row["epoch"]
            self.best, self.last = self.weights(), None

    def save(self, path: str | Path, identity: dict) -> None:
        if dist.is_initialized() and dist.get_rank() > 0:
            return  # all processes hold the same state
        state = {
            "identity": identity,
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
            "generator": self.generator.get_state(),
            "rng": torch.get_rng_state(),
            "history": (self.history.rows, self.history.best_epoch),
            "best": (self.best, self.best_value),
        }
        if torch.cuda.is_available():
            state["cuda_rng"] = torch.cuda.get_rng_state()
        part = Path(f"{path}.part")
        try:
            torch.save(state, part)
            os.replace(part, path)  # a run that is cut off leaves the last whole checkpoint
        except RuntimeError as error:  # how torch says that the disk is full
            raise OSError(f"checkpoint {path} cannot be written; is the disk full?") from error
        finally:
            part.unlink(missing_ok=True)

    def resume(self, path: str | Path, identity: dict, epochs: int) -> None:
        state = _read(path)
        if state["identity"] != identity:
            raise ValueError(
                f"{path} belongs to a training with other data or settings; delete it, "
                "or choose another checkpoint"
            )
        if (done := len(state["history"][0])) > epochs:
            raise ValueError(
                f"{path} is the end of {done} epochs, and epochs={epochs} are fewer; ask for "
                f"{done} or more, or choose another checkpoint"
            )
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        self.generator.set_state(state["generator"])
        torch.set_rng_state(state["rng"])
        if "cuda_rng" in state and torch.cuda.is_available():
            torch.cuda.set_rng_state(state["cuda_rng"])
        self.history.rows, self.history.best_epoch = state["history"]
        self.best, self.best_value = state["best"]
        self.last = None if self.best else self.weights()


def _read(path: str | Path) -> dict:
    """A checkpoint; ValueError if the file is something else."""
    with Path(path).open("rb") as file:
        try:
            state = torch.load(file, weights_only=True, map_location="cpu")
            state["identity"], state["history"]
        except Exception as error:  # torch has a kind of error for each way to spoil a file
            raise ValueError(
                f"{path} is no whole checkpoint of training.fit; delete it, or choose another"
            ) from error
    return state


def _number(found: object, epoch: int) -> float:
    """What ``validate`` returned, if it is one number."""
    try:
        if isinstance(found, str):
            raise TypeError
        return float(found)
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(
            f"validate must return one number, got {type(found).__name__} in epoch {epoch}"
        ) from None


def _watched(found: object, row: dict) -> dict[str, float]:
    """What ``watch`` returned, if it is numbers with names of their own."""
    if not isinstance(found, Mapping):
        raise TypeError(
            f"watch must return numbers by name, a dict, got {type(found).__name__} "
            f"in epoch {row['epoch']}"
        )
    # As plain numbers, which a checkpoint can hold.
    found = {k: v.item() if getattr(v, "ndim", None) == 0 else v for k, v in found.items()}
    for key, value in found.items():
        if key in (*row, "validation"):
            raise ValueError(f"watch must not return {key!r}, a column that the history has")
        if not isinstance(value, numbers.Real):
            raise TypeError(f"watch must return numbers, {key!r} is {type(value).__name__}")
    return found


def _settings(model: GradientRecommender) -> dict:
    """The plain attributes of a model, which say how it was constructed."""
    plain = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in vars(model).items()
        if not name.startswith("_") and isinstance(value, (str, int, float, tuple, type(None)))
    }
    del plain["training"]  # nn.Module's mark of train() and eval()
    return {"class": type(model).__name__, **plain}


def _share(batch: Interactions) -> tuple[Interactions, float]:
    """The rows of a batch that this process works on, and their part of all.

    Weighted by it, the losses of the shares add up to that of the batch.
    """
    if not dist.is_initialized():
        return batch, 1.0
    share = batch.rows(torch.arange(dist.get_rank(), batch.num_rows, dist.get_world_size()))
    return share, share.num_rows / batch.num_rows
