"""The register of claims: what five reports say, judged by what was recorded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from reclib import datasets, intervals
from reclib.evidence import judging, runs
from reclib.evidence.runs import NotRecordedError
from reclib.experiments import Experiment, Point, load_experiments
from reclib.intervals import Interval
from reclib.records import Record

SIZES = ("users", "items", "ratings", "parameters")  # of a run: nothing about them is random
RESAMPLES = 400  # of the test users, for the part of an error that comes from them


def claims(folder: Path | None = None, chapter: str = "", **changes: float) -> pd.DataFrame:
    """``data/claims.csv`` with a verdict for every claim, indexed by ``id``.

    A claim says how a measured value stands to its own: equal (``=``) within the tolerance, above
    (``>``) or below (``<``) it by more. ``test`` is the expression that measures: arithmetic, or
    recorded runs, of which it reads one value a seed (see :class:`_Measured`). The interval is
    the one that the protocol of these runs asks for, and :func:`~reclib.evidence.judge` says the
    word. Without a test, or with one of a run that is not recorded, a claim is *not testable
    here*; ``because`` then says what is needed.

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
    columns = ["measured", "se", "low", "high", "n", "kind", "verdict", "because"]
    return register.join(pd.DataFrame(found, index=register.index, columns=columns))


def _decide(claim: pd.Series, measured: _Measured) -> dict:
    """Value, interval and verdict of one claim, and the reason if there is none."""
    found, because = None, claim["needs"]
    if claim["test"]:
        try:
            found = measured.interval(claim["test"])
        except NotRecordedError as missing:
            because = because or str(missing)
    if found is None:
        word = judging.NOT_COMPARABLE if claim["not_comparable"] else judging.NOT_TESTABLE
        return {"n": 0, "verdict": word, "because": claim["not_comparable"] or because}
    # A count, a quoted number or arithmetic may be claimed to be equal without a margin.
    asked = [claim["relation"], claim["value"], claim["tolerance"], claim["not_comparable"]]
    try:
        verdict = judging.judge(found, *asked)
    except ValueError as error:
        raise ValueError(f"claim {claim.name}: {error}") from error
    names = {"mean": "measured", "word": "verdict"}
    return {names.get(key, key): value for key, value in vars(verdict).items()}


class _Measured:
    """What the test of a claim may name: recorded runs, published numbers, data, arithmetic."""

    ARITHMETIC = ("ceil", "floor", "sqrt", "log2", "mean", "std", "minimum", "maximum")

    def __init__(self, folder: Path | None = None) -> None:
        self.folder, self.experiments, self.records = folder, load_experiments(), {}
        self.used: list[Experiment] = []  # whose random values the present test has read
        self.weights = None  # of the test users, while they are resampled
        self.by_user: dict[tuple, np.ndarray] = {}  # what was read of each user
        self.pairs: dict[str, pd.DataFrame] = {}
        self.names = {name: getattr(np, name) for name in self.ARITHMETIC} | {
            "np": np,
            "run": self.run,
            "curve": self.curve,
            "pair": self.pair,
            "least": _least,
            "quoted": intervals.of_printed,
            "stat": runs.data_counts,
            "published": lambda key: float(runs.published().loc[key, "value"]),
        }

    def interval(self, test: str) -> Interval:
        """The interval of an expression, by how the runs that it names were drawn.

        ValueError if it makes one number of random values: an error could not be told.
        """
        self.used, self.weights = [], None
        value = self.value(test)
        if isinstance(value, Interval):
            return value
        if not self.used:
            return intervals.exact(np.mean(value))
        ways = {runs.how_drawn(experiment) for experiment in self.used}
        if len(ways) > 1:
            raise ValueError(f"a test mixes runs that were drawn in different ways: {test}")
        if ways == {runs.USERS}:
            return self._over_users(test, np.atleast_1d(value))
        if np.ndim(value) == 0:
            raise ValueError(f"a test of random runs must give a value for each seed: {test}")
        return runs.of_values(value, ways.pop(), runs.held_out_share(self.used[0]))

    def _over_users(self, test: str, values: np.ndarray) -> Interval:
        """The error over seeds, and that over users: by resampling users, test by test."""
        users = next(iter(self.by_user.values())).shape[-1]
        rng, means = np.random.default_rng(0), []
        for _ in range(RESAMPLES):
            self.weights = rng.multinomial(users, np.full(users, 1 / users)).astype(float)
            means.append(np.mean(self.value(test)))
        self.weights = None
        parts = [(np.var(means, ddof=1), users - 1)]
        if len(values) == 1:  # of models that are solved
            return intervals.combined(values.mean(), parts, users, intervals.OVER_USERS)
        parts.append((values.var(ddof=1) / len(values), len(values) - 1))
        return intervals.combined(values.mean(), parts, len(values), "users and seeds")

    def value(self, test: str) -> float | np.ndarray | Interval:
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
        first = runs.first_metric(point)
        metric = metric or first
        values = [
            result | result["metrics"] | runs.of_groups(result, first).to_dict()
            for result in results
        ]
        values = [value.get(metric) for value in values]
        if None in values:
            raise NotRecordedError(f"{name} has no {metric} of {label}")
        if metric.startswith("group ") and runs.how_drawn(self.experiments[name]) == runs.USERS:
            raise ValueError(f"{name}: the error of a group over its users was not recorded")
        if metric not in SIZES:
            self.used.append(self.experiments[name])
            if runs.how_drawn(self.used[-1], metric) == runs.USERS:
                values = self._means((name, label, metric), results)
        return np.array(values, float) if point.seeds > 1 else float(values[0])

    def _means(self, key: tuple[str, str, str], results: list[dict]) -> np.ndarray:
        """A ranking metric, mean over the users who have one or over a resample; [seeds]."""
        if key not in self.by_user:
            if key[2] not in results[0]["per_user"]:
                raise NotRecordedError(f"{key[2]} of each user, `{key[0]}`")
            values = [result["per_user"][key[2]] for result in results]
            self.by_user[key] = np.array(values, float)
        values = self.by_user[key]
        weights = np.ones(values.shape[1]) if self.weights is None else self.weights
        return np.nan_to_num(values) @ weights / (~np.isnan(values) @ weights)

    def pair(self, name: str, ours: str, theirs: str) -> Interval:
        """One less the other, by the simultaneous interval of all pairs of the experiment."""
        experiment = self.experiments[name]
        known = {point.label for point in experiment.points}
        if not {ours, theirs} <= known:
            raise ValueError(f"a claim names a pair that does not exist: {name}, {ours}, {theirs}")
        if name not in self.pairs:
            read = runs.Runs(experiment, Record.read(experiment, self.folder))
            self.pairs[name] = read.pairs(None)
        if not {ours, theirs} <= {label for pair in self.pairs[name].index for label in pair}:
            raise NotRecordedError(f"{ours} and {theirs}, `{name}`")
        return runs.row_of(self.pairs[name], ours, theirs)

    def curve(self, name: str, label: str, metric: str) -> np.ndarray:
        """A metric after every epoch; float [seeds, epochs]."""
        _, results = self._results(name, label)
        self.used.append(self.experiments[name])
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
            raise NotRecordedError(f"{len(results)} of {point.seeds} seeds of {label}, `{name}`")
        return point, [each["students"][student] for each in results] if student else results


def _least(*each: Interval) -> Interval:
    """The least of several differences, by their simultaneous intervals."""
    lowest = min(each, key=lambda one: one.mean)
    bounds = min(one.low for one in each), min(one.high for one in each)
    n = min(one.n for one in each)
    return Interval(lowest.mean, lowest.se, *bounds, n, lowest.kind)
