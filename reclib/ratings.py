"""The ratings table: who rated what, how highly, and when."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from reclib import checks, tables
from reclib.interactions import Interactions
from reclib.labels import Labels, objects
from reclib.naming import unknown

REQUIRED = ("user", "item", "rating")
DUPLICATES = ("refuse", "first", "last", "mean", "sum", "count")


@dataclass(frozen=True, eq=False)
class Ratings:
    """A checked table of ratings, one row each, sorted by (user, item).

    :meth:`from_table` makes one of any table: other column names, Polars, Arrow, CSV, events
    without ratings, repeated pairs.

    Parameters
    ----------
    table : DataFrame
        Columns ``user``, ``item`` (identifiers: int64, or text and other plain values as
        objects), ``rating`` (float64) and, if known, ``timestamp`` (int64, seconds since 1970;
        dates and ISO 8601 text are converted); of a data set that was published with a split,
        ``held_out`` (bool).
    name : str
        Name of the data set, kept through every filter.
    scale : (float, float)
        Lowest and highest rating that the rating form allowed.
    titles : Series or dict, optional
        Title of each item, by item identifier.

    Raises
    ------
    ValueError
        If a column is missing, the table is empty, a cell is missing or not what its column
        holds, a rating is off the scale, or a user rated the same item twice.
    TypeError
        If the table is no DataFrame, or an identifier cannot be hashed.
    """

    table: pd.DataFrame
    name: str = "ratings"
    scale: tuple[float, float] = (1.0, 5.0)
    titles: pd.Series | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        table = self.table
        if not isinstance(table, pd.DataFrame):
            raise TypeError(
                f"Ratings needs a pandas DataFrame, got {type(table).__module__}."
                f"{type(table).__name__}; "
                "Ratings.from_table reads Polars, Arrow, CSV and Parquet"
            )
        if table.columns.nlevels > 1:
            raise ValueError(f"{self.name}: columns must have plain names, not several levels")
        missing = [column for column in REQUIRED if column not in table]
        if missing:
            raise ValueError(
                f"{self.name}: column(s) {', '.join(missing)} missing; "
                f"the table has {', '.join(map(str, table.columns))}"
            )
        columns = [*REQUIRED, *(name for name in ("timestamp", "held_out") if name in table)]
        if table[columns].shape[1] != len(columns):
            raise ValueError(f"{self.name}: a column occurs twice: {', '.join(map(str, table))}")
        if table.empty:
            raise ValueError(f"{self.name}: no ratings left; the table is empty")
        object.__setattr__(self, "scale", checks.scale(f"{self.name}: scale", self.scale))
        held = {by: tables.identifiers(f"{self.name}: {by}", table[by]) for by in ("user", "item")}
        held["rating"] = tables.numbers(f"{self.name}: rating", table["rating"])
        if "timestamp" in table:
            held["timestamp"] = tables.seconds(f"{self.name}: timestamp", table["timestamp"])
        if "held_out" in table:
            held["held_out"] = table["held_out"].to_numpy(dtype=bool)
        table = pd.DataFrame(held, copy=False)
        self._check_scale(table["rating"])
        twice = table.duplicated(["user", "item"])
        if twice.any():
            user, item = table.loc[twice, ["user", "item"]].iloc[0]
            raise ValueError(
                f"{self.name}: {int(twice.sum())} ratings repeat a (user, item) pair, "
                f"the first is user {user}, item {item}; keep one of each, or let "
                "Ratings.from_table(..., duplicates=) say what becomes of them"
            )
        order = np.lexsort([pd.factorize(table[by], sort=True)[0] for by in ("item", "user")])
        # Of a table that was sorted, a mask of the source would pick other rows: see `where`.
        object.__setattr__(self, "_was_sorted", bool((np.diff(order) > 0).all()))
        object.__setattr__(self, "table", table.take(order).reset_index(drop=True))
        object.__setattr__(self, "titles", self._checked_titles())

    def _check_scale(self, rating: pd.Series) -> None:
        low, high = self.scale
        off = ~rating.between(low, high)
        if off.any():
            raise ValueError(
                f"{self.name}: {int(off.sum())} ratings lie outside the scale {low:g}..{high:g}, "
                f"the first is {rating[off].iloc[0]:g}"
            )

    def _checked_titles(self) -> pd.Series | None:
        """The titles as a Series; ValueError if they name none of the items."""
        if self.titles is None:
            return None
        titles = pd.Series(self.titles)
        if not titles.index.is_unique or not self.table["item"].isin(titles.index).any():
            raise ValueError(
                f"{self.name}: titles must be indexed by item identifier, each once, such as "
                f"{self.table['item'].iloc[:1].tolist()[0]!r}; theirs begins with "
                f"{titles.index[:3].tolist()}"
            )
        return titles

    @classmethod
    def from_table(
        cls,
        data: Any,
        *,
        user: str = "user",
        item: str = "item",
        rating: str | None = None,
        timestamp: str | None = None,
        title: str | None = None,
        duplicates: Literal["refuse", "first", "last", "mean", "sum", "count"] = "refuse",
        unit: Literal["s", "ms", "us", "ns"] | None = None,
        scale: tuple[float, float] | None = None,
        name: str | None = None,
    ) -> Ratings:
        """Make ratings of any table.

        Parameters
        ----------
        data : frame or path
            A frame of pandas, Polars, Arrow, or the path of a CSV or Parquet file.
        user, item : str
            Columns of identifiers: whole numbers up to 64 bits, text, UUIDs, any plain values.
        rating : str, optional
            Column of ratings; without it every row is an event, with the value 1.
        timestamp : str, optional
            Column of times: dates, ISO 8601 text, or numbers that count ``unit``.
        title : str, optional
            Column that holds the title of the row's item; the first of each item is kept.
        duplicates : str
            What becomes of rows with the same user and item: ``"refuse"`` them; keep the
            ``"first"`` or ``"last"`` in time (in the order of the rows, if there is none); or
            one row with their ``"mean"``, ``"sum"`` or ``"count"``, at the time of the last.
        unit : str, optional
            Of numeric timestamps: ``"s"`` (if not said), ``"ms"``, ``"us"`` or ``"ns"``.
        scale : (float, float), optional
            Lowest and highest rating that the form allows; the observed ones if not said.
        name : str, optional
            Of the data set; a file's own name if not said.

        Raises
        ------
        ValueError, TypeError
            As for :class:`Ratings`, with the column, row and value; also for an option that has
            no meaning here.

        Examples
        --------
        >>> log = pd.DataFrame({"who": ["ann", "ann", "bob"], "what": ["fig", "fig", "plum"]})
        >>> Ratings.from_table(log, user="who", item="what", duplicates="count").table
          user  item  rating
        0  ann   fig     2.0
        1  bob  plum     1.0
        """
        if duplicates not in DUPLICATES:
            raise ValueError(unknown("rule for duplicates", duplicates, DUPLICATES))
        if rating is None and duplicates in ("mean", "sum"):
            raise ValueError(f'duplicates="{duplicates}" needs a rating column; "count" does not')
        if timestamp is None and unit is not None:
            raise ValueError(f"unit={unit!r} is of timestamps, and no timestamp column is named")
        named = {"user": user, "item": item, "rating": rating, "timestamp": timestamp}
        named = {role: column for role, column in {**named, "title": title}.items() if column}
        raw = tables.read(data, list(dict.fromkeys(named.values())), ids=[user, item])
        columns = {by: tables.identifiers(named[by], raw[named[by]]) for by in ("user", "item")}
        columns["rating"] = tables.numbers(rating, raw[rating]) if rating else np.ones(len(raw))
        if timestamp:
            columns["timestamp"] = tables.seconds(timestamp, raw[timestamp], unit)
        table = pd.DataFrame(columns, copy=False)
        titles = None
        if title:
            titles = raw[title].set_axis(pd.Index(table["item"])).dropna()
            titles = titles[~titles.index.duplicated()]
        table = _united(table, duplicates)
        if scale is None and len(table):
            scale = (table["rating"].min(), table["rating"].max())
        if name is None:
            name = Path(data).name if isinstance(data, (str, Path)) else "ratings"
        return cls(table, name, scale or (1.0, 5.0), titles)

    # -- what it holds ---------------------------------------------------------

    def __len__(self) -> int:
        return len(self.table)

    @cached_property
    def users(self) -> np.ndarray:
        """Identifiers of the users who rated, sorted; row ``r`` of the matrix is ``users[r]``."""
        return sorted_ids(self.table["user"])

    @cached_property
    def items(self) -> np.ndarray:
        """Identifiers of the rated items, sorted; column ``c`` of the matrix is ``items[c]``."""
        return sorted_ids(self.table["item"])

    @cached_property
    def user_labels(self) -> Labels:
        """The same users, as names of the rows of a matrix."""
        return Labels(self.users, "user")

    @cached_property
    def item_labels(self) -> Labels:
        """The same items, with their titles, as names of the columns of a matrix."""
        return Labels(self.items, "item", self.titles)

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
            digest.update(_bytes(self.table[column].to_numpy()))
        return digest.hexdigest()[:12]

    # -- filters ---------------------------------------------------------------

    def where(self, keep: pd.Series | np.ndarray) -> Ratings:
        """Keep the rows of ``table`` where ``keep`` (bool, one per rating) is true.

        A Series must be of ``table``: the rows of the source may have had another order. (So may
        a NumPy mask of the source, which does not tell.)

        Raises
        ------
        ValueError
            If ``keep`` is no mask of the rows, or comes from another table.
        """
        mask = self._mask(keep)
        if not mask.any():
            raise ValueError(f"{self.name}: no ratings left; loosen the last filter")
        return replace(self, table=self.table[mask])

    def _mask(self, keep: pd.Series | np.ndarray) -> np.ndarray:
        """A mask of the rows of ``table`` as bool [ratings]; ValueError for anything else."""
        if isinstance(keep, pd.Series) and not self._is_row_for_row(keep.index):
            raise ValueError(
                f"{self.name}: this mask was made of another table, whose rows may have another "
                "order; make it of ratings.table"
            )
        mask = np.asarray(keep)
        if mask.dtype != bool or mask.shape != (len(self),):
            raise ValueError(
                f"{self.name}: a mask needs a bool for each of {len(self)} ratings, got "
                f"{mask.dtype} of shape {mask.shape}"
            )
        return mask

    def _is_row_for_row(self, index: pd.Index) -> bool:
        """Whether labels of rows are those of ``table``, or of a source in the same order."""
        same = self._was_sorted and index.equals(self.table.index)
        return index.is_(self.table.index) or same

    def at_least(self, rating: float) -> Ratings:
        """Keep ratings of at least ``rating``: the usual way to make feedback implicit."""
        return self.where(self.table["rating"] >= checks.number("rating", rating))

    def with_min_count(self, *, user: int = 0, item: int = 0) -> Ratings:
        """Keep items with at least ``item`` ratings, then users with at least ``user``.

        One pass, items first (the order of Liang et al. 2018). Dropping users may
        push an item below its minimum again; :meth:`k_core` repeats until none is.
        """
        kept = self
        for by, minimum in (("item", item), ("user", user)):
            minimum = checks.whole(by, minimum, low=0)
            counts = kept.table.groupby(by)[by].transform("size")
            kept = kept.where((counts >= minimum).to_numpy())
        return kept

    def k_core(self, k: int) -> Ratings:
        """Keep the largest part in which every user and every item has ``k`` ratings."""
        kept, before = self, -1
        k = checks.whole("k", k)
        while len(kept) != before:
            before = len(kept)
            kept = kept.with_min_count(user=k, item=k)
        return kept

    # -- to a matrix -----------------------------------------------------------

    def to_interactions(self) -> Interactions:
        """The users x items matrix of ratings, on the CPU."""
        return self.matrix_of(np.ones(len(self), dtype=bool))

    def matrix_of(self, keep: pd.Series | np.ndarray) -> Interactions:
        """The same matrix holding only the rows where ``keep`` is true; its shape is unchanged.

        ``keep`` and errors as for :meth:`where`.
        """
        return to_matrix(
            self.table[self._mask(keep)], self.user_labels, self.item_labels, self.scale
        )


def to_matrix(
    table: pd.DataFrame, users: Labels, items: Labels, scale: tuple[float, float] | None = None
) -> Interactions:
    """The ratings of a table as a matrix with these rows and columns, on the CPU."""
    return Interactions.from_coo(
        users.positions(table["user"]),
        items.positions(table["item"]),
        table["rating"].to_numpy(),
        shape=(len(users), len(items)),
        row_labels=users,
        col_labels=items,
        scale=scale,
    )


def sorted_ids(column: pd.Series) -> np.ndarray:
    """The different identifiers of a column in their order."""
    ids = pd.unique(column)
    return np.sort(ids) if ids.dtype != object else objects(sorted(ids))


def _united(table: pd.DataFrame, how: str) -> pd.DataFrame:
    """One row for each user and item, as ``duplicates`` of ``Ratings.from_table`` says."""
    if how == "refuse":
        return table
    by_time = table.sort_values("timestamp", kind="stable") if "timestamp" in table else table
    pair = ["user", "item"]
    if how in ("first", "last"):
        return by_time.drop_duplicates(pair, keep=how)
    kept = by_time.drop_duplicates(pair, keep="last").set_index(pair)
    # sort=False: the order is made later, and plain values of any kind can be grouped.
    return kept.assign(rating=table.groupby(pair, sort=False)["rating"].agg(how)).reset_index()


def _bytes(values: np.ndarray) -> bytes:
    """The content of a column, the same for equal columns only."""
    if values.dtype == object:
        return b"".join(f"{len(text)}:{text}".encode() for text in map(repr, values))
    if values.dtype.kind in "iu" and len(values) and np.abs(values.astype("f8")).max() >= 2.0**53:
        return b"whole" + values.astype(f"<{values.dtype.kind}8").tobytes()
    return values.astype("<f8").tobytes()
