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
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import torch
import torch.distributed as dist
from torch import Tensor
from torch.utils._pytree import tree_map_only
from tqdm import tqdm

from reclib.interactions import Interactions, resolve_device
from reclib.models.base import GradientRecommender, Recommender


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
        Passes over the rows; needed for gradient models, ignored by the others.
    batch_size : int or "all"
        Rows per step; "all" takes every row at once, as RProp and L-BFGS need.
    optimizer, lr, optimizer_options
        A name in ``OPTIMIZERS``, its learning rate, and its other arguments.
    milestones, gamma
        After each of these epochs the learning rate is multiplied by ``gamma``.
    validate : callable, optional
        Called with the model after every epoch; *smaller is better* (for NDCG,
        return its negative). The weights of the best epoch are kept.
    patience : int, optional
        Stop after this many rounds without a better validation value. A round is an epoch, or
        what the model calls one (``model.cycle``: four epochs of RecVAE), and none is counted
        before its objective has settled (``model.settled_after``: a warm-up, earlier stages).
    watch : callable, optional
        Called with the model after every epoch; what it returns is added to the history,
        and decides nothing.
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

    Raises
    ------
    ValueError
        If an argument is out of range, or the checkpoint is of another training.
    FloatingPointError
        If the loss stops being finite.
    """
    device = resolve_device(device)
    X = oriented(train, model).to(device)
    if not isinstance(model, GradientRecommender):
        model.fit(X).to(train.device)
        model.train_matrix = oriented(train, model)
        return History()
    if epochs < 1:
        raise ValueError(f"{type(model).__name__} needs epochs >= 1, got {epochs}")
    if optimizer not in OPTIMIZERS:
        raise ValueError(f"no optimizer {optimizer!r}; there are: {', '.join(OPTIMIZERS)}")
    if patience is not None and validate is None:
        raise ValueError("patience needs validate, which says what should improve")

    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices):  # the caller's random numbers stay as they were
        torch.manual_seed(seed)
        model.build(X)
        model.to(device)
        parts = [{"params": part, "part": name} for name, part in model.parts().items()]
        optimiser = OPTIMIZERS[optimizer](parts, lr=lr, **(optimizer_options or {}))
        if optimizer_state is not None:
            optimiser.load_state_dict(copy.deepcopy(optimizer_state))  # torch would share it
        schedule = torch.optim.lr_scheduler.MultiStepLR(optimiser, list(milestones), gamma)
        run = _Run(model, optimiser, schedule, torch.Generator().manual_seed(seed))
        # What a checkpoint must agree on; more epochs than before are allowed.
        identity = {
            "data": X.fingerprint(),
            "model": _settings(model),
            "steps": [batch_size, optimizer, lr, optimizer_options, list(milestones), gamma, seed],
        }
        if checkpoint is not None and Path(checkpoint).exists():
            run.resume(checkpoint, identity)
        bar = tqdm(total=epochs, initial=run.epoch, disable=not progress, unit="epoch")
        while run.epoch < epochs and not run.out_of_patience(patience):
            run.one_epoch(X, X.num_rows if batch_size == "all" else batch_size, validate, watch)
            if checkpoint is not None:
                run.save(checkpoint, identity)
            bar.set_postfix({k: v for k, v in run.history.rows[-1].items() if k != "epoch"})
            bar.update()
        bar.close()
        if run.best is not None:
            model.load_state_dict(run.best)
        model.eval()
        model.to(train.device)
        model.train_matrix = oriented(train, model)  # where the model is, not where it was trained
        state = optimiser.state_dict()
        run.history.optimizer_state = tree_map_only(Tensor, lambda t: t.to(train.device), state)
    return run.history


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

    @property
    def epoch(self) -> int:
        return len(self.history.rows)

    def out_of_patience(self, patience: int | None) -> bool:
        best = self.history.best_epoch
        if patience is None or best is None:
            return False
        return self.epoch - max(best, self.model.settled_after) >= patience * self.model.cycle

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
        self.model.eval()
        if watch is not None:
            row.update(watch(self.model))
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
            value = loss()
            value.backward()
            return value
        parameters = list(self.model.parameters())
        value = loss() * weight if weight else parameters[0].new_zeros(())
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

    def validate(self, validate: Callable[[Recommender], float], row: dict) -> None:
        row["validation"] = float(validate(self.model))
        if math.isnan(row["validation"]):
            raise FloatingPointError(f"validation gave NaN in epoch {row['epoch']}")
        value, best = row["validation"], self.best_value
        if value < best or (value == best and self.model.keeps_last_of_equals):
            self.best_value, self.history.best_epoch = row["validation"], row["epoch"]
            self.best = {name: t.detach().clone() for name, t in self.model.state_dict().items()}

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
        torch.save(state, part)
        os.replace(part, path)  # a run that is cut off leaves the last whole checkpoint

    def resume(self, path: str | Path, identity: dict) -> None:
        state = torch.load(path, weights_only=True, map_location="cpu")
        if state["identity"] != identity:
            raise ValueError(
                f"{path} belongs to a training with other data or settings; delete it, "
                "or choose another checkpoint"
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
