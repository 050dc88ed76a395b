"""Paper-scale experiments: described in ``data/experiments.toml``, recorded in ``data/runs``.

An experiment names a data set, a protocol, a model, how it is trained and how many
seeds it takes; its ``points`` override any of this, one row of a table or one mark of
a curve each. Every (point, seed) runs in a process of its own, so that its memory
and time are its own, and its result is written as soon as it is there: an
experiment that is interrupted goes on where it stopped.

Anyone may write such a file: the data set may be a table in a file of one's own, and the
record lies beside the description, in a folder ``runs``.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import tomllib
from collections.abc import Generator, Iterable, Iterator
from functools import cache
from pathlib import Path

import torch

from reclib import checking, datasets, tuning
from reclib.checking import OF_EXPERIMENTS, OF_POINTS, SETTINGS
from reclib.interactions import resolve_device
from reclib.measuring import RATING_METRICS, measure
from reclib.naming import unknown
from reclib.records import Experiment, Point, Record, environment
from reclib.workers import Worker, finished, undisturbed


class FailedError(RuntimeError):
    """A training failed; says which point and seed. Its ``__cause__`` is what went wrong."""


# -- reading what is described -------------------------------------------------------


def load_experiments(
    path: str | Path | None = None, runs: str | Path | None = None
) -> dict[str, Experiment]:
    """Read an experiments file, by default that of the book.

    A point of an experiment that is ``tuned_by`` a search has the model and the training of the
    best recorded trial of the same label; with ``epochs = "best"``, those of that trial.

    Parameters
    ----------
    path : path, optional
        Of a TOML file like ``data/experiments.toml``.
    runs : path, optional
        Folder of the records; by default ``runs`` beside the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no TOML, or says something that has no meaning; names file, experiment, point.
    """
    path = Path(path or datasets.data_folder() / "experiments.toml")
    runs = Path(runs or path.parent / "runs")
    if not path.is_file():
        raise FileNotFoundError(f"there is no experiments file {path}")
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not a TOML file: {error}") from error
    experiments: dict[str, Experiment] = {}
    for name, entry in raw.items():
        try:
            experiments[name] = _experiment(name, entry, experiments, path, runs)
        except ValueError as error:
            raise ValueError(f"{path.name}: experiment {name}: {error}") from error
    return experiments


def find(name: str | Experiment) -> Experiment:
    """One of the book's experiments by name; an experiment of one's own is returned as it is.

    ValueError lists the names there are.
    """
    if isinstance(name, Experiment):
        return name
    known = load_experiments()
    if name not in known:
        raise ValueError(unknown("experiment", name, known))
    return known[name]


def choose(names: Iterable[str], runs: str | Path | None = None) -> list[Experiment]:
    """The book's experiments by name, and for a name that ends in .toml all of that file.

    ``runs`` is a folder for the records of the latter, as for :func:`load_experiments`.
    """
    chosen: list[Experiment] = []
    for name in names:
        own = str(name).endswith(".toml")
        chosen += load_experiments(name, runs).values() if own else [find(name)]
    return chosen


def again(experiment: Experiment) -> Experiment:
    """The experiment read anew, with the options that a search has found in the meantime."""
    known = load_experiments(experiment.file, experiment.runs)
    if experiment.name not in known:
        raise ValueError(f"{experiment.file}: {unknown('experiment', experiment.name, known)}")
    return known[experiment.name]


def _best_trials(search: Experiment) -> dict[str, dict]:
    """Label: settings and epochs of the best trial, for each point whose trials are all there."""
    record, chosen = Record.read(search), {}
    for point in (each for each in search.points if "space" in each.settings):
        trials = record.of(point)
        if len(trials) >= point.seeds:
            best = min(trials, key=lambda trial: _objective(point.settings, trial))
            settings = tuning.with_values(point.settings, best["trial"])
            chosen[point.label] = {key: settings.get(key, {}) for key in ("model", "training")}
            chosen[point.label]["epochs"] = best["epochs"]
        else:
            chosen[point.label] = {"model": None}
    return chosen


def _objective(settings: dict, result: dict) -> float:
    """What is searched for: the first metric, turned so that smaller is better."""
    metric = settings.get("measure", ["rmse"])[0]
    return result["metrics"][metric] * (1 if metric in RATING_METRICS else -1)


def _experiment(
    name: str, entry: dict, above: dict[str, Experiment], file: Path, runs: Path
) -> Experiment:
    """One entry of the file, checked; ``above`` are the experiments that stand before it."""
    if not re.fullmatch(r"\w[\w .+-]*", name):
        raise ValueError("its name must do for a file: letters, digits, . _ + and -")
    if not isinstance(entry, dict):
        raise ValueError(f"it must be a table, [{name}], got {entry!r}")
    _refuse(checking.wrong_entries(entry, SETTINGS | OF_POINTS | OF_EXPERIMENTS))
    points = entry.get("points", [{"label": name}])
    if not points or not all(isinstance(point, dict) for point in points):
        raise ValueError("points must be tables, and at least one")
    for point in points:
        _refuse(checking.wrong_entries(point, SETTINGS | OF_POINTS), point.get("label", name))
    search = entry.get("tuned_by")
    if search is not None and search not in above:
        raise ValueError(f"no search {search!r} stands above it")
    chosen = _best_trials(above[search]) if search else {}
    shared = {key: value for key, value in entry.items() if key not in OF_EXPERIMENTS}
    seeds, tolerance = entry.get("seeds", 5), entry.get("tolerance")
    read = []
    for point in points:
        point = _merge(shared, _tuned(point, chosen))
        label = str(point.get("label", name))
        settings = {key: point[key] for key in SETTINGS if key in point}
        if search and "model" not in settings:
            raise ValueError(f"{label}: it has no model, and {search} no search of this label")
        _refuse(checking.wrong_settings(settings, tuned=label in chosen), label)
        if point.get("answers") and not tolerance:
            raise ValueError(f"{label} answers a published number, so a tolerance is needed")
        if isinstance(settings["dataset"], dict):
            settings["dataset"] = _identified(settings["dataset"], file.parent, label)
        about = [point.get(key) for key in ("answers", "not_comparable", "chapter")]
        read.append(Point(label, settings, point.get("seeds", seeds), *about))
    labels = [point.label for point in read]
    if repeated := sorted({label for label in labels if labels.count(label) > 1}):
        raise ValueError(f"two points are labelled {', '.join(repeated)}")
    title = entry.get("title", name)
    return Experiment(name, title, seeds, tolerance, tuple(read), search, file, runs)


def _refuse(problems: Iterator[str], label: str = "") -> None:
    """ValueError with the first of the problems, if there is one."""
    if problem := checking.first(problems):
        raise ValueError(f"{label}: {problem}" if label else problem)


def _identified(described: dict, folder: Path, label: str) -> dict:
    """A file of one's own with its fingerprint, so that the record tells when the file changes."""
    path = folder / described["path"]
    if not path.is_file():
        raise ValueError(f"{label}: dataset: there is no file {path}")
    return described | {"fingerprint": datasets.fingerprint_of(path)}


def _tuned(point: dict, chosen: dict[str, dict]) -> dict:
    """The point with the options that its search has chosen; its model is None until then."""
    if "name" in point.get("model", {}) or point.get("label") not in chosen:
        return point
    found = dict(chosen[point["label"]])
    if found["model"] is None:  # not searched yet: nothing that a part could change
        return point | {"model": None}
    epochs = found.pop("epochs", 0)
    point = _merge(found, point)
    if point.get("training", {}).get("epochs") == "best":  # so nothing is left to wait for
        training = {key: value for key, value in point["training"].items() if key != "patience"}
        point["training"] = training | {"epochs": epochs}
    return point


def _merge(base: dict, over: dict) -> dict:
    """``base`` with the entries of ``over`` put in, table by table.

    A table that names something else, another model say, takes nothing over.
    """
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        same = both and value.get("name", base[key].get("name")) == base[key].get("name")
        merged[key] = _merge(base[key], value) if same else value
    return merged


# -- running -------------------------------------------------------------------------


def run(
    experiment: Experiment,
    *,
    seeds: int | None = None,
    device: str = "auto",
    jobs: int = 1,
    folder: str | Path | None = None,
) -> Generator[dict, None, None]:
    """Measure what is not recorded yet, yielding each result once it is on disk.

    ``jobs`` processes work at a time, each on its share of the cores. If one fails, the others
    are measured and recorded all the same, and FailedError names it at the end. Whoever closes
    the iterator, or presses Ctrl-C, ends the running processes; what has finished is recorded.
    ``folder`` keeps the results apart from those of the book, to repeat them.

    Raises
    ------
    ValueError, ConnectionError
        At once, and before anything is measured, if something asked for cannot be had.
    """
    check(seeds=seeds, device=device, jobs=jobs)
    waiting = missing(experiment, seeds, folder)
    refuse_untuned(experiment, waiting)
    prepare(experiment, waiting, folder)
    return _run(experiment, waiting, device, jobs, folder)


def check(*, seeds: int | None = None, device: str = "auto", jobs: int = 1) -> None:
    """ValueError if there is no such device, or fewer than one seed or job."""
    for name, value in (("seeds", 1 if seeds is None else seeds), ("jobs", jobs)):
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} must be a whole number, at least 1, got {value!r}")
    try:
        torch.zeros(1, device=resolve_device(device)).item()
    except (RuntimeError, AssertionError, NotImplementedError, TypeError, ValueError) as error:
        there = [f"cuda:{number}" for number in range(torch.cuda.device_count())]
        raise ValueError(unknown("device", device, ["auto", "cpu", *there])) from error


def prepare(
    experiment: Experiment, tasks: list[tuple[Point, int]], folder: str | Path | None = None
) -> None:
    """Have all that the tasks need before the first: their data, and a folder that takes records.

    Data that are not on this machine are downloaded; a file of one's own is read once.
    """
    if not tasks:
        return
    where = experiment.path(folder).parent
    try:
        where.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=where):
            pass
    except OSError as error:
        why = error.strerror or error
        raise ValueError(
            f"no record can be written in {where} ({why}); name another folder"
        ) from error
    for point in {json.dumps(point.settings["dataset"]): point for point, _ in tasks}.values():
        data = experiment.data(point)
        if isinstance(data, dict):
            try:
                _read_once(json.dumps(data))
            except (ValueError, TypeError) as error:
                raise ValueError(f"{experiment.name}: {error}") from error
        elif datasets.find(data).path() is None:
            datasets.fetch(data)


@cache
def _read_once(described: str) -> None:
    """Read a file of one's own, described in JSON, to find here what is wrong in it."""
    datasets.load(json.loads(described))


def refuse_untuned(experiment: Experiment, tasks: list[tuple[Point, int]]) -> None:
    """ValueError if a point among the tasks waits for the search that gives it its options."""
    for point, _ in tasks:
        if point.settings["model"] is None:
            raise ValueError(
                f"{experiment.name}: the options of {point.label} come from a search that is not "
                f"complete; run {experiment.tuned_by} first"
            )


def _run(
    experiment: Experiment,
    waiting: list[tuple[Point, int]],
    device: str,
    jobs: int,
    folder: str | Path | None,
) -> Iterator[dict]:
    record = Record.read(experiment, folder)
    threads = max(1, (os.cpu_count() or 1) // jobs)
    running: dict[Worker, tuple[Point, dict]] = {}
    failures: list[tuple[str, Exception]] = []

    def start(point: Point, seed: int) -> None:
        settings, fixed, result = _task(record, point, seed)
        settings = settings | {"dataset": experiment.data(point)}
        with undisturbed():
            running[Worker(_measure_alone, settings, fixed, device, threads)] = point, result

    def keep(worker: Worker) -> dict | None:
        """Record what a worker that is done has measured, or note why it did not."""
        with undisturbed():
            point, result = running.pop(worker)
            try:
                result |= worker.result()
            except Exception as error:
                failures.append((point.named(result["seed"]), error))
                return None
            record.add(result)
            return result

    try:
        while True:
            ready = [task for task in waiting if _is_ready(record, *task)]
            for task in ready[: jobs - len(running)]:
                waiting.remove(task)
                start(*task)
            if not running:
                break
            for worker in finished(running):
                if result := keep(worker):
                    yield result
    finally:  # of an interruption as well, whoever is running then
        with undisturbed():
            for worker in list(running):
                keep(worker) if worker.done() else worker.stop()
    if failures:
        who, error = failures[0]
        more = f" (and {len(failures) - 1} more failed)" if len(failures) > 1 else ""
        raise FailedError(f"{who}: {error}{more}") from error


def missing(
    experiment: Experiment, seeds: int | None = None, folder: str | Path | None = None
) -> list[tuple[Point, int]]:
    """What is not recorded yet, point and seed, in the order in which it is run: seed by seed."""
    record = Record.read(experiment, folder)
    return [
        (point, seed)
        for seed in range(max(point.seeds for point in experiment.points))
        for point in experiment.points
        if seed < (point.seeds if seeds is None else min(seeds, point.seeds))
        and record.find(point, seed) is None
    ]


def expected_seconds(experiment: Experiment, tasks: list[tuple[Point, int]]) -> list[float]:
    """Processor time that each task will take, judged by the recorded ones; NaN without."""
    spent: dict[str, list[float]] = {}
    for result in Record.read(experiment).results:
        spent.setdefault(result["label"], []).append(result.get("cpu_seconds", result["seconds"]))
    means = {label: sum(each) / len(each) for label, each in spent.items()}
    return [means.get(point.label, float("nan")) for point, _ in tasks]


def _is_ready(record: Record, point: Point, seed: int) -> bool:
    """A trial of a search waits for those before it."""
    return "space" not in point.settings or len(record.of(point)) == seed


def _task(record: Record, point: Point, seed: int) -> tuple[dict, int, dict]:
    """Settings and seed to measure with, and the result as far as it is known.

    All trials of a search have the seed 0: they must differ by their settings alone.
    """
    result = {"label": point.label, "settings": point.settings, "seed": seed}
    if "space" not in point.settings:
        return point.settings, seed, result
    trials = [(each["trial"], _objective(point.settings, each)) for each in record.of(point)]
    values = tuning.suggest(point.settings, trials)
    return tuning.with_values(point.settings, values), 0, result | {"trial": values}


def _measure_alone(settings: dict, seed: int, device: str, threads: int) -> dict:
    torch.set_num_threads(threads)
    return measure(settings, seed, device) | {"threads": threads} | environment(device)
