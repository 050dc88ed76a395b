"""The infinitely wide autoencoder: Sachdeva, Dhaliwal, Wu and McAuley (2022)."""

from __future__ import annotations

import math
from typing import Self

import torch
from torch import Tensor

from reclib import checks
from reclib.interactions import Interactions
from reclib.models.base import Recommender


class InfiniteAE(Recommender):
    """Kernel ridge regression of users on users: ``score = K(x, X) (K(X, X) + c I)^-1 X``.

    K is the neural tangent kernel of an autoencoder with one hidden layer of ReLU units whose
    number goes to infinity: what such a network learns by gradient descent on the squared
    error. ``c = l2 tr(K) / num_users`` (section 3). Memory and time grow with the square and
    the cube of the number of *users*, as those of EASE with the number of items.

    Parameters
    ----------
    l2 : float
        The one number to tune.
    weight_std, bias_std : float
        Of the network's initial weights and offsets; the authors' values.

    Raises
    ------
    ValueError
        In ``fit``, if the kernel matrix with the penalty cannot be factorised.
    """

    def __init__(
        self, l2: float = 1.0, *, weight_std: float = math.sqrt(2), bias_std: float = 0.1
    ) -> None:
        self.l2 = checks.number("l2", l2, above=0)
        self.weight_std = checks.number("weight_std", weight_std, above=0)
        self.bias_std = checks.number("bias_std", bias_std, low=0)

    def fit(self, train: Interactions) -> Self:
        self.train = train.binary()
        K = self.kernel(self.train)
        K.diagonal().add_(self.l2 * K.diagonal().mean())
        factor, failed = torch.linalg.cholesky_ex(K)
        if failed:
            raise ValueError(f"the kernel with the penalty {self.l2:g} is singular; raise l2")
        self.weights = torch.cholesky_solve(self.train.dense(), factor)
        return self

    def kernel(self, X: Interactions) -> Tensor:
        """K between the rows of X and the training users, [rows, num_users]."""
        X = X.binary()
        common = self.train.matmul(X.dense().T.contiguous()).T
        w, b = self.weight_std**2, self.bias_std**2

        def input_kernel(inner: Tensor) -> Tensor:
            return w * inner / X.num_cols + b

        s = input_kernel(common)
        norms = [input_kernel(each.row_counts).sqrt() for each in (X, self.train)]
        size = norms[0][:, None] * norms[1]
        angle = (s / size).clamp(-1, 1).arccos()
        # Means of products of two ReLUs, and of their derivatives (Cho and Saul 2009).
        relu = size * (angle.sin() + (math.pi - angle) * angle.cos()) / (2 * math.pi)
        step = (math.pi - angle) / (2 * math.pi)
        return w * relu + b + w * step * s

    def score(self, fold_in: Interactions) -> Tensor:
        return self.kernel(fold_in) @ self.weights
