"""From a fitted model to lists of items: for known users, for new ones, and why.

Everything goes in and comes out by identifier. A tie is settled in favour of the item with more
training interactions, so that a model which says nothing about an item, or about a user of whom
nothing is known, falls back on popularity and never on the order of the columns.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from reclib import checks
from reclib.evaluation import predict_at, top_items
from reclib.interactions import Interactions
from reclib.labels import Labels, as_ids, objects
from reclib.models.base import Recommender
from reclib.models.guards import NotFittedError, needs_matrix
from reclib.training import needs_model

BATCH = 500  # users whose scores are held at a time
Histories = Mapping[Hashable, Iterable[Hashable] | Mapping[Hashable, float]]


def recommend(
    model: Recommender,
    users: Iterable[Hashable] | Histories,
    k: int = 10,
    *,
    history: Interactions | None = None,
    exclude: Iterable[Hashable] = (),
    candidates: Iterable[Hashable] | None = None,
    unknown: Literal["refuse", "ignore"] = "refuse",
) -> pd.DataFrame:
    """The best ``k`` items for each user, without those that the user has.

    Parameters
    ----------
    users : list of identifiers, or dict
        Known users, whose interactions are in ``history``; or new ones with theirs:
        ``{"ann": ["fig", "plum"], "bob": {"fig": 4.5}}``. An empty list is a user of whom
        nothing is known.
    k : int
        Length of a list; it is shorter where fewer items are left.
    history : Interactions, optional
        What known users have, with labelled rows; the matrix that the model was fitted to if not
        said.
    exclude : identifiers
        Items that are never shown.
    candidates : identifiers, optional
        The only items that may be shown.
    unknown : str
        What happens to an identifier that the model, or the history, does not hold: ``"refuse"``
        says which; ``"ignore"`` leaves out an unknown item, and takes an unknown user for one of
        whom nothing is known.

    Returns
    -------
    DataFrame
        ``user``, ``rank`` (from 1), ``item``, ``score``, ``title`` (if there are titles), and
        ``based_on``: ``"history"``, or ``"nobody"`` where no item of the user is known and the
        list is what the model has for anybody.

    Raises
    ------
    NotFittedError
        Before the model was fitted.
    ValueError
        If an identifier is unknown, or ``k`` is below 1.
    TypeError
        If a model of items is asked for new users, whom it cannot serve.

    Examples
    --------
    >>> from reclib.models import EASE
    >>> from reclib.ratings import Ratings
    >>> log = pd.DataFrame({"user": list("aabbc"), "item": ["fig", "plum", "fig", "plum", "fig"]})
    >>> model = EASE(l2=1.0).fit(Ratings.from_table(log).to_interactions())
    >>> recommend(model, {"dan": ["plum"]}, k=1)[["user", "item", "based_on"]]
      user item based_on
    0  dan  fig  history
    """
    items = known_items(model)
    k = checks.whole("k", k)
    if history is not None:
        needs_matrix(history, "history")
    if isinstance(users, Mapping):
        X = histories(model, users, unknown)
    else:
        X = _known(model, _several(users), history, unknown)
    shown = np.ones(len(items), dtype=bool)
    if candidates is not None:
        shown[:] = False
        shown[_columns(items, candidates, unknown, "candidates")] = True
    shown[_columns(items, exclude, unknown, "exclude")] = False
    order = _by_popularity(model, items)
    parts = []
    for start in range(0, X.num_rows, BATCH):
        batch = X.rows(slice(start, start + BATCH))
        scores = _scores(model, batch, history).cpu()
        scores.view(-1)[batch.cells.cpu()] = -torch.inf
        scores[:, ~torch.from_numpy(shown)] = -torch.inf
        parts.append(_table(batch, scores, items, order, min(k, len(items))))
    return pd.concat(parts, ignore_index=True)


def similar_items(
    model: Recommender,
    items: Iterable[Hashable],
    k: int = 10,
    *,
    unknown: Literal["refuse", "ignore"] = "refuse",
) -> pd.DataFrame:
    """For each item the ``k`` that the model recommends to somebody who has nothing else.

    Returns
    -------
    DataFrame
        ``item``, ``rank``, ``similar``, ``score``, and ``title`` of the similar item.

    Raises
    ------
    NotFittedError, ValueError, TypeError
        As for :func:`recommend`.
    """
    items = _several(items)
    if unknown == "ignore":
        items = [item for item in items if known_items(model).positions([item])[0] >= 0]
    found = recommend(model, {item: [item] for item in items}, k)
    names = {"user": "item", "item": "similar"}
    return found.drop(columns="based_on").rename(columns=names)


def explain(
    model: Recommender,
    user: Hashable | Iterable[Hashable] | Mapping[Hashable, float],
    item: Hashable,
    *,
    history: Interactions | None = None,
) -> pd.DataFrame:
    """How much each item of a user moves the score of another one, exactly.

    For a model that is linear in what it reads (``model.linear``), the score is the sum of what
    the items give alone; for others there is no such sum.

    Parameters
    ----------
    user
        A known user's identifier, or the items of a new one as for :func:`recommend`.
    item
        Whose score is explained.

    Returns
    -------
    DataFrame
        ``item``, ``moves`` (its part of the score) and ``title``, the largest part first.

    Raises
    ------
    TypeError
        If the model is not linear.
    ValueError
        If an identifier is unknown.
    """
    if not model.linear:
        raise TypeError(f"{type(model).__name__} is not linear: its score is no sum over items")
    items = known_items(model)
    if isinstance(user, (Mapping, list, tuple, set)):
        X = histories(model, {"": user}, "refuse")
    else:
        X = _known(model, [user], history, "refuse")
    column = int(_columns(items, [item], "refuse", "item")[0])
    each = Interactions.from_coo(
        np.arange(X.nnz), X.indices.cpu(), X.values.cpu(), shape=(X.nnz, len(items))
    )
    moves = model.score(each.to(model.device or X.device))[:, column].cpu().numpy()
    found = pd.DataFrame({"item": items.ids[X.indices.cpu()], "moves": moves})
    if items.titles is not None:
        found["title"] = items.titles_of(X.indices.cpu().numpy())
    return found.sort_values("moves", ascending=False, kind="stable", ignore_index=True)


def _several(ids: Any) -> list:
    """A list of identifiers; one alone, such as a text, is a list of one."""
    alone = isinstance(ids, str) or not isinstance(ids, Iterable)
    return [ids] if alone else list(ids)


def known_items(model: Recommender) -> Labels:
    """The items of a fitted model; numbers from 0 if its matrix was not labelled."""
    needs_model(model)
    if model.train_matrix is None:
        raise NotFittedError(f"this {type(model).__name__} is not fitted; training.fit does that")
    size = model.train_matrix.num_cols if model.rows == "users" else model.train_matrix.num_rows
    return Labels(np.arange(size), "item") if model.item_labels is None else model.item_labels


def histories(model: Recommender, users: Histories, unknown: str = "refuse") -> Interactions:
    """The matrix of new users' items, one row each, with the columns of the model.

    ValueError for an item that the model does not know, unless ``unknown`` is ``"ignore"``.
    """
    if model.rows != "users":
        raise TypeError(f"{type(model).__name__} is a model of items and cannot serve new users")
    items, rows, cols, values = known_items(model), [], [], []
    for row, (name, has) in enumerate(users.items()):
        if isinstance(has, str) or not isinstance(has, Iterable):
            raise TypeError(f"user {name!r} has {has!r}; give a list of items, or item: rating")
        rated = has if isinstance(has, Mapping) else dict.fromkeys(has, 1.0)
        found = _columns(items, rated, unknown, f"user {name!r}", keep=True)
        given = np.array(list(rated.values()), dtype=float)[found >= 0]
        rows += [row] * len(given)
        cols += found[found >= 0].tolist()
        values += given.tolist()
    return Interactions.from_coo(
        np.array(rows, dtype=int),
        np.array(cols, dtype=int),
        np.array(values),
        shape=(len(users), len(items)),
        row_labels=Labels(as_ids(list(users)), "user"),
        col_labels=model.item_labels,
        scale=model.train_matrix.scale,
    )


def _known(
    model: Recommender, users: list, history: Interactions | None, unknown: str
) -> Interactions:
    """The rows of known users, in their order; an unknown one, if let, has no entries."""
    X = _history(model, history)
    rows = _user_labels(X).positions(users)
    if (rows < 0).any() and (unknown == "refuse" or model.rows == "items"):
        absent = [user for user, row in zip(users, rows, strict=True) if row < 0]
        raise ValueError(
            f"{len(absent)} users are not in the history, such as {absent[0]!r}; give their items "
            'as a dict, or say unknown="ignore"'
        )
    found = X.rows(torch.from_numpy(rows).clamp(min=0))
    kept = torch.from_numpy(rows >= 0).to(X.device)[found.row_ids]
    return Interactions.from_coo(
        found.row_ids[kept].cpu(),
        found.indices[kept].cpu(),
        found.values[kept].cpu(),
        shape=found.shape,
        row_labels=Labels(objects(users), "user"),
        col_labels=X.col_labels,
        scale=X.scale,
    )


def _history(model: Recommender, history: Interactions | None) -> Interactions:
    """The users x items matrix that is given, or that the model was fitted to."""
    if history is not None:
        return history
    X = model.train_matrix
    return X if model.rows == "users" else X.T


def _user_labels(X: Interactions) -> Labels:
    return Labels(np.arange(X.num_rows), "user") if X.row_labels is None else X.row_labels


def _columns(
    items: Labels, wanted: Iterable[Hashable], unknown: str, where: str, keep: bool = False
) -> np.ndarray:
    """Columns of identifiers; -1 for unknown ones if they are let and ``keep`` is true."""
    if unknown not in ("refuse", "ignore"):
        raise ValueError(f'unknown must be "refuse" or "ignore", got {unknown!r}')
    wanted = _several(wanted)
    found = items.positions(wanted)
    if (found < 0).any() and unknown == "refuse":
        absent = [item for item, column in zip(wanted, found, strict=True) if column < 0]
        raise ValueError(
            f"{where}: the model does not know {len(absent)} items, such as {absent[0]!r}; leave "
            'them out, or say unknown="ignore"'
        )
    return found if keep else found[found >= 0]


def _scores(model: Recommender, batch: Interactions, history: Interactions | None) -> Tensor:
    """Scores of every item for the users of a batch, float32 [rows, items]."""
    if model.rows == "users":
        return model.score(batch.to(model.device or batch.device))
    X = _history(model, history)  # a model of items reads all users at once
    rows, place = np.unique(_user_labels(X).positions(batch.row_labels.ids), return_inverse=True)
    cols = np.tile(np.arange(X.num_cols), len(rows))
    wanted = Interactions.from_coo(rows.repeat(X.num_cols), cols, shape=X.shape)
    return predict_at(model, X, wanted).view(len(rows), X.num_cols)[place]


def _by_popularity(model: Recommender, items: Labels) -> Tensor:
    """Columns from the most to the least frequent in training; equal ones in their order."""
    X = model.train_matrix
    counts = X.col_counts if model.rows == "users" else X.row_counts
    counts = counts.cpu() if items.counts is None else torch.as_tensor(items.counts)
    return counts.argsort(descending=True, stable=True)


def _table(X: Interactions, scores: Tensor, items: Labels, order: Tensor, k: int) -> pd.DataFrame:
    # Equal scores go to the lower column, which in this order is the more popular one.
    found = top_items(scores[:, order], k)
    cols = torch.where(found < 0, -1, order[found.clamp(min=0)])
    rows, ranks = (cols >= 0).nonzero(as_tuple=True)
    cols = cols[rows, ranks]
    based = np.where(X.row_counts.cpu() > 0, "history", "nobody")
    table = {
        "user": X.row_labels.ids[rows],
        "rank": ranks.numpy() + 1,
        "item": items.ids[cols],
        "score": scores[rows, cols].numpy(),
        "title": items.titles_of(cols.numpy()),
        "based_on": based[rows],
    }
    return pd.DataFrame({name: column for name, column in table.items() if column is not None})
