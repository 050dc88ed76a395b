"""Matrix factorisation of events: Hu, Koren and Volinsky (2008), as in Rendle et al. (2022)."""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor

from reclib.interactions import Interactions
from reclib.models.base import Recommender
from reclib.models.regression import ridge


class IALS(Recommender):
    """``score[u, i] = p_u . q_i``: 1 for events, and 0, less strictly, for all other cells.

    Minimises ``sum over events (1 - s)^2 + weight * sum over all cells s^2 + penalty``. The
    penalty of a user is ``l2 (n_u + weight num_items)^power |p_u|^2``, of an item likewise
    (Rendle, Krichene, Zhang and Koren 2022, equations 1 to 4), so that the same ``l2`` serves
    quiet and active users. The sum over all cells costs no more than a Gram matrix. A user is
    solved from what is folded in, so a new user is served like a known one.

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
    """

    def __init__(
        self,
        rank: int = 64,
        l2: float = 0.003,
        weight: float = 0.1,
        power: float = 1.0,
        iterations: int = 16,
        seed: int = 0,
    ) -> None:
        if rank < 1 or l2 <= 0 or weight <= 0:
            raise ValueError(f"rank, l2 and weight must be positive, got {rank}, {l2} and {weight}")
        self.rank, self.l2, self.weight, self.power = rank, l2, weight, power
        self.iterations, self.seed = iterations, seed

    def fit(self, train: Interactions) -> Self:
        X = train.binary()
        generator = torch.Generator().manual_seed(self.seed)
        items = torch.randn(X.num_cols, self.rank, generator=generator) * 0.1 / self.rank**0.5
        items = items.to(X.device)
        for _ in range(self.iterations):
            items = self._solve(X.T, self._solve(X, items))
        self.items = items * (X.col_counts > 0)[:, None]
        return self

    def _solve(self, X: Interactions, others: Tensor) -> Tensor:
        """The best factors of every row, given those of the columns."""
        penalty = self.l2 * (X.row_counts + self.weight * X.num_cols) ** self.power
        return ridge(X, others, penalty, common=self.weight * others.T @ others)

    def score(self, fold_in: Interactions) -> Tensor:
        return self._solve(fold_in.binary(), self.items) @ self.items.T

    def score_at(self, fold_in: Interactions, wanted: Interactions) -> Tensor:
        return wanted.product_at(self._solve(fold_in.binary(), self.items), self.items)
