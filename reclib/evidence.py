"""Published numbers, what we measured, and the verdict, which is computed and never typed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

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
    """Measured run time and memory of a chapter, as ``make timings`` recorded them."""
    path = datasets.data_folder() / "chapters.json"
    timings = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if chapter not in timings:
        return "Run time and memory have not been measured yet (`make timings`)."
    measured = timings[chapter]
    return (
        f"Runs in {measured['seconds']:.0f} s with {measured['peak_mb']:,.0f} MiB of memory "
        f"on {timings['hardware']}."
    )
