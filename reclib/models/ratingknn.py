"""Nearest neighbours among items, for ratings: Sarwar et al. (2001), on Koren's (2008) baseline."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from reclib import checks
from reclib.interactions import Interactions
from reclib.models.base import Recommender
from reclib.models.biases import Biases

BLOCK = 10_000_000  # so many numbers are dense at a time


class RatingKNN(Recommender):
    """``r_hat[u, i] = b[u, i] + (sum of s[i, j] d[u, j]) / (sum of s[i, j])``, Koren's equation 3.

    ``b`` is the prediction of :class:`Biases` and ``d`` the deviation of a rating from it. Both
    sums run over those items j that u has rated and that are most similar to i, ``neighbours`` of
    them at most. Similar is what deviates alike: the cosine of two columns of ``d`` over the users
    who rated both, n of them, times ``n / (n + shrink)``. Only positive similarities count, and
    only of two common users or more: of one, the cosine is always 1 or -1. Where no similar item
    is rated, the biases stand alone.

    Parameters
    ----------
    neighbours : int
        Similar items that a prediction rests on, at most.
    shrink : float
        In users; Koren names 100.
    kept : int
        Similar items that are stored of each item, at most: the model size of Sarwar et al. Memory
        grows with ``kept`` times the items; similarities are computed in blocks.
    l2 : float
        Penalty of the biases.
    """

    predicts = "ratings"

    def __init__(
        self, neighbours: int = 40, shrink: float = 100.0, kept: int = 500, l2: float = 5.0
    ) -> None:
        self.neighbours = checks.whole("neighbours", neighbours, low=-math.inf)
        self.kept = checks.whole("kept", kept)
        self.shrink = checks.number("shrink", shrink)
        if not 1 <= neighbours <= kept or shrink < 0:
            raise ValueError(
                "need 1 <= neighbours <= kept and shrink >= 0, "
                f"got {neighbours}, {kept} and {shrink}"
            )
        self.baseline = Biases(l2)

    def fit(self, train: Interactions) -> Self:
        self.baseline.fit(train)
        # Only columns of two ratings or more can have two users in common with another.
        busy = np.flatnonzero(train.col_counts.cpu() > 1)
        D, B = self._deviations(train).T.scipy()[busy], train.binary().T.scipy()[busy]
        similar = np.zeros((train.num_cols, self.kept), dtype=np.float32)
        cols = np.zeros((train.num_cols, self.kept), dtype=np.int64)
        size = max(1, BLOCK // max(1, len(busy), train.num_rows))
        for start in range(0, len(busy), size):
            S = self._similarities(D, B, np.arange(start, min(start + size, len(busy))))
            i, j = np.nonzero(S > 0)
            # Most similar first, equal ones in the order of their columns.
            order = np.argsort(2.0 * i - S[i, j], kind="stable")
            i, j = i[order], j[order]
            rank = np.arange(len(i)) - np.searchsorted(i, i)
            i, j, rank = (part[rank < self.kept] for part in (i, j, rank))
            similar[busy[start + i], rank] = S[i, j]
            cols[busy[start + i], rank] = busy[j]
        self.similar = torch.from_numpy(similar).to(train.device)
        self.similar_cols = torch.from_numpy(cols).to(train.device)
        return self

    def _similarities(self, D: csr_array, B: csr_array, items: np.ndarray) -> np.ndarray:
        """Of some items to all, [len(items), all]; D and B, with ones, are sparse [all, users]."""
        d, b = (np.ascontiguousarray(part[items].toarray().T) for part in (D, B))
        n = B @ b
        norm = ((D * D) @ b) * (B @ (d * d))
        S = (D @ d) / np.sqrt(np.maximum(norm, 1e-12)) * n / (n + self.shrink)
        S[n < 2] = 0
        S[items, np.arange(len(items))] = 0
        return S.T

    def score(self, fold_in: Interactions) -> Tensor:
        rows = torch.arange(fold_in.num_rows, device=fold_in.device)
        cols = torch.arange(fold_in.num_cols, device=fold_in.device)
        every = rows.repeat_interleave(len(cols)), cols.repeat(len(rows))
        return self.baseline.score(fold_in) + self._correction(fold_in, *every).view(fold_in.shape)

    def score_at(self, fold_in: Interactions, wanted: Interactions) -> Tensor:
        correction = self._correction(fold_in, wanted.row_ids, wanted.indices.long())
        return self.baseline.score_at(fold_in, wanted) + correction

    def _deviations(self, X: Interactions) -> Interactions:
        return X.with_values(X.values - self.baseline.score_at(X, X))

    def _correction(self, fold_in: Interactions, rows: Tensor, cols: Tensor) -> Tensor:
        """What the neighbours add to the biases in these cells, which go row by row."""
        deviations, parts = self._deviations(fold_in), []
        size = max(1, BLOCK // max(self.kept, fold_in.num_cols))
        for part_rows, part_cols in zip(rows.split(size), cols.split(size), strict=True):
            names, row = part_rows.unique_consecutive(return_inverse=True)
            few = deviations.rows(names)
            d, rated, near = few.dense(), few.binary().dense(), self.similar_cols[part_cols]
            weights = self.similar[part_cols] * rated[row[:, None], near]
            # They stand in order, so those after the last wanted one are less similar.
            weights *= (weights > 0).cumsum(1) <= self.neighbours
            total = (weights * d[row[:, None], near]).sum(1)
            parts.append(total / weights.sum(1).clamp(min=1e-12))
        return torch.cat(parts)
