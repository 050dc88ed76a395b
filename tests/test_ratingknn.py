"""Item neighbours for ratings, against the definition of the paper written out cell by cell."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from test_models import matrix

from reclib import evaluation, models, splits, training
from reclib.interactions import Interactions
from reclib.models import ratingknn


def slow(model: models.RatingKNN, train: Interactions, fold_in: Interactions) -> np.ndarray:
    """Every prediction by its definition: loops over users and items, float64."""
    dense = np.full(train.shape, np.nan)
    base = model.baseline.score(train).double().numpy()
    dense[train.row_ids, train.indices.long()] = train.values.double()
    d = dense - base
    similar = np.zeros((train.num_cols, train.num_cols))
    for i in range(train.num_cols):
        for j in range(train.num_cols):
            both = ~np.isnan(d[:, i]) & ~np.isnan(d[:, j])
            if i != j and both.sum() > 1:
                a, b = d[both, i], d[both, j]
                norm = np.sqrt((a**2).sum() * (b**2).sum())
                cosine = (a * b).sum() / norm if norm > 1e-9 else 0.0
                similar[i, j] = max(0.0, cosine) * both.sum() / (both.sum() + model.shrink)
    out = model.baseline.score(fold_in).double().numpy()
    rated = np.full(fold_in.shape, np.nan)
    rated[fold_in.row_ids, fold_in.indices.long()] = fold_in.values.double()
    deviation = rated - out
    predicted = out.copy()
    for u in range(fold_in.num_rows):
        for i in range(train.num_cols):
            near = np.argsort(-similar[i], kind="stable")[: model.kept]
            near = [j for j in near if similar[i, j] > 0 and not np.isnan(deviation[u, j])]
            near = near[: model.neighbours]
            if near:
                weights = similar[i, near]
                predicted[u, i] += (weights * deviation[u, near]).sum() / weights.sum()
    return predicted


# Items 0 and 1 are rated alike by users 0, 1 and 2, item 2 the other way round; user 3 has
# rated items 0 and 2. All deviations are taken from a mean of 3, as the penalty is huge.
CELLS = {
    (0, 0): 5.0, (0, 1): 5.0, (0, 2): 1.0,
    (1, 0): 1.0, (1, 1): 1.0, (1, 2): 5.0,
    (2, 0): 4.0, (2, 1): 2.0, (2, 3): 4.0,
    (3, 0): 4.0, (3, 2): 1.0,
}  # fmt: skip


def by_hand(**options) -> tuple[models.RatingKNN, Interactions]:
    X = matrix(CELLS, (4, 5))
    return models.RatingKNN(**{"shrink": 1.0, "l2": 1e9} | options).fit(X), X


def test_similarities_by_hand():
    model, _ = by_hand()
    mean = 33 / 11  # 3, so the deviations are 2, -2, 1, 1 of item 0; 2, -2, -1 of item 1
    assert float(model.baseline.mean) == pytest.approx(mean)
    # Items 0 and 1: three users, (4 + 4 - 1) / sqrt(9 * 9) = 7 / 9, times 3 / (3 + 1).
    # Items 0 and 2, 1 and 2 deviate in opposite directions. Item 3 has one rating, item 4 none.
    assert model.similar[:, 0].tolist() == pytest.approx([7 / 12, 7 / 12, 0, 0, 0], abs=1e-6)
    assert model.similar_cols[:2, 0].tolist() == [1, 0]
    assert (model.similar[:, 1:] == 0).all()


def test_a_prediction_by_hand():
    model, X = by_hand()
    # User 3 has not rated item 1, of which item 0 is the only neighbour: 3 + 1. Of items 2, 3 and
    # 4 nothing similar is known, so the biases stand, and they are 0 under this penalty.
    torch.testing.assert_close(
        model.score(X)[3], torch.tensor([3.0, 4.0, 3.0, 3.0, 3.0]), atol=1e-5, rtol=0
    )
    # User 2 has a deviation of -1 at item 1, and that is what item 0 gets.
    assert float(model.score(X)[2, 0]) == pytest.approx(2.0, abs=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"neighbours": 40, "shrink": 0.0, "l2": 2.0},
        {"neighbours": 2, "shrink": 5.0, "l2": 5.0},
        {"neighbours": 1, "shrink": 5.0, "l2": 5.0},
        {"neighbours": 2, "shrink": 5.0, "l2": 5.0, "kept": 3},
    ],
)
def test_predictions_equal_the_definition(random_matrix, options):
    train, new = random_matrix(25, 14, seed=3), random_matrix(6, 14, density=0.5, seed=9)
    model = models.RatingKNN(**options).fit(train)
    for fold_in in (train, new):
        np.testing.assert_allclose(model.score(fold_in), slow(model, train, fold_in), atol=1e-4)
    # Negative controls: another number of neighbours or another shrinkage is another model.
    expected = slow(model, train, new)
    model.neighbours = 3
    assert abs(model.score(new).numpy() - expected).max() > 1e-2
    other = models.RatingKNN(**options | {"shrink": options["shrink"] + 20}).fit(train)
    assert abs(other.score(new).numpy() - expected).max() > 1e-3


def test_blocks_do_not_change_the_result(random_matrix, monkeypatch):
    train = random_matrix(25, 14, seed=3)
    whole = models.RatingKNN(3, 5.0).fit(train)
    expected = whole.score(train)
    monkeypatch.setattr(ratingknn, "BLOCK", 60)
    in_blocks = models.RatingKNN(3, 5.0).fit(train)
    assert torch.equal(in_blocks.similar_cols, whole.similar_cols)
    torch.testing.assert_close(in_blocks.score(train), expected)


def test_one_common_user_makes_no_neighbours():
    X = matrix({(0, 0): 5.0, (0, 1): 5.0, (1, 0): 1.0, (2, 1): 1.0, (3, 2): 3.0}, (4, 3))
    model = models.RatingKNN(shrink=0.0).fit(X)
    assert (model.similar == 0).all()
    assert torch.equal(model.score(X), model.baseline.score(X))


def test_a_new_user_is_served_like_a_known_one(random_matrix):
    train = random_matrix(25, 14, seed=3)
    model = models.RatingKNN(5, 5.0).fit(train)
    known = train.rows(slice(4, 5))
    torch.testing.assert_close(model.score(known), model.score(train)[4:5])
    nobody = Interactions.from_coo([], [], shape=(1, 14))
    assert torch.equal(model.score(nobody), model.baseline.score(nobody))


def test_memory_grows_with_the_neighbours_kept(small, monkeypatch):
    """The embedded data have 9,724 items; no item x item matrix beyond a block is made."""
    X, made = small.to_interactions(), []
    inner = models.RatingKNN._similarities

    def watched(*arguments):
        made.append(inner(*arguments))
        return made[-1]

    monkeypatch.setattr(models.RatingKNN, "_similarities", watched)
    monkeypatch.setattr(ratingknn, "BLOCK", 2_000_000)
    model = models.RatingKNN(kept=50)
    training.fit(model, X, device="cpu")
    assert max(block.size for block in made) <= 2_000_000
    assert model.num_parameters <= 2 * 50 * X.num_cols


def test_neighbours_improve_on_biases_and_noise_does_not(small):
    split = splits.hold_out(small, test=0.2, seed=0)

    def rmse(model, train=split.train):
        training.fit(model, train, device="cpu")
        return evaluation.rating_errors(model, split.test)["rmse"]

    biases = rmse(models.Biases())
    assert rmse(models.RatingKNN()) < biases - 0.003
    # Negative control: with the ratings of training shuffled there is nothing to be learnt.
    order = torch.randperm(split.train.nnz, generator=torch.Generator().manual_seed(0))
    shuffled = split.train.with_values(split.train.values[order])
    assert rmse(models.RatingKNN(), shuffled) > biases


def test_arguments_are_checked():
    for options in ({"neighbours": 0}, {"neighbours": 60, "kept": 50}, {"shrink": -1.0}):
        with pytest.raises(ValueError, match="need 1 <= neighbours <= kept"):
            models.RatingKNN(**options)
