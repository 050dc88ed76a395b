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
import resource
import subprocess
import time
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import torch

from reclib import augmentation, datasets, evaluation, splits, training
from reclib.interactions import Interactions, resolve_device
from reclib.models import MODELS, Recommender
from reclib.ratings import Ratings

PROTOCOLS = {
    protocol.__name__: protocol
    for protocol in (
        splits.hold_out,
        splits.hold_out_per_user,
        splits.temporal,
        splits.held_out_users,
    )
}
RATING_METRICS = ("rmse", "mae", "user_rmse", "seen_rmse")
# Protocols that draw another split for each seed; the others have one split, and the seed
# is that of the training alone.
DRAWN_ANEW = ("hold_out", "hold_out_per_user")
# What a point may say; the rest of an experiment is about how it is read.
SETTINGS = (
    *("dataset", "at_least", "top_items", "min_count", "protocol", "model", "training"),
    *("measure", "mask", "clip", "on", "curve", "per_user", "students"),
)


@dataclass(frozen=True)
class Point:
    """One setting to measure: its label, all it takes to run it, and what it answers.

    ``seeds`` is the experiment's, or the point's own: 1 if nothing about it is random.
    ``answers`` is the key of a row of ``data/published.csv``; ``not_comparable``,
    if given, says why the two numbers must not be held against each other.
    """

    label: str
    settings: dict
    seeds: int
    answers: str | None = None
    not_comparable: str | None = None


@dataclass(frozen=True)
class Experiment:
    """A named experiment: title, points, number of seeds, and the tolerance of its verdicts."""

    name: str
    title: str
    seeds: int
    tolerance: float | None
    points: tuple[Point, ...]

    @property
    def path(self) -> Path:
        return datasets.data_folder() / "runs" / f"{self.name}.json"


def load_experiments(path: Path | None = None) -> dict[str, Experiment]:
    """Read ``experiments.toml``; ValueError if an entry says something that has no meaning."""
    path = path or datasets.data_folder() / "experiments.toml"
    raw = tomllib.loads(path.read_text(encoding="utf-8"))
    return {name: _experiment(name, entry) for name, entry in raw.items()}


def find(name: str) -> Experiment:
    """Look an experiment up by name; ValueError lists the names there are."""
    known = load_experiments()
    if name not in known:
        raise ValueError(f"no experiment {name!r}; there are: {', '.join(known)}")
    return known[name]


def _experiment(name: str, entry: dict) -> Experiment:
    entry = dict(entry)
    points = entry.pop("points", [{"label": name}])
    head = {key: entry.pop(key, None) for key in ("title", "seeds", "tolerance")}
    seeds = head["seeds"] or 5
    allowed = {*SETTINGS, "label", "seeds", "answers", "not_comparable"}
    if unknown := {key for part in (entry, *points) for key in part} - allowed:
        raise ValueError(f"experiment {name}: unknown key(s) {', '.join(sorted(unknown))}")
    merged = [_merge(entry, point) for point in points]
    points = tuple(
        Point(
            str(point.get("label", name)),
            {key: point[key] for key in SETTINGS if key in point},
            point.get("seeds", seeds),
            point.get("answers"),
            point.get("not_comparable"),
        )
        for point in merged
    )
    experiment = Experiment(name, head["title"] or name, seeds, head["tolerance"], points)
    if problem := _problem(experiment):
        raise ValueError(f"experiment {name}: {problem}")
    return experiment


def _problem(experiment: Experiment) -> str | None:
    """What would fail only after hours, said before anything runs."""
    labels = [point.label for point in experiment.points]
    if repeated := {label for label in labels if labels.count(label) > 1}:
        return f"two points are labelled {', '.join(sorted(repeated))}"
    for point in experiment.points:
        named = {
            "dataset": (point.settings.get("dataset"), datasets.DATASETS),
            "protocol": (point.settings.get("protocol", {}).get("name"), PROTOCOLS),
            "model": (point.settings.get("model", {}).get("name"), MODELS),
            "on": (point.settings.get("on", "test"), ("test", "validation")),
        }
        for key, (name, known) in named.items():
            if name not in known:
                return f"{point.label}: no {key} {name!r}; there are: {', '.join(known)}"
        for metric in set(point.settings.get("measure", [])) - set(RATING_METRICS):
            try:
                evaluation.parse_metric(metric)
            except ValueError as error:
                return f"{point.label}: {error}"
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


# -- running one setting ---------------------------------------------------------


def measure(settings: dict, seed: int, device: str = "auto") -> dict:
    """Load, split, fit and evaluate; the seed drives the split and the training alike.

    If the protocol has a validation part, the model is validated after every epoch and the
    weights of its best one are kept. They are measured on the test, or with
    ``on = "validation"``, which is for searching, on the validation part: then the test is not
    touched. ``curve`` asks for the metrics after every epoch as well, ``per_user`` for the
    ranking metrics of every user, in the order of the test's rows (null where nothing is held
    out), and ``students`` for models trained on data that the fitted one has extended (see
    :func:`_lesson`).

    Returns the metrics with the split's fingerprint, the number of epochs behind them and of
    parameters, the seconds that fitting took (validation included) by the clock and by the
    processor, which other work does not lengthen, and the peak memory of the process (of the GPU,
    if one is used) in MiB.
    """
    ratings = datasets.load(settings["dataset"])
    if "at_least" in settings:  # ratings that count as events
        ratings = ratings.at_least(settings["at_least"])
    if "top_items" in settings:  # a small catalogue
        counts = ratings.table["item"].value_counts()
        ratings = ratings.where(ratings.table["item"].isin(counts.index[: settings["top_items"]]))
    ratings = ratings.with_min_count(**settings.get("min_count", {}))
    split = _split(ratings, dict(settings["protocol"]), seed)
    make = _model(settings["model"])
    clip = ratings.scale if settings.get("clip", True) else None
    wanted = settings.get("measure", ["rmse"])

    def ranking(model, test: splits.Test):
        mask = settings.get("mask", True)  # False only to measure the mistake
        return evaluation.rank(model, test, wanted, mask=mask, device=device).per_user

    def values(model, test: splits.Test) -> dict[str, float]:
        if set(wanted) <= set(RATING_METRICS):
            found = evaluation.rating_errors(model, test, clip=clip, device=device)
            if "seen_rmse" in wanted:
                found["seen_rmse"] = evaluation.seen_rmse(
                    model, test.fold_in, clip=clip, device=device
                )
        else:
            found = ranking(model, test).mean().to_dict()
        return {name: found[name] for name in wanted}

    part = getattr(split, settings.get("on", "test"))
    if part is None:
        raise ValueError("a search needs a protocol with a validation part")
    sign = 1 if wanted[0] in RATING_METRICS else -1  # ranking metrics are better if larger
    options = {"seed": seed, "device": device} | settings.get("training", {})
    if split.validation is not None:
        options["validate"] = lambda model: sign * values(model, split.validation)[wanted[0]]
    if settings.get("curve"):
        options["watch"] = lambda model: values(model, part)
    model = make()
    start, start_cpu = time.perf_counter(), time.process_time()
    history = training.fit(model, split.train, **options)
    result = {
        "split": split.fingerprint(),
        "metrics": values(model, part),
        "epochs": history.best_epoch or len(history.rows),
        "parameters": model.num_parameters,
        "seconds": round(time.perf_counter() - start, 1),
        "cpu_seconds": round(time.process_time() - start_cpu, 1),
    }
    if settings.get("curve"):
        result["curve"] = _curve(history, wanted)
    if settings.get("per_user"):
        each = ranking(model, part).round(5)
        result["per_user"] = each.astype(object).where(each.notna(), None).to_dict("list")
    if "students" in settings:
        result["students"] = {}
        for name, how in settings["students"].items():
            student, taught = make(), _lesson(how, split.train, model, history, options)
            learnt = training.fit(student, **taught)
            result["students"][name] = {"metrics": values(student, part)}
            if settings.get("curve"):
                result["students"][name]["curve"] = _curve(learnt, wanted)
    return result | {"peak_mb": _peak_mb(resolve_device(device))}


def _split(ratings: Ratings, protocol: dict, seed: int) -> splits.Split:
    """The split of a protocol: another one for each seed if it is random and names none."""
    if protocol["name"] in DRAWN_ANEW:
        protocol = {"seed": seed, **protocol}
    if protocol.get("seed") == "each":
        protocol["seed"] = seed
    return PROTOCOLS[protocol.pop("name")](ratings, **protocol)


def _model(options: dict) -> Callable[[], Recommender]:
    """Makes the model that a table of settings describes."""
    options = dict(options)
    return partial(MODELS[options.pop("name")], **options)


def _curve(history: training.History, wanted: list[str]) -> dict[str, list[float]]:
    """Each metric after every epoch, to five digits."""
    return {name: history.table[name].round(5).tolist() for name in wanted}


def _lesson(how: dict, train: Interactions, teacher, history, options: dict) -> dict:
    """The arguments of ``fit`` for a student: the data that its teacher extended, and options.

    ``how`` holds the arguments of ``augmentation.augment`` and changes of training, among them
    ``batch_size = "equal"`` for the report's batch size, and ``keep_optimizer`` to start from
    the teacher's optimiser state.
    """
    how = dict(how)
    changed = {key: how.pop(key) for key in ("epochs", "batch_size") if key in how}
    if how.pop("keep_optimizer", False):
        changed["optimizer_state"] = history.optimizer_state
    if changed.get("batch_size") == "equal":
        changed["batch_size"] = augmentation.equal_update_batch(
            train.num_rows, options["batch_size"], how["fraction"]
        )
    extended = augmentation.augment(train, teacher, seed=options["seed"], **how)
    return {"train": extended} | options | changed


def _peak_mb(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated() >> 20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak >> (20 if platform.system() == "Darwin" else 10)  # bytes there, KiB elsewhere


# -- recording ---------------------------------------------------------------------


def run(
    experiment: Experiment, *, seeds: int | None = None, device: str = "auto", jobs: int = 1
) -> Iterator[dict]:
    """Measure what is not recorded yet, yielding each result once it is on disk.

    ``jobs`` processes work at a time, each on its share of the cores. If one fails, the
    others are measured and recorded all the same; its error is raised at the end.
    """
    if jobs < 1:
        raise ValueError(f"jobs must be at least 1, got {jobs}")
    record = Record.read(experiment)
    todo = [
        (point, seed)
        for seed in range(max(point.seeds for point in experiment.points))
        for point in experiment.points
        if seed < (point.seeds if seeds is None else min(seeds, point.seeds))
        and record.find(point, seed) is None
    ]
    threads = max(1, (os.cpu_count() or 1) // jobs)
    # One task a process: memory is then that of the task. Fork and torch threads do not mix.
    with ProcessPoolExecutor(
        jobs, mp_context=multiprocessing.get_context("spawn"), max_tasks_per_child=1
    ) as pool:
        running = {
            pool.submit(_measure_alone, point.settings, seed, device, threads): (point, seed)
            for point, seed in todo
        }
        failure = None
        for done in as_completed(running):
            point, seed = running[done]
            if done.exception() is not None:
                failure = failure or done.exception()
                continue
            result = {"label": point.label, "settings": point.settings, "seed": seed}
            result |= done.result()
            record.add(result)
            yield result
    if failure is not None:
        raise failure


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
    def read(cls, experiment: Experiment) -> Record:
        """Read what was recorded of the experiment *as it is described now*.

        Results of settings that have changed since are left out, and go from the file
        with the next one written.
        """
        results = []
        if experiment.path.exists():
            current = {point.label: point.settings for point in experiment.points}
            stored = json.loads(experiment.path.read_text(encoding="utf-8"))["results"]
            results = [r for r in stored if current.get(r["label"]) == r["settings"]]
        return cls(experiment.path, experiment.name, results)

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
