"""The protocols: who is tested, on what, and what the model may see first.

Every protocol gives the same thing. A model is fitted to ``train``; for each
row of ``fold_in`` it then predicts what ``held_out`` holds. Under *weak*
generalisation the rows are the training users themselves and ``fold_in`` is
``train``; under *strong* generalisation they are users that training never saw.

A :class:`Split` checks itself: nothing held out is visible in ``fold_in`` or
``train``, and no part is empty. Where a validation part is cut from the ratings of the test's own
users, the test's ranking leaves these items out: the users have seen them.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
import torch

from reclib import checks
from reclib.interactions import Interactions
from reclib.labels import Labels
from reclib.ratings import Ratings, sorted_ids, to_matrix


@dataclass(frozen=True, eq=False)
class Test:
    """What a model may see of some users (``fold_in``) and what it must predict (``held_out``).

    Both have the same rows and columns; ``users`` are the identifiers of the rows.

    A ranking never shows what is folded in. ``masked`` are further entries that it must not
    show, such as the validation items of a test: without it these compete with the held-out
    items and count as misses.
    """

    __test__ = False  # not a pytest class

    fold_in: Interactions
    held_out: Interactions
    users: np.ndarray
    masked: Interactions | None = None

    def __post_init__(self) -> None:
        if self.fold_in.shape != self.held_out.shape or len(self.users) != self.fold_in.num_rows:
            raise ValueError("fold_in, held_out and users must describe the same rows and columns")
        if not self.held_out.nnz:
            raise ValueError("nothing is held out; raise the test fraction or add ratings")
        if _meet(self.held_out.cells, self.fold_in.cells):
            raise ValueError("some held-out entries are also in fold_in: the test leaks")
        if self.masked is not None:
            if self.masked.shape != self.held_out.shape:
                raise ValueError("masked must have the rows and columns of held_out")
            if self.masked.nnz and _meet(self.held_out.cells, self.masked.cells):
                raise ValueError("some held-out entries are masked: no ranking could show them")

    @cached_property
    def seen(self) -> Interactions:
        """What a ranking must not show: ``fold_in``, and ``masked`` with it."""
        if self.masked is None:
            return self.fold_in
        parts = (self.fold_in, self.masked)
        cells = torch.cat([X.cells for X in parts]).unique().cpu().numpy()  # sorted
        rows, cols = np.divmod(cells, max(1, self.fold_in.num_cols))
        seen = Interactions.from_coo(rows, cols, shape=self.fold_in.shape)
        return seen.to(self.fold_in.device)

    def to(self, device: str | torch.device) -> Test:
        masked = None if self.masked is None else self.masked.to(device)
        return Test(self.fold_in.to(device), self.held_out.to(device), self.users, masked)


@dataclass(frozen=True, eq=False)
class Split:
    """A training matrix, a test and, if asked for, a validation test of the same kind.

    ``items`` are the identifiers of the columns; ``train_users`` of the rows of ``train``.
    """

    train: Interactions
    test: Test
    validation: Test | None
    train_users: np.ndarray
    items: np.ndarray

    def __post_init__(self) -> None:
        if not self.train.nnz:
            raise ValueError("the training part is empty; lower the test fraction")
        for name, size in (("train_users", self.train.num_rows), ("items", self.train.num_cols)):
            if len(getattr(self, name)) != size:
                raise ValueError(
                    f"{len(getattr(self, name))} {name} for {size} of the training matrix"
                )
        tests = {"test": self.test, "validation": self.validation}
        tests = {name: test for name, test in tests.items() if test is not None}
        if any(test.held_out.num_cols != self.train.num_cols for test in tests.values()):
            raise ValueError("train, validation and test must have the same columns")
        everyone = [self.train_users, *(test.users for test in tests.values())]
        known = pd.Index(pd.unique(np.concatenate(everyone)), tupleize_cols=False)
        held_out = {name: _keys(test.held_out, test.users, known) for name, test in tests.items()}
        for name, test in tests.items():
            if test.fold_in is self.train and test.users is self.train_users:
                continue  # the test has looked itself
            if np.isin(held_out[name], _keys(self.train, self.train_users, known)).any():
                raise ValueError(f"{name} ratings are also in train: the test leaks")
        if len(held_out) == 2 and np.isin(*held_out.values()).any():
            raise ValueError("validation and test share ratings")

    def fingerprint(self) -> str:
        """Twelve hexadecimal digits that identify the split: print it beside every result."""
        parts = [self.train]
        for test in (self.validation, self.test):
            parts += [] if test is None else [test.fold_in, test.held_out]
        return hashlib.sha256("".join(x.fingerprint() for x in parts).encode()).hexdigest()[:12]


def _keys(X: Interactions, users: np.ndarray, known: pd.Index) -> np.ndarray:
    """A number for each (user, column) that is stored, comparable between matrices."""
    number = known.get_indexer(pd.Index(users, tupleize_cols=False))
    return number[X.row_ids.cpu().numpy()] * X.num_cols + X.indices.cpu().numpy()


def _meet(few: torch.Tensor, many: torch.Tensor) -> bool:
    """Whether an element of ``few`` is in ``many``; torch.isin would sort both together."""
    few = few.sort().values
    nearest = torch.searchsorted(few, many).clamp_(max=len(few) - 1)
    return bool((few[nearest] == many).any())


# -- weak generalisation: the users are known, some of their ratings are not ----


def hold_out(
    ratings: Ratings, *, test: float = 0.1, validation: float = 0.0, seed: int = 0
) -> Split:
    """Hold out a random fraction of all ratings, whoever gave them.

    ``validation`` is the fraction of the *remaining* ratings that is set aside
    for tuning (Sedhain et al. 2015 use .1 and .1).
    """
    _ratings(ratings)
    checks.fraction("test", test)
    order = np.random.default_rng(checks.whole("seed", seed, low=0)).permutation(len(ratings))
    num_test = round(test * len(ratings))
    return _weak(ratings, order, num_test, validation)


def k_fold(
    ratings: Ratings, k: int = 5, *, validation: float = 0.0, seed: int = 0
) -> Iterator[Split]:
    """Cut the ratings into ``k`` parts at random; each is the test once."""
    _ratings(ratings)
    checks.whole("k", k, low=2, high=len(ratings))
    order = np.random.default_rng(checks.whole("seed", seed, low=0)).permutation(len(ratings))
    for fold in np.array_split(order, k):
        rest = order[~np.isin(order, fold)]
        yield _weak(ratings, np.concatenate([fold, rest]), len(fold), validation)


def temporal(
    ratings: Ratings, *, test: float = 0.1, validation: float = 0.0, known_only: bool = False
) -> Split:
    """Hold out the latest ratings; all that is trained on came before all that is tested.

    Ratings of equal time are ordered as in the table. With ``validation``, the
    latest of the remaining ratings are set aside. ``known_only`` leaves out of the tests
    what concerns a user or an item without training ratings (Kuchaiev and Ginsburg 2017).
    """
    checks.fraction("test", test)
    _dated(ratings)
    latest_first = ratings.table["timestamp"].to_numpy().argsort(kind="stable")[::-1]
    return _weak(ratings, latest_first, round(test * len(ratings)), validation, known_only)


def hold_out_per_user(
    ratings: Ratings,
    *,
    test: float = 0.2,
    validation: float = 0.0,
    round_up: bool = False,
    seed: int = 0,
) -> Split:
    """Hold out ``int(test * n)`` of each user's ``n`` ratings at random (Wu et al. 2016).

    With ``round_up``, ``n - int((1 - test) * n)``: what public code does that rounds the
    training part.
    """
    _ratings(ratings)
    checks.fraction("test", test)
    rng = np.random.default_rng(checks.whole("seed", seed, low=0))
    chosen = _choose_per_user(ratings.table["user"], test, rng, round_up=round_up)
    order = np.concatenate([np.flatnonzero(chosen), np.flatnonzero(~chosen)])
    if validation:  # the next ones in line, so shuffle what is left
        rest = order[chosen.sum() :]
        order[chosen.sum() :] = np.random.default_rng(seed).permutation(rest)
    return _weak(ratings, order, int(chosen.sum()), validation)


def leave_n_out(
    ratings: Ratings,
    n: int = 1,
    *,
    validation: int = 0,
    order: Literal["time", "random"] = "time",
    seed: int = 0,
) -> Split:
    """Hold out the last ``n`` ratings of each user; with ``n`` = 1 this is leave-one-out.

    The ``validation`` ratings before them are set aside for tuning. Users who would have nothing
    left to train on stay in training whole. Ratings of equal time keep the order of the table;
    with ``order="random"`` it is drawn.

    Examples
    --------
    >>> table = {"user": [1, 1, 1, 2], "item": [4, 5, 6, 4], "timestamp": [30, 10, 20, 10]}
    >>> ratings = Ratings(pd.DataFrame(table).assign(rating=1.0))
    >>> leave_n_out(ratings).test.held_out.dense()
    tensor([[1., 0., 0.],
            [0., 0., 0.]])
    """
    _ratings(ratings)
    n = checks.whole("n", n)
    validation = checks.whole("validation", validation, low=0)
    if order not in ("time", "random"):
        raise ValueError(f"order must be 'time' or 'random', got {order!r}")
    if order == "time":
        _dated(ratings)
        when = ratings.table["timestamp"]
    else:
        drawn = np.random.default_rng(checks.whole("seed", seed, low=0)).random(len(ratings))
        when = pd.Series(drawn, index=ratings.table.index)
    by_user = when.groupby(ratings.table["user"])
    # Of equal times the last in the table is the latest.
    back = by_user.transform("size") + 1 - by_user.rank(method="first")
    enough = by_user.transform("size") > n + validation
    part = np.where(enough & (back <= n + validation), "validation", "train").astype("<U10")
    part[(enough & (back <= n)).to_numpy()] = "test"
    return _by_part(ratings, part, bool(validation))


def at_date(
    ratings: Ratings, date: object, *, validation: object = None, known_only: bool = False
) -> Split:
    """Train on what came before a date and test on the rest, as a system is used.

    Parameters
    ----------
    date, validation
        Anything pandas reads as a date (UTC if it has no zone), or seconds since 1970. Ratings
        from ``validation`` on, which must be earlier, are set aside for tuning.
    known_only : bool
        Leave out of the tests what concerns a user or an item without training ratings.
    """
    _dated(ratings)
    when, cut = ratings.table["timestamp"].to_numpy(), _moment("date", date)
    part = np.where(when >= cut, "test", "train").astype("<U10")
    if validation is not None:
        first = _moment("validation", validation)
        if first >= cut:
            raise ValueError(f"validation must begin before {date}, got {validation}")
        part[(when >= first) & (when < cut)] = "validation"
    if part[0] == part[-1] and (part == part[0]).all():
        days = pd.to_datetime([when.min(), when.max()], unit="s").strftime("%Y-%m-%d")
        raise ValueError(f"{date} cuts nothing off: the ratings lie between {' and '.join(days)}")
    return _by_part(ratings, part, validation is not None, known_only)


def rolling(
    ratings: Ratings, dates: Sequence[object], *, known_only: bool = False
) -> Iterator[Split]:
    """One split for each two neighbouring dates: train before the first, test up to the second.

    The folds of a system that is trained anew every week: ``dates`` are its Mondays, such as
    ``pandas.date_range("2021-01-04", periods=5, freq="7D")``. Errors as for :func:`at_date`.
    """
    _dated(ratings)
    cuts = [_moment("dates", date) for date in dates]
    if len(cuts) < 2 or (np.diff(cuts) <= 0).any():
        raise ValueError(f"dates must be two or more, each later than the one before, got {dates}")
    when = ratings.table["timestamp"].to_numpy()
    for start, end in itertools.pairwise(cuts):
        part = np.where(when < start, "train", "later").astype("<U10")
        part[(when >= start) & (when < end)] = "test"
        yield _by_part(ratings, part, False, known_only)


def _weak(
    ratings: Ratings,
    order: np.ndarray,
    num_test: int,
    validation: float,
    known_only: bool = False,
) -> Split:
    """Split by an order of the ratings: test first, then validation, then training."""
    if validation:
        checks.fraction("validation", validation)
    num_validation = round(validation * (len(order) - num_test))
    part = np.full(len(ratings), "train", dtype="<U10")
    part[order[:num_test]] = "test"
    part[order[num_test : num_test + num_validation]] = "validation"
    return _by_part(ratings, part, bool(validation), known_only)


def _by_part(
    ratings: Ratings, part: np.ndarray, validation: bool, known_only: bool = False
) -> Split:
    """Split by the name of each rating's part; ratings of another part are left out."""
    if known_only:
        train = ratings.table[part == "train"]
        known = np.logical_and.reduce(
            [ratings.table[by].isin(train[by]) for by in ("user", "item")]
        )
        part[~known] = "unknown"
    X = {name: ratings.matrix_of(part == name) for name in ("train", "validation", "test")}
    users, set_aside = ratings.users, X["validation"] if validation else None
    return Split(
        train=X["train"],
        test=Test(X["train"], X["test"], users, masked=set_aside),
        validation=Test(X["train"], set_aside, users) if validation else None,
        train_users=users,
        items=ratings.items,
    )


def given(ratings: Ratings, *, validation: float = 0.0, seed: int = 0) -> Split:
    """The split that a data set was published with: its column ``held_out`` says what is tested.

    For tuning, ``int(validation * n)`` of each user's ``n`` training ratings are set aside at
    random. The test then still masks them: its users have seen them.
    """
    if "held_out" not in ratings.table:
        raise ValueError(f"{ratings.name} was published without a split; use another protocol")
    test = ratings.table["held_out"].to_numpy(dtype=bool)
    train, users = ratings.matrix_of(~test), ratings.users
    tested = Test(train, ratings.matrix_of(test), users)
    if not validation:
        return Split(train, tested, None, users, ratings.items)
    checks.fraction("validation", validation)
    chosen = np.zeros(len(ratings), dtype=bool)
    rng = np.random.default_rng(seed)
    chosen[~test] = _choose_per_user(ratings.table["user"][~test], validation, rng)
    rest = ratings.matrix_of(~test & ~chosen)
    validated = Test(rest, ratings.matrix_of(chosen), users)
    return Split(rest, tested, validated, users, ratings.items)


# -- strong generalisation: the users are new ------------------------------------


def held_out_users(
    ratings: Ratings,
    *,
    num_users: int,
    num_validation: int | None = None,
    test: float = 0.2,
    order: Literal["random", "time"] = "random",
    places: bool = False,
    round_up: bool = False,
    shuffle: int | None = None,
    seed: int = 98765,
) -> Split:
    """Test on users that training never saw: the protocol of Liang et al. (2018).

    ``num_users`` users are drawn for the test and as many for validation, or
    ``num_validation``, which may be 0; the others train. Columns are the items that
    training users rated. Of each held-out user with five or more of these,
    ``int(test * n)`` are held out at random and the rest folded in; a user with fewer is
    folded in whole, and has no defined metric.

    The draws follow the published recipe call by call, with NumPy's legacy
    generator, so that the seed gives the same users and items as their notebook:
    users in sorted order are permuted, the last ``num_users`` test, those before
    validate; the seed is set again before each fold-in is cut.

    With ``order="time"`` the *latest* ratings of each user are held out (Sachdeva et al. 2019),
    of the same users. All values are then places, 1 for a user's first rating; ratings of equal
    time keep the order of the table. ``places`` asks for such values with a random cut, too.
    With ``round_up``, ``n - int((1 - test) * n)`` are held out, as their program does.

    ``shuffle``, a seed, is the control of a model that reads the order: after the cut, the values
    of ``train`` and of every ``fold_in`` are permuted within each row, so that the cells and
    what is held out stay the same and nothing but the order is another.
    """
    _ratings(ratings)
    checks.fraction("test", test)
    if shuffle is not None and not (order == "time" or places):
        raise ValueError("shuffle permutes places; use order='time' or places=True")
    if order not in ("random", "time"):
        raise ValueError(f"order must be 'random' or 'time', got {order!r}")
    users, table = ratings.users, ratings.table
    scale = ratings.scale
    if order == "time" or places:
        _dated(ratings, "use order='random' and places=False")
        scale = None  # the values are places, not ratings
        places = table.groupby("user")["timestamp"].rank(method="first")
        table = table.assign(rating=places)
    num_users = checks.whole("num_users", num_users)
    num_validation = num_users if num_validation is None else num_validation
    checks.whole("num_validation", num_validation, low=0)
    if num_users + num_validation >= len(users):
        raise ValueError(
            f"num_users must be at least 1, and with num_validation below the {len(users)} users, "
            f"got {num_users} and {num_validation}"
        )
    shuffled = users[np.random.RandomState(seed).permutation(len(users))]
    cuts = [-num_users - num_validation, -num_users]
    train_users, validation_users, test_users = np.split(shuffled, cuts)
    train_part = table[table["user"].isin(train_users)]
    items = Labels(sorted_ids(train_part["item"]), "item", ratings.titles)
    known = table[table["item"].isin(items.ids)]

    def test_on(these: np.ndarray) -> Test:
        part = known[known["user"].isin(these)]
        if order == "time":
            chosen = _latest_per_user(part, test, min_ratings=5, round_up=round_up)
        else:
            rng = np.random.RandomState(seed)
            chosen = _choose_per_user(part["user"], test, rng, 5, round_up)
        rows = Labels(sorted_ids(part["user"]), "user")
        fold_in, held_out = (
            to_matrix(part[keep], rows, items, scale) for keep in (~chosen, chosen)
        )
        return Test(in_order(fold_in), held_out, rows.ids)

    def in_order(X: Interactions) -> Interactions:
        return X if shuffle is None else _permuted_values(X, shuffle)

    rows = Labels(sorted_ids(train_part["user"]), "user")
    return Split(
        train=in_order(to_matrix(train_part, rows, items, scale)),
        test=test_on(test_users),
        validation=test_on(validation_users) if num_validation else None,
        train_users=rows.ids,
        items=items.ids,
    )


def _permuted_values(X: Interactions, seed: int) -> Interactions:
    """The cells of X with the values of each row in a random order."""
    rows, rng = X.row_ids.numpy(), np.random.default_rng(seed)
    drawn = np.lexsort((rng.random(X.nnz), rows))  # row by row, and at random within each
    values = torch.empty_like(X.values)
    values[torch.from_numpy(drawn)] = X.values
    return X.with_values(values)


def _choose_per_user(
    users: pd.Series,
    fraction: float,
    rng: np.random.Generator,
    min_ratings: int = 0,
    round_up: bool = False,
) -> np.ndarray:
    """Mark ``int(fraction * n)`` random ratings of each user; bool [len(users)]."""
    chosen = np.zeros(len(users), dtype=bool)
    for places in users.groupby(users.to_numpy()).indices.values():
        if len(places) >= min_ratings:
            n = len(places)
            size = n - int((1 - fraction) * n) if round_up else int(fraction * n)
            chosen[rng.choice(places, size=size, replace=False)] = True
    return chosen


def _latest_per_user(
    part: pd.DataFrame, fraction: float, min_ratings: int, round_up: bool = False
) -> np.ndarray:
    """Mark the last ``int(fraction * n)`` places of each user; bool [len(part)]."""
    by_user = part.groupby("user")["rating"]
    n = by_user.transform("size")
    held_out = n - ((1 - fraction) * n).astype(int) if round_up else (fraction * n).astype(int)
    held_out = held_out.where(n >= min_ratings, 0)
    return (by_user.rank() > n - held_out).to_numpy()


def _ratings(ratings: object) -> None:
    if not isinstance(ratings, Ratings):
        raise TypeError(
            f"a split is made of Ratings, got {type(ratings).__name__}; "
            "Ratings.from_table makes them of any table"
        )


def _dated(ratings: Ratings, instead: str = "use another protocol") -> None:
    _ratings(ratings)
    if "timestamp" not in ratings.table:
        raise ValueError(f"{ratings.name} has no timestamps; {instead}")


def _moment(name: str, date: object) -> int:
    """Seconds since 1970 of a date, or of a number that is that already."""
    if isinstance(date, (int, np.integer)) and not isinstance(date, bool):
        return int(date)
    try:
        found = pd.Timestamp(date)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} is no date: {date!r} ({error})") from None
    if pd.isna(found):
        raise ValueError(f"{name} is no date: {date!r}")
    return int((found if found.tz is None else found.tz_convert(None)).timestamp())
