"""Matrix factorisation of events: Hu, Koren and Volinsky (2008), as in Rendle et al. (2022)."""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor

from reclib import checks
from reclib.interactions import Interactions
from reclib.models.base import Recommender, flag, known_seed
from reclib.models.regression import ridge, row_sums


class IALS(Recommender):
    """``score[u, i] = p_u . q_i``: 1 for events, and 0, less strictly, for all other cells.

    Minimises ``sum over events (1 - s)^2 + weight * sum over all cells s^2 + penalty``. The
    penalty of a user is ``l2 (n_u + weight num_items)^power |p_u|^2``, of an item likewise
    (Rendle, Krichene, Zhang and Koren 2022, equations 1 to 4), so that the same ``l2`` serves
    quiet and active users. The sum over all cells costs no more than a Gram matrix. A user is
    solved from what is folded in, so a new user is served like a known one.

    With ``counts`` a value r of the matrix, a play count say, is the weight of its event: the
    first sum is ``sum over events r (1 - s)^2``, and n_u the sum of a user's values, as if the
    event stood there r times. Divided by ``weight``, the cost of such a cell is
    ``(r / weight) (1 - s)^2 + s^2``, which bends as ``(1 + alpha r) (1 - s)^2`` of Hu, Koren and
    Volinsky does with ``alpha = 1 / weight``; but its minimum lies at
    ``alpha r / (1 + alpha r)``, where theirs is at 1.

    Parameters
    ----------
    rank : int
    l2 : float
    weight : float
        Of a cell without event, against 1 for an event; WMF writes its inverse.
    power : float
        1 for a penalty in proportion to the data of a row, 0 for the same for all.
    iterations : int
    seed : int
        Of the initial item factors.
    counts : bool
        Take the values of the matrix as weights; without it every entry weighs 1. ValueError in
        ``fit`` and ``score`` if one is negative.
    """

    def __init__(
        self,
        rank: int = 64,
        l2: float = 0.003,
        weight: float = 0.1,
        power: float = 1.0,
        iterations: int = 16,
        seed: int = 0,
        *,
        counts: bool = False,
    ) -> None:
        self.rank = checks.whole("rank", rank)
        self.l2 = checks.number("l2", l2, above=0)
        self.weight = checks.number("weight", weight, above=0)
        self.power = checks.number("power", power)
        self.iterations = checks.whole("iterations", iterations)
        self.seed, self.counts = known_seed(seed), flag("counts", counts)

    def fit(self, train: Interactions) -> Self:
        X = self._events(train)
        generator = torch.Generator().manual_seed(self.seed)
        items = torch.randn(X.num_cols, self.rank, generator=generator) * 0.1 / self.rank**0.5
        items = items.to(X.device)
        for _ in range(self.iterations):
            items = self._solve(X.T, self._solve(X, items))
        self.items = items * (X.col_counts > 0)[:, None]
        return self

    def _events(self, X: Interactions) -> Interactions:
        """X with the weight of each event as its value."""
        if not self.counts:
            return X.binary()
        if (X.values < 0).any():
            raise ValueError(f"counts must not be negative, the matrix has {X.values.min():g}")
        return X

    def _solve(self, X: Interactions, others: Tensor) -> Tensor:
        """The best factors of every row, given those of the columns."""
        data = row_sums(X, X.values) if self.counts else X.row_counts
        penalty = self.l2 * (data + self.weight * X.num_cols) ** self.power
        common = self.weight * others.T @ others
        return ridge(X, others, penalty, common, weighted=self.counts)

    def score(self, fold_in: Interactions) -> Tensor:
        return self._solve(self._events(fold_in), self.items) @ self.items.T

    def score_at(self, fold_in: Interactions, wanted: Interactions) -> Tensor:
        return wanted.product_at(self._solve(self._events(fold_in), self.items), self.items)
