"""The tuner: where it begins, what it may propose, and that it can be interrupted."""

from __future__ import annotations

import math
import re
from functools import partial

import pytest

from reclib import datasets, evaluation, models, splits, training, tuning

SPACE = {
    "model.l2": {"low": 1.0, "high": 1000.0, "log": True},
    "model.rank": {"low": 2, "high": 20},
    "model.hidden": [[200], [600, 200]],
    "training.lr": {"low": 1e-4, "high": 1e-1, "log": True},
}
SETTINGS = {
    "dataset": "d",
    "model": {"name": "M", "l2": 10.0, "rank": 5, "hidden": [200]},
    "training": {"lr": 1e-3, "epochs": 9},
    "space": SPACE,
}


def objective(values: dict) -> float:
    """Smallest at a penalty of 300 and a rate of .01, whatever the rest."""
    return math.log(values["model.l2"] / 300) ** 2 + math.log(values["training.lr"] / 0.01) ** 2


def search(trials: int, settings: dict = SETTINGS, tried: list | None = None) -> list:
    tried = list(tried or [])
    while len(tried) < trials:
        values = tuning.suggest(settings, tried)
        tried.append((values, objective(values)))
    return tried


def test_the_first_trial_is_the_point_as_it_is_written():
    assert tuning.suggest(SETTINGS, []) == {
        "model.l2": 10.0,
        "model.rank": 5,
        "model.hidden": [200],
        "training.lr": 1e-3,
    }


def test_every_proposal_lies_in_the_space_and_has_its_kind():
    for values, _ in search(8):
        assert 1 <= values["model.l2"] <= 1000
        assert isinstance(values["model.rank"], int) and 2 <= values["model.rank"] <= 20
        assert values["model.hidden"] in SPACE["model.hidden"]
        assert values["training.lr"] == float(f"{values['training.lr']:.3g}")


def test_an_interrupted_search_goes_on_as_if_it_had_not_been():
    whole = search(7)
    assert search(7, tried=whole[:4]) == whole
    # Negative control: other results lead elsewhere.
    other = [(values, -value) for values, value in whole[:6]]
    assert tuning.suggest(SETTINGS, other) != whole[6][0]


def test_it_finds_better_settings_than_chance_does():
    """With twelve trials, the best is far better than the median of the space and the start."""
    tried = search(12)
    best = min(value for _, value in tried)
    drawn = sorted(value for _, value in tried[1:4])  # the three random ones
    assert best < 0.5 < drawn[1]
    assert best < tried[0][1] / 10


def test_values_are_set_and_the_space_is_gone():
    settings = tuning.with_values(SETTINGS, {"model.l2": 7.0, "training.lr": 0.5})
    assert settings["model"] == {"name": "M", "l2": 7.0, "rank": 5, "hidden": [200]}
    assert settings["training"] == {"lr": 0.5, "epochs": 9}
    assert "space" not in settings
    assert SETTINGS["model"]["l2"] == 10.0  # the original stays


@pytest.mark.parametrize(
    ("name", "each", "message"),
    [
        ("model.dropout", {"low": 0.1, "high": 0.9}, "does not say where to begin"),
        ("l2", {"low": 0.1, "high": 0.9}, "does not say where to begin"),
        ("model.l2", {"low": 20.0, "high": 30.0}, "begins at 10.0, outside of 20.0 to 30.0"),
        ("model.hidden", [[100]], r"begins at \[200\], which is not among its choices"),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused(name, each, message):
    problem = tuning.problem(SETTINGS | {"space": {name: each}})
    assert re.search(message, problem)
    assert tuning.problem(SETTINGS) is None


# -- bounds and edges ------------------------------------------------------------------


@pytest.mark.parametrize(
    "space",
    [
        {"low": 1.2346, "high": 9.8765},
        {"low": 0.0001234567, "high": 0.0001239, "log": True},
        {"low": -1.23456, "high": -1.23401},
    ],
)
def test_rounding_passes_no_bound_so_a_search_never_ends_itself(space):
    middle = (space["low"] + space["high"]) / 2
    for sign in (1, -1):  # pulled to either end
        settings = {"model": {"l2": middle}, "space": {"model.l2": space}}
        tried = []
        for _ in range(7):
            values = tuning.suggest(settings, tried)
            assert space["low"] <= values["model.l2"] <= space["high"]
            tried.append((values, sign * values["model.l2"]))


def test_choices_are_proposed_as_they_are_written():
    settings = {"model": {"l2": 0.12345}, "space": {"model.l2": [0.12345, 0.54321]}}
    tried = []
    for _ in range(5):
        tried.append((tuning.suggest(settings, tried), float(len(tried))))
    assert {values["model.l2"] for values, _ in tried} <= {0.12345, 0.54321}


def test_edges_says_where_in_its_range_each_value_lies():
    values = {"model.l2": 999.0, "model.rank": 11, "model.hidden": [200], "training.lr": 1.2e-4}
    table = tuning.edges(SPACE, values)
    assert table["place"].to_dict() == {
        "model.l2": "AT AN EDGE",
        "model.rank": "inside",
        "model.hidden": "one of the choices",
        "training.lr": "AT AN EDGE",  # on the scale that was searched
    }
    assert table.loc["model.l2", ["chosen", "range"]].tolist() == ["999.0", "1 to 1000"]
    assert tuning.edges({}, {}).empty


# -- a search on a split of one's own ----------------------------------------------------


@pytest.fixture(scope="module")
def split():
    ratings = datasets.load().with_min_count(user=200, item=20)
    return splits.hold_out(ratings, test=0.2, validation=0.2)


L2 = {"model.l2": {"low": 1.0, "high": 5000.0, "log": True}}


def test_a_search_begins_at_the_defaults_and_repeats_itself(split):
    trials, best = tuning.tune(partial(models.EASE, l2=3.0), split, L2, trials=6)
    assert list(trials.columns) == ["model.l2", "ndcg@10", "epochs"] and len(trials) == 6
    assert trials["model.l2"][0] == 3.0
    highest = trials["ndcg@10"].idxmax()
    assert best == {"model": {"l2": trials["model.l2"][highest]}, "training": {"seed": 0}}
    assert trials["ndcg@10"][highest] > trials["ndcg@10"][0] + 0.01
    model = models.EASE(**best["model"])
    training.fit(model, split.train, **best["training"])
    again = evaluation.rank(model, split.validation, ["ndcg@10"]).per_user["ndcg@10"].mean()
    assert again == pytest.approx(trials["ndcg@10"][highest])
    # The same code path as the experiments': what suggest proposes after the same trials.
    settings = {"model": {"l2": 3.0}, "space": L2}
    tried = [({"model.l2": row["model.l2"]}, -row["ndcg@10"]) for _, row in trials.iterrows()]
    assert tuning.suggest(settings, tried[:5]) == tried[5][0]


def test_a_search_of_a_trained_model_keeps_its_best_epoch_and_lowers_an_error(split):
    make = partial(models.AutoRec, hidden=10, l2=0.1, rows="users")
    space = {"training.lr": {"low": 1e-2, "high": 1.0, "log": True}}
    options = {"epochs": 6, "patience": 3, "batch_size": 16, "lr": 0.1}
    trials, best = tuning.tune(make, split, space, 3, "rmse", options, seed=4)
    lowest = trials["rmse"].idxmin()
    assert best["training"] == {
        **{"batch_size": 16, "seed": 4, "lr": trials["training.lr"][lowest]},
        "epochs": trials["epochs"][lowest],
    }
    assert trials["epochs"].between(1, 6).all() and trials["rmse"].nunique() == 3
    model = make(**best["model"])
    training.fit(model, split.train, **best["training"])
    again = evaluation.rating_errors(model, split.validation)["rmse"]
    assert again == pytest.approx(trials["rmse"][lowest])


def test_a_search_does_not_look_at_the_test(split):
    class Untouchable:
        def __getattr__(self, name):
            raise AssertionError("the test was read")

    shown = splits.Split.__new__(splits.Split)
    for name, value in vars(split).items():
        object.__setattr__(shown, name, Untouchable() if name == "test" else value)
    assert len(tuning.tune(models.EASE, shown, L2, trials=1).trials) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"split": None}, "the split has no validation part"),
        ({"trials": 0}, "trials must be at least 1, got 0"),
        ({"metric": "ndgc@10"}, "no metric 'ndgc@10'"),
        ({"space": {"model.rank": [1]}}, "varies model.rank, .* where to begin"),
        ({"space": {"l2": [1]}}, "varies l2, .* where to begin"),
        ({"space": {"model.l2": {"low": 1.0, "high": 9.0}}}, "begins at 500.0, outside of"),
    ],
)
def test_a_search_that_cannot_begin_is_told(split, changes, message):
    given = {"make": models.EASE, "split": split, "space": L2} | changes
    if given["split"] is None:
        given["split"] = splits.hold_out(datasets.load().with_min_count(user=200, item=20))
    with pytest.raises(ValueError, match=message):
        tuning.tune(**given)


def test_a_training_that_diverges_is_named_with_its_options(split, monkeypatch):
    def diverge(*_, **__):
        raise FloatingPointError("the loss is nan")

    monkeypatch.setattr(tuning.training, "fit", diverge)
    monkeypatch.setattr(tuning, "_defaults", lambda _: {"l2": 5.0})
    with pytest.raises(FloatingPointError, match="trial 0 with .*l2.*: the loss is nan"):
        tuning.tune(models.EASE, split, L2)
