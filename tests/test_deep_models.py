"""The deep, denoising, normalised and variational autoencoders and biased MF, against oracles."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
import torch
from torch.nn import functional

from reclib import evaluation, losses, models, training
from reclib.interactions import Interactions
from reclib.models import regression
from reclib.models.base import ACTIVATIONS

HIDDEN = (6, 4, 3)


@pytest.fixture(scope="module")
def X(random_matrix) -> Interactions:
    return random_matrix(30, 14, density=0.4, seed=5)


def built(X: Interactions, name: str = "DeepAutoencoder", **options):
    torch.manual_seed(0)
    model = models.MODELS[name](**{"hidden": HIDDEN} | options)
    model.build(X)
    return model


def dense_forward(model, x: torch.Tensor) -> torch.Tensor:
    """The network written out on full matrices, in float64 and evaluation mode."""
    f = ACTIVATIONS[model.activation]

    def normed(name: str, a):
        if not model.batch_norm:
            return a
        n = model.norms[name]
        scaled = (a - n.running_mean.double()) / (n.running_var.double() + n.eps).sqrt()
        return scaled * n.weight.double() + n.bias.double()

    h = x.double()
    for k, (W, b) in enumerate(zip(model.encoder, model.encoder_bias, strict=True)):
        h = f(normed(f"encoder{k}", h @ W.double() + b.double()))
    for k in reversed(range(len(model.hidden))):
        W = model.encoder[k] if model.tied else model.decoder[k]
        h = h @ W.double().T + model.decoder_bias[k].double()
        if k:
            h = f(normed(f"decoder{k}", h))
    return h if model.last_linear else f(h)


# -- the network ---------------------------------------------------------------------


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(
    ("tied", "last_linear", "batch_norm"), list(product([False, True], repeat=3))
)
def test_the_loss_is_the_masked_mean_squared_error(X, activation, tied, last_linear, batch_norm):
    model = built(
        X, activation=activation, tied=tied, last_linear=last_linear, batch_norm=batch_norm
    ).eval()
    x = X.dense()
    expected = (dense_forward(model, x) - x)[x > 0].square().mean()
    assert model.loss(X).item() == pytest.approx(expected.item(), rel=1e-5)
    # Negative control: the missing cells, taken for zeros, give another number.
    assert (dense_forward(model, x) - x).square().mean().item() != pytest.approx(
        expected.item(), rel=1e-2
    )


def test_batches_of_a_pass_average_to_the_loss_of_all_rows(X):
    model = built(X).eval()
    parts = [(batch.num_rows, model.loss(batch).item()) for batch in X.batches(7)]
    mean = sum(n * value for n, value in parts) / X.num_rows
    assert mean == pytest.approx(model.loss(X).item(), rel=1e-5)
    # Divided by each batch's own ratings they would not.
    own = [
        losses.squared_error(model.decode_at(model.encode(b), b), b.values).item() / b.nnz
        for b in X.batches(7)
    ]
    assert np.mean(own) != pytest.approx(mean, rel=1e-4)


@pytest.mark.parametrize(
    ("hidden", "weights", "biases"),
    [
        ((128,), 2 * 17768 * 128, 128 + 17768),
        ((128, 128), 2 * (17768 * 128 + 128 * 128), 3 * 128 + 17768),
        ((128, 256, 256), 2 * (17768 * 128 + 128 * 256 + 256 * 256), 2 * 384 + 256 + 17768),
    ],
)
def test_parameters_are_counted_as_in_the_paper(hidden, weights, biases):
    empty = Interactions.from_coo([0], [0], [1.0], shape=(1, 17768))
    assert built(empty, hidden=hidden).num_parameters == weights + biases
    assert built(empty, hidden=hidden, tied=True).num_parameters == weights // 2 + biases


def test_two_layers_of_128_have_the_parameters_of_table_2():
    empty = Interactions.from_coo([0], [0], [1.0], shape=(1, 17768))
    sizes = [built(empty, hidden=(128,) * n).num_parameters for n in (1, 2, 3)]
    assert sizes == [4_566_504, 4_566_504 + 33_024, 4_566_504 + 2 * 33_024]


def test_tied_weights_get_the_gradients_of_both_their_places(X):
    tied, free = built(X, tied=True), built(X)
    with torch.no_grad():
        for k in range(len(HIDDEN)):
            free.encoder[k].copy_(tied.encoder[k])
            free.decoder[k].copy_(tied.encoder[k])
    tied.loss(X).backward()
    free.loss(X).backward()
    for k in range(len(HIDDEN)):
        both = free.encoder[k].grad + free.decoder[k].grad
        torch.testing.assert_close(tied.encoder[k].grad, both)
        assert (both - free.encoder[k].grad).abs().max() > 1e-3  # neither alone would do


@pytest.mark.parametrize(
    ("site", "widths"), [("code", [3]), ("encoder", [6, 4, 3]), ("every", [6, 4, 3, 4, 6])]
)
def test_dropout_is_where_it_was_asked_for(X, monkeypatch, site, widths):
    seen, dropout = [], functional.dropout

    def spy(h, p, training):
        seen.append(h.shape[1])
        return dropout(h, p, training)

    monkeypatch.setattr(functional, "dropout", spy)
    built(X, dropout=0.5, dropout_on=site).loss(X)
    assert seen == widths


def test_dropout_is_off_in_prediction(X):
    model = built(X, dropout=0.5, dropout_on="every", input_dropout=0.5)
    assert not torch.equal(model.encode(X), model.encode(X))  # in training it is on
    assert torch.equal(model.score(X), model.score(X))
    assert model.training  # and scoring has left the mode as it was


def test_denoising_masks_the_input_and_still_asks_for_it(X):
    model = built(X, input_dropout=0.3, activation="identity")
    shown = model.corrupt(X)
    assert torch.equal(shown.indices, X.indices)
    kept = shown.values != 0
    torch.testing.assert_close(shown.values[kept], X.values[kept] / 0.7)
    many = torch.stack([model.corrupt(X).values for _ in range(4000)])
    torch.testing.assert_close(many.mean(0), X.values, rtol=0.08, atol=0)
    torch.manual_seed(3)
    loss = model.loss(X).item()
    torch.manual_seed(3)
    x = model.corrupt(X)
    model.eval()
    expected = (dense_forward(model, x.dense()) - X.dense())[X.dense() > 0].square().mean().item()
    assert loss == pytest.approx(expected, rel=1e-5)
    assert model.corrupt(X) is X  # in evaluation nothing is hidden
    only_shown = (dense_forward(model, x.dense()) - X.dense())[x.dense() > 0].square().mean()
    assert only_shown.item() != pytest.approx(expected, rel=1e-2)


def test_the_penalty_is_of_weights_and_counts_tied_ones_once(X):
    for tied in (False, True):
        plain, punished = built(X, tied=tied), built(X, tied=tied, l2=0.1)
        squares = sum(W.square().sum().item() for W in plain.encoder)
        squares += 0 if tied else sum(W.square().sum().item() for W in plain.decoder)
        difference = punished.loss(X).item() - plain.loss(X).item()
        assert difference == pytest.approx(0.1 * squares, rel=1e-4)


def test_batch_norm_predicts_a_row_whatever_the_others_are(X):
    model = built(X, batch_norm=True)
    training.fit(model, X, epochs=3, device="cpu")
    alone = torch.cat([model.score(row) for row in X.batches(1)])
    torch.testing.assert_close(alone, model.score(X))
    model.train()  # the mistake, statistics of the batch at hand, which score does not make
    torch.testing.assert_close(model.score(X), alone)
    assert (model.decode(model.encode(X)) - alone).abs().max() > 1e-3


@pytest.mark.parametrize("rows", [0, 1])
def test_a_column_without_ratings_gets_the_mean(rows):
    X = Interactions.from_coo([0, 1], [0, 1], [2.0, 4.0], shape=(2, 3))
    model = built(X)
    assert model.score(X.rows(slice(rows, rows + 1)))[0, 2].item() == 3.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden": ()}, "at least one positive width"),
        ({"hidden": (4, 0)}, "at least one positive width"),
        ({"activation": "swish"}, "no activation 'swish'"),
        ({"dropout_on": "input"}, "dropout_on must be one of"),
        ({"dropout": 1.0}, "dropout must lie in"),
        ({"input_dropout": -0.1}, "dropout must lie in"),
    ],
)
def test_bad_options_are_explained(options, message):
    with pytest.raises(ValueError, match=message):
        models.DeepAutoencoder(**options)


# -- dense re-feeding ------------------------------------------------------------------


def test_refeeding_makes_the_output_input_and_target(X):
    model = built(X, refeeds=2).eval()
    y = model.decode(model.encode(X)).detach()
    updates = model.updates(X)
    assert next(updates)().item() == pytest.approx(model.loss(X).item())
    with torch.no_grad():  # as an optimiser would, before the re-fed step
        model.encoder[0].mul_(1.1)
    refed = next(updates)()
    again = dense_forward(model, y)  # with the weights of this step, for the next one
    expected = (again - y).square().mean()
    assert refed.item() == pytest.approx(expected.item(), rel=1e-5)
    with torch.no_grad():
        model.encoder[0].mul_(1.1)
    last = next(updates)()
    expected = (dense_forward(model, again) - again).square().mean()
    assert last.item() == pytest.approx(expected.item(), rel=1e-5)
    anew = dense_forward(model, y)
    wrong = (dense_forward(model, anew) - anew).square().mean()
    assert last.item() != pytest.approx(wrong.item(), rel=1e-3)
    assert next(updates, None) is None


def test_a_projection_has_no_refeeding_gradient(X):
    """A linear tied code with orthonormal weights maps its own outputs to themselves."""
    model = built(
        X, hidden=(3,), activation="identity", tied=True, last_linear=True, refeeds=1
    ).eval()

    def gradient() -> float:
        y = model._reconstruct(X)
        model.zero_grad()
        model._dense_loss(y).backward()
        return max(p.grad.abs().max().item() for p in model.parameters())

    assert gradient() > 1e-2  # the weights drawn are not orthonormal
    with torch.no_grad():
        model.encoder[0].copy_(torch.linalg.qr(model.encoder[0])[0])
    assert gradient() < 1e-5


def test_refed_steps_change_the_training_and_count_for_the_optimiser(X):
    def steps(refeeds: int) -> int:
        model = models.DeepAutoencoder(HIDDEN, refeeds=refeeds)
        history = training.fit(model, X, epochs=2, batch_size=10, device="cpu")
        return int(history.optimizer_state["state"][0]["step"])

    assert [steps(k) for k in (0, 1, 2)] == [6, 12, 18]


# -- the variational one ---------------------------------------------------------------


def test_the_kl_term_is_the_divergence_from_a_standard_normal():
    generator = torch.Generator().manual_seed(0)
    mu, logvar = torch.randn(2, 5, 3, generator=generator)
    normal = torch.distributions.Normal
    exact = torch.distributions.kl_divergence(normal(mu, (logvar / 2).exp()), normal(0, 1)).sum()
    torch.testing.assert_close(losses.gaussian_kl(mu, logvar), exact)
    torch.manual_seed(0)
    q = normal(mu, (logvar / 2).exp())
    z = q.sample((200_000,))
    sampled = (q.log_prob(z) - normal(0, 1).log_prob(z)).mean(0).sum()
    assert sampled.item() == pytest.approx(exact.item(), rel=5e-3)
    # Negative control: with logvar taken for the variance it is another number.
    assert losses.gaussian_kl(mu, logvar.exp()).item() != pytest.approx(exact.item(), rel=0.1)


def test_without_noise_and_kl_it_is_the_deep_autoencoder(X):
    vae = built(X, "RatingVAE", beta=0.0, activation="identity").eval()
    with torch.no_grad():
        vae.logvar_bias.fill_(-60.0)
        vae.logvar.zero_()
    deep = built(X, activation="identity").eval()
    deep.load_state_dict(vae.state_dict(), strict=False)
    assert vae.loss(X).item() == pytest.approx(deep.loss(X).item(), rel=1e-5)


def test_the_lower_bound_of_the_variational_autoencoder(X):
    vae = built(X, "RatingVAE", beta=0.7).eval()
    torch.manual_seed(4)
    found = vae.loss(X).item()
    mu, logvar = vae.posterior(X)
    torch.manual_seed(4)
    z = mu + torch.randn_like(mu) * torch.sqrt(logvar.exp())
    x = X.dense()
    nll = 0.5 * (vae.decode(z) - x)[x > 0].square().sum()
    kl = 0.5 * (logvar.exp() + mu**2 - 1 - logvar).sum()
    assert found == pytest.approx(2 * (nll + 0.7 * kl).item() / X.nnz, rel=1e-5)
    assert found != pytest.approx(2 * (nll + kl).item() / X.nnz, rel=1e-3)


def test_annealing_raises_the_weight_step_by_step(X):
    vae = models.RatingVAE((6, 3), beta=0.5, anneal_steps=8)
    weights = []
    training.fit(
        vae,
        X,
        epochs=4,
        batch_size=10,
        device="cpu",
        watch=lambda m: weights.append(float(m.current_beta())) or {},
    )
    assert weights == pytest.approx([0.5 * 3 / 8, 0.5 * 6 / 8, 0.5, 0.5])
    assert models.RatingVAE(beta=0.3).current_beta() == 0.3


def test_annealing_goes_on_after_an_interruption(X, tmp_path):
    def run(epochs, **options):
        vae = models.RatingVAE((6, 3), anneal_steps=100)
        training.fit(vae, X, epochs=epochs, batch_size=10, device="cpu", **options)
        return vae

    run(2, checkpoint=tmp_path / "c")
    resumed, whole = run(4, checkpoint=tmp_path / "c"), run(4)
    assert int(resumed.steps) == int(whole.steps) == 12
    assert torch.equal(resumed.score(X), whole.score(X))


def test_it_predicts_from_the_mean_of_the_code(X):
    vae = built(X, "RatingVAE").eval()
    assert torch.equal(vae.score(X), vae.score(X))
    assert torch.equal(vae.encode(X), vae.posterior(X)[0])


@pytest.mark.parametrize(
    ("options", "message"),
    [({"hidden": (5,)}, "hidden layer before"), ({"refeeds": 1}, "deterministic code")],
)
def test_what_a_variational_autoencoder_cannot_be(options, message):
    with pytest.raises(ValueError, match=message):
        models.RatingVAE(**options)


# -- biased matrix factorisation -------------------------------------------------------


def ridge(model: models.BiasedMF, x: np.ndarray) -> np.ndarray:
    """Factors and bias of one row by numpy's lstsq on the penalised design; x is NaN-padded."""
    seen = np.flatnonzero(~np.isnan(x))
    items = model.items.double().numpy()
    A = np.hstack([items[seen, :-1], np.ones((len(seen), 1))])
    y = x[seen] - float(model.mean) - items[seen, -1]
    root = np.sqrt(model.l2 * len(seen)) * np.eye(A.shape[1])
    return np.linalg.lstsq(np.vstack([A, root]), np.concatenate([y, np.zeros(len(root))]))[0]


def objective(model: models.BiasedMF, X: Interactions) -> float:
    users = model._solve(X, model.items)
    error = (model.score_at(X, X) - X.values).square().sum()
    size = (X.row_counts * users.square().sum(1)).sum()
    size = size + (X.col_counts * model.items.square().sum(1)).sum()
    return float(error + model.l2 * size)


def test_users_are_ridge_regressions_on_the_items(X):
    model = models.BiasedMF(3, l2=0.1).fit(X)
    dense = np.where(X.dense() > 0, X.dense(), np.nan)
    expected = np.stack([ridge(model, row) for row in dense])
    np.testing.assert_allclose(model._solve(X, model.items), expected, atol=1e-4)
    items = model.items.double().numpy()
    scores = expected[:, :-1] @ items[:, :-1].T + expected[:, -1:] + items[:, -1]
    np.testing.assert_allclose(model.score(X), scores + float(model.mean), atol=1e-3)
    # Negative control: without the number of ratings in the penalty they differ.
    model.l2 *= 2
    assert abs(model._solve(X, model.items).numpy() - expected).max() > 1e-2


def test_every_alternation_lowers_the_objective(X):
    values = [objective(models.BiasedMF(3, 0.1, n).fit(X), X) for n in (1, 2, 4, 8, 16)]
    assert all(later < earlier for earlier, later in pairwise(values))
    assert values[-1] < 0.8 * values[0]


def test_chunks_of_rows_change_nothing(X, monkeypatch):
    whole = models.BiasedMF(3).fit(X).score(X)
    monkeypatch.setattr(regression, "CHUNK", 7 * 4**2)  # seven rows
    torch.testing.assert_close(models.BiasedMF(3).fit(X).score(X), whole, atol=1e-4, rtol=1e-4)


def test_factors_find_what_biases_cannot():
    """Ratings made of one factor: a bias model leaves its product, rank 1 explains it."""
    rng = np.random.default_rng(0)
    p, q = rng.choice([-1.0, 1.0], 60), rng.choice([-1.0, 1.0], 40)
    u, i = np.nonzero(rng.random((60, 40)) < 0.5)
    X = Interactions.from_coo(u, i, 3 + p[u] * q[i], shape=(60, 40))

    def error(model) -> float:
        return float((model.fit(X).score_at(X, X) - X.values).square().mean())

    assert error(models.BiasedMF(1, l2=0.01)) < 0.02
    assert error(models.Biases(1.0)) > 0.5


@pytest.mark.parametrize("options", [{"rank": 0}, {"l2": 0.0}])
def test_rank_and_penalty_must_be_positive(options):
    with pytest.raises(ValueError, match="rank and l2 must be positive"):
        models.BiasedMF(**options)


def test_a_deep_autoencoder_of_items_is_that_of_the_transpose(random_ratings):
    X = random_ratings(30, 20).to_interactions()
    options = {"epochs": 3, "batch_size": 8, "seed": 0, "device": "cpu"}
    items = models.DeepAutoencoder((6, 4), rows="items")
    users = models.DeepAutoencoder((6, 4))
    training.fit(items, X, **options)
    training.fit(users, X.T, **options)
    theirs = X.T.with_values(evaluation.predict_at(users, X.T, X.T)).T.values  # in the order of X
    torch.testing.assert_close(evaluation.predict_at(items, X, X), theirs)
    with pytest.raises(ValueError, match="rows must be"):
        models.DeepAutoencoder((6,), rows="films")
