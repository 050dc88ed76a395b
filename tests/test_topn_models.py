"""The models of events against what their papers say, computed in another way."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
import scipy.optimize
import scipy.stats
import torch
from torch.nn import functional

from reclib import evaluation, losses, metrics, models, splits, training
from reclib.interactions import Interactions
from reclib.models.lambdanet import lambdarank


@pytest.fixture(scope="module")
def X(random_matrix) -> Interactions:
    return random_matrix(30, 12, density=0.4, seed=5)


@pytest.fixture(scope="module")
def events(X) -> np.ndarray:
    return (X.dense() > 0).double().numpy()


def built(X: Interactions, name: str, **options):
    torch.manual_seed(0)
    model = models.MODELS[name](**options)
    model.build(X)
    return model.eval()


def npy(tensor) -> np.ndarray:
    return tensor.detach().double().numpy()


# -- parts ---------------------------------------------------------------------------


def test_gram_is_the_product(X):
    dense = X.dense()
    torch.testing.assert_close(X.gram(), dense.T @ dense)
    assert not torch.allclose(X.binary().gram(), dense.T @ dense)


def test_gram_of_more_columns_than_a_block(random_matrix):
    wide = random_matrix(20, 2100, density=0.02)
    dense = wide.dense()
    torch.testing.assert_close(wide.gram(), dense.T @ dense)


def test_missing_columns_are_missing(X):
    torch.manual_seed(0)
    cols, lacking = X.missing(40)
    dense = X.dense()
    stored = dense[X.row_ids[:, None], cols] != 0
    assert torch.equal(lacking, ~stored)
    assert 0.3 < stored.float().mean() < 0.6  # both occur, about as often as entries do
    drawn = torch.bincount(cols.flatten(), minlength=X.num_cols) / cols.numel()
    assert (drawn - 1 / X.num_cols).abs().max() < 0.02


def test_multinomial_equals_the_formula_and_its_gradient(X):
    logits = torch.randn(X.shape, dtype=torch.float64, requires_grad=True)
    wide = Interactions(X.indptr, X.indices, X.values.double(), X.num_cols)
    value = losses.multinomial(logits, wide)
    (grad,) = torch.autograd.grad(value, logits)
    expected = -(functional.log_softmax(logits, 1) * X.dense()).sum()
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(grad, torch.autograd.grad(expected, logits)[0])
    # Negative control: the gradient of the likelihood of events is another one.
    other = -(functional.log_softmax(logits, 1) * (X.dense() > 0)).sum()
    assert not torch.allclose(grad, torch.autograd.grad(other, logits)[0], atol=0.1)


STAGED = {
    "LambdaNet": {"hidden": (6, 4), "warm_up": 1},
    "RecVAE": {"hidden": 6, "code": 4},
    "RaCT": {"hidden": (6, 4), "actor_epochs": 1, "critic_epochs": 2},
    "HVamp": {"hidden": 6, "code": 4, "components": 5, "warm_up": 8},
}


@pytest.mark.parametrize("name", STAGED)
def test_a_training_in_stages_goes_on_where_it_stopped(X, tmp_path, name):
    """Also with the very model that was interrupted: its stage is no part of its settings."""
    whole, broken = (models.MODELS[name](**STAGED[name]) for _ in range(2))
    how = {"batch_size": 10, "device": "cpu"}
    training.fit(whole, X, epochs=5, **how)
    for epochs in (3, 5):
        training.fit(broken, X, epochs=epochs, checkpoint=tmp_path / "c", **how)
    for key, value in whole.state_dict().items():
        assert torch.equal(value, broken.state_dict()[key]), key


# -- linear models ---------------------------------------------------------------------


def column_ridges(G: np.ndarray, penalty: np.ndarray) -> np.ndarray:
    """Each column regressed on all others: what a diagonal of 0 means, without Lagrange."""
    B = np.zeros_like(G)
    for j in range(len(G)):
        others = np.arange(len(G)) != j
        A = G[np.ix_(others, others)] + np.diag(penalty[others])
        B[others, j] = np.linalg.solve(A, G[others, j])
    return B


@pytest.mark.parametrize("l2", [0.5, 20.0])
def test_ease_regresses_each_item_on_the_others(X, events, l2):
    B = column_ridges(events.T @ events, np.full(X.num_cols, l2))
    np.testing.assert_allclose(models.EASE(l2).fit(X).B, B, atol=1e-4)
    assert abs(npy(models.EASE(2 * l2).fit(X).B) - B).max() > 1e-3


def test_ease_scores_are_products_and_ignore_the_values(X, events):
    model = models.EASE(5.0).fit(X)
    np.testing.assert_allclose(model.score(X), events @ npy(model.B), atol=1e-4)
    torch.testing.assert_close(models.EASE(5.0).fit(X.binary()).B, model.B)


def test_ease_says_when_its_matrix_cannot_be_factorised():
    same = Interactions.from_coo(np.repeat(range(3000), 2), [0, 1] * 3000, shape=(3000, 2))
    with pytest.raises(ValueError, match="raise l2"):
        models.EASE(1e-9).fit(same)
    models.EASE(1.0).fit(same)


def test_edlae_is_the_mean_over_all_ways_to_drop():
    """Exactly: every mask of four items, and the loss asks for the dropped ones."""
    rng = np.random.default_rng(0)
    x, p, l2 = (rng.random((9, 4)) < 0.5).astype(float), 0.3, 2.0

    def objective(flat: np.ndarray) -> float:
        B, total = flat.reshape(4, 4), 0.0
        for mask in product([0, 1], repeat=4):
            kept = np.array(mask)
            chance = np.prod(np.where(kept, 1 - p, p))
            error = (x - x * kept / (1 - p) @ B) ** 2
            total += chance * (error * (1 - kept)).sum() / p
        return total + l2 * (B**2).sum()

    rows, cols = np.nonzero(x)
    X = Interactions.from_coo(rows, cols, shape=x.shape)
    found = npy(models.EDLAE(p, l2).fit(X).B)
    best = scipy.optimize.minimize(objective, np.zeros(16)).x.reshape(4, 4)
    off = ~np.eye(4, dtype=bool)
    np.testing.assert_allclose(found[off], best[off], atol=1e-3)
    assert abs(npy(models.EASE(l2).fit(X).B) - best)[off].max() > 0.02, "the negative control"


def test_slim_meets_the_conditions_of_its_minimum(X, events):
    l1, l2 = 1.5, 3.0
    B = npy(models.SLIM(l1, l2, iterations=2000).fit(X).B)
    G = events.T @ events
    slope = G @ B - G + l2 * B + l1
    off = ~np.eye(X.num_cols, dtype=bool)
    assert (B >= 0).all() and (np.diag(B) == 0).all()
    assert 0.1 < (B[off] == 0).mean() < 0.9
    assert abs(slope[off & (B > 0)]).max() < 0.01
    assert slope[off & (B == 0)].min() > -0.01
    other = npy(models.SLIM(l1, 2 * l2, iterations=2000).fit(X).B)
    assert abs((G @ other - G + l2 * other + l1)[off & (other > 0)]).max() > 0.1


def test_slim_arrives_soon_where_counts_are_skewed():
    """Popular and rare items, a large penalty: ten iterations are enough."""
    rng = np.random.default_rng(0)
    chance = np.arange(1, 61) ** -0.9 * rng.random((300, 1))
    x = (rng.random((300, 60)) < chance).astype(float)
    X = Interactions.from_coo(*np.nonzero(x), shape=x.shape)
    l1, l2, G = 1.0, 300.0, x.T @ x
    off = ~np.eye(60, dtype=bool)

    def worst(iterations: int) -> float:
        B = npy(models.SLIM(l1, l2, iterations=iterations).fit(X).B)
        slope = G @ B - G + l2 * B + l1
        return np.where(B > 0, abs(slope), np.maximum(-slope, 0))[off].max()

    assert worst(10) < 0.1 < worst(1)


def test_item_knn_by_loops(X, events):
    model = models.ItemKNN(neighbours=3, shrink=2.0).fit(X)
    n = events.sum(0)
    S = np.zeros((12, 12))
    for i in range(12):
        sims = [
            (events[:, i] @ events[:, j] / (math.sqrt(n[i] * n[j]) + 2)) if j != i else 0
            for j in range(12)
        ]
        for j in np.argsort(sims)[::-1][:3]:
            S[j, i] = sims[j]
    np.testing.assert_allclose(model.score(X), events @ S, atol=1e-5)


# -- matrix factorisation ----------------------------------------------------------------


def test_a_half_step_of_ials_is_the_weighted_regression(X, events):
    model = models.IALS(rank=3, l2=0.1, weight=0.2, power=1.0, iterations=3).fit(X)
    Q = npy(model.items)
    for row, found in zip(events, npy(model._solve(X.binary(), model.items)), strict=True):
        # All cells as regressions: events ask for 1 with weight 1 and for 0 with weight .2.
        A = np.vstack([Q[row > 0], math.sqrt(0.2) * Q])
        y = np.concatenate([np.ones(int(row.sum())), np.zeros(12)])
        penalty = 0.1 * (row.sum() + 0.2 * 12)
        A = np.vstack([A, math.sqrt(penalty) * np.eye(3)])
        y = np.concatenate([y, np.zeros(3)])
        np.testing.assert_allclose(found, np.linalg.lstsq(A, y, rcond=None)[0], atol=1e-4)
    heavier = models.IALS(rank=3, l2=0.1, weight=0.4, iterations=3).fit(X)
    assert abs(npy(heavier.score(X)) - npy(model.score(X))).max() > 0.01


def ials_objective(model, events: np.ndarray) -> float:
    X = Interactions.from_coo(*np.nonzero(events), shape=events.shape)
    P, Q = npy(model._solve(X, model.items)), npy(model.items)
    S = P @ Q.T
    fit = (events * (1 - S) ** 2).sum() + model.weight * (S**2).sum()
    users = model.l2 * (events.sum(1) + model.weight * events.shape[1])
    items = model.l2 * (events.sum(0) + model.weight * events.shape[0])
    return fit + users @ (P**2).sum(1) + items @ (Q**2).sum(1)


def test_every_alternation_of_ials_lowers_the_objective(X, events):
    values = [
        ials_objective(models.IALS(3, l2=0.05, iterations=n).fit(X), events) for n in (1, 2, 4, 16)
    ]
    assert values == sorted(values, reverse=True) and values[-1] < 0.98 * values[0]


def test_counts_are_the_weights_of_the_events(random_matrix):
    X = random_matrix(30, 12)
    R = npy(X.dense())
    model = models.IALS(rank=3, l2=0.1, weight=0.2, iterations=3, counts=True).fit(X)
    Q, N = npy(model.items), R.shape[1]
    for row, found in zip(R, npy(model._solve(X, model.items)), strict=True):
        # The normal equations of all cells, dense: r (1 - s)^2 + .2 s^2, and the penalty.
        A = Q.T @ np.diag(row + 0.2) @ Q + 0.1 * (row.sum() + 0.2 * N) * np.eye(3)
        np.testing.assert_allclose(found, np.linalg.solve(A, Q.T @ row), atol=1e-4)
    cells = X.rows([0, 1])
    torch.testing.assert_close(
        model.score_at(cells, cells), model.score(cells).view(-1)[cells.cells]
    )
    # Twice the counts against twice the weight is the same objective, twice.
    twice = X.with_values(2 * X.values)
    other = models.IALS(rank=3, l2=0.1, weight=0.4, iterations=3, counts=True).fit(twice)
    torch.testing.assert_close(other.score(twice), model.score(X), atol=1e-4, rtol=0)
    # Negative controls: against the same weight it is another one, and so is that of the events.
    for different in (
        models.IALS(rank=3, l2=0.1, weight=0.2, iterations=3, counts=True).fit(twice).score(twice),
        models.IALS(rank=3, l2=0.1, weight=0.2, iterations=3).fit(X).score(X),
    ):
        assert (different - model.score(X)).abs().max() > 0.01


def test_without_counts_a_value_is_an_event_whatever_it_says(random_matrix):
    X = random_matrix(30, 12)
    plain = models.IALS(rank=3, iterations=3).fit(X.binary())
    assert torch.equal(models.IALS(rank=3, iterations=3).fit(X).score(X), plain.score(X.binary()))
    ones = models.IALS(rank=3, iterations=3, counts=True).fit(X.binary())
    torch.testing.assert_close(ones.items, plain.items)
    with pytest.raises(ValueError, match="counts must not be negative, the matrix has -5"):
        models.IALS(rank=3, counts=True).fit(X.with_values(-X.values))
    with pytest.raises(ValueError, match="counts must not be negative"):
        ones.score(X.with_values(-X.values))


# -- ranking losses ---------------------------------------------------------------------


def test_bpr_loss_by_loops(X):
    model = built(X, "BPR", rank=3, l2=0.0)
    scores = npy(model.logits(X))
    torch.manual_seed(1)
    cols, lacking = X.missing(1)
    total = 0.0
    for e, (u, i) in enumerate(zip(X.row_ids.tolist(), X.indices.tolist(), strict=True)):
        if lacking[e, 0]:
            total -= math.log(1 / (1 + math.exp(scores[u, cols[e, 0]] - scores[u, i])))
    torch.manual_seed(1)
    assert model.loss(X).item() == pytest.approx(total / 30, rel=1e-5)


def test_warp_loss_by_loops(X):
    model = built(X, "WARP", rank=3, l2=0.0, draws=6)
    with torch.no_grad():
        model.items *= 100  # so that some draws violate and some do not
    scores = npy(model.logits(X))
    torch.manual_seed(1)
    cols, lacking = X.missing(6)
    total, outcomes = 0.0, set()
    for e, (u, i) in enumerate(zip(X.row_ids.tolist(), X.indices.tolist(), strict=True)):
        candidates = [j for j, ok in zip(cols[e].tolist(), lacking[e].tolist(), strict=True) if ok]
        for n, j in enumerate(candidates, start=1):
            if scores[u, j] > scores[u, i] - 1:
                harmonic = sum(1 / r for r in range(1, max(1, 11 // n) + 1))
                total += harmonic * (1 - scores[u, i] + scores[u, j])
                outcomes.add(n)
                break
        else:
            outcomes.add(None)
    assert {1, 2, None} <= outcomes, "an easy test"
    torch.manual_seed(1)
    assert model.loss(X).item() == pytest.approx(total / 30, rel=1e-4)


def test_what_is_at_stake_is_the_change_of_ndcg(X):
    """Each |dNDCG| of LambdaRank by really exchanging two items and measuring again."""
    torch.manual_seed(0)
    logits = torch.randn(X.shape)
    torch.manual_seed(1)
    cols, lacking = X.missing(2)
    relevant = X.dense() > 0
    ranking = logits.argsort(1, descending=True)

    def ndcg(u: int, order) -> float:
        return metrics.ndcg(relevant[u, order][None], relevant[u].sum()[None], 12).item()

    total = 0.0
    for e, (u, i) in enumerate(zip(X.row_ids.tolist(), X.indices.tolist(), strict=True)):
        scale = (12 - int(relevant[u].sum())) / max(1, int(lacking[e].sum()))
        for j, ok in zip(cols[e].tolist(), lacking[e].tolist(), strict=True):
            if ok:
                order = ranking[u].clone()
                a, b = (order == i).nonzero().item(), (order == j).nonzero().item()
                order[a], order[b] = j, i
                stake = abs(ndcg(u, order) - ndcg(u, ranking[u]))
                total += scale * stake * math.log1p(math.exp(logits[u, j] - logits[u, i]))
    torch.manual_seed(1)
    assert lambdarank(logits, X, 2).item() == pytest.approx(total, rel=1e-4)


@pytest.mark.parametrize("name", ["BPR", "WARP", "LambdaNet"])
def test_ranking_losses_learn_to_rank(random_matrix, name):
    """Two kinds of users and items: what a user lacks of her kind must rank first."""
    rng = np.random.default_rng(0)
    kind = np.arange(80) % 2
    dense = (kind[:, None] == np.arange(24) % 2) & (rng.random((80, 24)) < 0.6)
    X = Interactions.from_coo(*np.nonzero(dense), shape=dense.shape)
    options = {"LambdaNet": {"hidden": (8, 4), "warm_up": 2, "beta": 0.0}}
    model = models.MODELS[name](**options.get(name, {"rank": 4}))
    training.fit(model, X, epochs=30, batch_size=20, lr=0.02)
    scores = npy(model.score(X))
    same = kind[:, None] == np.arange(24) % 2
    right = [
        scores[u][same[u] & ~dense[u]].min() > scores[u][~same[u]].max()
        for u in range(80)
        if (same[u] & ~dense[u]).any()
    ]
    assert np.mean(right) > 0.9
    random = built(X, name, **options.get(name, {"rank": 4})).score(X)
    wrong = [npy(random)[u][same[u]].min() > npy(random)[u][~same[u]].max() for u in range(80)]
    assert np.mean(wrong) < 0.2, "the negative control: an untrained model"


# -- CDAE --------------------------------------------------------------------------------


@pytest.mark.parametrize("loss_name", ["logistic", "square"])
@pytest.mark.parametrize("tied", [False, True])
def test_cdae_loss_over_all_items_by_hand(X, events, loss_name, tied):
    model = built(
        X, "CDAE", hidden=3, negatives=0, loss_name=loss_name, activation="tanh", l2=0.2, tied=tied
    )
    W, W_out, V = npy(model.W), npy(model.W_out), npy(model.V)
    b, b_out = npy(model.b), npy(model.b_out)
    S = np.tanh(events @ W + V + b) @ W_out.T + b_out
    if loss_name == "logistic":
        cost = np.log1p(np.exp(-np.where(events, 1, -1) * S)).sum()
    else:
        cost = 0.5 * ((events - S) ** 2).sum()
    weights = [W, b, b_out] + ([] if tied else [W_out])
    penalty = 0.1 * (sum((w**2).sum() for w in weights) + (V**2).sum())
    assert model.loss(X).item() == pytest.approx(cost / 30 + penalty, rel=1e-5)
    halves = [model.loss(X.rows(half)).item() for half in (slice(0, 15), slice(15, 30))]
    assert np.mean(halves) == pytest.approx(cost / 30 + penalty, rel=1e-5)


def test_cdae_asks_for_events_and_for_what_was_drawn(X, events):
    model = built(X, "CDAE", hidden=3, negatives=2)
    torch.manual_seed(0)
    cells = model._cells(X)
    dense = np.full(X.shape, np.nan)
    dense[cells.row_ids, cells.indices.numpy()] = cells.values
    assert (dense[events > 0] == 1).all()
    assert (np.nan_to_num(dense)[events == 0] == 0).all()
    assert 0.2 < np.isnan(dense[events == 0]).mean() < 0.95


def test_cdae_knows_its_users_and_no_one_else(X):
    model = built(X, "CDAE", hidden=3)
    torch.testing.assert_close(model._nodes(X), model.V)
    shuffled = torch.tensor([4, 0, 29])
    torch.testing.assert_close(model._nodes(X.rows(shuffled)), model.V[shuffled])
    strangers = Interactions.from_coo([0, 0, 1], [0, 1, 3], shape=(2, 12))
    torch.testing.assert_close(model._nodes(strangers), model.V.mean(0).expand(2, 3))


def test_cdae_without_input_is_matrix_factorisation(X):
    model = built(X, "CDAE", hidden=3, dropout=1.0, activation="identity").train()
    expected = (model.V + model.b) @ model.W_out.T + model.b_out
    torch.testing.assert_close(model.encode(X) @ model.W_out.T + model.b_out, expected)
    torch.testing.assert_close(model.eval().score(X), expected)  # W was never learnt


# -- the multinomial family ----------------------------------------------------------------


def mult_forward(model, events: np.ndarray) -> np.ndarray:
    h = events / np.sqrt(np.maximum(events.sum(1, keepdims=True), 1))
    for k, (W, b) in enumerate(zip(model.encoder, model.encoder_bias, strict=True)):
        h = (np.tanh(h) if k else h) @ npy(W) + npy(b)
    return h


@pytest.mark.parametrize("hidden", [(4,), (6, 4)])
def test_mult_dae_written_out(X, events, hidden):
    model = built(X, "MultDAE", hidden=hidden, l2=0.01)
    z = np.tanh(mult_forward(model, events))
    for k in range(len(hidden) - 1, -1, -1):
        z = z @ npy(model.decoder[k]).T + npy(model.decoder_bias[k])
        z = np.tanh(z) if k else z
    np.testing.assert_allclose(model.score(X), z, atol=1e-5)
    log_pi = z - np.log(np.exp(z).sum(1, keepdims=True))
    penalty = 0.01 * sum((npy(W) ** 2).sum() for W in [*model.encoder, *model.decoder])
    expected = -(events * log_pi).sum() / 30 + penalty
    assert model.loss(X).item() == pytest.approx(expected, rel=1e-5)


def test_mult_vae_bound_by_monte_carlo(X, events):
    model = built(X, "MultVAE", hidden=(6, 4), beta=0.5, anneal_steps=0)
    mu, logvar = np.split(mult_forward(model, events), 2, axis=1)
    rng, draws = np.random.default_rng(0), 2000
    noise = rng.standard_normal((draws, *mu.shape))
    z = torch.as_tensor(mu + noise * np.exp(logvar / 2), dtype=torch.float32)
    log_pi = npy(functional.log_softmax(model.decode(z), -1))
    q = scipy.stats.norm(mu, np.exp(logvar / 2))
    kl = (q.logpdf(npy(z)) - scipy.stats.norm.logpdf(npy(z))).sum(-1)
    each = (-(log_pi * events).sum(-1) + 0.5 * kl).mean(-1)
    with torch.no_grad():
        torch.manual_seed(0)
        ours = np.array([model.loss(X).item() for _ in range(400)])
    error = math.hypot(each.std() / draws**0.5, ours.std() / 20)
    assert abs(ours.mean() - each.mean()) < 4 * error
    assert abs(ours.mean() - (each + 0.5 * kl.mean(-1)).mean()) > 10 * error, "beta = 1"


def test_the_cap_of_beta_is_reached_only_in_time(X):
    model = models.MultVAE((6, 4), beta=0.2, anneal_steps=100)
    training.fit(model, X, epochs=5, batch_size=10, device="cpu")  # 15 updates
    assert model.current_beta().item() == pytest.approx(0.15)
    training.fit(model, X, epochs=8, batch_size=10, device="cpu")
    assert model.current_beta().item() == pytest.approx(0.2)


def test_the_input_has_length_one_and_loses_a_share(X):
    model = built(X, "MultDAE", hidden=(4,), dropout=0.5)
    squares = model.corrupt(X).values ** 2
    totals = torch.zeros(30).index_add_(0, X.row_ids, squares)
    torch.testing.assert_close(totals, torch.ones(30))
    torch.manual_seed(0)
    dropped = (model.train().corrupt(X).values == 0).float().mean()
    assert 0.3 < dropped < 0.7


# -- RecVAE ------------------------------------------------------------------------------


def test_recvae_prior_is_the_mixture(X):
    model = built(X, "RecVAE", hidden=6, code=3)
    z = torch.randn(30, 3)
    mu, logvar = model.old(X, 0.0)
    normal = scipy.stats.norm
    mixture = (
        0.15 * normal.pdf(z)
        + 0.75 * normal.pdf(z, npy(mu), np.exp(npy(logvar) / 2))
        + 0.10 * normal.pdf(z, 0, np.exp(5))
    )
    np.testing.assert_allclose(npy(model.log_prior(X, z)), np.log(mixture), atol=1e-4)
    plain = built(X, "RecVAE", hidden=6, code=3, composite=False)
    np.testing.assert_allclose(plain.log_prior(X, z), normal.logpdf(z), atol=1e-5)


def test_recvae_encoder_is_densely_connected(X, events):
    model = built(X, "RecVAE", hidden=6, code=3)
    E = model.encoder

    def normed(a: np.ndarray) -> np.ndarray:
        centred = a - a.mean(1, keepdims=True)
        return centred / np.sqrt((centred**2).mean(1, keepdims=True) + 0.1)

    def swish(a: np.ndarray) -> np.ndarray:
        return a / (1 + np.exp(-a))

    x = events / np.sqrt(np.maximum(events.sum(1, keepdims=True), 1))
    hs = [normed(swish(x @ npy(E.first) + npy(E.first_bias)))]
    for layer in E.layers:
        hs.append(normed(swish(hs[-1] @ npy(layer.weight).T + npy(layer.bias) + sum(hs))))
    assert len(hs) == 5
    out = hs[-1] @ npy(E.out.weight).T + npy(E.out.bias)
    np.testing.assert_allclose(npy(torch.cat(E(X, 0.0), 1)), out, atol=1e-4)


def test_recvae_trains_its_halves_in_turn(X):
    states = []

    def watch(model) -> dict:
        states.append({k: v.clone() for k, v in model.state_dict().items()})
        return {}

    training.fit(models.RecVAE(6, 3), X, epochs=9, batch_size=10, watch=watch, device="cpu")

    def moved(name: str) -> list[bool]:
        return [not torch.equal(a[name], b[name]) for a, b in zip(states, states[1:], strict=False)]

    # Epochs 4 and 8 are the decoder's; the old encoder is renewed as they begin.
    decoder_only = [False, False, True, False, False, False, True, False]
    assert moved("decoder.weight") == decoder_only == moved("old.first")
    assert moved("encoder.first") == [not each for each in decoder_only]
    assert torch.equal(states[3]["old.first"], states[2]["encoder.first"])


def test_recvae_weight_grows_with_the_items_of_a_user(X):
    model = built(X, "RecVAE", hidden=6, code=3, gamma=0.5)
    fixed = built(X, "RecVAE", hidden=6, code=3, beta=0.5)
    cost = {}
    for name, each in (("gamma", model), ("beta", fixed)):
        for scale in (0.0, 1.0):
            setattr(each, name, 0.5 * scale)
            torch.manual_seed(2)
            cost[name, scale] = each.loss(X).item()
    torch.manual_seed(2)
    mu, logvar = model.encoder(X, 0.0)
    z = mu + torch.randn_like(mu) * (0.5 * logvar).exp()
    log_q = scipy.stats.norm.logpdf(npy(z), npy(mu), np.exp(npy(logvar) / 2))
    kl = (log_q - npy(model.log_prior(X, z))).sum(1)
    counts = X.row_counts.numpy()
    assert cost["gamma", 1] - cost["gamma", 0] == pytest.approx(
        0.5 * (counts * kl).mean(), rel=1e-2
    )
    assert cost["beta", 1] - cost["beta", 0] == pytest.approx(0.5 * kl.mean(), rel=1e-2)


# -- RaCT --------------------------------------------------------------------------------


def test_ract_measures_ndcg_as_the_evaluator_does(X):
    """What was dropped is held out, what was kept is folded in."""
    model = built(X, "RaCT", hidden=(6, 4))
    logits = torch.randn(X.shape)
    seen = torch.rand(X.nnz) < 0.5
    truth, defined = model.truth(logits, X, seen)

    def part(keep):
        return Interactions.from_coo(X.row_ids[keep], X.indices[keep], shape=X.shape)

    test = splits.Test(part(seen), part(~seen), np.arange(30))
    expected = evaluation.rank_scores([logits], test, ["ndcg@12"]).per_user["ndcg@12"]
    assert defined.tolist() == expected.notna().tolist()
    np.testing.assert_allclose(truth, expected.fillna(0), atol=1e-6)


def test_ract_has_three_stages(X):
    states = []

    def watch(model) -> dict:
        states.append({k: v.clone() for k, v in model.state_dict().items()})
        return {}

    model = models.RaCT((6, 4), actor_epochs=2, critic_epochs=2)
    training.fit(model, X, epochs=6, batch_size=10, watch=watch, device="cpu")

    def moved(name: str) -> list[bool]:
        return [not torch.equal(a[name], b[name]) for a, b in zip(states, states[1:], strict=False)]

    assert moved("decoder.0") == [True, False, False, True, True]
    assert moved("critic.0.weight") == [False, True, True, True, True]


def test_the_second_stage_of_ract_starts_from_the_best_actor_and_keeps_the_critic(X):
    states, values = [], iter([3.0, 1.0, 2.0, 1.0, 1.0, 5.0])  # the second epoch is the best

    def validate(model) -> float:
        states.append({k: v.clone() for k, v in model.state_dict().items()})
        return next(values)

    model = models.RaCT((6, 4), actor_epochs=3, critic_epochs=2)
    options = {"epochs": 6, "batch_size": 10, "validate": validate, "device": "cpu"}
    history = training.fit(model, X, **options)
    best, after_critic = states[1], states[4]
    assert torch.equal(after_critic["decoder.0"], best["decoder.0"])
    assert not torch.equal(states[2]["decoder.0"], best["decoder.0"])
    # As good as the best actor, and with a critic that has learnt: this is what is kept.
    assert history.best_epoch == 5
    assert torch.equal(model.critic[0].weight, after_critic["critic.0.weight"])


def test_the_parts_of_ract_have_rates_of_their_own(X):
    def step(**rates) -> dict[str, float]:
        states = []
        model = models.RaCT((6, 4), actor_epochs=1, critic_epochs=1, **rates)

        def watch(model) -> dict:
            states.append({k: v.clone() for k, v in model.state_dict().items()})
            return {}

        options = {"epochs": 3, "batch_size": "all", "lr": 0.01, "device": "cpu"}
        training.fit(model, X, watch=watch, **options)
        names = ("decoder.0", "critic.0.weight")
        return {n: (states[2][n] - states[1][n]).abs().max().item() for n in names}

    # The first step of a fresh Adam is as long as the rate.
    assert step(critic_rate=0.1, actor_rate=0.5) == pytest.approx(
        {"decoder.0": 0.005, "critic.0.weight": 0.001}, rel=0.01
    )
    assert step(critic_rate=0.5, actor_rate=0.1)["decoder.0"] == pytest.approx(0.001, rel=0.01)
    with pytest.raises(ValueError, match="rates must be positive"):
        models.RaCT(actor_rate=0.0)


def test_the_control_of_ract_goes_on_with_the_likelihood_alone(X):
    model = built(X, "RaCT", hidden=(6, 4), advice="likelihood").train()
    model._stage = "both"
    torch.manual_seed(0)
    model.loss(X).backward()
    assert model.critic[0].weight.grad is None
    assert model.decoder[0].grad.abs().max() > 0
    with pytest.raises(ValueError, match="critic or likelihood"):
        models.RaCT(advice="oracle")


def test_the_actor_of_ract_does_not_move_the_critic(X):
    """In the last stage the critic's gradient is that of its regression alone."""
    model = built(X, "RaCT", hidden=(6, 4)).train()
    gradients = {}
    for stage in ("critic", "both"):
        model._stage = stage
        model.zero_grad()
        torch.manual_seed(0)
        model.loss(X).backward()
        gradients[stage] = model.critic[0].weight.grad.clone()
        gradients[stage, "actor"] = model.decoder[0].grad
    torch.testing.assert_close(gradients["critic"], gradients["both"])
    assert gradients["critic", "actor"] is None
    assert gradients["both", "actor"].abs().max() > 0


# -- SVAE --------------------------------------------------------------------------------


@pytest.fixture
def history() -> Interactions:
    """User 0 saw items 4, 2, 0, 1 in this order, user 1 saw 3, user 2 saw 1, 0."""
    return Interactions.from_coo(
        [0, 0, 0, 0, 1, 2, 2], [4, 2, 0, 1, 3, 1, 0], [1, 2, 3, 4, 1, 1, 2], shape=(3, 5)
    )


def test_svae_asks_for_the_next_items(history):
    model = built(history, "SVAE", embedding=4, recurrent=3, hidden=4, code=2, horizon=2)
    states, items, step = model._states(history)
    assert items.tolist() == [4, 2, 0, 1, 3, 1, 0]
    assert step.tolist() == [0, 1, 2, 3, 0, 0, 1]
    targets = model._targets(history, items).dense()
    expected = torch.zeros(7, 5)
    expected[0, [2, 0]] = expected[1, [0, 1]] = expected[2, 1] = 1 / 3  # three steps
    expected[5, 0] = 1
    torch.testing.assert_close(targets, expected)
    assert states.shape == (3, 5, 3) and not states[:, 0].any()


def test_svae_sees_the_past_only_and_its_order(history):
    model = built(history, "SVAE", embedding=4, recurrent=3, hidden=4, code=2)
    states = model._states(history)[0]
    changed = history.with_values(
        torch.tensor([1.0, 2, 4, 3, 1, 1, 2])[torch.tensor([2, 3, 1, 0, 4, 6, 5])]
    )  # the last two items of user 0 change places
    other = model._states(changed)[0]
    torch.testing.assert_close(states[0, :3], other[0, :3])
    assert not torch.allclose(states[0, 3], other[0, 3])
    assert not torch.allclose(model.score(history)[0], model.score(changed)[0])
    torch.testing.assert_close(model.score(history)[1:], model.score(changed)[1:])


def test_svae_learns_a_cycle():
    """Items follow one another in a circle: the last one seen says what comes next."""
    rng = np.random.default_rng(0)
    starts = rng.integers(0, 10, 200)
    items = (starts[:, None] + np.arange(5)) % 10
    rows = np.repeat(range(200), 5)
    X = Interactions.from_coo(rows, items.flatten(), np.tile(range(1, 6), 200), shape=(200, 10))
    model = models.SVAE(8, 16, 16, 4, horizon=1, beta=0.01, anneal_steps=0)
    training.fit(model, X, epochs=40, batch_size=20, lr=0.01, device="cpu")
    said = model.score(X).argmax(1).numpy()
    assert (said == (starts + 5) % 10).mean() > 0.95
    backwards = X.with_values(6 - X.values)
    assert (model.score(backwards).argmax(1).numpy() == (starts + 5) % 10).mean() < 0.5


def test_svae_without_chance_is_a_plain_recurrent_network(history):
    """Its loss by hand: user 2 saw 1, then 0; after 1 the score of the prefix names 0."""
    widths = {"embedding": 4, "recurrent": 3, "hidden": 4, "code": 2}
    plain, usual = (
        built(history, "SVAE", **widths, stochastic=chance, beta=5.0, anneal_steps=0)
        for chance in (False, True)
    )
    row, prefix = history.rows(slice(2, 3)), Interactions.from_coo([0], [1], [1], shape=(1, 5))
    by_hand = -plain.score(prefix).log_softmax(1)[0, 0]
    torch.testing.assert_close(plain.loss(row), by_hand.detach(), check_stride=False)
    assert plain.loss(history).item() == plain.loss(history).item()  # nothing is drawn
    assert plain.posterior.out_features == 2
    # Negative control: the usual one draws its code, and pays for it.
    assert usual.loss(history).item() != usual.loss(history).item()
    assert usual.posterior.out_features == 4


# -- what came after ------------------------------------------------------------------------


def test_hvamp_prior_is_the_mean_of_posteriors(X):
    model = built(X, "HVamp", hidden=6, code=3, components=4)
    z = torch.randn(30, 3)
    mu, logvar = (npy(part) for part in model.x_to_z2(model.pseudo_rows.clamp(0, 1)))
    each = scipy.stats.norm.pdf(npy(z)[:, None], mu, np.exp(logvar / 2)).prod(-1)
    np.testing.assert_allclose(npy(model.log_prior_z2(z)), np.log(each.mean(1)), atol=1e-4)


def test_the_weight_of_hvamp_warms_up(X):
    seen = []
    model = models.HVamp(6, 3, components=4, beta=0.3, warm_up=3)
    training.fit(
        model, X, epochs=5, device="cpu", watch=lambda m: seen.append(round(m._weight, 6)) or {}
    )
    assert seen == [0.1, 0.2, 0.3, 0.3, 0.3]


def test_the_infinite_kernel_is_the_limit_of_wide_networks(X, events):
    """Inner products of gradients of a network of many units, in the parametrisation of NTK."""
    model = models.InfiniteAE(1.0).fit(X)
    rng, width, w, b = np.random.default_rng(0), 40_000, math.sqrt(2), 0.1
    x = events[:5]
    first, offset, last = (
        rng.standard_normal((12, width)),
        rng.standard_normal(width),
        rng.standard_normal(width),
    )
    a = w / math.sqrt(12) * x @ first + b * offset
    h, slope = np.maximum(a, 0), a > 0
    # Gradients with respect to last, its offset, first, and offset.
    K = w**2 / width * h @ h.T + b**2
    back = w / math.sqrt(width) * last * slope
    K += (back @ back.T) * (w**2 / 12 * x @ x.T + b**2)
    found = npy(model.kernel(X))[:5, :5]
    np.testing.assert_allclose(found, K, rtol=0.03)
    assert abs(found / (w**2 / 12 * x @ x.T + b**2) - 1).max() > 0.1, "not the linear one"


def test_the_infinite_autoencoder_solves_its_regression(X, events):
    model = models.InfiniteAE(0.5).fit(X)
    K = npy(model.kernel(X))
    A = K + 0.5 * np.diag(K).mean() * np.eye(30)
    np.testing.assert_allclose(model.score(X), K @ np.linalg.solve(A, events), atol=1e-3)


def test_every_layer_of_hvamp_starts_as_its_authors_start_it(X):
    """N(0, 2 / inputs): from half of that, most of the code never comes to life."""
    torch.manual_seed(0)
    model = models.HVamp(64, 32, components=8)
    model.build(X)
    weights = {k: v for k, v in model.named_parameters() if k.endswith(".W")}
    assert len(weights) == 2 * 10 + 2 * 3 + 1  # gated layers, normals, and the output
    for name, W in weights.items():
        deviation = W.std().item() * math.sqrt(W.shape[0] / 2)
        assert deviation == pytest.approx(1, abs=5 / math.sqrt(W.numel())), name
    for name, b in model.named_parameters():
        if name.endswith(".b"):
            assert 0 < b.abs().max() <= 1 / math.sqrt(weights[f"{name[:-1]}W"].shape[0])


def test_item_knn_is_the_same_in_blocks_and_keeps_no_more_than_its_neighbours(
    random_matrix, monkeypatch
):
    X = random_matrix(60, 33, 0.2)
    S = X.binary().gram()
    norm = S.diagonal().sqrt()
    S /= (norm[:, None] * norm + 2.0).clamp(min=1.0)
    S.fill_diagonal_(0)
    kept = S.topk(5, dim=0)
    dense = torch.zeros_like(S).scatter_(0, kept.indices, kept.values)
    for block in (7, 512):
        monkeypatch.setattr(models.knn, "BLOCK", block)
        model = models.ItemKNN(5, 2.0).fit(X)
        torch.testing.assert_close(model.score(X), X.binary().dense() @ dense)
        assert model.num_parameters <= 5 * 33
        shares = models.ItemKNN(5, 2.0, normalise=True).fit(X).score(X)
        torch.testing.assert_close(shares, X.binary().dense() @ (dense / dense.sum(0)))


def test_the_noise_of_the_code_scales_its_spread_and_nothing_else(X):
    """With one seed, the code of half the noise lies half as far from its mean."""
    codes = {}
    for noise in (1.0, 0.5):
        model = built(X, "MultVAE", hidden=(6, 4), noise=noise, beta=0.0, dropout=0.0).train()
        seen = []
        model.decode = lambda z, seen=seen: seen.append(z) or X.dense()
        torch.manual_seed(0)
        model.loss(X)
        codes[noise] = seen[0] - model.posterior(X)[0]
    torch.testing.assert_close(codes[0.5], 0.5 * codes[1.0])
    assert codes[1.0].abs().min() > 0
    with pytest.raises(ValueError, match="noise must be positive"):
        models.MultVAE(noise=0.0)
