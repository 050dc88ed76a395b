"""How far a mean can be trusted: one interval for each way in which its values may come about.

Values of random splits of the same ratings overlap, folds share their training data, the lists of
one model are made for the same users, and a trained model varies with its seed. Each breaks the
rule "standard deviation over the root of their number" in another way, so the maker of an interval
has to say what the values are. Tests simulate that each covers the truth as often as it says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
import scipy.stats

EXACT = "exact"
OVER_USERS = "users"


@dataclass(frozen=True)
class Interval:
    """A mean with its standard error and the interval around it.

    ``n`` counts the values behind it (seeds, splits, folds or users), and ``kind`` says which.

    Examples
    --------
    >>> Interval(mean=0.85, se=0.01, low=0.83, high=0.87, n=5, kind="seeds").mean
    0.85
    """

    mean: float
    se: float
    low: float
    high: float
    n: int
    kind: str


def exact(value: float) -> Interval:
    """A number without error: counted, or the result of arithmetic.

    Examples
    --------
    >>> exact(3)
    Interval(mean=3.0, se=0.0, low=3.0, high=3.0, n=1, kind='exact')
    """
    return Interval(float(value), 0.0, float(value), float(value), 1, EXACT)


def of_printed(value: float, se: float) -> Interval:
    """A number, or a difference, that is printed with its standard error over test users.

    Examples
    --------
    >>> interval = of_printed(0.389, se=0.002)
    >>> print(f"{interval.low:.3f} to {interval.high:.3f}")
    0.385 to 0.393
    """
    half = scipy.stats.norm.ppf(0.975) * se
    return Interval(value, se, value - half, value + half, 1, OVER_USERS)


def of_seeds(values: Sequence[float], level: float = 0.95) -> Interval:
    """One value a seed, everything else fixed: Student's interval.

    It says what other seeds would give on the *same* test, and nothing about other users.

    Examples
    --------
    >>> interval = of_seeds([0.84, 0.85, 0.86, 0.85, 0.85])
    >>> print(f"{interval.low:.3f} to {interval.high:.3f}, {interval.n} {interval.kind}")
    0.841 to 0.859, 5 seeds
    """
    return _student(values, 1.0, "seeds", level)


def of_splits(values: Sequence[float], test: float, level: float = 0.95) -> Interval:
    """One value a random split; ``test`` is the share that each split holds out.

    Test parts overlap and so do training parts, so the values are not independent. The variance
    of their mean is ``s^2 (1 / J + test / (1 - test))`` (Nadeau and Bengio 2003, section 4.1), with
    J - 1 degrees of freedom: no number of splits brings it to 0.

    Examples
    --------
    >>> values = [0.84, 0.85, 0.86, 0.85, 0.85]
    >>> bool(of_splits(values, test=0.1).se > of_seeds(values).se)  # splits overlap
    True
    """
    if not 0 < test < 1:
        raise ValueError(f"test must be the share held out, between 0 and 1, got {test}")
    return _student(values, np.sqrt(1 + len(values) * test / (1 - test)), "splits", level)


def of_folds(values: Sequence[float], level: float = 0.95) -> Interval:
    """One value a fold of a cross-validation: as for splits, with one test part in k.

    The test parts are disjoint, but any two training parts share all but two folds. No unbiased
    estimate of the variance exists (Bengio and Grandvalet 2004); this one is Nadeau and Bengio's.

    Examples
    --------
    >>> of_folds([0.84, 0.85, 0.86, 0.85, 0.85]).kind
    'folds'
    """
    k = len(values)
    return _student(values, np.sqrt(1 + k / max(1, k - 1)), "folds", level)


def of_users(values: Sequence[float], level: float = 0.95) -> Interval:
    """One value a user, of a model that is solved, or of the difference of two; NaN is left out.

    Examples
    --------
    >>> of_users([0.25, float("nan"), 0.75]).n
    2
    """
    values = np.asarray(values, dtype=float)
    return _student(values[~np.isnan(values)], 1.0, OVER_USERS, level)


def of_difference(ours: np.ndarray, theirs: np.ndarray, level: float = 0.95) -> Interval:
    """The mean of ``ours`` less that of ``theirs`` on the same users, with both errors.

    Each is [users] for a model that is solved, or [seeds, users] for one that is trained. The
    variance is that of the users' differences over their number, plus that of the seeds' means
    over theirs, for each trained model; degrees of freedom by Welch and Satterthwaite. A user for
    whom either is NaN is left out.

    Examples
    --------
    >>> ours = np.array([0.5, 0.7, 0.6, 0.9])  # one value a user
    >>> found = of_difference(ours, ours - [0.1, 0.2, 0.1, 0.2])
    >>> print(f"{found.mean:.3f}, {found.n} {found.kind}")
    0.150, 4 users
    """
    models = _same_users({"ours": ours, "theirs": theirs})
    means = {name: each.mean(0) for name, each in models.items()}
    difference = means["ours"] - means["theirs"]
    parts = [(difference.var(ddof=1) / len(difference), len(difference) - 1)]
    parts += [_seed_part(each) for each in models.values() if len(each) > 1]
    given = [each for each in (ours, theirs) if np.ndim(each) > 1]
    n = min((len(each) for each in given), default=len(difference))
    kind = "users and seeds" if given else OVER_USERS
    return combined(difference.mean(), parts, n, kind, level)


def of_pairs(
    models: Mapping[str, np.ndarray], level: float = 0.95, draws: int = 5000
) -> pd.DataFrame:
    """All pairs of models on the same users at once, with simultaneous intervals.

    Whoever looks at many pairs, or at the best of many models, sees the luckiest. Here *all*
    intervals together hold their differences with probability ``level``: the half-width is the
    quantile of the largest of all standardised differences, drawn from the normal distribution
    with the models' covariance over users, and with the spread of their seeds, whose estimate
    varies as well (Tukey's idea, for correlated means).

    Parameters
    ----------
    models : mapping
        Label: [users], or [seeds, users].

    Returns
    -------
    DataFrame, indexed by (first, second)
        ``mean`` of the first less the second, ``se``, ``low``, ``high``, ``n``, ``kind``.

    Examples
    --------
    >>> users = np.linspace(0, 1, 50)
    >>> found = of_pairs({"A": users, "B": users - 0.1, "C": users**2})
    >>> found["mean"].round(3).to_dict()
    {('A', 'B'): 0.1, ('A', 'C'): 0.163, ('B', 'C'): 0.063}
    """
    _check_level(level)
    if len(models) < 2:
        raise ValueError(f"a pair needs two models, got {len(models)}: {', '.join(models)}")
    arrays = _same_users(models)
    means = np.array([each.mean(0) for each in arrays.values()])
    over_users = np.atleast_2d(np.cov(means)) / means.shape[1]
    seeds = np.array([_seed_part(each) if len(each) > 1 else (0.0, 1) for each in arrays.values()])
    first, second = np.array(list(combinations(range(len(means)), 2))).T
    between = _spread(over_users, first, second)
    se = np.sqrt(between + seeds[first, 0] + seeds[second, 0])
    rng = np.random.default_rng(0)
    root = np.linalg.cholesky(over_users + np.eye(len(means)) * 1e-12 * np.trace(over_users))
    drawn = rng.standard_normal((draws, len(means))) @ root.T
    drawn += rng.standard_normal((draws, len(means))) * np.sqrt(seeds[:, 0])
    guessed = seeds[:, 0] * rng.chisquare(seeds[:, 1], (draws, len(means))) / seeds[:, 1]
    error = np.sqrt(between + guessed[:, first] + guessed[:, second])
    gaps = np.abs(drawn[:, first] - drawn[:, second]) / np.maximum(error, 1e-300)
    half = np.quantile(gaps.max(1), level) * se
    difference = (means[first] - means[second]).mean(1)
    given = list(models.values())
    counts = [len(each) if np.ndim(each) > 1 else means.shape[1] for each in given]
    trained = [np.ndim(each) > 1 for each in given]
    pairs = list(zip(first, second, strict=True))
    columns = {
        "mean": difference,
        "se": se,
        "low": difference - half,
        "high": difference + half,
        "n": [min(counts[i], counts[j]) for i, j in pairs],
        "kind": ["users and seeds" if trained[i] or trained[j] else OVER_USERS for i, j in pairs],
    }
    return _table(columns, list(models))


def of_split_pairs(
    models: Mapping[str, Sequence[float]], test: float, level: float = 0.95, kind: str = "splits"
) -> pd.DataFrame:
    """As :func:`of_pairs`, of models measured on the same random splits (or folds).

    Intervals are those of the paired differences, at a level that makes all of them hold together
    with probability ``level`` (Bonferroni).

    Examples
    --------
    >>> found = of_split_pairs({"A": [0.9, 0.8, 0.9], "B": [0.7, 0.7, 0.6]}, test=0.1)
    >>> print(f"{found.loc[('A', 'B'), 'mean']:.3f}")
    0.200
    """
    _check_level(level)
    pairs = list(combinations(models, 2))
    alone = 1 - (1 - level) / max(1, len(pairs))
    found = []
    for a, b in pairs:
        gap = np.subtract(models[a], models[b])
        found.append(of_folds(gap, alone) if kind == "folds" else of_splits(gap, test, alone))
    columns = {key: [getattr(each, key) for each in found] for key in Interval.__annotations__}
    return _table(columns, list(models))


def combined(
    mean: float, parts: Sequence[tuple[float, int]], n: int, kind: str, level: float = 0.95
) -> Interval:
    """An interval whose variance is a sum of (variance, degrees of freedom) parts.

    Examples
    --------
    >>> found = combined(0.5, [(0.01, 9), (0.03, 4)], n=5, kind="users and seeds")
    >>> print(f"{found.se:.3f}")
    0.200
    """
    _check_level(level)
    variance = sum(part for part, _ in parts)
    if not variance > 0:
        return Interval(mean, 0.0, mean, mean, n, kind)
    freedom = variance**2 / sum(part**2 / df for part, df in parts)
    half = scipy.stats.t.ppf((1 + level) / 2, freedom) * np.sqrt(variance)
    return Interval(mean, np.sqrt(variance), mean - half, mean + half, n, kind)


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"level must be a probability between 0 and 1, .95 say, got {level}")


def _student(values: Sequence[float], wider: float, kind: str, level: float) -> Interval:
    """Student's interval, its standard error times ``wider``; NaN below two values."""
    values = np.asarray(values, dtype=float)
    if values.ndim != 1:
        raise ValueError(f"need one value for each of the {kind}, got shape {values.shape}")
    if len(values) < 2:
        mean = values.mean() if len(values) else np.nan
        return Interval(mean, np.nan, np.nan, np.nan, len(values), kind)
    se = values.std(ddof=1) / np.sqrt(len(values)) * wider
    return combined(values.mean(), [(se**2, len(values) - 1)], len(values), kind, level)


def _same_users(models: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Each as float [seeds, users], without the users for whom any is NaN."""
    arrays = {name: np.atleast_2d(np.asarray(each, float)) for name, each in models.items()}
    sizes = {name: each.shape[1] for name, each in arrays.items()}
    if len(set(sizes.values())) != 1:
        raise ValueError(f"models were measured on different numbers of users: {sizes}")
    known = ~np.any([np.isnan(each).any(0) for each in arrays.values()], axis=0)
    if known.sum() < 2:
        raise ValueError("fewer than two users have a value of every model")
    return {name: each[:, known] for name, each in arrays.items()}


def _seed_part(values: np.ndarray) -> tuple[float, int]:
    """Variance of the mean over seeds that comes from the seeds, and its degrees of freedom."""
    return values.mean(1).var(ddof=1) / len(values), len(values) - 1


def _spread(covariance: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Variance of the difference of each pair of correlated means."""
    own = covariance.diagonal()
    return own[first] + own[second] - 2 * covariance[first, second]


def _table(columns: dict, labels: list[str]) -> pd.DataFrame:
    index = pd.MultiIndex.from_tuples(combinations(labels, 2), names=["first", "second"])
    return pd.DataFrame(columns, index=index)
