"""The protocols: who is tested, on what, and what the model may see first.

Every protocol gives the same thing. A model is fitted to ``train``; for each
row of ``fold_in`` it then predicts what ``held_out`` holds. Under *weak*
generalisation the rows are the training users themselves and ``fold_in`` is
``train``; under *strong* generalisation they are users that training never saw.

A :class:`Split` checks itself: nothing held out is visible in ``fold_in`` or
``train``, and no part is empty.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import torch

from reclib.interactions import Interactions
from reclib.ratings import Ratings


@dataclass(frozen=True, eq=False)
class Test:
    """What a model may see of some users (``fold_in``) and what it must predict (``held_out``).

    Both have the same rows and columns; ``users`` are the identifiers of the rows.
    """

    __test__ = False  # not a pytest class

    fold_in: Interactions
    held_out: Interactions
    users: np.ndarray

    def __post_init__(self) -> None:
        if self.fold_in.shape != self.held_out.shape or len(self.users) != self.fold_in.num_rows:
            raise ValueError("fold_in, held_out and users must describe the same rows and columns")
        if not self.held_out.nnz:
            raise ValueError("nothing is held out; raise the test fraction or add ratings")
        if _meet(self.held_out.cells, self.fold_in.cells):
            raise ValueError("some held-out entries are also in fold_in: the test leaks")

    def to(self, device: str | torch.device) -> Test:
        return Test(self.fold_in.to(device), self.held_out.to(device), self.users)


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
        tests = {"test": self.test, "validation": self.validation}
        tests = {name: test for name, test in tests.items() if test is not None}
        if any(test.held_out.num_cols != self.train.num_cols for test in tests.values()):
            raise ValueError("train, validation and test must have the same columns")
        held_out = {name: self._keys(test) for name, test in tests.items()}
        for name, test in tests.items():
            if test.fold_in is self.train and test.users is self.train_users:
                continue  # the test has looked itself
            if np.isin(held_out[name], self._cell_keys(self.train, self.train_users)).any():
                raise ValueError(f"{name} ratings are also in train: the test leaks")
        if len(held_out) == 2 and np.isin(*held_out.values()).any():
            raise ValueError("validation and test share ratings")

    def _keys(self, test: Test) -> np.ndarray:
        return self._cell_keys(test.held_out, test.users)

    @staticmethod
    def _cell_keys(X: Interactions, users: np.ndarray) -> np.ndarray:
        """A number for each (user identifier, column), comparable between matrices."""
        return users[X.row_ids.cpu().numpy()] * X.num_cols + X.indices.cpu().numpy()

    def fingerprint(self) -> str:
        """Twelve hexadecimal digits that identify the split: print it beside every result."""
        parts = [self.train]
        for test in (self.validation, self.test):
            parts += [] if test is None else [test.fold_in, test.held_out]
        return hashlib.sha256("".join(x.fingerprint() for x in parts).encode()).hexdigest()[:12]


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
    _fraction("test", test)
    order = np.random.default_rng(seed).permutation(len(ratings))
    num_test = round(test * len(ratings))
    return _weak(ratings, order, num_test, validation)


def k_fold(
    ratings: Ratings, k: int = 5, *, validation: float = 0.0, seed: int = 0
) -> Iterator[Split]:
    """Cut the ratings into ``k`` parts at random; each is the test once."""
    if not 2 <= k <= len(ratings):
        raise ValueError(f"k must be between 2 and the number of ratings, got {k}")
    order = np.random.default_rng(seed).permutation(len(ratings))
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
    _fraction("test", test)
    if "timestamp" not in ratings.table:
        raise ValueError(f"{ratings.name} has no timestamps; use another protocol")
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
    _fraction("test", test)
    rng = np.random.default_rng(seed)
    chosen = _choose_per_user(ratings.table["user"], test, rng, round_up=round_up)
    order = np.concatenate([np.flatnonzero(chosen), np.flatnonzero(~chosen)])
    if validation:  # the next ones in line, so shuffle what is left
        rest = order[chosen.sum() :]
        order[chosen.sum() :] = np.random.default_rng(seed).permutation(rest)
    return _weak(ratings, order, int(chosen.sum()), validation)


def _weak(
    ratings: Ratings,
    order: np.ndarray,
    num_test: int,
    validation: float,
    known_only: bool = False,
) -> Split:
    """Split by an order of the ratings: test first, then validation, then training."""
    if validation:
        _fraction("validation", validation)
    num_validation = round(validation * (len(order) - num_test))
    part = np.full(len(ratings), "train", dtype="<U10")
    part[order[:num_test]] = "test"
    part[order[num_test : num_test + num_validation]] = "validation"
    if known_only:
        train = ratings.table[part == "train"]
        known = np.logical_and.reduce(
            [ratings.table[by].isin(train[by]) for by in ("user", "item")]
        )
        part[~known] = "unknown"
    X = {name: ratings.matrix_of(part == name) for name in ("train", "validation", "test")}
    users = ratings.users
    return Split(
        train=X["train"],
        test=Test(X["train"], X["test"], users),
        validation=Test(X["train"], X["validation"], users) if validation else None,
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
    _fraction("validation", validation)
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
    _fraction("test", test)
    if shuffle is not None and not (order == "time" or places):
        raise ValueError("shuffle permutes places; use order='time' or places=True")
    if order not in ("random", "time"):
        raise ValueError(f"order must be 'random' or 'time', got {order!r}")
    users, table = ratings.users, ratings.table
    if order == "time" or places:
        if "timestamp" not in table:
            raise ValueError(
                f"{ratings.name} has no timestamps; use order='random' and places=False"
            )
        places = table.groupby("user")["timestamp"].rank(method="first")
        table = table.assign(rating=places)
    num_validation = num_users if num_validation is None else num_validation
    if num_users < 1 or num_validation < 0 or num_users + num_validation >= len(users):
        raise ValueError(
            f"num_users must be at least 1, and with num_validation below the {len(users)} users, "
            f"got {num_users} and {num_validation}"
        )
    shuffled = users[np.random.RandomState(seed).permutation(len(users))]
    cuts = [-num_users - num_validation, -num_users]
    train_users, validation_users, test_users = np.split(shuffled, cuts)
    train_part = table[table["user"].isin(train_users)]
    items = np.unique(train_part["item"])
    known = table[table["item"].isin(items)]

    def test_on(these: np.ndarray) -> Test:
        part = known[known["user"].isin(these)]
        if order == "time":
            chosen = _latest_per_user(part, test, min_ratings=5, round_up=round_up)
        else:
            rng = np.random.RandomState(seed)
            chosen = _choose_per_user(part["user"], test, rng, 5, round_up)
        ids = np.unique(part["user"])
        fold_in, held_out = (_matrix(part[keep], ids, items) for keep in (~chosen, chosen))
        return Test(in_order(fold_in), held_out, ids)

    def in_order(X: Interactions) -> Interactions:
        return X if shuffle is None else _permuted_values(X, shuffle)

    ids = np.unique(train_part["user"])
    return Split(
        train=in_order(_matrix(train_part, ids, items)),
        test=test_on(test_users),
        validation=test_on(validation_users) if num_validation else None,
        train_users=ids,
        items=items,
    )


def _matrix(table: pd.DataFrame, users: np.ndarray, items: np.ndarray) -> Interactions:
    rows = np.searchsorted(users, table["user"])
    cols = np.searchsorted(items, table["item"])
    return Interactions.from_coo(rows, cols, table["rating"], shape=(len(users), len(items)))


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


def _fraction(name: str, value: float) -> None:
    if not 0 < value < 1:
        raise ValueError(f"{name} must be a fraction between 0 and 1, got {value}")
