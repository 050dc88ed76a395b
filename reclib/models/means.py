"""Means: the floor that every rating model has to rise above."""

from __future__ import annotations

from typing import Self

from torch import Tensor

from reclib.interactions import Interactions
from reclib.models.base import Recommender
from reclib.models.regression import column_means, row_means


class GlobalMean(Recommender):
    """Predict the mean of all training ratings for everyone and everything."""

    predicts = "ratings"

    def fit(self, train: Interactions) -> Self:
        self.mean = train.values.mean()
        return self

    def score(self, fold_in: Interactions) -> Tensor:
        return self.mean.repeat(fold_in.shape)


class UserMean(GlobalMean):
    """Predict the mean of the ratings folded in; the global mean where there are none."""

    def score(self, fold_in: Interactions) -> Tensor:
        means = row_means(fold_in, fold_in.values, self.mean)
        return means[:, None].repeat(1, fold_in.num_cols)


class ItemMean(GlobalMean):
    """Predict the mean rating of the item; the global mean for an item nobody rated."""

    def fit(self, train: Interactions) -> Self:
        super().fit(train)
        self.means = column_means(train, train.values, self.mean)
        return self

    def score(self, fold_in: Interactions) -> Tensor:
        return self.means.repeat(fold_in.num_rows, 1)

    def score_at(self, fold_in: Interactions, wanted: Interactions) -> Tensor:
        return self.means[wanted.indices]
