"""Names for the rows or the columns of a matrix, so that identifiers travel with the numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd


@dataclass(frozen=True, eq=False)
class Labels:
    """Identifiers of the rows or the columns, in their order, and titles where there are any.

    Attributes
    ----------
    ids : array [n]
        int64, or object for text and other identifiers; no two are equal.
    kind : str
        What they name, for messages: ``"user"`` or ``"item"``.
    titles : Series, optional
        Title of each identifier, indexed by it; it may name others, too.
    counts : int64 array [n], optional
        How often each occurred in training, where the matrix itself is not at hand.

    Examples
    --------
    >>> items = Labels(np.array(["apple", "fig", "plum"], dtype=object), "item")
    >>> items.positions(["plum", "melon"])
    array([ 2, -1])
    """

    ids: np.ndarray
    kind: str = "item"
    titles: pd.Series | None = None
    counts: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def index(self) -> pd.Index:
        """The identifiers as pandas looks them up."""
        return pd.Index(self.ids, tupleize_cols=False)

    def positions(self, ids: Iterable) -> np.ndarray:
        """Row or column of each identifier, int64; -1 for one that is not among them."""
        ids = ids if isinstance(ids, (np.ndarray, pd.Series, pd.Index)) else as_ids(list(ids))
        try:
            return self.index.get_indexer(pd.Index(ids, tupleize_cols=False))
        except TypeError as error:
            raise TypeError(f"these are no identifiers of {self.kind}s: {error}") from error

    def take(self, index: slice | np.ndarray) -> Labels:
        """The labels of some rows or columns, by slice or positions."""
        counts = None if self.counts is None else self.counts[index]
        return Labels(self.ids[index], self.kind, self.titles, counts)

    def titles_of(self, positions: np.ndarray) -> np.ndarray | None:
        """Titles at these positions, None for one without; None if there are no titles at all."""
        if self.titles is None:
            return None
        found = self.titles.reindex(self.index[positions])
        return found.astype(object).where(found.notna(), None).to_numpy()

    def same_as(self, other: Labels) -> bool:
        """Whether both hold the same identifiers in the same order."""
        return self is other or self.ids is other.ids or self.index.equals(other.index)

    def difference(self, other: Labels) -> str:
        """How ``other`` differs, in words that name the first of each."""
        new, gone = other.index.difference(self.index), self.index.difference(other.index)
        if not len(new) and not len(gone):
            return f"the same {len(self)} {self.kind}s in another order"
        parts = [
            f"{len(ids)} {what} ({', '.join(map(repr, ids[:3].tolist()))}"
            f"{', ...' if len(ids) > 3 else ''})"
            for ids, what in ((new, "unknown"), (gone, "missing"))
            if len(ids)
        ]
        return f"other {self.kind}s: {' and '.join(parts)}"


def as_ids(values: list) -> np.ndarray:
    """A list of identifiers as an array of one dimension, int64 if all are whole numbers."""
    if values and all(isinstance(v, (int, np.integer)) and not isinstance(v, bool) for v in values):
        try:
            return np.array(values, dtype=np.int64)
        except OverflowError:
            pass
    return objects(values)


def objects(values: list) -> np.ndarray:
    """A list as an array of one dimension, whatever its elements are."""
    held = np.empty(len(values), dtype=object)
    held[:] = values
    return held
