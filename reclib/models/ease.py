"""Linear autoencoders in closed form: EASE (Steck 2019) and EDLAE (Steck 2020)."""

from __future__ import annotations

from typing import Self

import torch
from scipy.linalg import lapack
from torch import Tensor

from reclib import checks
from reclib.interactions import Interactions
from reclib.models.base import Recommender


class EASE(Recommender):
    """``score = x B``, where B minimises ``|X - X B|_F^2 + l2 |B|_F^2`` and has diagonal 0.

    With ``P = (X'X + l2 I)^-1`` the solution is ``B = I - P diag(1 / diag P)`` (Steck 2019,
    equation 8). Without the condition on the diagonal B = I would be perfect, and useless. An
    entry of the matrix is an event, whatever its value. Memory is a matrix of num_cols^2
    numbers (on a GPU two), time grows with num_cols^3.

    Parameters
    ----------
    l2 : float
        The penalty; 500 for ML-20M, 1000 for the Netflix Prize in the paper.

    Raises
    ------
    ValueError
        In ``fit``, if ``X'X`` with the penalty cannot be factorised in float32.
    """

    linear = True

    def __init__(self, l2: float = 500.0) -> None:
        self.l2 = checks.number("l2", l2, above=0)

    def fit(self, train: Interactions) -> Self:
        gram = train.binary().gram()
        gram.diagonal().add_(self._penalty(gram.diagonal()))
        if not _invert(gram):
            raise ValueError(
                f"X'X with the penalty {self.l2:g} is not positive definite in float32; raise l2"
            )
        self.B = gram.div_(-gram.diagonal().clone())
        self.B.fill_diagonal_(0)
        return self

    def _penalty(self, diagonal: Tensor) -> Tensor | float:
        return self.l2

    def score(self, fold_in: Interactions) -> Tensor:
        return fold_in.binary().matmul(self.B)


def _invert(A: Tensor) -> bool:
    """Put the inverse of a symmetric matrix in its place; False if it is not positive definite.

    LAPACK counts along columns, so it is given the transpose, which is the same matrix.
    """
    if A.device.type != "cpu":
        factor, failed = torch.linalg.cholesky_ex(A.mT)
        if not failed:
            A.copy_(torch.cholesky_inverse(factor, out=factor))
        return not failed
    # SciPy's LAPACK needs no second matrix, and two thirds of the time of torch's.
    factor, failed = lapack.spotrf(A.numpy().T, lower=1, clean=0, overwrite_a=1)
    if not failed:
        lapack.spotri(factor, lower=1, overwrite_c=1)
        # It has written one half, in A's order the upper one; block by block to the lower.
        for start in range(0, len(A), 1000):
            rows, rest = slice(start, start + 1000), slice(start + 1000, None)
            A[rows, rows] = A[rows, rows].triu() + A[rows, rows].triu(1).mT
            A[rest, rows] = A[rows, rest].mT
    return not failed


class EDLAE(EASE):
    """EASE whose training sees a share of the input dropped, averaged over all ways to drop.

    Steck (2020): the expectation over dropout is a penalty on each item in proportion to how
    often it occurs, ``p / (1 - p) diag(X'X)``. The *emphasised* loss asks only for what was
    dropped, which forbids the diagonal; so the solution has the form of EASE with this
    penalty in addition to ``l2`` (section 4).

    Parameters
    ----------
    dropout : float
        p; .33 for ML-20M in the paper.
    l2 : float
        300 there.
    """

    def __init__(self, dropout: float = 0.33, l2: float = 300.0) -> None:
        super().__init__(l2)
        self.dropout = checks.number("dropout", dropout, low=0, below=1)

    def _penalty(self, diagonal: Tensor) -> Tensor | float:
        return self.dropout / (1 - self.dropout) * diagonal + self.l2
