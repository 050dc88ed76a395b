"""Nearest neighbours among items: Sarwar, Karypis, Konstan and Riedl (2001)."""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor

from reclib import checks
from reclib.interactions import Interactions
from reclib.models.base import Recommender, flag

BLOCK = 512  # items whose similarities with all others are held at a time


class ItemKNN(Recommender):
    """``score[u, i] = sum of sim(j, i)`` over those of the user's items that are neighbours of i.

    ``sim(j, i) = common / (sqrt(n_j n_i) + shrink)``: the cosine of two columns of events, made
    smaller where few users stand behind it. Each item keeps its ``neighbours`` most similar ones,
    and only these are stored: memory is ``8 num_items neighbours`` bytes, and while fitting
    ``4 (num_users + num_items)`` for each item of a block.

    Parameters
    ----------
    neighbours : int
    shrink : float
        In users.
    normalise : bool
        Divide an item's similarities by their sum: the score is then a share, and an item with
        few or distant neighbours is not ranked behind for it.
    """

    linear = True

    def __init__(
        self, neighbours: int = 100, shrink: float = 10.0, normalise: bool = False
    ) -> None:
        self.neighbours = checks.whole("neighbours", neighbours)
        self.shrink = checks.number("shrink", shrink, low=0)
        self.normalise = flag("normalise", normalise)

    def fit(self, train: Interactions) -> Self:
        X = train.binary()
        norm, best = X.col_counts.float().sqrt(), []
        for start in range(0, X.num_cols, BLOCK):  # items x items never exists as a whole
            block = X.T.rows(slice(start, start + BLOCK))
            S = X.T.matmul(block.dense().T)  # users whom two items have in common
            own = norm[start : start + BLOCK]
            S /= (norm[:, None] * own + self.shrink).clamp(min=1.0)
            S[torch.arange(start, start + len(own)), torch.arange(len(own))] = 0.0
            best.append(S.topk(min(self.neighbours, len(S)), dim=0))
        values = torch.cat([each.values for each in best], 1)
        if self.normalise:
            values /= values.sum(0).clamp(min=1e-12)
        items = torch.cat([each.indices for each in best], 1)
        rows, cols = items.flatten(), torch.arange(X.num_cols, device=X.device).repeat(len(items))
        similar = values.flatten() > 0
        self.S = Interactions.from_coo(
            rows[similar].cpu(),
            cols[similar].cpu(),
            values.flatten()[similar].cpu(),
            shape=(X.num_cols, X.num_cols),
        ).to(X.device)
        return self

    @property
    def num_parameters(self) -> int:
        return self.S.nnz

    def score(self, fold_in: Interactions) -> Tensor:
        return fold_in.binary().matmul_sparse(self.S)
