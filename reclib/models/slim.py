"""SLIM: sparse linear methods, Ning and Karypis (2011)."""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor

from reclib import checks
from reclib.interactions import Interactions
from reclib.models.base import Recommender


class SLIM(Recommender):
    """``score = x B`` with B non-negative, sparse, and 0 on its diagonal.

    B minimises ``1/2 |X - X B|_F^2 + l2/2 |B|_F^2 + l1 |B|_1`` (equation 3), here for all
    columns at once by the alternating direction method of multipliers of Steck, Dimakopoulou,
    Riabov and Jebara (2020): a ridge regression with a zero diagonal, then a shift towards zero
    and a cut at it, and the sum of their differences carried along.

    Parameters
    ----------
    l1, l2 : float
        Penalties; the larger l1, the fewer weights are left.
    iterations : int
        Each costs a product of num_cols x num_cols matrices.

    Raises
    ------
    ValueError
        In ``fit``, if ``l1`` leaves no weight: all scores would be equal.
    """

    linear = True

    def __init__(self, l1: float = 1.0, l2: float = 100.0, iterations: int = 50) -> None:
        self.l1 = checks.number("l1", l1, low=0)
        self.l2 = checks.number("l2", l2, above=0)
        self.iterations = checks.whole("iterations", iterations)

    def fit(self, train: Interactions) -> Self:
        G = train.binary().gram()
        # Any positive number ends at the same B, but a small one gets there slowly.
        rho = self.l2 + G.diagonal().mean().item()
        P = G.clone()
        P.diagonal().add_(self.l2 + rho)
        P = torch.cholesky_inverse(torch.linalg.cholesky(P))
        ridge = P @ G
        sparse, drift = torch.zeros_like(G), torch.zeros_like(G)
        for _ in range(self.iterations):
            B = ridge + P @ (rho * (sparse - drift))
            B -= P * (B.diagonal() / P.diagonal())  # diagonal 0, at the least cost
            sparse = (B + drift - self.l1 / rho).clamp_(min=0)
            drift += B - sparse
        if not sparse.fill_diagonal_(0).any():
            raise ValueError(f"no weight is left with l1={self.l1:g}; lower l1")
        self.B = sparse
        return self

    def score(self, fold_in: Interactions) -> Tensor:
        return fold_in.binary().matmul(self.B)
