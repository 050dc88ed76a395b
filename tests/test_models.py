"""Each model against the computation that its paper describes, written independently."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reclib import evaluation, losses, models, splits, training
from reclib.interactions import Interactions
from reclib.models import MODELS
from reclib.models.regression import column_means, row_means

OPTIONS = {
    "PureSVD": {"rank": 3},
    "ImputedSVD": {"rank": 3},
    "AutoRec": {"hidden": 4, "l2": 0.1, "rows": "users"},
    "BiasedMF": {"rank": 3},
    "DeepAutoencoder": {"hidden": (6, 4)},
    "RatingVAE": {"hidden": (6, 4)},
    "ItemKNN": {"neighbours": 4},
    "IALS": {"rank": 3},
    "BPR": {"rank": 3},
    "WARP": {"rank": 3},
    "CDAE": {"hidden": 3},
    "MultDAE": {"hidden": (6, 4)},
    "MultVAE": {"hidden": (6, 4)},
    "LambdaNet": {"hidden": (6, 4), "warm_up": 1},
    "RecVAE": {"hidden": 6, "code": 4},
    "RaCT": {"hidden": (6, 4), "actor_epochs": 1, "critic_epochs": 1},
    "SVAE": {"embedding": 6, "recurrent": 5, "hidden": 6, "code": 4},
    "HVamp": {"hidden": 6, "code": 4, "components": 5},
}


@pytest.fixture(scope="module")
def X(random_matrix) -> Interactions:
    return random_matrix(20, 12, seed=2)


@pytest.fixture(scope="module")
def dense(X) -> np.ndarray:
    """X in float64, NaN where nothing is observed."""
    out = np.full(X.shape, np.nan)
    out[X.row_ids.numpy(), X.indices.numpy()] = X.values.numpy()
    return out


def fitted(name: str, X: Interactions, device: str = "cpu", **options):
    model = MODELS[name](**OPTIONS.get(name, {}) | options)
    training.fit(model, X.to(device), epochs=3, device=device)
    return model


def matrix(cells: dict[tuple[int, int], float], shape) -> Interactions:
    rows, cols = zip(*cells, strict=True)
    return Interactions.from_coo(rows, cols, list(cells.values()), shape=shape)


# -- what every model promises -------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_scores_are_float32_fresh_and_finite_for_a_row_without_ratings(X, device, name):
    model = fitted(name, X, device)
    empty = Interactions.from_coo([], [], shape=(3, X.num_cols)).to(device)
    scores = model.score(empty)
    assert scores.shape == (3, X.num_cols)
    assert scores.dtype == torch.float32
    assert scores.isfinite().all()
    assert not scores.requires_grad
    before = scores.clone()
    scores.fill_(-torch.inf)  # the caller may overwrite them
    assert torch.equal(model.score(empty), before)


@pytest.mark.parametrize("name", MODELS)
def test_rows_are_scored_independently_of_each_other(X, device, name):
    model, X = fitted(name, X, device), X.to(device)
    together = model.score(X)
    for rows in (slice(0, 1), slice(3, 9), torch.tensor([7, 2, 2])):
        torch.testing.assert_close(model.score(X.rows(rows)), together[rows])


@pytest.mark.parametrize("below", [0.0, 2.0])
@pytest.mark.parametrize("name", MODELS)
def test_scores_at_cells_are_the_scores_at_these_cells(
    random_matrix, device, monkeypatch, name, below
):
    """For cells outside the fold-in too, rows without ratings and columns that nobody rated."""
    monkeypatch.setattr("reclib.interactions.SPARSE_BELOW", below)
    cells = {(u, i): float(1 + (u * i) % 5) for u in range(9) for i in range(7) if (u + i) % 3}
    fold_in = matrix(cells, (10, 8)).to(device)
    wanted = random_matrix(10, 8, density=0.7).to(device)
    model = fitted(name, fold_in, device)
    expected = model.score(fold_in)[wanted.row_ids, wanted.indices.long()]
    torch.testing.assert_close(model.score_at(fold_in, wanted), expected)
    none = wanted.rows(torch.empty(0, dtype=torch.int64))
    assert model.score_at(none, none).shape == (0,)
    assert model.score_at(fold_in, matrix({(0, 0): 1.0}, (10, 8)).to(device)).shape == (1,)


@pytest.mark.parametrize("name", MODELS)
def test_a_column_without_ratings_is_scored_finitely(name):
    cells = {(u, i): float(1 + (u * i) % 5) for u in range(6) for i in range(5) if (u + i) % 3}
    X = matrix(cells, (6, 8))  # columns 5, 6, 7 are empty
    assert fitted(name, X).score(X).isfinite().all()


@pytest.mark.parametrize("name", MODELS)
def test_fitting_twice_gives_the_same_scores(X, name):
    assert torch.equal(fitted(name, X).score(X), fitted(name, X).score(X))


@pytest.mark.parametrize("name", MODELS)
def test_fitting_and_scoring_leave_the_matrix_alone(X, name):
    before = X.fingerprint()
    fitted(name, X).score(X)
    assert X.fingerprint() == before


def test_parameters_are_the_numbers_that_a_model_has_learnt(X):
    items, rank = X.num_cols, 3
    assert fitted("Popularity", X).num_parameters == items
    assert fitted("PureSVD", X).num_parameters == items * rank
    assert fitted("EASE", X).num_parameters == items**2
    assert fitted("InfiniteAE", X).num_parameters == X.num_rows * items
    assert fitted("MultDAE", X, hidden=(4,)).num_parameters == 2 * items * 4 + items + 4


# -- means ---------------------------------------------------------------------------

BY_HAND = {(0, 0): 5.0, (0, 1): 3.0, (1, 0): 1.0}  # user 2 and item 2 are empty


def test_means_by_hand():
    X = matrix(BY_HAND, (3, 3))
    assert models.GlobalMean().fit(X).score(X).tolist() == [[3.0] * 3] * 3
    assert models.UserMean().fit(X).score(X).tolist() == [[4.0] * 3, [1.0] * 3, [3.0] * 3]
    assert models.ItemMean().fit(X).score(X).tolist() == [[3.0, 3.0, 3.0]] * 3
    assert models.Popularity().fit(X).score(X).tolist() == [[2.0, 1.0, 0.0]] * 3
    assert row_means(X, X.values, -1.0).tolist() == [4, 1, -1]
    assert column_means(X, X.values, -1.0).tolist() == [3, 3, -1]


def test_means_equal_numpy(X, dense):
    np.testing.assert_allclose(models.ItemMean().fit(X).means, np.nanmean(dense, 0), rtol=1e-6)
    rows = models.UserMean().fit(X).score(X)[:, 0]
    np.testing.assert_allclose(rows, np.nanmean(dense, 1), rtol=1e-6)


def test_a_stored_zero_counts_in_a_mean():
    X = matrix({(0, 0): 0.0, (1, 0): 4.0}, (2, 1))
    assert models.ItemMean().fit(X).means.tolist() == [2.0]


# -- biases --------------------------------------------------------------------------


def least_squares_biases(dense: np.ndarray, l2: float) -> tuple[np.ndarray, np.ndarray]:
    """The minimiser of the penalised sum of squares, by numpy's lstsq; float64."""
    users, items = np.nonzero(~np.isnan(dense))
    num_users, num_items = dense.shape
    A = np.zeros((len(users), num_users + num_items))
    A[np.arange(len(users)), users] = A[np.arange(len(users)), num_users + items] = 1
    A = np.vstack([A, np.sqrt(l2) * np.eye(A.shape[1])])
    target = dense[users, items] - np.nanmean(dense)
    solution = np.linalg.lstsq(A, np.concatenate([target, np.zeros(A.shape[1])]))[0]
    return solution[:num_users], solution[num_users:]


@pytest.mark.parametrize("l2", [1.0, 5.0])
def test_biases_solve_the_normal_equations(X, dense, l2):
    model = fitted("Biases", X, l2=l2)
    b_user, b_item = least_squares_biases(dense, l2)
    np.testing.assert_allclose(model.item_bias, b_item, atol=2e-5)
    np.testing.assert_allclose(model.user_bias(X), b_user, atol=2e-5)
    np.testing.assert_allclose(
        model.score(X), np.nanmean(dense) + b_user[:, None] + b_item, atol=5e-5
    )
    # Negative control: one alternation is not there yet, nor is another penalty.
    assert abs(fitted("Biases", X, l2=l2, iterations=1).item_bias.numpy() - b_item).max() > 1e-3
    assert abs(fitted("Biases", X, l2=2 * l2).item_bias.numpy() - b_item).max() > 1e-3


def test_biases_converge_on_real_ratings(small):
    X = small.to_interactions()
    usual, many, few = (
        models.Biases(**n).fit(X) for n in ({}, {"iterations": 5000}, {"iterations": 5})
    )
    torch.testing.assert_close(usual.score_at(X, X), many.score_at(X, X), atol=1e-4, rtol=0)
    assert (few.score_at(X, X) - many.score_at(X, X)).abs().max() > 1e-3


def test_the_bias_of_a_new_user_is_solved_from_what_is_folded_in():
    X = matrix(BY_HAND, (3, 3))
    model = models.Biases(l2=1.0).fit(X)
    new = matrix({(0, 0): 4.0, (0, 1): 2.0}, (1, 3))
    rest = sum(r - float(model.mean) - float(model.item_bias[i]) for i, r in ((0, 4), (1, 2)))
    assert float(model.user_bias(new)[0]) == pytest.approx(rest / 3, rel=1e-5)


def test_without_a_penalty_nothing_is_divided_by_zero():
    X = matrix(BY_HAND, (3, 3))
    assert models.Biases(l2=0).fit(X).score(X).isfinite().all()
    with pytest.raises(ValueError, match="l2 must not be negative, got -1"):
        models.Biases(l2=-1)


# -- truncated SVD ---------------------------------------------------------------------


def project(full: np.ndarray, rank: int) -> np.ndarray:
    """Rows of ``full`` on its leading right singular vectors, by numpy's dense SVD."""
    Qt = np.linalg.svd(full)[2][:rank]
    return full @ Qt.T @ Qt


@pytest.mark.parametrize(
    ("shape", "rank"),
    [
        pytest.param((20, 12), 1),
        ((12, 20), 1),
        ((20, 12), 4),
        ((12, 20), 4),
        ((20, 12), 11),
        ((12, 20), 11),
    ],
)
def test_pure_svd_is_the_dense_svd_of_the_matrix_with_zeros(random_matrix, shape, rank):
    X = random_matrix(*shape, seed=4)
    found = fitted("PureSVD", X, rank=rank).score(X).numpy()
    zeros = X.dense().numpy().astype(float)
    np.testing.assert_allclose(found, project(zeros, rank), atol=1e-4)
    # It is the best approximation of its rank (Eckart and Young): the one of k - 1 is worse.
    error = np.linalg.norm(zeros - found)
    singular = np.linalg.svd(zeros)[1]
    assert error == pytest.approx(np.sqrt((singular[rank:] ** 2).sum()), abs=1e-3)
    assert error < np.linalg.norm(zeros - project(zeros, rank - 1)) - 1e-3


def test_pure_svd_can_read_events_in_place_of_stars(random_matrix):
    X = random_matrix(12, 20, seed=4)
    ones = (X.dense() > 0).numpy().astype(float)
    found = fitted("PureSVD", X, rank=4, binary=True).score(X).numpy()
    np.testing.assert_allclose(found, project(ones, 4), atol=1e-4)
    assert abs(found - fitted("PureSVD", X, rank=4).score(X).numpy()).max() > 0.1


def test_imputed_svd_is_the_dense_svd_of_the_matrix_filled_with_item_means(X, dense):
    found = fitted("ImputedSVD", X, impute="item-mean").score(X).numpy()
    means = np.nanmean(dense, 0)
    filled = np.where(np.isnan(dense), means, dense)
    np.testing.assert_allclose(found, means + project(filled - means, 3), atol=1e-4)
    # Negative control: it is not the SVD of the filled matrix itself.
    assert abs(found - project(filled, 3)).max() > 0.01


def test_imputed_svd_is_the_dense_svd_of_the_matrix_filled_with_biases(X, dense):
    found = fitted("ImputedSVD", X, impute="biases", l2=2.0).score(X).numpy()
    b_user, b_item = least_squares_biases(dense, 2.0)
    baseline = np.nanmean(dense) + b_user[:, None] + b_item
    filled = np.where(np.isnan(dense), baseline, dense)
    np.testing.assert_allclose(found, baseline + project(filled - baseline, 3), atol=1e-3)


def test_svd_checks_its_arguments(X):
    for rank in (0, 12):
        with pytest.raises(ValueError, match=r"rank must be between 1 and 11 for shape \(20, 12\)"):
            fitted("PureSVD", X, rank=rank)
    with pytest.raises(ValueError, match="impute must be one of"):
        models.ImputedSVD(impute="zeros")


def test_svd_never_builds_the_filled_matrix(small, monkeypatch):
    """The full matrix of the embedded data is 24 MB; nothing dense of that size is asked for."""
    X = small.to_interactions()

    def refuse(*_, **__):
        raise AssertionError("the dense matrix was built")

    monkeypatch.setattr(Interactions, "dense", refuse)
    monkeypatch.setattr("scipy.sparse.csr_array.toarray", refuse)
    for model in (models.PureSVD(5), models.ImputedSVD(5), models.ImputedSVD(5, "biases")):
        training.fit(model, X, device="cpu")


# -- AutoRec -----------------------------------------------------------------------------


def tiny_autorec(**options) -> tuple[models.AutoRec, Interactions]:
    """A 3 x 3 example with whole numbers, worked out on paper in the test below."""
    X = matrix({(0, 0): 5, (0, 2): 1, (1, 1): 3, (2, 0): 4, (2, 1): 2}, (3, 3))
    options = {"hidden_activation": "identity", "l2": 4.0} | options
    model = models.AutoRec(hidden=1, rows="users", **options)
    model.build(X)
    with torch.no_grad():
        model.V[:] = torch.tensor([[1.0], [0.0], [1.0]])
        model.W[:] = torch.tensor([[1.0], [1.0], [0.5]])
        model.b[:] = torch.tensor([0.0, 1.0, 0.0])
    return model, X


def test_the_loss_of_autorec_by_hand():
    # V r = 6, 0, 4. Reconstructions (6, 7, 3), (0, 1, 0), (4, 5, 2). Errors at observed
    # cells: 1 and 4; 4; 0 and 9: together 18. |V|^2 = 2, |W|^2 = 2.25; 4 / 2 * 4.25 = 8.5.
    model, X = tiny_autorec()
    assert float(model.loss(X).detach()) == pytest.approx((18 + 8.5) / 3)
    # A batch carries its share of the penalty: rows 0 and 2.
    batch = X.rows(torch.tensor([0, 2]))
    assert float(model.loss(batch).detach()) == pytest.approx((5 + 9) / 2 + 8.5 / 3)


def dense_autorec_loss(R, mask, V, W, mu, b, l2, g, f) -> torch.Tensor:
    """Equation 2 over all rows, written on dense matrices; divided by the rows."""
    total = 0
    for r, m in zip(R, mask, strict=True):
        h = f(W @ g(V.T @ r + mu) + b)
        total = total + (((r - h) * m) ** 2).sum()
    return (total + l2 / 2 * ((V**2).sum() + (W**2).sum())) / len(R)


@pytest.mark.parametrize("below", [0.0, 2.0])
@pytest.mark.parametrize(
    ("g", "f"),
    [("identity", "identity"), ("sigmoid", "identity"), ("tanh", "sigmoid"), ("elu", "relu")],
)
def test_the_gradient_of_autorec_is_that_of_the_dense_masked_loss(
    X, device, monkeypatch, below, g, f
):
    monkeypatch.setattr("reclib.interactions.SPARSE_BELOW", below)
    X = X.to(device)
    model = models.AutoRec(hidden=4, l2=3.0, hidden_activation=g, output_activation=f)
    torch.manual_seed(0)
    model.build(X)
    model.to(device)
    with torch.no_grad():
        for weight in (model.V, model.W):  # large enough to matter, too small to saturate
            weight.normal_(0, 0.3)
    model.loss(X).backward()
    functions = {
        "identity": lambda x: x,
        "sigmoid": lambda x: 1 / (1 + torch.exp(-x)),
        "tanh": torch.tanh,
        "elu": lambda x: torch.where(x > 0, x, torch.exp(x) - 1),
        "relu": lambda x: x.clamp(min=0),
    }
    stretched = (lambda x: 1 + 4 / (1 + torch.exp(-x))) if f == "sigmoid" else functions[f]
    copies = [p.detach().double().requires_grad_() for p in (model.V, model.W, model.mu, model.b)]
    R = X.dense().double()
    mask = X.binary().dense().double()
    expected = dense_autorec_loss(R, mask, *copies, 3.0, functions[g], stretched)
    assert float(model.loss(X).detach()) == pytest.approx(float(expected.detach()), rel=1e-5)
    gradients = torch.autograd.grad(expected, copies)
    for mine, reference in zip((model.V, model.W, model.mu, model.b), gradients, strict=True):
        torch.testing.assert_close(mine.grad.double(), reference, atol=1e-4, rtol=1e-4)
    # Negative control: without the mask, missing cells pull as zeros and the gradient is another.
    unmasked = dense_autorec_loss(R, torch.ones_like(mask), *copies, 3.0, functions[g], stretched)
    wrong = torch.autograd.grad(unmasked, copies)
    assert (model.W.grad.double() - wrong[1]).abs().max() > 0.1


def test_unobserved_cells_send_no_gradient():
    model, X = tiny_autorec(l2=0.0)
    first = X.rows(slice(0, 1))  # observes columns 0 and 2
    model.loss(first).backward()
    assert model.W.grad[1].item() == model.b.grad[1].item() == model.V.grad[1].item() == 0
    assert model.W.grad[0].item() != 0 != model.b.grad[2].item()
    # Negative control: an unmasked loss does move column 1.
    model.zero_grad()
    X_hat = model.encode(first) @ model.W.T + model.b
    losses.squared_error(X_hat, first.dense()).backward()
    assert model.W.grad[1].item() != 0 != model.b.grad[1].item()


def test_cold_rows_and_columns_get_the_default_rating():
    cells = {(0, 0): 5.0, (0, 1): 4.0, (1, 0): 5.0}  # column 2 is cold
    X = matrix(cells, (3, 3))  # row 2 is cold
    model = models.AutoRec(hidden=2, rows="users", l2=0.0, default_rating=2.5)
    training.fit(model, X, epochs=50, lr=0.1, device="cpu")
    scores = model.score(X)
    assert scores[2].tolist() == [2.5] * 3
    assert scores[:, 2].tolist() == [2.5] * 3
    assert (scores[:2, :2] != 2.5).all()  # and nothing else does
    assert models.AutoRec().default_rating == 3


def test_predictions_are_clipped_to_the_scale():
    model, X = tiny_autorec()
    assert model.score(X).tolist() == [[5, 5, 3], [1, 1, 1], [4, 5, 2]]
    wide, X = tiny_autorec(scale=(0.0, 10.0))
    assert wide.score(X).tolist() == [[6, 7, 3], [0, 1, 0], [4, 5, 2]]


def test_a_sigmoid_output_is_stretched_over_the_scale():
    model, _ = tiny_autorec(output_activation="sigmoid", scale=(0.5, 5.0))
    ends = model.output(torch.tensor([-100.0, 0.0, 100.0]))
    assert ends.tolist() == pytest.approx([0.5, 2.75, 5.0])
    plain, _ = tiny_autorec()
    assert plain.output(torch.tensor([-7.0])).item() == -7


def test_i_autorec_of_a_matrix_is_u_autorec_of_its_transpose(X):
    i_autorec, u_autorec = (models.AutoRec(hidden=3, l2=0.1, rows=r) for r in ("items", "users"))
    training.fit(i_autorec, X, epochs=3, device="cpu")
    training.fit(u_autorec, X.T, epochs=3, device="cpu")
    assert torch.equal(i_autorec.score(X.T), u_autorec.score(X.T))


def test_the_number_of_parameters_is_the_papers(X):
    for rows, m in (("users", X.num_cols), ("items", X.num_rows)):
        model = models.AutoRec(hidden=7, rows=rows)
        training.fit(model, X, epochs=1, device="cpu")
        assert model.num_parameters == 2 * m * 7 + m + 7


def test_autorec_checks_its_arguments():
    with pytest.raises(ValueError, match='rows must be "users" or "items"'):
        models.AutoRec(rows="columns")
    for name in ("hidden_activation", "output_activation"):
        with pytest.raises(ValueError, match="no activation 'swish'; there are: identity, sigmoid"):
            models.AutoRec(**{name: "swish"})


def test_autorec_learns_more_than_means_on_data_of_low_rank():
    """Ratings of rank 2: an autoencoder must beat the means; untrained, it must not."""
    rng = np.random.default_rng(0)
    truth = 3 + rng.normal(size=(150, 2)) @ rng.normal(size=(2, 60))
    observed = rng.random(truth.shape) < 0.4
    held = observed & (rng.random(truth.shape) < 0.2)
    parts = [
        Interactions.from_coo(*np.nonzero(m), truth[m], shape=truth.shape)
        for m in (observed & ~held, held)
    ]
    test = splits.Test(*parts, users=np.arange(150))

    def rmse(model, **options) -> float:
        training.fit(model, parts[0], device="cpu", **options)
        return evaluation.rating_errors(model, test)["rmse"]

    def autorec():
        return models.AutoRec(hidden=20, l2=1.0, scale=(-9, 15))

    mean = rmse(models.ItemMean())
    assert rmse(autorec(), epochs=150, lr=0.02, batch_size=20) < 0.6 * mean
    assert rmse(autorec(), epochs=1, lr=0.0) > mean


@given(st.lists(st.floats(-3, 3, width=32), min_size=1, max_size=9))
def test_losses_are_sums(values):
    tensor = torch.tensor(values)
    assert float(losses.squared_error(tensor, torch.zeros_like(tensor))) == pytest.approx(
        sum(v * v for v in values), rel=1e-4, abs=1e-6
    )
    assert float(losses.l2([tensor, tensor])) == pytest.approx(
        2 * sum(v * v for v in values), rel=1e-4, abs=1e-6
    )
