"""One tuner for every model: a point's ``space`` says what may vary, Optuna what to try next.

The first trial of a point is the point as it is written: the setting of its authors. The next
three are drawn at random, and each later one is proposed by Optuna (Akiba et al. 2019), whose
Gaussian process asks for few trials, from all those before it. What it proposes depends on
nothing else, so a search that was interrupted goes on as if it had not been.
"""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np


def suggest(settings: dict, tried: Sequence[tuple[dict, float]]) -> dict:
    """The values to try after ``tried``, which holds (values, objective) pairs in their order.

    ``settings["space"]`` maps a dotted name, ``model.l2`` say, to a list of choices or to a table
    of ``low``, ``high`` and perhaps ``log = true``; two whole numbers make a whole number. The
    objective is *smaller is better*. Returns a value for every name of the space.
    """
    with warnings.catch_warnings():  # of a progress bar in notebooks, which nobody asks for
        warnings.filterwarnings("ignore", "IProgress")
        import optuna  # here: only who tunes needs it

    if not tried:
        return {name: _get(settings, name) for name in settings["space"]}
    space = {name: _distribution(optuna, each) for name, each in settings["space"].items()}
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    seed = int(np.random.SeedSequence(len(tried)).generate_state(1)[0])
    sampler = optuna.samplers.GPSampler(seed=seed, n_startup_trials=4)
    study = optuna.create_study(sampler=sampler)
    for values, objective in tried:
        values = {name: _plain(value) for name, value in values.items()}
        study.add_trial(
            optuna.trial.create_trial(params=values, distributions=space, value=objective)
        )
    proposed = study.ask(space).params
    return {name: _rounded(proposed[name]) for name in space}


def with_values(settings: dict, values: dict) -> dict:
    """``settings`` with each dotted name of ``values`` set, and without its space."""
    settings = copy.deepcopy({key: value for key, value in settings.items() if key != "space"})
    for name, value in values.items():
        table, _, key = name.partition(".")
        settings.setdefault(table, {})[key] = value
    return settings


def problem(settings: dict) -> str | None:
    """What is wrong with a point's space, or None."""
    for name, each in settings["space"].items():
        table, dot, key = name.partition(".")
        if not dot or key not in settings.get(table, {}):
            return f"the space varies {name}, and the point does not say where to begin"
        start = settings[table][key]
        if isinstance(each, list) and start not in each:
            return f"{name} begins at {start}, which is not among its choices"
        if isinstance(each, dict) and not each["low"] <= start <= each["high"]:
            return f"{name} begins at {start}, outside of {each['low']} to {each['high']}"
    return None


def _get(settings: dict, name: str) -> Any:
    table, _, key = name.partition(".")
    return settings[table][key]


def _distribution(optuna: Any, each: list | dict) -> Any:
    if isinstance(each, list):
        return optuna.distributions.CategoricalDistribution([_plain(choice) for choice in each])
    whole = isinstance(each["low"], int) and isinstance(each["high"], int)
    kind = "IntDistribution" if whole else "FloatDistribution"
    return getattr(optuna.distributions, kind)(**each)


def _plain(value: Any) -> Any:
    """Lists, such as the widths of layers, as text: Optuna's choices are plain values."""
    return json.dumps(value) if isinstance(value, list) else value


def _rounded(value: Any) -> Any:
    """Back from text, and to three digits, which is as much as a setting means."""
    if isinstance(value, str) and value.startswith("["):
        return json.loads(value)
    return float(f"{value:.3g}") if isinstance(value, float) else value
