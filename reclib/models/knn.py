"""Nearest neighbours among items: Sarwar, Karypis, Konstan and Riedl (2001)."""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor

from reclib.interactions import Interactions
from reclib.models.base import Recommender


class ItemKNN(Recommender):
    """``score[u, i] = sum of sim(j, i)`` over those of the user's items that are neighbours of i.

    ``sim(j, i) = common / (sqrt(n_j n_i) + shrink)``: the cosine of two columns of events, made
    smaller where few users stand behind it. Each item keeps its ``neighbours`` most similar ones.

    Parameters
    ----------
    neighbours : int
    shrink : float
        In users.
    """

    def __init__(self, neighbours: int = 100, shrink: float = 10.0) -> None:
        if neighbours < 1 or shrink < 0:
            raise ValueError(f"need neighbours >= 1 and shrink >= 0, got {neighbours} and {shrink}")
        self.neighbours, self.shrink = neighbours, shrink

    def fit(self, train: Interactions) -> Self:
        S = train.binary().gram()
        norm = S.diagonal().sqrt()
        S /= (norm[:, None] * norm + self.shrink).clamp(min=1.0)
        S.fill_diagonal_(0)
        k = min(self.neighbours, len(S))
        kept = S.topk(k, dim=0)
        self.S = torch.zeros_like(S).scatter_(0, kept.indices, kept.values)
        return self

    def score(self, fold_in: Interactions) -> Tensor:
        return fold_in.binary().matmul(self.S)
