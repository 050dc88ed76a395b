"""Paper-scale experiments: described in ``data/experiments.toml``, recorded in ``data/runs``.

An experiment names a data set, a protocol, a model, how it is trained and how many
seeds it takes; its ``points`` override any of this, one row of a table or one mark of
a curve each. Every (point, seed) runs in a process of its own, so that its memory
and time are its own, and its result is written as soon as it is there: an
experiment that is interrupted goes on where it stopped.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import platform
import subprocess
import tomllib
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch

from reclib import datasets, evaluation, tuning
from reclib.interactions import resolve_device
from reclib.measuring import BEYOND, PROTOCOLS, RATING_METRICS, measure
from reclib.models import MODELS

# What a point may say; the rest of an experiment is about how it is read.
SETTINGS = (
    *("dataset", "at_least", "top_items", "min_count", "protocol", "model", "training"),
    *("measure", "mask", "clip", "on", "curve", "per_user", "groups", "students", "space"),
)


@dataclass(frozen=True)
class Point:
    """One setting to measure: its label, all it takes to run it, and what it answers.

    ``seeds`` is the experiment's, or the point's own: 1 if nothing about it is random. If the
    settings have a ``space``, the point is a search, and ``seeds`` its number of trials.
    ``answers`` is the key of a row of ``data/published.csv``; ``not_comparable``,
    if given, says why the two numbers must not be held against each other. ``chapter`` is the
    page that shows it, ``05-autorec`` say.
    """

    label: str
    settings: dict
    seeds: int
    answers: str | None = None
    not_comparable: str | None = None
    chapter: str | None = None


@dataclass(frozen=True)
class Experiment:
    """A named experiment: title, points, number of seeds, and the tolerance of its verdicts.

    ``tuned_by`` names the search from which its points have their options.
    """

    name: str
    title: str
    seeds: int
    tolerance: float | None
    points: tuple[Point, ...]
    tuned_by: str | None = None

    def path(self, folder: Path | None = None) -> Path:
        """Of its record, in ``data/runs`` or in a folder of one's own."""
        return (folder or datasets.data_folder() / "runs") / f"{self.name}.json"

    def absent(self) -> str:
        """A data set that is neither on this machine nor to be downloaded; empty if none is."""
        for name in {point.settings["dataset"] for point in self.points}:
            dataset = datasets.find(name)
            if dataset.path() is None and not dataset.url:
                return dataset.title
        return ""


def load_experiments(path: Path | None = None) -> dict[str, Experiment]:
    """Read ``experiments.toml``; ValueError if an entry says something that has no meaning.

    A point of an experiment that is ``tuned_by`` a search has the model and the training of the
    best recorded trial of the same label; with ``epochs = "best"``, those of that trial.
    """
    path = path or datasets.data_folder() / "experiments.toml"
    raw = tomllib.loads(path.read_text(encoding="utf-8"))
    experiments: dict[str, Experiment] = {}
    for name, entry in raw.items():
        search = entry.get("tuned_by")
        if search is not None and search not in experiments:
            raise ValueError(f"experiment {name}: no search {search!r} stands above it")
        chosen = _best_trials(experiments[search]) if search else {}
        experiments[name] = _experiment(name, entry, chosen)
    return experiments


def find(name: str) -> Experiment:
    """Look an experiment up by name; ValueError lists the names there are."""
    known = load_experiments()
    if name not in known:
        raise ValueError(f"no experiment {name!r}; there are: {', '.join(known)}")
    return known[name]


def _best_trials(search: Experiment) -> dict[str, dict]:
    """Label: settings and epochs of the best trial, for each point whose trials are all there."""
    record, chosen = Record.read(search), {}
    for point in search.points:
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


def _experiment(name: str, entry: dict, chosen: dict[str, dict]) -> Experiment:
    entry = dict(entry)
    points = entry.pop("points", [{"label": name}])
    head = {key: entry.pop(key, None) for key in ("title", "seeds", "tolerance", "tuned_by")}
    seeds = head["seeds"] or 5
    allowed = {*SETTINGS, "label", "seeds", "answers", "not_comparable", "chapter"}
    if unknown := {key for part in (entry, *points) for key in part} - allowed:
        raise ValueError(f"experiment {name}: unknown key(s) {', '.join(sorted(unknown))}")
    merged = [_merge(entry, _tuned(point, chosen)) for point in points]
    points = tuple(
        Point(
            str(point.get("label", name)),
            {key: point[key] for key in SETTINGS if key in point},
            point.get("seeds", seeds),
            point.get("answers"),
            point.get("not_comparable"),
            point.get("chapter"),
        )
        for point in merged
    )
    experiment = Experiment(
        name, head["title"] or name, seeds, head["tolerance"], points, head["tuned_by"]
    )
    if problem := _problem(experiment):
        raise ValueError(f"experiment {name}: {problem}")
    return experiment


def _tuned(point: dict, chosen: dict[str, dict]) -> dict:
    """The point with the options that its search has chosen; its model is None until then."""
    if "model" in point or point.get("label") not in chosen:
        return point
    found = dict(chosen[point["label"]])
    epochs = found.pop("epochs", 0)
    point = _merge(found, point)
    if point.get("training", {}).get("epochs") == "best":  # so nothing is left to wait for
        training = {key: value for key, value in point["training"].items() if key != "patience"}
        point["training"] = training | {"epochs": epochs}
    return point


def _problem(experiment: Experiment) -> str | None:
    """What would fail only after hours, said before anything runs."""
    labels = [point.label for point in experiment.points]
    if repeated := {label for label in labels if labels.count(label) > 1}:
        return f"two points are labelled {', '.join(sorted(repeated))}"
    for point in experiment.points:
        named = {
            "dataset": (point.settings.get("dataset"), datasets.DATASETS),
            "protocol": (point.settings.get("protocol", {}).get("name"), PROTOCOLS),
            "model": ((point.settings.get("model") or {}).get("name"), MODELS),
            "on": (point.settings.get("on", "test"), ("test", "validation")),
        }
        if experiment.tuned_by and point.settings.get("model") is None:
            del named["model"]  # the search has to run first
        for key, (name, known) in named.items():
            if name not in known:
                return f"{point.label}: no {key} {name!r}; there are: {', '.join(known)}"
        for metric in set(point.settings.get("measure", [])) - set(RATING_METRICS):
            if metric.partition("@")[0] in BEYOND:
                continue
            try:
                evaluation.parse_metric(metric)
            except ValueError as error:
                return f"{point.label}: {error}"
        if "space" in point.settings and (wrong := tuning.problem(point.settings)):
            return f"{point.label}: {wrong}"
        if point.answers and not experiment.tolerance:
            return f"{point.label} answers a published number, so a tolerance is needed"
    return None


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


# -- recording ---------------------------------------------------------------------


def run(
    experiment: Experiment,
    *,
    seeds: int | None = None,
    device: str = "auto",
    jobs: int = 1,
    folder: Path | None = None,
) -> Iterator[dict]:
    """Measure what is not recorded yet, yielding each result once it is on disk.

    ``jobs`` processes work at a time, each on its share of the cores. If one fails, the
    others are measured and recorded all the same; its error is raised at the end. ``folder``
    keeps the results apart from those of the book, to repeat them.
    """
    if jobs < 1:
        raise ValueError(f"jobs must be at least 1, got {jobs}")
    record = Record.read(experiment, folder)
    waiting = missing(experiment, seeds, folder)
    if untuned := [point.label for point, _ in waiting if point.settings["model"] is None]:
        raise ValueError(
            f"{experiment.name}: the options of {untuned[0]} come from a search that is not "
            f"complete; run {experiment.tuned_by} first"
        )
    threads = max(1, (os.cpu_count() or 1) // jobs)
    running, failure = {}, None
    # One task a process: memory is then that of the task. Fork and torch threads do not mix.
    with ProcessPoolExecutor(
        jobs, mp_context=multiprocessing.get_context("spawn"), max_tasks_per_child=1
    ) as pool:
        while True:
            ready = [task for task in waiting if _is_ready(record, *task)]
            for point, seed in ready:
                settings, fixed, result = _task(record, point, seed)
                future = pool.submit(_measure_alone, settings, fixed, device, threads)
                running[future] = result
            waiting = [task for task in waiting if task not in ready]
            if not running:
                break
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                result = running.pop(done)
                if done.exception() is not None:
                    failure = failure or done.exception()
                    continue
                result |= done.result()
                record.add(result)
                yield result
    if failure is not None:
        raise failure


def missing(
    experiment: Experiment, seeds: int | None = None, folder: Path | None = None
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


def expected_seconds(experiment: Experiment, tasks: list[tuple[Point, int]]) -> float:
    """Processor time that the tasks will take, judged by the book's own records; NaN without."""
    spent: dict[str, list[float]] = {}
    for result in Record.read(experiment).results:
        spent.setdefault(result["label"], []).append(result.get("cpu_seconds", result["seconds"]))
    means = {label: sum(each) / len(each) for label, each in spent.items()}
    return sum(means.get(point.label, float("nan")) for point, _ in tasks)


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


@dataclass
class Record:
    """The results of one experiment, as they lie in ``data/runs``."""

    path: Path
    experiment: str
    results: list[dict]

    @classmethod
    def read(cls, experiment: Experiment, folder: Path | None = None) -> Record:
        """Read what was recorded of the experiment *as it is described now*.

        Results of settings that have changed since are left out, and go from the file
        with the next one written.
        """
        path, results = experiment.path(folder), []
        if path.exists():
            current = {point.label: point.settings for point in experiment.points}
            stored = json.loads(path.read_text(encoding="utf-8"))["results"]
            results = [r for r in stored if current.get(r["label"]) == r["settings"]]
        return cls(path, experiment.name, results)

    def find(self, point: Point, seed: int) -> dict | None:
        for result in self.results:
            if result["label"] == point.label and result["seed"] == seed:
                return result
        return None

    def of(self, point: Point) -> list[dict]:
        """The results of a point, in order of their seeds."""
        return [result for result in self.results if result["label"] == point.label]

    def add(self, result: dict) -> None:
        """Write the file anew with one more result; it is whole at every moment."""
        self.results = sorted([*self.results, result], key=lambda r: (r["label"], r["seed"]))
        lines = ",\n".join("  " + json.dumps(each) for each in self.results)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_suffix(".part")
        part.write_text(
            f'{{"experiment": {json.dumps(self.experiment)}, "results": [\n{lines}\n]}}\n',
            encoding="utf-8",
        )
        os.replace(part, self.path)


def environment(device: str = "auto") -> dict[str, str]:
    """What the result was measured with: hardware, versions, and the commit of the code."""
    where = resolve_device(device)
    hardware = torch.cuda.get_device_name() if where.type == "cuda" else _cpu_name()
    libraries = ", ".join(f"{name} {version(name)}" for name in ("torch", "numpy", "scipy"))
    return {
        "hardware": f"{hardware}, {os.cpu_count()} cores",
        "libraries": f"python {platform.python_version()}, {libraries}",
        "commit": _commit(),
    }


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _commit() -> str:
    """The commit of the code, with a mark if the library differs from it; empty outside git."""
    folder = Path(__file__).resolve().parent

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, check=False
        )
        return done.stdout.strip() if done.returncode == 0 else ""

    changed = "+changes" if git("status", "--porcelain", "--", str(folder)) else ""
    return git("rev-parse", "--short=12", "HEAD") + changed
