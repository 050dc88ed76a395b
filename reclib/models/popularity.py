"""Popularity: the floor that every ranking has to rise above."""

from __future__ import annotations

from typing import Self

from torch import Tensor

from reclib.interactions import Interactions
from reclib.models.base import Recommender


class Popularity(Recommender):
    """Score an item by how many training users rated it."""

    def fit(self, train: Interactions) -> Self:
        self.counts = train.col_counts.to(train.values.dtype)
        return self

    def score(self, fold_in: Interactions) -> Tensor:
        return self.counts.repeat(fold_in.num_rows, 1)
