"""What is wrong with the settings of an experiment, found before anything is computed.

Every misspelt name and every value of the wrong kind would also be found by the training that
trips over it: hours later, and in a process of its own.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator

import torch

from reclib import augmentation, datasets, evaluation, training, tuning
from reclib.measuring import BEYOND, PROTOCOLS, RATING_METRICS, maker
from reclib.models import MODELS
from reclib.naming import unknown

# What a point may say, and the kind of each; the rest of an experiment is about how it is read.
SETTINGS = {
    "dataset": (str, dict),
    "at_least": (int, float),
    "top_items": (int,),
    "min_count": (dict,),
    "protocol": (dict,),
    "model": (dict,),
    "training": (dict,),
    "measure": (list,),
    "mask": (bool,),
    "clip": (bool,),
    "on": (str,),
    "curve": (bool,),
    "per_user": (bool, int),
    "groups": (int,),
    "students": (dict,),
    "space": (dict,),
}
# About a point, and about a whole experiment.
OF_POINTS = {
    "label": (str, int, float),
    "seeds": (int,),
    "answers": (str,),
    "not_comparable": (str,),
    "chapter": (str,),
}
OF_EXPERIMENTS = {
    "title": (str,),
    "seeds": (int,),
    "tolerance": (int, float),
    "tuned_by": (str,),
    "points": (list,),
}
WORDS = {str: "a text", dict: "a table", list: "a list", int: "a whole number", float: "a number"}
WORDS |= {bool: "true or false"}
GIVEN = ("model", "train", "validate", "watch", "device", "checkpoint", "optimizer_state")


def first(problems: Iterable[str]) -> str | None:
    """The first of them, or None."""
    return next(iter(problems), None)


def wrong_entries(entry: dict, known: dict[str, tuple]) -> Iterator[str]:
    """Keys that ``known`` does not have, and values that are not of its kinds."""
    for key, value in entry.items():
        if key not in known:
            yield unknown("setting", key, known)
        elif not _is(value, known[key]):
            kinds = " or ".join(WORDS[kind] for kind in known[key])
            yield f"{key} must be {kinds}, got {value!r}"
    for key in ("seeds", "tolerance", "groups", "top_items"):
        if key in entry and not entry[key] > 0:
            yield f"{key} must be above 0, got {entry[key]!r}"


def _is(value: object, kinds: tuple[type, ...]) -> bool:
    return bool in kinds if isinstance(value, bool) else isinstance(value, kinds)


def wrong_settings(settings: dict, *, tuned: bool = False) -> Iterator[str]:
    """Everything about a point that has no meaning; if it is ``tuned``, its model may be open."""
    yield from _wrong_dataset(settings.get("dataset"))
    yield from _names("min_count", settings.get("min_count", {}), ("user", "item"))
    yield from _wrong_protocol(settings.get("protocol", {}))
    if not (tuned and settings.get("model", {}) is None):
        yield from _wrong_model(settings.get("model", {}))
        yield from _wrong_training(settings.get("training", {}))
    if settings.get("on", "test") not in ("test", "validation"):
        yield unknown("on", settings["on"], ("test", "validation"))
    yield from _wrong_metrics(settings.get("measure", ["rmse"]))
    for name, how in settings.get("students", {}).items():
        if not isinstance(how, dict):
            yield f"the student {name} must be a table, got {how!r}"
        else:
            own = {key: how[key] for key in how if key not in ("epochs", "batch_size")}
            own.pop("keep_optimizer", None)
            given = ("train", "teacher", "seed")
            yield from _wrong_options(f"the student {name}", augmentation.augment, own, given)
    if "space" in settings:
        if wrong := tuning.problem(settings):
            yield wrong
        if settings.get("on") != "validation":
            yield 'a search must not see the test: say on = "validation"'


def _wrong_dataset(named: str | dict | None) -> Iterator[str]:
    """A name, or the table of a file of one's own; whether that is there is another question."""
    if isinstance(named, dict):
        yield from _names("entry of dataset", named, datasets.OWN)
        if "path" not in named:
            yield "dataset needs the path of a file"
        yield from (f"dataset: {wrong}" for wrong in wrong_entries(named, datasets.OWN))
    elif named not in datasets.DATASETS:
        yield unknown("dataset", named, datasets.DATASETS)


def _names(kind: str, table: dict, known: Iterable[str]) -> Iterator[str]:
    for key in table:
        if key not in known:
            yield unknown(kind, key, known)


def _wrong_protocol(protocol: dict) -> Iterator[str]:
    """Its name, and the names of its options."""
    options = dict(protocol)
    name = options.pop("name", None)
    if name not in PROTOCOLS:
        yield unknown("protocol", name, PROTOCOLS)
    else:
        yield from _wrong_options(name, PROTOCOLS[name], options, ("ratings",))


def _wrong_model(model: dict) -> Iterator[str]:
    """Its name, the names of its options, and what its constructor says of their values."""
    options = dict(model)
    name = options.pop("name", None)
    if name not in MODELS:
        yield unknown("model", name, MODELS)
        return
    wrong = list(_wrong_options(name, MODELS[name], options, ()))
    yield from wrong
    if not wrong:
        try:
            # Whoever reads experiments in the middle of a program keeps her random numbers.
            with torch.random.fork_rng(devices=[]):
                maker(model, seed=0)()
        except (ValueError, TypeError) as error:
            yield f"{name}: {error}"


def _wrong_training(options: dict) -> Iterator[str]:
    yield from _wrong_options("training", training.fit, options, GIVEN)
    optimizer = options.get("optimizer", "adam")
    if optimizer not in training.OPTIMIZERS:
        yield unknown("optimizer", optimizer, training.OPTIMIZERS)
    if options.get("epochs") == "best":
        yield 'epochs = "best" needs the search that tuned_by names, and one with this label'


def _wrong_options(
    whose: str, function: Callable, options: dict, given: tuple[str, ...]
) -> Iterator[str]:
    """Options that a function does not have, or needs; ``given`` are those that others give it."""
    parameters = inspect.signature(function).parameters
    open_ended = [p for p in parameters.values() if p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    known = [name for name in parameters if name not in given]
    if not open_ended:
        yield from _names(f"option of {whose}", options, known)
        needed = [name for name in known if parameters[name].default is inspect.Parameter.empty]
        if missing := [name for name in needed if name not in options]:
            yield f"{whose} needs {' and '.join(missing)}"


def _wrong_metrics(wanted: list) -> Iterator[str]:
    if not wanted:
        yield "measure names no metric"
    if 0 < len(of_ratings := set(map(str, wanted)) & set(RATING_METRICS)) < len(wanted):
        yield f"{of_ratings.pop()} is an error of ratings; measure lists in another experiment"
    for metric in wanted:
        name, _, k = str(metric).partition("@")
        if metric in RATING_METRICS or name in BEYOND and k.isdigit() and int(k) > 0:
            continue
        try:
            evaluation.parse_metric(str(metric))
        except ValueError as error:
            yield str(error)
