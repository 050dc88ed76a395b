"""A program of a user, which mypy reads and nobody runs: what the annotations promise.

A line with ``type: ignore`` is a mistake that has to be found: mypy is strict, and a mistake that
it did not see would make the comment itself an error.
"""

from typing import assert_type

import numpy as np
import pandas as pd
from torch import Tensor

from reclib import datasets, evaluation, intervals, metrics, models, splits, training
from reclib.interactions import Interactions
from reclib.models import Recommender
from reclib.ratings import Ratings


class Mine(Recommender):
    """A model of one's own."""

    def fit(self, train: Interactions) -> "Mine":
        self.counts = train.col_counts
        return self

    def score(self, fold_in: Interactions) -> Tensor:
        return self.counts.float().repeat(fold_in.num_rows, 1)


def use() -> None:
    ratings = datasets.load("ml-latest-small")
    assert_type(ratings, Ratings)
    split = splits.hold_out(ratings, test=0.1, seed=0)
    assert_type(split.test, splits.Test)
    history = training.fit(models.EASE(l2=10.0), split.train, epochs=3, batch_size="all")
    assert_type(history.table, pd.DataFrame)
    assert_type(evaluation.rating_errors(Mine(), split.test, clip=(1, 5)), dict[str, float])
    ranking = evaluation.rank(Mine(), split.test, ["ndcg@10"])
    assert_type(ranking.per_user, pd.DataFrame)
    X = Interactions.from_coo([0, 1], np.array([1, 0]), [5.0, 3.0], shape=(2, 2))
    assert_type(X.T, Interactions)
    assert_type(X @ X.dense(), Tensor)
    assert_type(metrics.ndcg(X.dense() > 0, X.row_counts, k=1), Tensor)
    assert_type(intervals.of_seeds([0.1, 0.2]).mean, float)


def mistakes() -> None:
    ratings = datasets.load(100)  # type: ignore[arg-type]
    splits.hold_out(ratings, tset=0.1)  # type: ignore[call-arg]
    split = splits.hold_out(ratings)
    training.fit(models.EASE(), split)  # type: ignore[arg-type]
    evaluation.rank(models.EASE(), split.train)  # type: ignore[arg-type]
    evaluation.rank(models.EASE(), split.test).summary().mean_of_all()  # type: ignore[operator]
    models.AutoRec(rows="columns")  # type: ignore[arg-type]
    split.tets  # type: ignore[attr-defined]  # noqa: B018
