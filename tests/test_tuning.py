"""The tuner: where it begins, what it may propose, and that it can be interrupted."""

from __future__ import annotations

import math
import re

import pytest

from reclib import tuning

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
