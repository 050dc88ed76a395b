"""One tuner for every model: a ``space`` says what may vary, Optuna what to try next.

The first trial of a point is the point as it is written: the setting of its authors. The next
three are drawn at random, and each later one is proposed by Optuna (Akiba et al. 2019), whose
Gaussian process asks for few trials, from all those before it. What it proposes depends on
nothing else, so a search that was interrupted goes on as if it had not been.
"""

from __future__ import annotations

import copy
import inspect
import json
import math
import warnings
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from tqdm import trange

from reclib import evaluation, training
from reclib.models import GradientRecommender, Recommender
from reclib.naming import unknown
from reclib.splits import Split, Test

ERRORS = ("rmse", "mae", "user_rmse")  # of ratings: smaller is better
NEAR = 0.05  # a value within this share of its range from an end lies at the edge


class Tuned(NamedTuple):
    """A search: ``trials``, a row each, and the ``best`` options of ``model`` and ``training``."""

    trials: pd.DataFrame
    best: dict[str, dict]


def tune(
    make: Callable[..., Recommender],
    split: Split,
    space: dict,
    trials: int = 20,
    metric: str = "ndcg@10",
    fit_options: dict | None = None,
    seed: int = 0,
    progress: bool = True,
) -> Tuned:
    """Search the options of a model on the validation part of a split; its test is not touched.

    Parameters
    ----------
    make : callable
        Makes the model of its options: a class of ``reclib.models``, or a ``functools.partial``
        of one. The search begins at its defaults.
    split : Split
        With a validation part.
    space : dict
        What may vary, as in :func:`suggest`: ``{"model.l2": {"low": 1.0, "high": 1000.0, "log":
        True}, "training.lr": [0.001, 0.003]}``. ``training`` are the options of ``training.fit``.
    trials : int
        How many settings are tried, the defaults first.
    metric : str
        ``rmse``, ``mae`` or ``user_rmse`` of the ratings, or ``name@k`` of the lists.
    fit_options : dict, optional
        Options of ``training.fit`` for every trial: ``{"epochs": 50, "patience": 5}``.
    seed : int
        Of every training: trials differ by their options alone.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Tuned
        ``trials`` has a column for each option of the space, the metric, and the epochs behind
        the weights that were kept. ``make(**best["model"])``, then ``training.fit(model,
        split.train, **best["training"])`` repeat the best trial without a validation.

    Raises
    ------
    ValueError
        If the split has no validation part, or the space says something that has no meaning.
    FloatingPointError
        If a training diverges, or the metric is NaN; names the trial and its options.
    """
    if split.validation is None:
        raise ValueError("the split has no validation part; make it with validation=0.1, say")
    if trials < 1:
        raise ValueError(f"trials must be at least 1, got {trials}")
    if metric not in ERRORS:
        evaluation.parse_metric(metric)
    fixed = {"model": {}, "training": dict(fit_options or {}) | {"seed": seed}}
    start = {
        "model": _defaults(make),
        "training": _defaults(training.fit) | fixed["training"],
        "space": space,
    }
    if wrong := problem(start):
        raise ValueError(wrong)
    sign = 1 if metric in ERRORS else -1
    tried, rows = [], []
    for trial in trange(trials, disable=not progress, desc="tuning", unit="trial"):
        values = suggest(start, tried)
        try:
            value, epochs = _tried(make, split, with_values(fixed, values), metric, sign)
        except FloatingPointError as error:
            raise FloatingPointError(f"trial {trial} with {values}: {error}") from error
        tried.append((values, sign * value))
        rows.append(values | {metric: value, "epochs": epochs})
    number, (values, _) = min(enumerate(tried), key=lambda each: each[1][1])
    best = with_values(fixed, values)
    best["training"].pop("patience", None)
    if rows[number]["epochs"]:
        best["training"]["epochs"] = rows[number]["epochs"]
    return Tuned(pd.DataFrame(rows).rename_axis("trial"), best)


def _defaults(function: Callable) -> dict:
    """The arguments of a function that have a default."""
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}


def _tried(
    make: Callable[..., Recommender], split: Split, options: dict, metric: str, sign: int
) -> tuple[float, int]:
    """The validation metric of a model with these options, and the epochs behind it."""
    model = make(**options["model"])

    def objective(model: Recommender) -> float:
        return sign * _value(model, split.validation, metric)

    fit_options = dict(options["training"])
    if isinstance(model, GradientRecommender):
        fit_options["validate"] = objective
    history = training.fit(model, split.train, **fit_options)
    value = _value(model, split.validation, metric)
    if math.isnan(value):
        raise FloatingPointError(f"{metric} is NaN")
    return value, history.best_epoch or 0


def _value(model: Recommender, test: Test, metric: str) -> float:
    if metric in ERRORS:
        return evaluation.rating_errors(model, test)[metric]
    return float(evaluation.rank(model, test, [metric]).per_user[metric].mean())


def suggest(settings: dict, tried: Sequence[tuple[dict, float]]) -> dict:
    """The values to try after ``tried``, which holds (values, objective) pairs in their order.

    ``settings["space"]`` maps a dotted name, ``model.l2`` say, to a list of choices or to a table
    of ``low``, ``high`` and perhaps ``log = true``; two whole numbers make a whole number. The
    objective is *smaller is better*. Returns a value for every name of the space.

    ValueError if the space has no meaning (see :func:`problem`), or a trial does not belong to it.
    """
    if wrong := problem(settings) or _foreign(settings["space"], tried):
        raise ValueError(wrong)
    if not tried:
        return {name: value_of(settings, name) for name in settings["space"]}
    with warnings.catch_warnings():  # of a progress bar in notebooks, which nobody asks for
        warnings.filterwarnings("ignore", "IProgress")
        import optuna  # here: only who tunes needs it

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
    return {name: _rounded(proposed[name], each) for name, each in settings["space"].items()}


def with_values(settings: dict, values: dict) -> dict:
    """``settings`` with each dotted name of ``values`` set, and without its space."""
    settings = copy.deepcopy({key: value for key, value in settings.items() if key != "space"})
    for name, value in values.items():
        table, _, key = name.partition(".")
        settings.setdefault(table, {})[key] = value
    return settings


def value_of(settings: dict, name: str) -> Any:
    """The value of a dotted name, ``model.l2`` say."""
    table, _, key = name.partition(".")
    return settings[table][key]


def edges(space: dict, values: dict) -> pd.DataFrame:
    """Where in its range each value lies, for a table that a chapter shows.

    Indexed by dotted name: ``chosen``, ``range`` and ``place``, which is ``inside``, ``AT AN
    EDGE`` (within a twentieth of an end, on the scale that was searched: there the search could
    have gone on), or ``one of the choices``. All are text.
    """
    rows = {}
    for name, each in space.items():
        place, shown = "one of the choices", str(each)
        if isinstance(each, dict):
            scale = math.log if each.get("log") else float
            low, high, at = map(scale, (each["low"], each["high"], values[name]))
            place = "inside" if NEAR < (at - low) / (high - low) < 1 - NEAR else "AT AN EDGE"
            shown = f"{each['low']:g} to {each['high']:g}"
        rows[name] = {"chosen": str(values[name]), "range": shown, "place": place}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["chosen", "range", "place"])


# -- what a space may say --------------------------------------------------------------


def problem(settings: dict) -> str | None:
    """What is wrong with a point's space, or None."""
    space = settings.get("space")
    if not isinstance(space, dict) or not space:
        return "there is no space: say what may vary, and between which values"
    for name, each in space.items():
        table, dot, key = str(name).partition(".")
        if not dot or key not in settings.get(table, {}):
            return f"the space varies {name}, and the point does not say where to begin"
        wrong = _wrong_choices(each) if isinstance(each, list) else _wrong_range(each)
        if wrong := wrong or _outside(each, settings[table][key], "begins at"):
            return f"{name} {wrong}"
    return None


def _wrong_choices(choices: list) -> str | None:
    if not choices:
        return "has no choices"
    plain = [_plain(choice) for choice in choices]
    if not all(isinstance(choice, str | int | float | bool | None) for choice in plain):
        return f"has choices that are no plain values: {choices}"
    return None


def _wrong_range(each: dict) -> str | None:
    """Of a table of low, high and log."""
    if not isinstance(each, dict):
        return f"must be a list of choices, or a table of low and high, got {each!r}"
    for key in each:
        if key not in ("low", "high", "log"):
            return f"says something else: {unknown('bound', key, ('low', 'high', 'log'))}"
    if missing := [key for key in ("low", "high") if key not in each]:
        return f"has no {' and no '.join(missing)}"
    low, high, log = each["low"], each["high"], each.get("log", False)
    if not all(_is_number(bound) for bound in (low, high)):
        return f"must lie between two numbers, got {low!r} and {high!r}"
    if not isinstance(log, bool):
        return f"has log = {log!r}, which must be true or false"
    if not low < high:
        return f"has a low of {low}, which is not below its high of {high}"
    if log and low <= 0:
        return f"has a low of {low}; a logarithmic range begins above 0"
    return None


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _outside(each: list | dict, value: object, how: str) -> str | None:
    """What is wrong with a value of a range or of choices that are fine themselves."""
    if isinstance(each, list):
        known = value in each
        return None if known else f"{how} {value}, which is not among its choices"
    if not _is_number(value):
        return f"{how} {value!r}, which is no number"
    if not each["low"] <= value <= each["high"]:
        return f"{how} {value}, outside of {each['low']} to {each['high']}"
    return None


def _foreign(space: dict, tried: Sequence[tuple[dict, float]]) -> str | None:
    """What is wrong with the trials, or None."""
    for number, (values, objective) in enumerate(tried):
        if set(values) != set(space):
            return f"trial {number} varies {', '.join(values)}, and the space {', '.join(space)}"
        if not _is_number(objective):
            return f"the objective of trial {number} must be a finite number, got {objective!r}"
        for name, each in space.items():
            if wrong := _outside(each, values[name], "was"):
                return f"trial {number} does not belong to this space: {name} {wrong}"
    return None


def _distribution(optuna: Any, each: list | dict) -> Any:
    if isinstance(each, list):
        return optuna.distributions.CategoricalDistribution([_plain(choice) for choice in each])
    whole = isinstance(each["low"], int) and isinstance(each["high"], int)
    kind = "IntDistribution" if whole else "FloatDistribution"
    return getattr(optuna.distributions, kind)(**each)


def _plain(value: Any) -> Any:
    """Lists, such as the widths of layers, as text: Optuna's choices are plain values."""
    return json.dumps(value) if isinstance(value, list | tuple) else value


def _rounded(value: Any, each: list | dict) -> Any:
    """The choice itself, or a number of three digits, as much as a setting means, in its range."""
    if isinstance(each, list):
        return next(choice for choice in each if _plain(choice) == value)
    if isinstance(value, float):
        return float(min(max(float(f"{value:.3g}"), each["low"]), each["high"]))
    return value
