"""Truncated SVD, in the three forms that the literature calls "SVD".

All three project a row onto the leading right singular vectors ``Q`` [num_cols, k]
of a matrix without gaps: they are linear autoencoders with tied weights. They differ
in what fills the gaps. None builds the filled matrix: less what was filled in, it is
sparse again, and the Lanczos solver asks only for its products with vectors.
"""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
import scipy.sparse.linalg
import torch
from torch import Tensor

from reclib import checks
from reclib.interactions import Interactions
from reclib.models.base import Recommender, flag
from reclib.models.biases import Biases
from reclib.models.means import ItemMean


def _right_singular_vectors(operator: Any, rank: int) -> np.ndarray:
    """The leading ``rank`` right singular vectors, float64 [num_cols, rank]."""
    limit = min(operator.shape) - 1
    if not 1 <= rank <= limit:
        raise ValueError(f"rank must be between 1 and {limit} for shape {operator.shape}")
    if not operator.data.any():
        return np.zeros((operator.shape[1], rank))  # nothing to explain: the solver has no start
    # A fixed start makes the result repeatable; the sign of a vector never matters to Q Q'.
    start = np.random.default_rng(0).standard_normal(min(operator.shape))
    _, _, Qt = scipy.sparse.linalg.svds(operator, k=rank, v0=start)
    return Qt[::-1].T.copy()


class PureSVD(Recommender):
    """Missing cells are zero: ``score = x Q Q'``, Cremonesi, Koren and Turrin (2010), eq. 6.

    Meant for ranking: its scores are not ratings. With ``binary`` it reads which items were
    rated and not the stars, as the other models of events do.
    """

    linear = True

    def __init__(self, rank: int = 50, *, binary: bool = False) -> None:
        # How large it may be, the matrix says.
        self.rank = checks.whole("rank", rank, low=-math.inf)
        self.binary = flag("binary", binary)

    def fit(self, train: Interactions) -> Self:
        train = train.binary() if self.binary else train
        Q = _right_singular_vectors(train.scipy().astype(np.float64), self.rank)
        self.Q = torch.as_tensor(Q, dtype=torch.float32, device=train.device)
        return self

    def score(self, fold_in: Interactions) -> Tensor:
        fold_in = fold_in.binary() if self.binary else fold_in
        return fold_in.matmul(self.Q) @ self.Q.T


class ImputedSVD(Recommender):
    """Missing cells hold a baseline's prediction; the SVD corrects the baseline.

    Parameters
    ----------
    rank : int
    impute : "item-mean" or "biases"
        ``"item-mean"`` fills with the item's mean and then subtracts it, which is
        the baseline of Sarwar et al. (2000) and of Gao (2020);
        ``"biases"`` does the same with :class:`Biases`.
    l2 : float
        Penalty of the biases.
    """

    predicts = "ratings"
    BASELINES = ("item-mean", "biases")

    def __init__(self, rank: int = 30, impute: str = "item-mean", l2: float = 5.0) -> None:
        if impute not in self.BASELINES:
            raise ValueError(f"impute must be one of {self.BASELINES}, got {impute!r}")
        self.rank = checks.whole("rank", rank, low=-math.inf)
        biases = Biases(l2)
        self.baseline = ItemMean() if impute == "item-mean" else biases

    def fit(self, train: Interactions) -> Self:
        self.baseline.fit(train)
        residuals = self._residuals(train).scipy().astype(np.float64)
        Q = _right_singular_vectors(residuals, self.rank)
        self.Q = torch.as_tensor(Q, dtype=torch.float32, device=train.device)
        return self

    def score(self, fold_in: Interactions) -> Tensor:
        correction = self._residuals(fold_in).matmul(self.Q) @ self.Q.T
        return self.baseline.score(fold_in) + correction

    def score_at(self, fold_in: Interactions, wanted: Interactions) -> Tensor:
        correction = wanted.product_at(self._residuals(fold_in).matmul(self.Q), self.Q)
        return self.baseline.score_at(fold_in, wanted) + correction

    def _residuals(self, X: Interactions) -> Interactions:
        """Observed ratings less the baseline, which leaves exact zeros in the imputed cells."""
        return X.with_values(X.values - self.baseline.score_at(X, X))
