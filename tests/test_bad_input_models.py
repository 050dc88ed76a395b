"""What a stranger asks of models, training, evaluation and metrics by mistake, one line a case."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from reclib import evaluation, metrics, models, splits, training
from reclib.interactions import Interactions
from reclib.models.base import GradientRecommender, Recommender

NAN, INF = float("nan"), float("inf")


@pytest.fixture(scope="module")
def X(random_matrix) -> Interactions:
    return random_matrix(24, 15)


@pytest.fixture(scope="module")
def split(random_ratings) -> splits.Split:
    return splits.hold_out_per_user(random_ratings(40, 20), test=0.3)


def explains(kind: type[Exception], message: str):
    """The error is of this kind, and its text begins with these words."""
    return pytest.raises(kind, match=f"^{re.escape(message)}")


# -- what a model is made of ---------------------------------------------------------

V, T = ValueError, TypeError
OPTIONS = [
    (models.EASE, {"l2": NAN}, V, "l2 must be finite, got nan"),
    (models.EASE, {"l2": INF}, V, "l2 must be finite, got inf"),
    (models.EASE, {"l2": "500"}, T, "l2 must be a number, got '500'"),
    (models.EASE, {"l2": 0}, V, "l2 must be above 0, got 0"),
    (models.EASE, {"l2": True}, T, "l2 must be a number, got True"),
    (models.EDLAE, {"dropout": NAN}, V, "dropout must be finite"),
    (models.EDLAE, {"dropout": 1}, V, "dropout must be at least 0 and below 1, got 1"),
    (models.IALS, {"rank": 2.5}, T, "rank must be a whole number, got 2.5"),
    (models.IALS, {"rank": 0}, V, "rank must be at least 1, got 0"),
    (models.IALS, {"iterations": 0}, V, "iterations must be at least 1, got 0"),
    (models.IALS, {"iterations": -5}, V, "iterations must be at least 1, got -5"),
    (models.IALS, {"l2": NAN}, V, "l2 must be finite"),
    (models.IALS, {"weight": 0}, V, "weight must be above 0, got 0"),
    (models.IALS, {"power": "x"}, T, "power must be a number, got 'x'"),
    (models.IALS, {"seed": "a"}, T, "seed must be a whole number, got 'a'"),
    (models.IALS, {"counts": "no"}, T, "counts must be True or False, got 'no'"),
    (models.BiasedMF, {"iterations": 0}, V, "iterations must be at least 1, got 0"),
    (models.BiasedMF, {"l2": NAN}, V, "l2 must be finite"),
    (models.BiasedMF, {"rank": "4"}, T, "rank must be a whole number, got '4'"),
    (models.BiasedMF, {"seed": 2**64}, V, "seed must be"),
    (models.PureSVD, {"rank": 2.5}, T, "rank must be a whole number, got 2.5"),
    (models.PureSVD, {"binary": 2}, T, "binary must be True or False, got 2"),
    (models.ImputedSVD, {"rank": None}, T, "rank must be a whole number, got None"),
    (models.ImputedSVD, {"l2": NAN}, V, "l2 must be finite"),
    (models.ItemKNN, {"neighbours": 1.5}, T, "neighbours must be a whole number, got 1.5"),
    (models.ItemKNN, {"shrink": NAN}, V, "shrink must be finite"),
    (models.ItemKNN, {"normalise": "yes"}, T, "normalise must be True or False"),
    (models.RatingKNN, {"shrink": NAN}, V, "shrink must be finite"),
    (models.RatingKNN, {"kept": 1.5}, T, "kept must be a whole number"),
    (models.RatingKNN, {"l2": -1}, V, "l2 must not be negative, got -1"),
    (models.SLIM, {"l1": NAN}, V, "l1 must be finite"),
    (models.SLIM, {"l1": -1}, V, "l1 must be at least 0, got -1"),
    (models.SLIM, {"iterations": 0}, V, "iterations must be at least 1"),
    (models.Biases, {"l2": NAN}, V, "l2 must be finite"),
    (models.Biases, {"iterations": 0}, V, "iterations must be at least 1, got 0"),
    (models.Biases, {"iterations": -1}, V, "iterations must be at least 1, got -1"),
    (models.InfiniteAE, {"l2": NAN}, V, "l2 must be finite"),
    (models.InfiniteAE, {"bias_std": NAN}, V, "bias_std must be finite"),
    (models.InfiniteAE, {"weight_std": 0}, V, "weight_std must be above 0, got 0"),
    (models.AutoRec, {"hidden": 0}, V, "hidden must be at least 1, got 0"),
    (models.AutoRec, {"hidden": -5}, V, "hidden must be at least 1, got -5"),
    (models.AutoRec, {"hidden": "x"}, T, "hidden must be a whole number, got 'x'"),
    (models.AutoRec, {"hidden": (50,)}, T, "hidden must be a whole number, got (50,)"),
    (models.AutoRec, {"l2": -1}, V, "l2 must be at least 0, got -1"),
    (models.AutoRec, {"l2": NAN}, V, "l2 must be finite"),
    (models.AutoRec, {"scale": (5, 1)}, V, "scale must be (lowest, highest), got 5 above 1"),
    (models.AutoRec, {"scale": 5}, T, "scale must be (lowest, highest), got 5"),
    (models.AutoRec, {"scale": (1, NAN)}, V, "scale[1] must be finite"),
    (models.AutoRec, {"default_rating": NAN}, V, "default_rating must be finite"),
    (models.AutoRec, {"hidden_activation": ["elu"]}, V, "no activation ['elu']; there are"),
    (models.DeepAutoencoder, {"hidden": 50}, T, "hidden must be a sequence of widths, got 50; one"),
    (models.DeepAutoencoder, {"dropout": NAN}, V, "dropout must be finite"),
    (models.DeepAutoencoder, {"refeeds": -1}, V, "refeeds must be at least 0, got -1"),
    (models.DeepAutoencoder, {"l2": -1.0}, V, "l2 must be at least 0, got -1"),
    (models.DeepAutoencoder, {"tied": "no"}, T, "tied must be True or False"),
    (models.DeepAutoencoder, {"scale": (5, 1)}, V, "scale must be (lowest, highest)"),
    (models.RatingVAE, {"beta": NAN}, V, "beta must be finite"),
    (models.RatingVAE, {"anneal_steps": -1}, V, "anneal_steps must be at least 0, got -1"),
    (models.MultDAE, {"hidden": "50"}, T, "hidden must be a sequence of widths, got '50'"),
    (models.MultVAE, {"hidden": 50}, T, "hidden must be a sequence of widths, got 50; one layer"),
    (models.MultVAE, {"hidden": ()}, V, "hidden must name at least one positive width, got ()"),
    (models.MultVAE, {"hidden": (5.5,)}, T, "each width of hidden must be a whole number, got 5.5"),
    (models.MultVAE, {"beta": NAN}, V, "beta must be finite"),
    (models.MultVAE, {"beta": -1}, V, "beta must be at least 0, got -1"),
    (models.MultVAE, {"anneal_steps": 1.5}, T, "anneal_steps must be a whole number"),
    (models.MultVAE, {"l2": -5}, V, "l2 must be at least 0, got -5"),
    (models.MultVAE, {"noise": NAN}, V, "noise must be finite"),
    (models.BPR, {"rank": 2.5}, T, "rank must be a whole number"),
    (models.BPR, {"l2": -1}, V, "l2 must be at least 0, got -1"),
    (models.BPR, {"dropout": 1}, V, "dropout must be at least 0 and below 1, got 1"),
    (models.WARP, {"draws": 0}, V, "draws must be at least 1, got 0"),
    (models.WARP, {"l2": NAN}, V, "l2 must be finite"),
    (models.CDAE, {"hidden": 0}, V, "hidden must be at least 1, got 0"),
    (models.CDAE, {"negatives": 0.5}, T, "negatives must be a whole number"),
    (models.CDAE, {"l2": NAN}, V, "l2 must be finite"),
    (models.CDAE, {"activation": "swish"}, V, "no activation 'swish'; there are: identity"),
    (models.LambdaNet, {"negatives": 0}, V, "negatives must be at least 1, got 0"),
    (models.LambdaNet, {"warm_up": 2.5}, T, "warm_up must be a whole number"),
    (models.RaCT, {"depth": 0}, V, "depth must be at least 1, got 0"),
    (models.RaCT, {"critic_rate": NAN}, V, "critic_rate must be finite"),
    (models.RaCT, {"actor_epochs": -1}, V, "actor_epochs must be at least 0, got -1"),
    (models.RecVAE, {"hidden": 0}, V, "hidden must be at least 1, got 0"),
    (models.RecVAE, {"gamma": NAN}, V, "gamma must be finite"),
    (models.RecVAE, {"beta": -1}, V, "beta must be at least 0, got -1"),
    (models.RecVAE, {"composite": None}, T, "composite must be True or False, got None"),
    (models.SVAE, {"code": 0}, V, "code must be at least 1, got 0"),
    (models.SVAE, {"horizon": 1.5}, T, "horizon must be a whole number"),
    (models.SVAE, {"beta": NAN}, V, "beta must be finite"),
    (models.HVamp, {"components": 0}, V, "components must be at least 1, got 0"),
    (models.HVamp, {"warm_up": -1}, V, "warm_up must be at least 0, got -1"),
    (models.HVamp, {"beta": INF}, V, "beta must be finite"),
]


@pytest.mark.parametrize(("make", "options", "kind", "message"), OPTIONS)
def test_a_model_refuses_an_option_by_its_name(make, options, kind, message):
    with explains(kind, message):
        make(**options)


def test_every_model_with_options_has_a_case():
    without = {models.GlobalMean, models.UserMean, models.ItemMean, models.Popularity}
    assert {make for make, *_ in OPTIONS} == set(models.MODELS.values()) - without


@pytest.mark.parametrize("make", models.MODELS.values())
def test_numbers_of_numpy_are_numbers(make):
    """The defaults, as NumPy has them, make the same model."""
    plain = make()
    told = {}
    for name, value in vars(plain).items():
        if name in ("hidden", "rank", "l2", "beta", "iterations") and value is not None:
            whole = isinstance(value, int)
            told[name] = (
                value if isinstance(value, tuple) else (np.int64 if whole else np.float64)(value)
            )
    again = make(**told)
    assert {k: getattr(again, k) for k in told} == {k: getattr(plain, k) for k in told}


def test_an_l1_that_leaves_nothing_is_refused(X):
    with explains(ValueError, "no weight is left with l1=1e+09; lower l1"):
        models.SLIM(l1=1e9).fit(X)
    assert models.SLIM(l1=0.1).fit(X).B.any()


# -- the scale of ratings ---------------------------------------------------------------


def scaled(make, X: Interactions):
    model = make()
    training.fit(model, X, epochs=2, batch_size="all", device="cpu")
    return model


NETWORKS = {
    "AutoRec": lambda **options: models.AutoRec(4, **options),
    "sigmoid": lambda **options: models.AutoRec(4, output_activation="sigmoid", **options),
    "deep": lambda **options: models.DeepAutoencoder((4,), **options),
    "VAE": lambda **options: models.RatingVAE((4, 2), **options),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_predictions_keep_to_the_scale_of_the_matrix(X, name):
    """Ratings of 2 to 10, with a bias that pushes every prediction over the end."""
    wide = X.with_values(2 * X.values)
    said = Interactions.from_coo(
        wide.row_ids, wide.indices, wide.values, shape=wide.shape, scale=(0.5, 12.0)
    )
    cases = {10.0: (wide, {}), 12.0: (said, {}), 5.0: (said, {"scale": (1, 5)})}
    for highest, (train, options) in cases.items():
        model = scaled(lambda o=options: NETWORKS[name](**o), train)
        assert model.limits[1] == highest
        with torch.no_grad():
            bias = model.b if isinstance(model, models.AutoRec) else model.decoder_bias[0]
            bias.fill_(1e6)
        assert evaluation.predict_at(model, train, train).max() == highest


# -- scores that are no ratings ----------------------------------------------------------


RATE = {"GlobalMean", "UserMean", "ItemMean", "Biases", "ImputedSVD", "BiasedMF", "RatingKNN"}
RATE |= {"AutoRec", "DeepAutoencoder", "RatingVAE"}


def test_a_model_says_what_it_predicts():
    assert {name for name, model in models.MODELS.items() if model.predicts == "ratings"} == RATE


@pytest.mark.parametrize("measure", [evaluation.rating_errors, evaluation.predict])
def test_an_order_is_not_read_as_ratings(split, measure):
    for model in (models.EASE(), models.Popularity(), models.PureSVD(3)):
        training.fit(model, split.train)
        name = type(model).__name__
        with explains(ValueError, f"the scores of {name} are no ratings but an order"):
            measure(model, split.test)
        with explains(ValueError, f"the scores of {name} are no ratings"):
            evaluation.seen_rmse(model, split.train)

    class Stars(models.PureSVD):
        predicts = "ratings"

    model = Stars(3).fit(split.train)
    assert evaluation.rating_errors(model, split.test)["rmse"] > 0


@pytest.mark.parametrize(
    ("clip", "kind", "message"),
    [
        ((5, 1), V, "clip must be (lowest, highest), got 5 above 1"),
        (5, T, "clip must be (lowest, highest), got 5"),
        ("x", T, "clip must be (lowest, highest), got 'x'"),
        (("1", 5), T, "clip[0] must be a number, got '1'"),
        ((1, NAN), V, "clip[1] must be finite"),
    ],
)
def test_a_clip_is_a_scale(split, clip, kind, message):
    model = models.Biases().fit(split.train)
    with explains(kind, message):
        evaluation.rating_errors(model, split.test, clip=clip)
    with explains(kind, message):
        evaluation.seen_rmse(model, split.train, clip)


# -- fit -----------------------------------------------------------------------------------


class Pulled(GradientRecommender):
    """Weights pulled towards the data."""

    def build(self, train):
        self.w = torch.nn.Parameter(torch.zeros(train.num_cols))

    def loss(self, batch):
        return (self.w[batch.indices] - batch.values).square().sum() / batch.num_rows

    def score(self, fold_in):
        return self.w.repeat(fold_in.num_rows, 1)


def fit(X, model=None, **options):
    model = Pulled() if model is None else model
    return training.fit(model, X, **{"epochs": 3, "lr": 0.1, "device": "cpu"} | options)


ARGUMENTS = [
    ({"epochs": -1}, V, "epochs must be at least 0, got -1"),
    ({"epochs": 1.5}, T, "epochs must be a whole number, got 1.5"),
    ({"epochs": "3"}, T, "epochs must be a whole number, got '3'"),
    ({"epochs": None}, T, "epochs must be a whole number, got None"),
    ({"epochs": NAN}, T, "epochs must be a whole number, got nan"),
    ({"batch_size": "ALL"}, T, "batch_size must be a whole number or \"all\", got 'ALL'"),
    ({"batch_size": 2.5}, T, "batch_size must be a whole number, got 2.5"),
    ({"batch_size": None}, T, 'batch_size must be a whole number or "all", got None'),
    ({"optimizer": torch.optim.Adam}, V, "no optimizer <class"),
    ({"optimizer": ["adam"]}, V, "no optimizer ['adam']; there are: adam"),
    ({"lr": -1}, V, "lr must be at least 0, got -1"),
    ({"lr": NAN}, V, "lr must be finite, got nan"),
    ({"lr": INF}, V, "lr must be finite, got inf"),
    ({"lr": "0.1"}, T, "lr must be a number, got '0.1'"),
    ({"optimizer_options": 5}, T, "optimizer_options must be a dict, got int"),
    ({"milestones": [-1]}, V, "each of the milestones must be at least 1, got -1"),
    ({"milestones": [1.5]}, T, "each of the milestones must be a whole number, got 1.5"),
    ({"milestones": 3}, T, "milestones must be a list of epochs, got 3"),
    ({"gamma": -1}, V, "gamma must be above 0, got -1"),
    ({"gamma": "x"}, T, "gamma must be a number, got 'x'"),
    ({"validate": 3}, T, "validate must be a function of the model, got 3"),
    ({"watch": 3}, T, "watch must be a function of the model, got 3"),
    ({"validate": lambda m: 1.0, "patience": 0}, V, "patience must be at least 1, got 0"),
    ({"validate": lambda m: 1.0, "patience": -1}, V, "patience must be at least 1, got -1"),
    ({"validate": lambda m: 1.0, "patience": NAN}, T, "patience must be a whole number, got nan"),
    ({"seed": "a"}, T, "seed must be a whole number, got 'a'"),
    ({"seed": None}, T, "seed must be a whole number, got None"),
    ({"seed": 2**64}, V, "seed must be"),
    ({"optimizer_state": {}}, V, "optimizer_state must be History.optimizer_state"),
    ({"optimizer_state": 3}, V, "optimizer_state must be History.optimizer_state"),
    ({"checkpoint": "nowhere/at/all"}, FileNotFoundError, "checkpoint nowhere/at/all: there is no"),
    ({"checkpoint": "."}, IsADirectoryError, "checkpoint . is a folder; name a file in it"),
]


@pytest.mark.parametrize(("options", "kind", "message"), ARGUMENTS)
def test_fit_refuses_an_argument_before_the_first_epoch(X, options, kind, message):
    asked = []
    watch = {"watch": lambda model: asked.append(model) or {}}
    with explains(kind, message):
        fit(X, **watch | options)
    assert not asked


CALLED = [
    ({"validate": lambda m: None}, T, "validate must return one number, got NoneType in epoch 1"),
    ({"validate": lambda m: "3"}, T, "validate must return one number, got str in epoch 1"),
    ({"validate": lambda m: {"rmse": 1}}, T, "validate must return one number, got dict"),
    ({"validate": lambda m: torch.ones(2)}, T, "validate must return one number, got Tensor"),
    ({"watch": lambda m: None}, T, "watch must return numbers by name, a dict, got NoneType"),
    ({"watch": lambda m: 3.0}, T, "watch must return numbers by name, a dict, got float"),
    ({"watch": lambda m: {"a": "b"}}, T, "watch must return numbers, 'a' is str"),
    ({"watch": lambda m: {"loss": 1.0}}, V, "watch must not return 'loss', a column that"),
    ({"watch": lambda m: {"validation": 1.0}}, V, "watch must not return 'validation'"),
]


@pytest.mark.parametrize(("options", "kind", "message"), CALLED)
@pytest.mark.filterwarnings("ignore:the training was interrupted")
def test_fit_says_what_a_function_should_have_returned(X, options, kind, message):
    with explains(kind, message):
        fit(X, **options)


def test_one_number_comes_in_many_forms(X, tmp_path):
    for one in (1, True, np.float32(1), torch.tensor(1.0), torch.ones(1), pd.Series([1.0]).iloc[0]):
        assert fit(X, validate=lambda m, one=one: one).rows[0]["validation"] == 1.0
    history = fit(X, watch=lambda m: {"a": np.float64(2), "b": torch.tensor(3)})
    assert [type(history.rows[0][name]) for name in "ab"] == [float, int]
    # As plain numbers they survive a checkpoint.
    options = {"checkpoint": tmp_path / "c", "watch": lambda m: {"a": np.float64(2)}}
    fit(X, **options)
    assert fit(X, **options | {"epochs": 4}).table["a"].tolist() == [2.0] * 4


@pytest.mark.parametrize(
    "option",
    ["validate", "patience", "watch", "milestones", "optimizer_state", "checkpoint"],
)
def test_what_a_closed_form_has_no_use_for_is_refused(X, option, tmp_path):
    given = {
        "validate": lambda model: 1.0,
        "watch": lambda model: {},
        "milestones": [1],
        "optimizer_state": fit(X).optimizer_state,
        "checkpoint": tmp_path / "c",
        "patience": 2,
    }
    options = {option: given[option]}
    if option == "patience":
        options["validate"] = given["validate"]
    with pytest.raises(ValueError, match=f"^EASE is solved, without epochs; leave out.*{option}"):
        fit(X, models.EASE(), **options)
    fit(X, models.EASE(), epochs=9, batch_size=4, optimizer="sgd", lr=0.5)  # of any model
    with explains(ValueError, "no optimizer 'nonsense'"):
        fit(X, models.EASE(), optimizer="nonsense")


def test_fit_needs_a_model_and_a_matrix(X, split, random_ratings):
    for train, remedy in (
        (split, "its .train is one"),
        (random_ratings(), "to_interactions"),
        (X.scipy(), "Interactions.from_scipy"),
        (pd.DataFrame({"user": [1]}), "Ratings.from_table"),
        (X.dense(), "Interactions.from_coo"),
    ):
        for model in (models.EASE(), Pulled()):
            with pytest.raises(TypeError, match=f"train must be an Interactions, got .*{remedy}"):
                fit(train, model)
    with explains(TypeError, "EASE is a class; write EASE() for a model"):
        fit(X, models.EASE)
    with explains(TypeError, "model must be a Recommender and comes first, got str"):
        fit(X, "EASE")
    with explains(TypeError, "model must be a Recommender and comes first, got Interactions"):
        training.fit(X, models.EASE())


def test_an_optimisers_state_is_of_the_same_optimiser_and_model(X, random_matrix):
    adam = fit(X).optimizer_state
    with pytest.raises(ValueError, match="same optimizer: it belongs to another optimizer"):
        fit(X, optimizer="sgd", optimizer_state=adam)
    with pytest.raises(ValueError, match="^optimizer_state must be"):
        fit(X, models.BPR(3), optimizer_state=adam)
    assert fit(X, optimizer_state=adam).rows


# -- checkpoints ------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["junk", "empty", "foreign", "truncated", "a list"])
def test_what_is_no_checkpoint_is_refused(X, tmp_path, what):
    path = tmp_path / "c"
    fit(X, checkpoint=path)
    whole = path.read_bytes()
    path.write_bytes(
        {"junk": b"junk", "empty": b"", "truncated": whole[: len(whole) // 2]}.get(what, b"")
    )
    if what == "foreign":
        torch.save({"weights": torch.ones(3)}, path)
    if what == "a list":
        torch.save([1, 2], path)
    with pytest.raises(ValueError, match="is no whole checkpoint of training.fit; delete it"):
        fit(X, checkpoint=path)


def test_a_checkpoint_of_more_epochs_is_refused(X, tmp_path):
    fit(X, checkpoint=tmp_path / "c", epochs=2)
    with pytest.raises(ValueError, match="the end of 2 epochs, and epochs=1 are fewer"):
        fit(X, checkpoint=tmp_path / "c", epochs=1)


@pytest.mark.filterwarnings("ignore:the training was interrupted")
def test_a_full_disk_leaves_no_half_checkpoint(X, tmp_path, monkeypatch):
    def full(state, part):
        Path(part).write_bytes(b"half")
        raise RuntimeError("[enforce fail at inline_container.cc:672]")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="cannot be written; is the disk full"):
        fit(X, checkpoint=tmp_path / "c")
    assert not list(tmp_path.iterdir())


# -- an interrupted training ---------------------------------------------------------------------


class Dropping(Pulled):
    """With dropout, as a training that was left in the middle would show."""

    def score(self, fold_in):
        return torch.nn.functional.dropout(self.w, 0.5, self.training).repeat(fold_in.num_rows, 1)


def interrupted(X, at: int, how: type[BaseException], **options):
    """A model whose training ends in the loss of epoch ``at``."""
    model, seen = Dropping(), []
    loss, batches = model.loss, 3

    def breaking(batch):
        seen.append(batch)
        if len(seen) == (at - 1) * batches + 2:  # in the second of its batches
            raise how("stop")
        return loss(batch)

    model.loss = breaking
    with pytest.raises(how, match="stop"), pytest.warns(UserWarning) as warned:
        fit(X, model, epochs=9, batch_size=8, **options)
    assert [Path(each.filename).name for each in warned] == [Path(__file__).name]
    return model, str(warned[0].message)


@pytest.mark.parametrize("how", [KeyboardInterrupt, ZeroDivisionError])
def test_an_interrupted_training_ends_with_the_last_whole_epoch(X, how):
    model, message = interrupted(X, 3, how)
    whole = Dropping()
    fit(X, whole, epochs=2, batch_size=8)
    assert torch.equal(model.w, whole.w)
    assert not model.training
    assert torch.equal(model.score(X), model.score(X))
    assert model.history.table.index.tolist() == [1, 2]
    assert message.startswith("the training was interrupted: Dropping has the weights of epoch 2")
    # Negative control: these weights are those of no other number of epochs.
    fit(X, whole, epochs=3, batch_size=8)
    assert not torch.equal(model.w, whole.w)


def test_an_interrupted_training_ends_with_the_best_weights(X):
    values = iter([2.0, 1.0, 3.0, 4.0])
    model, message = interrupted(X, 5, KeyboardInterrupt, validate=lambda m: next(values))
    best = Dropping()
    fit(X, best, epochs=2, batch_size=8)
    assert torch.equal(model.w, best.w)
    assert model.history.best_epoch == 2
    assert len(model.history.rows) == 4
    assert "the best weights of 4 epochs, those of epoch 2" in message


def test_an_interruption_in_the_first_epoch_says_that_nothing_is_whole(X):
    model, message = interrupted(X, 1, KeyboardInterrupt)
    assert "no weights of a whole epoch" in message
    assert model.history.table.empty
    assert not model.training


def test_an_interruption_after_a_resumed_epoch_keeps_it(X, tmp_path):
    fit(X, Dropping(), epochs=2, batch_size=8, checkpoint=tmp_path / "c")
    model, _ = interrupted(X, 1, KeyboardInterrupt, checkpoint=tmp_path / "c")
    whole = Dropping()
    fit(X, whole, epochs=2, batch_size=8)
    assert torch.equal(model.w, whole.w)


def test_a_whole_training_and_a_diverging_one_warn_of_nothing(X):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = Pulled()
        history = fit(X, model)
        assert model.history.rows == history.rows
        assert model.history.optimizer_state is None
        with pytest.raises(FloatingPointError, match="lower the learning rate"):
            fit(X, model, optimizer="sgd", lr=1e30, epochs=9)
    assert torch.isfinite(model.w).all()


# -- a model of one's own ---------------------------------------------------------------------


class Own(Recommender):
    """Its score is told."""

    def __init__(self, found=None, back=True):
        self.found, self.back = found, back

    def fit(self, train):
        return self if self.back else None

    def score(self, fold_in):
        return self.found(fold_in)


@pytest.mark.parametrize(
    ("found", "kind", "message"),
    [
        (lambda X: np.ones(X.shape), T, "Own.score must return a torch tensor, got ndarray"),
        (
            lambda X: torch.ones(X.num_rows),
            V,
            "Own.score must return the shape (40, 20), got (40,)",
        ),
        (
            lambda X: torch.ones(X.shape).int(),
            T,
            "Own.score must return float32 numbers, got torch",
        ),
        (lambda X: torch.ones(X.num_rows, 3), V, "Own.score must return the shape"),
        (lambda X: None, T, "Own.score must return a torch tensor, got NoneType"),
    ],
)
def test_scores_of_a_model_of_ones_own_are_checked(split, found, kind, message):
    model = Own(found)
    training.fit(model, split.train)
    with explains(kind, message):
        evaluation.rank(model, split.test, "ndcg@5")
    with explains(kind, message):
        model.score(split.test.fold_in)


def test_scores_of_double_precision_will_do(split):
    model = Own(lambda X: torch.rand(X.shape, dtype=torch.float64))
    assert evaluation.rank(model, split.test, "ndcg@5").per_user.shape == (40, 1)


def test_a_model_that_keeps_its_scores_is_not_overwritten(split):
    """Also if it returns a part of them: ``rank`` masks in place."""
    for part in (slice(None), slice(0, 40)):
        model = Own(lambda X, part=part: model.kept[part])  # noqa: B023
        model.kept = torch.rand(split.test.fold_in.shape)
        before = model.kept.clone()
        first, again = (evaluation.rank(model, split.test, "ndcg@5").per_user for _ in range(2))
        assert torch.equal(model.kept, before)
        pd.testing.assert_frame_equal(first, again)


def test_a_fit_that_returns_nothing_is_named(X):
    with explains(TypeError, "Own.fit must return the model; end it with `return self`"):
        fit(X, Own(back=False))


class Empty(Pulled):
    def build(self, train):
        self.w = torch.zeros(train.num_cols)


class Rows(Pulled):
    def loss(self, batch):
        return self.w[batch.indices]


class Constant(Pulled):
    def loss(self, batch):
        return torch.tensor(1.0)


class Number(Pulled):
    def loss(self, batch):
        return 1.0


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (Empty, V, "Empty.build made no parameters; assign nn.Parameter to self in it"),
        (Rows, T, "Rows.loss must return a scalar that depends on the parameters, got shape"),
        (Constant, T, "Constant.loss must return a scalar that depends on the parameters"),
        (Number, T, "Number.loss must return a scalar that depends on the parameters, got float"),
    ],
)
@pytest.mark.filterwarnings("ignore:the training was interrupted")
def test_a_gradient_model_of_ones_own_is_checked(X, make, kind, message):
    with explains(kind, message):
        fit(X, make())


# -- rankings ------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", [[], None, 5])
def test_a_ranking_needs_a_metric(split, wanted):
    model = models.Popularity().fit(split.train)
    with explains(ValueError, 'wanted must name metrics, such as ["ndcg@10"]'):
        evaluation.rank(model, split.test, wanted)


@pytest.mark.parametrize("wanted", [[10], [None], ["ndcg@1.5"], ["ndcg@²"], ["ndcg @5"]])
def test_what_is_no_metric_is_shown(split, wanted):
    model = models.Popularity().fit(split.train)
    with explains(ValueError, f"no metric {wanted[0]!r}; write name@k"):
        evaluation.rank(model, split.test, wanted)


def test_one_metric_is_a_list_of_one_and_may_be_named_twice(split):
    model = models.Popularity().fit(split.train)
    one = evaluation.rank(model, split.test, "ndcg@5").per_user
    pd.testing.assert_frame_equal(one, evaluation.rank(model, split.test, ["ndcg@5"]).per_user)
    assert list(evaluation.rank(model, split.test, ["ndcg@5"] * 2).per_user) == ["ndcg@5"]


def test_the_default_metrics_work_on_a_small_catalogue(split):
    found = evaluation.rank(models.Popularity().fit(split.train), split.test)
    assert found.top.shape == (40, 20)
    each = found.per_user.dropna()
    assert each["ndcg@100"].between(0, 1).all()
    # With every item in the list, all that was held out is found.
    assert (each["capped_recall@50"] == 1).all()


BATCHES = [
    (0, V, "batch_size must be at least 1, got 0"),
    (-1, V, "batch_size must be at least 1, got -1"),
    (2.5, T, "batch_size must be a whole number, got 2.5"),
    ("x", T, "batch_size must be a whole number, got 'x'"),
]


@pytest.mark.parametrize(("size", "kind", "message"), BATCHES)
def test_batches_have_a_whole_number_of_rows(split, size, kind, message):
    model = models.Biases().fit(split.train)
    for measure in (evaluation.rank, evaluation.predict, evaluation.rating_errors):
        with explains(kind, message):
            measure(model, split.test, batch_size=size)
    with explains(kind, message):
        evaluation.seen_rmse(model, split.train, batch_size=size)


@pytest.mark.parametrize("measure", [evaluation.rank, evaluation.predict, evaluation.rating_errors])
def test_a_test_is_a_test(split, measure):
    model = models.Biases().fit(split.train)
    for given, remedy in (
        (split, "test must be a Test, got Split; its .test is one"),
        (split.validation, "test must be a Test, got NoneType; a split has a validation test if"),
        (pd.DataFrame(), "test must be a Test, got DataFrame; Test(fold_in, held_out, users)"),
        (split.train, "test must be a Test, got Interactions"),
    ):
        with explains(TypeError, remedy):
            measure(model, given)
    with explains(TypeError, "model must be a Recommender and comes first, got Test"):
        measure(split.test, model)
    with explains(TypeError, "model must be a Recommender and comes first, got NoneType"):
        measure(None, split.test)
    with explains(TypeError, "Biases is a class; write Biases() for a model"):
        measure(models.Biases, split.test)


def test_what_is_predicted_has_the_shape_of_what_is_read(split, X):
    model = models.Biases().fit(split.train)
    with explains(ValueError, "fold_in is (40, 20) and wanted (24, 15); they must agree"):
        evaluation.predict_at(model, split.train, X)


@pytest.mark.parametrize(
    ("scores", "k", "kind", "message"),
    [
        (torch.ones(3), 1, V, "scores must be [rows, columns], got shape (3,)"),
        (torch.ones(1, 3), "2", T, "k must be a whole number, got '2'"),
        (torch.ones(1, 3), 2.5, T, "k must be a whole number, got 2.5"),
        (torch.ones(1, 3), -1, V, "k must be between 1 and the number of columns 3"),
    ],
)
def test_top_items_needs_a_matrix_and_a_depth(scores, k, kind, message):
    with explains(kind, message):
        evaluation.top_items(scores, k)


def test_top_items_of_numpy():
    assert evaluation.top_items(np.array([[1.0, 3.0, 2.0]]), 2).tolist() == [[1, 2]]


def test_scores_from_elsewhere_are_blocks(split):
    scores = torch.rand(split.test.fold_in.shape)
    blocks = [block.numpy() for block in scores.clone().split(7)]
    ours = evaluation.rank_scores([scores.clone()], split.test, "ndcg@5").per_user
    kept = [block.copy() for block in blocks]
    pd.testing.assert_frame_equal(
        evaluation.rank_scores(blocks, split.test, "ndcg@5").per_user, ours
    )
    assert all(np.array_equal(*pair) for pair in zip(blocks, kept, strict=True))
    for whole in (scores, scores.numpy()):
        with explains(TypeError, "scores must be a list of blocks of rows; of one matrix write"):
            evaluation.rank_scores(whole, split.test)
    for block, kind, message in (
        (
            scores.int(),
            T,
            "each block of scores must be a tensor or array of floats, got torch.int",
        ),
        ([1.0], T, "each block of scores must be a tensor or array of floats, got list"),
        (scores[0], V, "each block of scores must be [rows, columns], got shape (20,)"),
        (scores[:7], V, "scores have 7 rows, the test has 40"),
    ):
        with explains(kind, message):
            evaluation.rank_scores([block], split.test)
    with explains(TypeError, "test must be a Test, got Split"):
        evaluation.rank_scores([scores], split)


def test_what_a_user_has_seen_elsewhere_is_masked(split):
    """``Test.masked``, of a split whose validation items must not compete in the test."""
    test, scores = split.test, torch.rand(split.test.fold_in.shape)
    cells = test.held_out.to("cpu")
    free = torch.ones(test.fold_in.shape, dtype=torch.bool)
    free.view(-1)[test.fold_in.cells] = free.view(-1)[cells.cells] = False
    first = free.int().argmax(1)
    rows = free.any(1).nonzero()[:, 0]
    masked = Interactions.from_coo(rows, first[rows], shape=test.fold_in.shape)
    hiding = splits.Test(test.fold_in, test.held_out, test.users, masked)
    top = torch.from_numpy(evaluation.rank_scores([scores.clone()], hiding, "ndcg@20").top)
    assert not (top[rows] == first[rows, None]).any()
    plain = torch.from_numpy(evaluation.rank_scores([scores.clone()], test, "ndcg@20").top)
    assert (plain[rows] == first[rows, None]).any(1).all()


# -- comparisons -----------------------------------------------------------------------------------


def test_a_level_is_a_fraction(split):
    ranking = evaluation.rank(models.Popularity().fit(split.train), split.test, "ndcg@5")
    values = ranking.per_user["ndcg@5"]
    for level in (95, 0, 1, NAN):
        with pytest.raises(ValueError, match="^the level must be"):
            ranking.summary(level)
        with pytest.raises(ValueError, match="^the level must be"):
            evaluation.compare(values, values, level=level)


ONE = pd.Series([0.1, 0.5, 0.3], index=[3, 1, 2], name="ndcg@10")
OTHER = pd.Series([0.2, 0.4, 0.1], index=[3, 1, 2], name="ndcg@10")


def test_the_order_of_the_users_does_not_matter():
    expected = evaluation.compare(ONE, OTHER)
    pd.testing.assert_series_equal(evaluation.compare(ONE, OTHER.sort_index()), expected)
    # Negative control: paired by place they give another interval.
    by_place = evaluation.compare(ONE, OTHER.sort_index().set_axis(ONE.index))
    assert by_place["high"] != expected["high"]


@pytest.mark.parametrize(
    ("theirs", "kind", "message"),
    [
        (OTHER.to_frame(), T, "theirs must be a Series, one column of Ranking.per_user, got Data"),
        (
            OTHER.to_numpy(),
            T,
            "theirs must be a Series, one column of Ranking.per_user, got ndarray",
        ),
        (OTHER.rename("recall@20"), V, "ndcg@10 cannot be compared with recall@20"),
        (OTHER.set_axis([3, 1, 4]), V, "the two results are of different users"),
        (OTHER.set_axis([3, 3, 3]), V, "the two results are of different users"),
        (OTHER.where(OTHER > 0.3), V, "1 users have both values; a comparison needs two"),
        (OTHER * NAN, V, "0 users have both values; a comparison needs two"),
    ],
)
def test_what_cannot_be_compared(theirs, kind, message):
    with explains(kind, message):
        evaluation.compare(ONE, theirs)


def test_names_that_are_no_metrics_do_not_matter():
    evaluation.compare(ONE.rename("EASE"), OTHER.rename("SLIM"))
    with explains(ValueError, "resamples must be at least 1, got 0"):
        evaluation.compare(ONE, OTHER, resamples=0)
    with explains(TypeError, "ours must be a Series"):
        evaluation.compare([1.0], OTHER)


def test_p_values_come_as_a_list_or_a_dict():
    assert evaluation.holm([0.03, 0.01]).to_dict() == {1: 0.02, 0: 0.03}
    assert evaluation.holm({"a": 0.03, "b": 0.01}).index.tolist() == ["b", "a"]
    assert evaluation.holm([]).empty
    with explains(ValueError, "p-values lie between 0 and 1"):
        evaluation.holm([2])


@pytest.mark.parametrize(
    ("groups", "kind", "message"),
    [
        (0, V, "groups must be"),
        (-1, V, "groups must be"),
        (41, V, "groups must be"),
        (2.5, T, "groups must be a whole number, got 2.5"),
    ],
)
def test_groups_are_no_more_than_users(split, groups, kind, message):
    with explains(kind, message):
        evaluation.activity_groups(split.test, groups)


# -- metrics ---------------------------------------------------------------------------------------

HITS, RELEVANT = torch.tensor([[True, True], [False, True]]), torch.tensor([2, 1])


@pytest.mark.parametrize("name", metrics.RANKING)
def test_hits_are_bool_and_no_more_than_what_is_relevant(name):
    metric = metrics.RANKING[name]
    with explains(ValueError, "row 1 has 1 hits, and 0 relevant items"):
        metric(HITS, torch.tensor([2, 0]), 2)
    with explains(TypeError, "hits must be bool, got torch.int64"):
        metric(HITS.long(), RELEVANT, 2)
    with explains(TypeError, "hits must be bool, got torch.float32"):
        metric(HITS.float(), RELEVANT, 2)
    with explains(TypeError, "num_relevant must hold whole numbers, got torch.float32"):
        metric(HITS, RELEVANT.float(), 2)
    with pytest.raises(ValueError, match=r"^hits must be \[users, depth\] and num_relevant"):
        metric(HITS, torch.tensor([2]), 2)
    with pytest.raises(ValueError, match=r"^hits must be \[users, depth\] and num_relevant"):
        metric(HITS[0], RELEVANT, 1)
    with explains(TypeError, "k must be a whole number, got 1.5"):
        metric(HITS, RELEVANT, 1.5)
    with explains(ValueError, "k must be between 1 and the list's depth 2, got 3"):
        metric(HITS, RELEVANT, 3)


@pytest.mark.parametrize("name", metrics.RANKING)
def test_a_ranking_metric_reads_arrays_and_lists(name):
    metric = metrics.RANKING[name]
    expected = metric(HITS, RELEVANT, 2)
    assert torch.equal(metric(HITS.numpy(), RELEVANT.numpy(), 2), expected)
    assert torch.equal(metric(HITS.tolist(), RELEVANT.tolist(), 2), expected)


@pytest.mark.parametrize("metric", [metrics.rmse, metrics.mae])
def test_errors_are_of_numbers(metric):
    assert metric([1, 2], np.array([1.0, 4.0])) == metric(
        torch.tensor([1, 2]), torch.tensor([1, 4])
    )
    with explains(ValueError, "predicted holds NaN or infinite ratings"):
        metric([NAN, 1.0], [1.0, 1.0])
    with explains(ValueError, "actual holds NaN or infinite ratings"):
        metric([1.0, 1.0], [INF, 1.0])
    with explains(TypeError, "predicted must be a tensor or an array of numbers, got list"):
        metric(["a"], [1.0])
    with explains(ValueError, "predicted and actual must be equally long"):
        metric([1.0], [1.0, 2.0])


def test_user_rmse_needs_a_user_for_each_rating():
    assert metrics.user_rmse([1.0, 2.0], [1.0, 4.0], [0, 1]) == 1
    with explains(ValueError, "users must be one for each of 2 ratings, got 1"):
        metrics.user_rmse([1.0, 2.0], [1.0, 4.0], [0])
    with explains(TypeError, "users must hold whole numbers"):
        metrics.user_rmse([1.0, 2.0], [1.0, 4.0], [0.5, 1.0])


def test_the_lists_of_a_ranking_are_measured_as_they_are(split):
    """``Ranking.top`` is NumPy."""
    ranking = evaluation.rank(models.Popularity().fit(split.train), split.test, "ndcg@5")
    top, counts = torch.from_numpy(ranking.top), split.train.col_counts
    assert metrics.coverage(ranking.top, 20) == metrics.coverage(top, 20)
    novelty = metrics.novelty(ranking.top, counts.numpy(), 40)
    assert torch.equal(novelty, metrics.novelty(top, counts, 40))
    seen = split.train.indices
    lift = metrics.popularity_lift(ranking.top, seen.numpy(), counts.numpy())
    assert lift == metrics.popularity_lift(top, seen, counts)


def test_a_catalogue_and_its_readers_are_counted():
    with explains(ValueError, "num_items must be at least 1, got 0"):
        metrics.coverage([[0]], 0)
    with explains(ValueError, "top holds item 3, and there are 3 items"):
        metrics.coverage([[0, 3]], 3)
    with explains(TypeError, "top must hold whole numbers"):
        metrics.coverage([[0.5]], 3)
    with explains(ValueError, "num_users must be at least 1, got 0"):
        metrics.novelty([[0]], [1], 0)
