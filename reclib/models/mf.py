"""Biased matrix factorisation: Koren, Bell and Volinsky (2009), equation 5, by least squares."""

from __future__ import annotations

import math
from typing import Self

import torch
from torch import Tensor

from reclib import checks
from reclib.interactions import Interactions
from reclib.models.base import Recommender, known_seed
from reclib.models.regression import ridge


class BiasedMF(Recommender):
    """``r_hat[u, i] = mu + b[u] + b[i] + p[u] . q[i]``, equation 4.

    Minimises ``sum over observed (r - r_hat)^2 + l2 (|p_u|^2 + |q_i|^2 + b_u^2 + b_i^2)``.
    The penalty stands inside the sum, so that a user with twice the ratings carries twice
    the penalty (Zhou et al. 2008 call this weighted-lambda regularisation); it is what
    stochastic gradient descent minimises when every rating shrinks what it touches.

    With the items held fixed each user is a ridge regression, and the reverse: alternating
    exact solutions, vectorised over all rows. A user is solved from what is folded in, so a
    new user is served like a known one.

    Parameters
    ----------
    rank : int
        Factors of each user and item.
    l2 : float
        Penalty of every rating.
    iterations : int
        Alternations; each costs ``nnz * rank^2``.
    seed : int
        Of the items' initial factors.
    """

    predicts = "ratings"

    def __init__(
        self, rank: int = 40, l2: float = 0.06, iterations: int = 20, seed: int = 0
    ) -> None:
        self.rank = checks.whole("rank", rank, low=-math.inf)
        self.l2 = checks.number("l2", l2)
        if rank < 1 or l2 <= 0:
            raise ValueError(f"rank and l2 must be positive, got {rank} and {l2}")
        self.iterations = checks.whole("iterations", iterations)
        self.seed = known_seed(seed)

    def fit(self, train: Interactions) -> Self:
        self.mean = train.values.mean()
        generator = torch.Generator().manual_seed(self.seed)
        factors = 0.1 * torch.randn(train.num_cols, self.rank, generator=generator)
        bias = torch.zeros(train.num_cols, 1)
        items = torch.cat([factors, bias], 1).to(train.device)
        for _ in range(self.iterations):
            items = self._solve(train.T, self._solve(train, items))
        # A column that nobody rated has no data but its start: it is left at zero.
        self.items = items * (train.col_counts > 0)[:, None]
        return self

    def _solve(self, X: Interactions, others: Tensor) -> Tensor:
        """The best factors and bias (last) of every row, given those of the columns."""
        # The bias of a row is a factor whose counterpart in every column is 1.
        F = torch.cat([others[:, :-1], torch.ones_like(others[:, :1])], 1)
        rest = X.values - self.mean - others[X.indices, -1]
        return ridge(X.with_values(rest), F, self.l2 * X.row_counts.clamp(min=1))

    def score(self, fold_in: Interactions) -> Tensor:
        users = self._solve(fold_in, self.items)
        ones = torch.ones_like(users[:, :1])
        return self.mean + torch.cat([users, ones], 1) @ self._columns().T

    def score_at(self, fold_in: Interactions, wanted: Interactions) -> Tensor:
        users = self._solve(fold_in, self.items)
        ones = torch.ones_like(users[:, :1])
        return self.mean + wanted.product_at(torch.cat([users, ones], 1), self._columns())

    def _columns(self) -> Tensor:
        """Each item as what meets ``(p_u, b_u, 1)``: its factors, 1, and its bias."""
        factors, bias = self.items[:, :-1], self.items[:, -1:]
        return torch.cat([factors, torch.ones_like(bias), bias], 1)
