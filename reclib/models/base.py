"""What every model has in common, so that nothing else needs to know how one works."""

from __future__ import annotations

import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Literal, Self

import numpy as np
import torch
from torch import Tensor, nn

from reclib import checks
from reclib.interactions import Interactions
from reclib.labels import Labels
from reclib.models.guards import GUARDS
from reclib.naming import unknown

ACTIVATIONS = {
    "identity": lambda x: x,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "lrelu": nn.functional.leaky_relu,
    "elu": nn.functional.elu,
    "selu": nn.functional.selu,
}


class Recommender(ABC):
    """Fitted to a matrix, it scores every column for rows of another.

    ``rows`` says what the rows are that the model reads: ``"users"``, or
    ``"items"`` for a model of the transpose. ``training.fit`` and ``evaluation``
    turn the matrix accordingly; the model itself never asks. ``predicts`` says whether
    its scores are ``"ratings"``, in the units of the matrix, or a mere ``"order"``.

    What a subclass writes as ``fit`` (``build`` of a gradient model), ``score`` and ``score_at``
    is guarded (:mod:`reclib.models.guards`): a model that was not fitted, a matrix of other
    columns and what is no matrix are refused; scoring is without dropout and gradients.
    """

    rows: Literal["users", "items"] = "users"
    predicts: Literal["ratings", "order"] = "order"
    linear: bool = False  # whether a score is the sum of what each entry of the row gives alone
    train_matrix: Interactions | None = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name, guard in GUARDS.items():
            if name in vars(cls):
                setattr(cls, name, guard(vars(cls)[name]))

    def __new__(cls, *args: Any, **options: Any) -> Self:
        self = super().__new__(cls)
        try:
            bound = inspect.signature(cls.__init__).bind_partial(self, *args, **options)
        except TypeError:
            return self  # __init__ says what is wrong
        named = dict(list(bound.arguments.items())[1:])
        for name, parameter in bound.signature.parameters.items():
            if parameter.kind is parameter.VAR_KEYWORD:
                named |= named.pop(name, {})  # what **options has caught, by its own names
        # Around nn.Module, which takes no attribute before its own __init__.
        object.__setattr__(self, "_arguments", named)
        return self

    @property
    def arguments(self) -> dict[str, Any]:
        """What it was constructed with, by name: ``type(model)(**model.arguments)`` is its like."""
        return dict(self._arguments)

    @abstractmethod
    def fit(self, train: Interactions) -> Self:
        """Learn from ``train`` and return self. Use ``training.fit``, which serves every model."""

    @abstractmethod
    def score(self, fold_in: Interactions) -> Tensor:
        """Score every column for each row of ``fold_in``; float32 [fold_in.num_rows, num_cols].

        The result is fresh memory that the caller may overwrite. A row without
        entries gets the model's score for someone unknown, never NaN.

        Raises
        ------
        NotFittedError
            Before the model was fitted.
        TypeError
            If ``fold_in`` is no :class:`~reclib.interactions.Interactions`, or what the method
            was written to return is no float tensor.
        ValueError
            If it has other columns than the matrix that the model was fitted to: more or fewer
            of them, or, where both are labelled, other identifiers. If the method was written to
            return another shape.
        """

    @property
    def device(self) -> torch.device | None:
        """Where the model is, and what it scores has to be; None if it holds nothing."""
        return next((v.device for v in self._state().values() if isinstance(v, MOVABLE)), None)

    def to(self, device: str | torch.device) -> Self:
        """Move what fitting has left in the model, in place; returns self."""
        for name, value in self._state().items():
            if isinstance(value, MOVABLE):
                setattr(self, name, value.to(device))
        return self

    @property
    def num_parameters(self) -> int:
        """How many numbers fitting has left in the model, zeros included."""
        return sum(value.numel() for value in self._state().values() if isinstance(value, Tensor))

    def _state(self) -> dict[str, Any]:
        """The attributes that are the model's own, without those that tell how it was fitted."""
        told = ("train_matrix", "history")
        return {name: value for name, value in vars(self).items() if name not in told}

    @property
    def item_labels(self) -> Labels | None:
        """Identifiers of the items that it knows; None before fitting, or if there were none."""
        X = self.train_matrix
        return None if X is None else (X.col_labels if self.rows == "users" else X.row_labels)

    @property
    def user_labels(self) -> Labels | None:
        """Identifiers of the users that it was fitted to, as for :attr:`item_labels`."""
        X = self.train_matrix
        return None if X is None else (X.row_labels if self.rows == "users" else X.col_labels)

    def score_at(self, fold_in: Interactions, wanted: Interactions) -> Tensor:
        """The same scores at the stored cells of ``wanted`` alone; float32 [wanted.nnz].

        ``wanted`` has the rows of ``fold_in``. A model overrides this where it can do
        better than to score every cell.
        """
        return self.score(fold_in).view(-1)[wanted.cells]


MOVABLE = (Tensor, Interactions, Recommender)  # what a model may hold that has a device


class GradientRecommender(Recommender, nn.Module):
    """A recommender learnt by gradient descent on a sum over rows.

    A subclass says how large it is (:meth:`build`) and what a batch costs
    (:meth:`loss`); ``training.fit`` does the rest.
    """

    def __new__(cls, *args: Any, **options: Any) -> Self:
        self = super().__new__(cls, *args, **options)
        nn.Module.__init__(self)  # so that a class which forgets to call it works all the same
        return self

    @abstractmethod
    def build(self, train: Interactions) -> None:
        """Create parameters for the shape of ``train``, drawing from torch's global generator."""

    @abstractmethod
    def loss(self, batch: Interactions) -> Tensor:
        """Mean cost per row of ``batch``, a scalar with a gradient.

        Its expectation over batches must be the objective per row, the penalty included.
        """

    history = None  # the training.History of the latest fit, also of one that was interrupted
    keeps_last_of_equals = False  # of epochs with the same validation value, else the first
    cycle = 1  # epochs that make one round of the model's own training; patience counts rounds

    @property
    def settled_after(self) -> int:
        """Epochs after which the objective changes no more: patience counts from there."""
        return 0

    def start_epoch(self, epoch: int) -> bool | None:
        """Called before each epoch, counted from 1: what a training in stages has to know.

        True begins a stage: from the best weights so far, if there was a validation, and with a
        fresh optimiser, since what the old one remembers belongs to another loss.
        """

    def parts(self) -> dict[str, list[nn.Parameter]]:
        """The parameters, in groups that may have learning rates of their own."""
        return {"all": list(self.parameters())}

    def rate(self, part: str) -> float:
        """The learning rate of a part in the present epoch, as a share of that of ``fit``."""
        return 1.0

    def updates(self, batch: Interactions) -> Iterator[Callable[[], Tensor]]:
        """The losses to descend on for one batch, an optimiser step after each; here one."""
        yield partial(self.loss, batch)

    to = nn.Module.to

    @property
    def device(self) -> torch.device | None:
        return next((parameter.device for parameter in self.parameters()), None)

    def fit(self, train: Interactions) -> Self:
        raise TypeError(
            f"{type(self).__name__} is learnt by gradient descent: "
            "use reclib.training.fit(model, train, epochs=...)"
        )

    @property
    def num_parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.parameters())


def widths(name: str, value: object) -> tuple[int, ...]:
    """Widths of layers as a tuple, if they are whole numbers above 0 and at least one."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(
            f"{name} must be a sequence of widths, got {value!r}; one layer is {name}=(50,)"
        )
    found = tuple(checks.whole(f"each width of {name}", width, low=-math.inf) for width in value)
    if not found or min(found) < 1:
        raise ValueError(f"{name} must name at least one positive width, got {value}")
    return found


def flag(name: str, value: object) -> bool:
    """``value``, if it is True or False: "no" would count as True."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def known_activation(value: object) -> str:
    """``value``, if it is a name of ``ACTIVATIONS``."""
    if not isinstance(value, str) or value not in ACTIVATIONS:
        raise ValueError(unknown("activation", value, ACTIVATIONS))
    return value


def known_seed(value: object) -> int:
    """``value``, if it is a seed that torch's generators take."""
    return checks.whole("seed", value, low=-(2**63), high=2**64 - 1)


def rating_scale(X: Interactions, scale: tuple[float, float] | None) -> Tensor:
    """Lowest and highest rating, [2]: ``scale``, or what X says was allowed, or what it holds."""
    scale = scale or X.scale
    if scale is None and not X.nnz:
        raise ValueError("a matrix without entries and scale says nothing of the scale; give scale")
    return torch.tensor(scale) if scale else torch.stack([X.values.min(), X.values.max()])


def xavier(rows: int, cols: int) -> nn.Parameter:
    """A weight matrix [rows, cols] whose start suits both its sides (Glorot and Bengio 2010)."""
    return nn.Parameter(nn.init.xavier_uniform_(torch.empty(rows, cols)))


def unit_rows(X: Interactions, dropout: float = 0.0) -> Interactions:
    """The events of each row with Euclidean length 1, as Liang et al. (2018) feed them.

    A share ``dropout`` of them is then set to zero and the rest scaled up.
    """
    length_1 = X.row_counts.clamp(min=1).rsqrt()[X.row_ids]
    return X.with_values(nn.functional.dropout(length_1, dropout))


def annealed(steps: Tensor, anneal_steps: int, cap: float) -> Tensor | float:
    """``steps / anneal_steps``, at most ``cap``; the cap at once if ``anneal_steps`` is 0."""
    return (steps / anneal_steps).clamp(max=cap) if anneal_steps else cap


def sample_normal(mu: Tensor, logvar: Tensor) -> Tensor:
    """A draw of N(mu, exp(logvar)) through which gradients pass (Kingma and Welling 2014)."""
    return mu + torch.randn_like(mu) * (0.5 * logvar).exp()
