"""What every model is spared: it is asked only what it can answer, and learns only from a matrix.

:class:`~reclib.models.base.Recommender` puts these around the methods of its subclasses, so that
no model file repeats a check, and a model of one's own has them all.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from torch import Tensor

from reclib.interactions import Interactions


class NotFittedError(ValueError, AttributeError):
    """A model is asked for scores before it was fitted."""


def needs_matrix(X: object, what: str) -> None:
    """TypeError that says what to do, unless X is a matrix of interactions."""
    if isinstance(X, Interactions):
        return
    remedy = {
        "Ratings": "its to_interactions() is one",
        "Split": "its .train is one",
        "Test": "its .fold_in is one",
        "DataFrame": "Ratings.from_table(frame, ...).to_interactions() is one",
    }.get(type(X).__name__, "Interactions.from_coo and Interactions.from_scipy make one")
    raise TypeError(f"{what} must be an Interactions, got {type(X).__name__}; {remedy}")


def _remembers(learn: Callable) -> Callable:
    """Of ``fit`` and ``build``: what is learnt from is a matrix, and is kept.

    An empty one has a shape to build for, but nothing to solve.
    """

    @wraps(learn)
    def guarded(self: Any, train: Interactions, *args: Any, **options: Any) -> Any:
        needs_matrix(train, "train")
        solved = learn.__name__ == "fit"
        if solved and not train.nnz:
            raise ValueError(f"{type(self).__name__} cannot learn from a matrix without entries")
        learnt = learn(self, train, *args, **options)
        for name, value in vars(self).items() if solved else ():
            if isinstance(value, Tensor) and not value.isfinite().all():
                raise FloatingPointError(
                    f"{type(self).__name__} has learnt {name} with values that are not finite; are "
                    "some of the matrix extreme?"
                )
        self.train_matrix = train
        return learnt

    return guarded


def _scores(score: Callable) -> Callable:
    """Of ``score`` and ``score_at``: the model is fitted and at rest, the columns are its own, and
    what it gives are numbers for the cells asked for, in memory that nobody else reads.
    """

    @wraps(score)
    def guarded(self: Any, fold_in: Interactions, *args: Any, **options: Any) -> Tensor:
        needs_matrix(fold_in, "fold_in")
        _same_columns(self, fold_in)
        training = getattr(self, "training", False)
        if training:
            self.eval()
        try:
            with torch.no_grad():
                found = score(self, fold_in, *args, **options)
        except AttributeError as error:
            if self.train_matrix is not None:
                raise
            raise NotFittedError(  # it lacks what fitting would have left in it
                f"this {type(self).__name__} is not fitted ({error}); "
                "training.fit(model, train) does that"
            ) from error
        finally:
            if training:
                self.train()
        wanted = args[0] if args else options.get("wanted")
        shape = fold_in.shape if wanted is None else wanted.indices.shape
        _are_scores(f"{type(self).__name__}.{score.__name__}", found, shape)
        return found.clone() if _is_part_of(self, found) else found

    return guarded


def _are_scores(what: str, found: object, shape: tuple[int, ...]) -> None:
    """TypeError or ValueError unless ``found`` is a float tensor of this shape."""
    if not isinstance(found, Tensor):
        raise TypeError(f"{what} must return a torch tensor, got {type(found).__name__}")
    if not found.is_floating_point():
        raise TypeError(f"{what} must return float32 numbers, got {found.dtype}; add .float()")
    if found.shape != shape:
        raise ValueError(f"{what} must return the shape {tuple(shape)}, got {tuple(found.shape)}")


def _is_part_of(model: Any, scores: Tensor) -> bool:
    """Whether a tensor of the model would change if the caller overwrote its scores."""
    held = (value for value in vars(model).values() if isinstance(value, Tensor))
    return any(value.untyped_storage() is scores.untyped_storage() for value in held)


def _same_columns(model: Any, X: Interactions) -> None:
    """ValueError unless X has the columns that the model was fitted to, if it was."""
    ours, theirs = model.train_matrix, X
    if ours is None:
        return
    name = type(model).__name__
    if ours.col_labels is not None and theirs.col_labels is not None:
        if not ours.col_labels.same_as(theirs.col_labels):
            raise ValueError(
                f"{name} was fitted to {ours.num_cols} {ours.col_labels.kind}s; this matrix has "
                f"{theirs.num_cols} columns, {ours.col_labels.difference(theirs.col_labels)}"
            )
    elif ours.num_cols != theirs.num_cols:
        more = "; a model of items cannot serve new users" if model.rows == "items" else ""
        raise ValueError(
            f"{name} was fitted to {ours.num_cols} columns, this matrix has {X.num_cols}{more}"
        )


GUARDS = {"fit": _remembers, "build": _remembers, "score": _scores, "score_at": _scores}
