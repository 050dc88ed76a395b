"""The ratings table: who rated what, how highly, and when."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd

from reclib.interactions import Interactions

REQUIRED = ("user", "item", "rating")


@dataclass(frozen=True, eq=False)
class Ratings:
    """A checked table of ratings, one row each, sorted by (user, item).

    Parameters
    ----------
    table : DataFrame
        Columns ``user``, ``item`` (int64 identifiers as in the source),
        ``rating`` (float64) and, if known, ``timestamp`` (int64, seconds since 1970); of a data
        set that was published with a split, ``held_out`` (bool).
    name : str
        Name of the data set, kept through every filter.
    scale : (float, float)
        Lowest and highest rating that the rating form allowed.
    titles : Series, optional
        Title of each item, indexed by item identifier.

    Raises
    ------
    ValueError
        If a column is missing, the table is empty, a rating is missing or off
        the scale, or a user rated the same item twice.
    """

    table: pd.DataFrame
    name: str = "ratings"
    scale: tuple[float, float] = (1.0, 5.0)
    titles: pd.Series | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        table = self.table
        missing = [column for column in REQUIRED if column not in table]
        if missing:
            raise ValueError(
                f"{self.name}: column(s) {', '.join(missing)} missing; "
                f"the table has {', '.join(map(str, table.columns))}"
            )
        if table.empty:
            raise ValueError(f"{self.name}: no ratings left; loosen the last filter")
        if table[list(REQUIRED)].isna().any().any():
            raise ValueError(f"{self.name}: a user, item or rating is missing in some rows")
        low, high = self.scale
        off = ~table["rating"].between(low, high)
        if off.any():
            raise ValueError(
                f"{self.name}: {int(off.sum())} ratings lie outside the scale {low:g}..{high:g}, "
                f"the first is {table['rating'][off].iloc[0]:g}"
            )
        columns = [*REQUIRED, *(name for name in ("timestamp", "held_out") if name in table)]
        types = {"user": "int64", "item": "int64", "rating": "float64"}
        for by in ("user", "item"):
            if (table[by].astype("int64") != table[by]).any():
                raise ValueError(f"{self.name}: {by} identifiers must be whole numbers")
        table = table[columns].astype(types)
        twice = table.duplicated(["user", "item"])
        if twice.any():
            user, item = table.loc[twice, ["user", "item"]].iloc[0]
            raise ValueError(
                f"{self.name}: {int(twice.sum())} ratings repeat a (user, item) pair, "
                f"the first is user {user}, item {item}; keep one of each"
            )
        table = table.sort_values(["user", "item"], ignore_index=True)
        object.__setattr__(self, "table", table)

    # -- what it holds ---------------------------------------------------------

    def __len__(self) -> int:
        return len(self.table)

    @cached_property
    def users(self) -> np.ndarray:
        """Identifiers of the users who rated, sorted: row ``r`` of the matrix is ``users[r]``."""
        return np.unique(self.table["user"])

    @cached_property
    def items(self) -> np.ndarray:
        """Identifiers of the rated items, sorted: column ``c`` of the matrix is ``items[c]``."""
        return np.unique(self.table["item"])

    def statistics(self) -> pd.Series:
        """Size, density and spread of the table, by name."""
        counts = {by: self.table.groupby(by).size() for by in ("user", "item")}
        num_users, num_items = len(counts["user"]), len(counts["item"])
        density = len(self) / (num_users * num_items)
        return pd.Series(
            {
                "ratings": len(self),
                "users": num_users,
                "items": num_items,
                "density": density,
                "sparsity": 1 - density,
                "mean rating": self.table["rating"].mean(),
                "standard deviation": self.table["rating"].std(ddof=0),
                "median ratings per user": counts["user"].median(),
                "median ratings per item": counts["item"].median(),
            },
            name=self.name,
        )

    def fingerprint(self) -> str:
        """Twelve hexadecimal digits of the content, whatever the order of the rows was."""
        digest = hashlib.sha256()
        for column in self.table:
            digest.update(self.table[column].to_numpy().astype("<f8").tobytes())
        return digest.hexdigest()[:12]

    # -- filters ---------------------------------------------------------------

    def where(self, keep: pd.Series | np.ndarray) -> Ratings:
        """Keep the rows where ``keep`` (bool, one per rating) is true."""
        return replace(self, table=self.table[np.asarray(keep)])

    def at_least(self, rating: float) -> Ratings:
        """Keep ratings of at least ``rating``: the usual way to make feedback implicit."""
        return self.where(self.table["rating"] >= rating)

    def with_min_count(self, *, user: int = 0, item: int = 0) -> Ratings:
        """Keep items with at least ``item`` ratings, then users with at least ``user``.

        One pass, items first (the order of Liang et al. 2018). Dropping users may
        push an item below its minimum again; :meth:`k_core` repeats until none is.
        """
        kept = self
        for by, minimum in (("item", item), ("user", user)):
            counts = kept.table.groupby(by)[by].transform("size")
            kept = kept.where(counts >= minimum)
        return kept

    def k_core(self, k: int) -> Ratings:
        """Keep the largest part in which every user and every item has ``k`` ratings."""
        kept, before = self, -1
        while len(kept) != before:
            before = len(kept)
            kept = kept.with_min_count(user=k, item=k)
        return kept

    # -- to a matrix -----------------------------------------------------------

    def to_interactions(self) -> Interactions:
        """The users x items matrix of ratings, on the CPU."""
        return self.matrix_of(np.ones(len(self), dtype=bool))

    def matrix_of(self, keep: np.ndarray) -> Interactions:
        """The same matrix holding only the rows where ``keep`` is true; its shape is unchanged."""
        rows = np.searchsorted(self.users, self.table["user"].to_numpy()[keep])
        cols = np.searchsorted(self.items, self.table["item"].to_numpy()[keep])
        values = self.table["rating"].to_numpy()[keep]
        shape = (len(self.users), len(self.items))
        return Interactions.from_coo(rows, cols, values, shape=shape)
