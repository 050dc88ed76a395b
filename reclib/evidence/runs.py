"""Recorded runs read back: their intervals, the pairs of models, published against measured.

``name`` is that of an experiment of the book, or an experiment that ``load_experiments`` has read
from a file of one's own.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd

from reclib import datasets, intervals, tuning
from reclib.evidence import judging
from reclib.experiments import Experiment, Point, find, load_experiments
from reclib.intervals import Interval
from reclib.measuring import BEYOND, DRAWN_ANEW
from reclib.records import Record

ROUNDING = 0.0005  # of a metric: what another machine may add to the spread of the seeds
Named = str | Experiment
SPLITS, FOLDS, USERS, SEEDS = "splits", "folds", "users", "seeds"


class NotRecordedError(LookupError):
    """Somebody asks for a run that nobody has recorded."""


def published() -> pd.DataFrame:
    """``data/published.csv``, indexed by ``key``.

    ``read`` says whether the source itself was read ("yes") or is quoted from elsewhere.
    """
    return pd.read_csv(
        datasets.data_folder() / "published.csv", index_col="key", dtype={"read": str}
    )


# -- one point, two points, all pairs ------------------------------------------------


def interval(name: Named, label: str, metric: str | None = None) -> Interval:
    """The mean of a recorded metric, with the interval that its protocol asks for.

    Random splits and folds are widened for what they share; on fixed users the error is that over
    users and seeds. ``metric`` is by default the first of the experiment.
    """
    return Runs.of(name).interval(label, metric)


def difference(name: Named, ours: str, theirs: str, metric: str | None = None) -> Interval:
    """The mean of ``ours`` less that of ``theirs``, split by split or user by user."""
    return Runs.of(name).difference(ours, theirs, metric)


def pairs(name: Named, metric: str | None = None, labels: list[str] | None = None) -> pd.DataFrame:
    """All pairs of the recorded models of an experiment, with simultaneous intervals and verdicts.

    One family for all chapters: whichever pair a page shows, its interval allows for the others.
    Indexed by (first, second); the verdict is that of "the first is above the second".
    """
    return judging.pair_verdicts(Runs.of(name).pairs(metric, labels))


def pair(name: Named, ours: str, theirs: str, metric: str | None = None) -> Interval:
    """One row of :func:`pairs`, as an interval of ``ours`` less ``theirs``.

    Of a model that is not recorded yet it has no values, and a verdict on it says so.
    """
    experiment = find(name)
    path, recorded = experiment.path(), Record.read(experiment).results
    waiting = {ours, theirs} - {result["label"] for result in recorded}
    if waiting and waiting <= {point.label for point in experiment.points}:
        return Interval(*[np.nan] * 4, 0, SEEDS)
    stamp = path.stat().st_mtime_ns if path.exists() else 0
    return row_of(_family(name, metric, stamp), ours, theirs)


@lru_cache(maxsize=8)
def _family(name: Named, metric: str | None, stamp: int) -> pd.DataFrame:
    """All pairs of a record; ``stamp``, the time of its file, makes a new record count."""
    return Runs.of(name).pairs(metric)


def row_of(table: pd.DataFrame, ours: str, theirs: str) -> Interval:
    """The row of a table of pairs, whichever of the two stands first in it."""
    if (ours, theirs) in table.index:
        return Interval(*table.loc[(ours, theirs), list(Interval.__annotations__)])
    if (theirs, ours) in table.index:
        return judging.turned(row_of(table, theirs, ours))
    raise ValueError(f"there is no pair of {ours} and {theirs}")


def values_of(name: Named, label: str, metric: str | None = None) -> np.ndarray:
    """The recorded values of a metric: [seeds, users], or [users] of a solved model, or [seeds].

    Users, where the test users are fixed and each one's value was recorded. NotRecordedError if
    nothing is there.
    """
    return Runs.of(name).values(label, metric)


@dataclass(frozen=True)
class Runs:
    """An experiment and its record, read once; what it can answer is described above."""

    experiment: Experiment
    record: Record

    @classmethod
    def of(cls, name: Named) -> Runs:
        experiment = find(name)
        return cls(experiment, Record.read(experiment))

    def interval(self, label: str, metric: str | None = None) -> Interval:
        """See the function of the same name, as for the four that follow."""
        values, how = self.values(label, metric), how_drawn(self.experiment, metric)
        if how == USERS:
            return intervals.of_difference(values, np.zeros(values.shape[-1]))
        return of_values(values, how, held_out_share(self.experiment))

    def difference(self, ours: str, theirs: str, metric: str | None) -> Interval:
        """Of two points."""
        a, b, how = self.values(ours, metric), self.values(theirs, metric), self._how(metric)
        if how == USERS:
            return intervals.of_difference(a, b)
        if len(a) != len(b):
            raise ValueError(f"{ours} and {theirs} have {len(a)} and {len(b)} seeds")
        return of_values(a - b, how, held_out_share(self.experiment))

    def pairs(self, metric: str | None, labels: list[str] | None = None) -> pd.DataFrame:
        """Of all recorded points, or of those named."""
        recorded = {result["label"] for result in self.record.results}
        labels = labels or [p.label for p in self.experiment.points if p.label in recorded]
        models = {label: self.values(label, metric) for label in labels}
        if self._how(metric) == USERS:
            return intervals.of_pairs(models)
        share = held_out_share(self.experiment)
        return intervals.of_split_pairs(models, share, kind=self._how(metric))

    def values(self, label: str, metric: str | None = None) -> np.ndarray:
        """Of one point."""
        points = {point.label: point for point in self.experiment.points}
        if label not in points:
            raise ValueError(f"{self.experiment.name} has no point {label!r}")
        results = self.record.of(points[label])
        metric = metric or first_metric(points[label])
        if not results or metric not in results[0]["metrics"]:
            raise NotRecordedError(f"{metric} of {label}, `{self.experiment.name}`")
        if self._how(metric) != USERS:
            return np.array([result["metrics"][metric] for result in results], float)
        values = np.array([result["per_user"][metric] for result in results], float)
        return values[0] if points[label].seeds == 1 else values

    def _how(self, metric: str | None) -> str:
        return how_drawn(self.experiment, metric)


def of_values(values: np.ndarray, how: str, test: float) -> Interval:
    """The interval of one value a split, fold or seed."""
    if how == SPLITS:
        return intervals.of_splits(values, test)
    return intervals.of_folds(values) if how == FOLDS else intervals.of_seeds(values)


def how_drawn(experiment: Experiment, metric: str | None = None) -> str:
    """What the values of an experiment's points are: of splits, folds, users (and seeds), seeds.

    A ``metric`` that is a property of all lists together has no value for each user.
    """
    settings = experiment.points[0].settings
    protocol = settings["protocol"]
    if protocol["name"] == "k_fold":
        return FOLDS
    if protocol["name"] in DRAWN_ANEW or protocol.get("seed") == "each":
        return SPLITS
    of_each = (metric or "").partition("@")[0] not in BEYOND
    return USERS if settings.get("per_user") and of_each else SEEDS


def held_out_share(experiment: Experiment) -> float:
    """The share of the ratings, or of the users, that a split of the experiment holds out."""
    first = experiment.points[0]
    protocol = first.settings["protocol"]
    if "num_users" in protocol:
        return protocol["num_users"] / data_counts(experiment.data(first)).users
    return protocol.get("test", 0.2 if protocol["name"] == "hold_out_per_user" else 0.1)


def data_counts(name: str | dict) -> SimpleNamespace:
    """Users, items and ratings of a data set as published, or of one that is here, counted.

    The latter has moments as well: ``halves``, ``lowest``, ``mean``, ``sd`` of the ratings.
    ``name`` is what ``datasets.load`` takes.
    """
    keys = {f"{name}-{count}": count for count in ("users", "items", "ratings")}
    counts = published()["value"]
    counts = counts[counts.index.isin(keys)]
    if len(counts):
        return SimpleNamespace(**counts.rename(keys))
    ratings = datasets.load(name)
    values = ratings.table["rating"]
    return SimpleNamespace(
        users=len(ratings.users),
        items=len(ratings.items),
        ratings=len(ratings),
        halves=int((values % 1 != 0).sum()),
        lowest=int((values == values.min()).sum()),
        mean=values.mean(),
        sd=values.std(),
    )


def first_metric(point: Point) -> str:
    """The metric that a point is about."""
    return point.settings.get("measure", ["rmse"])[0]


# -- tables ------------------------------------------------------------------------


def table(name: Named) -> pd.DataFrame:
    """Published against measured, one row for each point of an experiment.

    Columns: ``metric``, ``published``, ``measured`` (mean over seeds), ``se``, ``low``, ``high``,
    ``seeds``, ``verdict`` and ``because``.
    """
    read, claims = Runs.of(name), published()
    rows = [_row(read, claims, point) for point in read.experiment.points]
    return pd.DataFrame(rows).set_index("label")


def _row(read: Runs, claims: pd.DataFrame, point: Point) -> dict:
    experiment, results = read.experiment, read.record.of(point)
    metric, claim = first_metric(point), None
    if point.answers is not None:
        if point.answers not in claims.index:
            raise ValueError(f"{experiment.name}: published.csv has no key {point.answers!r}")
        metric, claim = claims.loc[point.answers, ["metric", "value"]]
    if results and metric not in results[0]["metrics"]:
        raise ValueError(f"{experiment.name}: {metric} of {point.label} was not measured; add it")
    found = Interval(*[np.nan] * 4, 0, SEEDS)
    if results:
        found = read.interval(point.label, metric)
    numbers = asdict(found) | {"seeds": len(results)}
    row = {"label": point.label, "metric": metric, "published": claim}
    row |= {key: numbers[key] for key in ("mean", "se", "low", "high", "seeds")}
    row["measured"] = row.pop("mean")
    row |= {"verdict": "", "because": ""}
    if claim is not None:
        verdict = judging.judge(
            found, "=", float(claim), experiment.tolerance, point.not_comparable or ""
        )
        row |= {"verdict": verdict.word, "because": verdict.because}
    order = ["label", "metric", "published", "measured", "se", "low", "high", "seeds"]
    return {key: row[key] for key in [*order, "verdict", "because"]}


def per_seed(name: Named) -> pd.DataFrame:
    """Every recorded result of an experiment: label, seed, split, metrics, seconds, memory."""
    results = Record.read(find(name)).results
    flat = [{**result, **result["metrics"]} for result in results]
    return pd.DataFrame(flat).drop(columns=["metrics", "settings"], errors="ignore")


def options(name: Named, label: str) -> pd.DataFrame:
    """The options of a point that its search has chosen, and where in its range each lies.

    A row an option, as :func:`reclib.tuning.edges` gives them. NotRecordedError before the search
    is complete.
    """
    experiment = find(name)
    search = find(experiment.tuned_by or "")
    ours, theirs = (
        next(point.settings for point in each.points if point.label == label)
        for each in (experiment, search)
    )
    if ours["model"] is None:
        raise NotRecordedError(f"the search {search.name} for {label} is not complete")
    space = theirs["space"]
    return tuning.edges(space, {option: tuning.value_of(ours, option) for option in space})


def repeated(name: Named, folder: Path) -> pd.DataFrame:
    """Runs that were repeated into ``folder`` against those of the book, a row for each value.

    ``low`` and ``high`` bound what the book's seeds of the same point gave, widened by
    ``ROUNDING``: sums in another order change the last digits, and a training can carry such a
    change far. ``within`` says whether the repeated value lies between them.
    """
    experiment, rows = find(name), []
    book = Record.read(experiment)
    for result in Record.read(experiment, folder).results:
        for metric, value in result["metrics"].items():
            known = [e["metrics"][metric] for e in book.results if e["label"] == result["label"]]
            low, high = min(known, default=np.nan), max(known, default=np.nan)
            within = low - ROUNDING <= value <= high + ROUNDING
            labels = [experiment.name, result["label"], result["seed"], metric]
            rows.append([*labels, value, low, high, within])
    columns = ["experiment", "label", "seed", "metric", "repeated", "low", "high", "within"]
    return pd.DataFrame(rows, columns=columns)


def of_groups(result: dict, metric: str) -> pd.Series:
    """A metric by groups of users, from the least active; empty if it was not asked for."""
    values = [group[metric] for group in result.get("groups", [])]
    return pd.Series({f"group {number}": value for number, value in enumerate(values, 1)})


def groups(name: Named) -> pd.DataFrame:
    """The first metric by groups of users (columns), mean over seeds, of each recorded point.

    For experiments with ``groups``; ``group 1`` are the least active users.
    """
    rows: dict[str, list] = {}
    for result in Record.read(find(name)).results:
        metric = result["settings"].get("measure", ["rmse"])[0]
        if "groups" in result:
            rows.setdefault(result["label"], []).append(of_groups(result, metric))
    means = {label: pd.concat(each, axis=1).mean(axis=1) for label, each in rows.items()}
    return pd.DataFrame(means).T


def users(name: Named, metric: str = "ndcg@100") -> pd.DataFrame:
    """A metric of each test user (rows) by each recorded point (columns), mean over its seeds.

    For experiments with ``per_user``; a point of which nothing is recorded has no column. NaN
    where nothing of the user was held out. ``evaluation.compare`` takes two of the columns.
    """
    runs: dict[str, list] = {}
    for result in Record.read(find(name)).results:
        if metric in result.get("per_user", {}):
            runs.setdefault(result["label"], []).append(result["per_user"][metric])
    return pd.DataFrame({label: np.mean(np.array(v, float), 0) for label, v in runs.items()})


def report() -> pd.DataFrame:
    """The tables of all experiments, one under the other, indexed by experiment and label."""
    return pd.concat({name: table(name) for name in load_experiments()}, names=["experiment"])


def provenance(name: Named) -> str:
    """One sentence: on what, with what and how long the recorded runs of an experiment ran."""
    experiment = find(name)
    results = Record.read(experiment).results
    if not results:
        command = f"python -m reclib run {experiment.asked_as}"
        return f"Nothing is recorded of {experiment.name} yet: run `{command}`."
    seeds = len({result["seed"] for result in results})
    seconds = sum(result["seconds"] for result in results)
    fitting = f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"
    fingerprints = sorted({result["split"] for result in results})
    shown = ", ".join(fingerprints[:5]) + (" ..." if len(fingerprints) > 5 else "")
    return (
        f"Recorded run `{experiment.name}`: {len(results)} trainings over {seeds} seeds, "
        f"{fitting} of fitting in all, "
        f"at most {max(result['peak_mb'] for result in results):,} MiB each; "
        f"{_several(results, 'hardware')}; {_several(results, 'libraries')}; "
        f"code at {_several(results, 'commit')}; splits {shown}."
    )


def _several(results: list[dict], key: str) -> str:
    return " and ".join(sorted({result[key] for result in results}))
