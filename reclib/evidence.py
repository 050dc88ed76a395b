"""Published numbers, what we measured, and the verdict, which is computed and never typed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import scipy.stats

from reclib import datasets
from reclib.experiments import Experiment, Point, Record, find, load_experiments

REPRODUCED = "reproduced"
NOT_REPRODUCED = "not reproduced"
INCONCLUSIVE = "inconclusive"
NOT_COMPARABLE = "not comparable"
NOT_MEASURED = "not measured"
ROUNDING = 0.0005  # of a metric: what another machine may add to the spread of the seeds
# A claim of a report, other than a number of a table, may also be an order or a statement that
# only arithmetic decides; what speaks against it is then more than a number that was not met.
CONTRADICTED = "contradicted"
NOT_TESTABLE = "not testable here"


def published() -> pd.DataFrame:
    """``data/published.csv``, indexed by ``key``.

    ``read`` says whether the source itself was read ("yes") or is quoted from elsewhere.
    """
    return pd.read_csv(
        datasets.data_folder() / "published.csv", index_col="key", dtype={"read": str}
    )


# -- one verdict -------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    """A word and the numbers it rests on; ``low`` and ``high`` bound the mean over seeds."""

    word: str
    mean: float
    se: float
    low: float
    high: float
    seeds: int


def mean_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float, float]:
    """Standard error of the mean and its Student interval: ``(se, low, high)``, NaN below two."""
    values = np.asarray(values, dtype=float)
    if len(values) < 2:
        return np.nan, np.nan, np.nan
    mean, se = values.mean(), values.std(ddof=1) / np.sqrt(len(values))
    half = scipy.stats.t.ppf((1 + level) / 2, len(values) - 1) * se
    return se, mean - half, mean + half


def judge(
    values: Sequence[float],
    claimed: float,
    tolerance: float,
    not_comparable: str | None = None,
) -> Verdict:
    """Hold measured values (one a seed) against a claimed one.

    * *not comparable* if there is a reason for it;
    * *not measured* with fewer than two seeds;
    * *reproduced* if the whole 95 % interval of our mean lies within ``tolerance`` of
      the claim: agreement has to be shown, it is not the absence of a difference;
    * *not reproduced* if the whole interval lies outside;
    * *inconclusive* if it crosses the border: more seeds are needed.
    """
    if tolerance <= 0:
        raise ValueError(f"tolerance must be positive, got {tolerance}")
    values = np.asarray(values, dtype=float)
    if np.isnan(values).any() or np.isnan(claimed):
        raise ValueError("a verdict needs numbers, and some measured or claimed value is NaN")
    mean = values.mean() if len(values) else np.nan
    se, low, high = mean_interval(values)
    if not_comparable:
        word = NOT_COMPARABLE
    elif len(values) < 2:
        word = NOT_MEASURED
    elif claimed - tolerance <= low and high <= claimed + tolerance:
        word = REPRODUCED
    elif high < claimed - tolerance or claimed + tolerance < low:
        word = NOT_REPRODUCED
    else:
        word = INCONCLUSIVE
    return Verdict(word, mean, se, low, high, len(values))


# -- the register of claims ----------------------------------------------------------


def claims(folder: Path | None = None, chapter: str = "", **changes: float) -> pd.DataFrame:
    """``data/claims.csv`` with a verdict for every claim, indexed by ``id``.

    A claim says how a measured value stands to its own: equal (``=``) within the tolerance, above
    (``>``) or below (``<``) it by more. ``test`` is the expression that measures: arithmetic,
    or recorded runs, of which it reads one value a seed (see :class:`_Measured`).

    * *not comparable* if there is a reason for it;
    * *not testable here* if there is no test, or one of a run that is not recorded; ``because``
      then says what is needed;
    * *reproduced* if the whole 95 % interval of the mean is where the claim says, *contradicted*
      if none of it is, *inconclusive* otherwise. Arithmetic has no interval, only a value.

    Parameters
    ----------
    folder : path, optional
        Of the recorded runs, in place of ``data/runs``.
    chapter : str
        Only the claims that this chapter decides, ``05-autorec`` say.
    changes : float
        Other tolerances for some of the claims, by id with ``_`` in place of ``-``, to see
        whether the verdict hangs on them.
    """
    register = pd.read_csv(
        datasets.data_folder() / "claims.csv", index_col="id", keep_default_na=False
    )
    register = register[register["chapter"].str.endswith(chapter)].copy()
    register["value"], register["tolerance"] = (
        pd.to_numeric(register[name]) for name in ("value", "tolerance")
    )
    for name, tolerance in changes.items():
        register.loc[name.replace("_", "-"), "tolerance"] = tolerance
    measured = _Measured(folder)
    found = [_decide(claim, measured) for _, claim in register.iterrows()]
    columns = ["measured", "se", "low", "high", "seeds", "verdict", "because"]
    return register.join(pd.DataFrame(found, index=register.index, columns=columns))


def _decide(claim: pd.Series, measured: _Measured) -> dict:
    """Value, interval, seeds and verdict of one claim, and the reason if there is none."""
    values, because = [], claim["needs"]
    if claim["test"]:
        try:
            values = np.atleast_1d(measured.value(claim["test"])).astype(float)
        except NotRecordedError as missing:
            because = claim["needs"] or str(missing)
    mean = values.mean() if len(values) else np.nan
    se, low, high = (0.0, mean, mean) if len(values) == 1 else mean_interval(values)
    if claim["not_comparable"]:
        verdict, because = NOT_COMPARABLE, claim["not_comparable"]
    elif not len(values):
        verdict = NOT_TESTABLE
    else:
        verdict, because = _stands(low, high, claim["relation"], claim), ""
    return _numbers(mean, se, low, high, len(values)) | {"verdict": verdict, "because": because}


def _stands(low: float, high: float, relation: str, claim: pd.Series) -> str:
    """Whether an interval is where a relation to the claimed value wants it, wholly or not."""
    value, tolerance = claim["value"], claim["tolerance"]
    if not np.isfinite([low, high, value, tolerance]).all():
        raise ValueError(f"claim {claim.name}: a value, tolerance or measured value is no number")
    wanted = {
        "=": (value - tolerance, value + tolerance),
        ">": (np.nextafter(value + tolerance, np.inf), np.inf),
        "<": (-np.inf, np.nextafter(value - tolerance, -np.inf)),
    }[relation]
    if wanted[0] <= low and high <= wanted[1]:
        return REPRODUCED
    return CONTRADICTED if high < wanted[0] or wanted[1] < low else INCONCLUSIVE


class NotRecordedError(LookupError):
    """A test asks for a run that nobody has recorded."""


class _Measured:
    """What the test of a claim may name: recorded runs, published numbers, data, arithmetic."""

    ARITHMETIC = ("ceil", "floor", "sqrt", "log2", "mean", "std", "minimum", "maximum")

    def __init__(self, folder: Path | None = None) -> None:
        self.folder, self.experiments, self.records = folder, load_experiments(), {}
        self.names = {name: getattr(np, name) for name in self.ARITHMETIC} | {
            "np": np,
            "run": self.run,
            "curve": self.curve,
            "stat": self.stat,
            "published": lambda key: float(published().loc[key, "value"]),
        }

    def value(self, test: str) -> float | np.ndarray:
        """The value of an expression, which comes from our own file and is trusted as code is."""
        return eval(test, {"__builtins__": {}} | self.names)

    def run(self, name: str, label: str, metric: str | None = None) -> float | np.ndarray:
        """A metric of a point, one value a seed; a plain number if the point has one seed.

        ``label`` may name a student behind a stroke, ``regular/augmented``. Without a
        ``metric``, the first of the experiment; ``parameters``, ``epochs``, ``cpu_seconds`` and
        the size of the data (``users``, ``items``, ``ratings``) are there as well, and as
        ``group 1`` the first metric of the least active users, ``group 2`` of the next.
        """
        point, results = self._results(name, label)
        first = point.settings.get("measure", ["rmse"])[0]
        metric = metric or first
        values = [
            result | result["metrics"] | _groups(result, first).to_dict() for result in results
        ]
        values = [value.get(metric) for value in values]
        if None in values:
            raise NotRecordedError(f"{name} has no {metric} of {label}")
        return np.array(values, float) if point.seeds > 1 else float(values[0])

    def curve(self, name: str, label: str, metric: str) -> np.ndarray:
        """A metric after every epoch; float [seeds, epochs]."""
        _, results = self._results(name, label)
        return np.array([result["curve"][metric] for result in results])

    def _results(self, name: str, label: str) -> tuple[Point, list[dict]]:
        """The point and its results of all seeds, or those of a student of its."""
        if name not in self.experiments:
            raise ValueError(f"a claim names an experiment that does not exist: {name}")
        experiment, (label, _, student) = self.experiments[name], label.partition("/")
        point = next((point for point in experiment.points if point.label == label), None)
        if point is None:
            raise ValueError(f"a claim names a point that does not exist: {name}, {label}")
        if name not in self.records:
            self.records[name] = Record.read(experiment, self.folder)
        results = self.records[name].of(point)
        if len(results) < point.seeds:  # differences are taken seed by seed, so all must be there
            raise NotRecordedError(f"{label} of `python -m reclib run {name}`, all its seeds")
        return point, [each["students"][student] for each in results] if student else results

    @staticmethod
    def stat(name: str) -> SimpleNamespace:
        """Counts and moments of an embedded data set, from its ratings; of others, their counts."""
        counts = published()["value"].filter(regex=f"^{name}-(users|items|ratings)$")
        if len(counts):
            return SimpleNamespace(**counts.rename(lambda key: key.rpartition("-")[2]))
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


# -- tables ------------------------------------------------------------------------


def table(name: str) -> pd.DataFrame:
    """Published against measured, one row for each point and metric of an experiment.

    Columns: ``published``, ``measured`` (mean over seeds), ``se``, ``low``, ``high``,
    ``seeds``, ``verdict`` and ``because``.
    """
    experiment = find(name)
    record, claims = Record.read(experiment), published()
    rows = [_row(experiment, record, claims, point) for point in experiment.points]
    return pd.DataFrame(rows).set_index("label")


def _row(experiment: Experiment, record: Record, claims: pd.DataFrame, point: Point) -> dict:
    results = record.of(point)
    metric, claim = point.settings.get("measure", ["rmse"])[0], None
    if point.answers is not None:
        if point.answers not in claims.index:
            raise ValueError(f"{experiment.name}: published.csv has no key {point.answers!r}")
        metric, claim = claims.loc[point.answers, ["metric", "value"]]
    if results and metric not in results[0]["metrics"]:
        raise ValueError(f"{experiment.name}: {metric} of {point.label} was not measured; add it")
    values = [result["metrics"][metric] for result in results]
    row = {"label": point.label, "metric": metric, "published": claim}
    if claim is None:
        se, low, high = mean_interval(values)
        mean = np.mean(values) if values else np.nan
        return row | _numbers(mean, se, low, high, len(values)) | {"verdict": "", "because": ""}
    verdict = judge(values, float(claim), experiment.tolerance, point.not_comparable)
    numbers = _numbers(verdict.mean, verdict.se, verdict.low, verdict.high, verdict.seeds)
    return row | numbers | {"verdict": verdict.word, "because": point.not_comparable or ""}


def _numbers(mean: float, se: float, low: float, high: float, seeds: int) -> dict:
    return {"measured": mean, "se": se, "low": low, "high": high, "seeds": seeds}


def per_seed(name: str) -> pd.DataFrame:
    """Every recorded result of an experiment: label, seed, split, metrics, seconds, memory."""
    results = Record.read(find(name)).results
    flat = [{**result, **result["metrics"]} for result in results]
    return pd.DataFrame(flat).drop(columns=["metrics", "settings"], errors="ignore")


def repeated(name: str, folder: Path) -> pd.DataFrame:
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
            labels = [name, result["label"], result["seed"], metric]
            rows.append([*labels, value, low, high, within])
    columns = ["experiment", "label", "seed", "metric", "repeated", "low", "high", "within"]
    return pd.DataFrame(rows, columns=columns)


def _groups(result: dict, metric: str) -> pd.Series:
    """A metric by groups of users, from the least active; empty if it was not asked for."""
    values = [group[metric] for group in result.get("groups", [])]
    return pd.Series({f"group {number}": value for number, value in enumerate(values, 1)})


def groups(name: str) -> pd.DataFrame:
    """The first metric by groups of users (columns), mean over seeds, of each recorded point.

    For experiments with ``groups``; ``group 1`` are the least active users.
    """
    rows: dict[str, list] = {}
    for result in Record.read(find(name)).results:
        metric = result["settings"].get("measure", ["rmse"])[0]
        if "groups" in result:
            rows.setdefault(result["label"], []).append(_groups(result, metric))
    means = {label: pd.concat(each, axis=1).mean(axis=1) for label, each in rows.items()}
    return pd.DataFrame(means).T


def users(name: str, metric: str = "ndcg@100") -> pd.DataFrame:
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


def provenance(name: str) -> str:
    """One sentence: on what, with what and how long the recorded runs of an experiment ran."""
    experiment = find(name)
    results = Record.read(experiment).results
    if not results:
        return f"Nothing is recorded of {name} yet: run `python -m reclib run {name}`."
    seeds = len({result["seed"] for result in results})
    seconds = sum(result["seconds"] for result in results)
    fitting = f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"
    fingerprints = sorted({result["split"] for result in results})
    shown = ", ".join(fingerprints[:5]) + (" ..." if len(fingerprints) > 5 else "")
    return (
        f"Recorded run `{name}`: {len(results)} trainings over {seeds} seeds, "
        f"{fitting} of fitting in all, "
        f"at most {max(result['peak_mb'] for result in results):,} MiB each; "
        f"{_several(results, 'hardware')}; {_several(results, 'libraries')}; "
        f"code at {_several(results, 'commit')}; splits {shown}."
    )


def _several(results: list[dict], key: str) -> str:
    return " and ".join(sorted({result[key] for result in results}))


def at_a_glance(chapter: str) -> str:
    """What opens a chapter: what it costs, as ``make timings`` measured it, and what it tests.

    The reproduction box, a Markdown table, has a row for every published number that an experiment
    of the chapter answers; below stand the verdicts of the claims that the chapter decides.
    """
    parts = [_costs(chapter), _reproduction_box(chapter), _verdicts(chapter)]
    return "\n\n".join(part for part in parts if part)


def _costs(chapter: str) -> str:
    path = datasets.data_folder() / "chapters.json"
    timings = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if chapter not in timings:
        return "Run time and memory have not been measured yet (`make timings`)."
    measured = timings[chapter]
    return (
        f"Runs in {measured['seconds']:.0f} s with {measured['peak_mb']:,.0f} MiB of memory "
        f"on {timings['hardware']}."
    )


def _reproduction_box(chapter: str) -> str:
    """Published, measured and verdict of the points that a chapter shows; empty without any."""
    claims, lines = published(), []
    for name, experiment in load_experiments().items():
        points = [p for p in experiment.points if p.answers and p.chapter == chapter]
        rows = table(name) if points else None
        for point in points:
            row = rows.loc[point.label]
            ours = "" if np.isnan(row["measured"]) else f"{row['measured']:.4f}"
            ours += "" if np.isnan(row["se"]) else f" ± {row['se']:.4f}"
            method, dataset = claims.loc[point.answers, ["method", "dataset"]]
            what = method if point.label in method else f"{method} ({point.label})"
            lines.append(
                f"| {what} | {row['metric']}, {dataset} | {row['published']:.4g} | {ours} | "
                f"{row['seeds']} | {row['verdict']} |"
            )
    if not lines:
        return ""
    head = "| published (ours) | metric, data | published | ours ± SE | seeds | verdict |\n"
    return "**Reproduction**\n\n" + head + "|---|---|---|---|---|---|\n" + "\n".join(lines)


def _verdicts(chapter: str) -> str:
    """How many claims of the five reports a chapter decides, and how."""
    found = claims(chapter=f"/{chapter}")["verdict"].value_counts()
    if found.empty:
        return ""
    words = ", ".join(f"{count} {word}" for word, count in found.items())
    return (
        f"Claims of the five reports that this chapter decides: {words}. "
        "The register of the chapter *What five reports claimed* has each of them."
    )
