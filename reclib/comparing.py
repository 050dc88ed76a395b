"""Several models on one split: fitted, measured and compared as the book does it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from reclib import checks, evaluation, intervals, training
from reclib.models.base import GradientRecommender, Recommender
from reclib.splits import Split


@dataclass(frozen=True, eq=False)
class Comparison:
    """What :func:`compare_models` has found.

    Attributes
    ----------
    table : DataFrame
        One row a model, the best first: ``mean`` of the metric, its interval ``low`` to ``high``
        over users (and seeds, where it was fitted with several), ``fits`` and ``seconds`` of one.
    pairs : DataFrame
        All pairs with simultaneous intervals (:func:`reclib.intervals.of_pairs`): of whoever's
        interval holds no zero, the first is better or worse than the second.
    models : dict
        The last fitted model of each name.
    per_user : dict
        Values of the metric, [fits, users].
    """

    table: pd.DataFrame
    pairs: pd.DataFrame
    models: dict[str, Recommender]
    per_user: dict[str, np.ndarray]


def compare_models(
    models: Mapping[str, Recommender | tuple[Recommender, dict[str, Any]]],
    split: Split,
    metric: str = "ndcg@10",
    *,
    seeds: int = 5,
    device: str = "auto",
    progress: bool = True,
) -> Comparison:
    """Fit each model and rank the test of one split with it.

    Parameters
    ----------
    models : dict
        Name: an unfitted model, or for a gradient model ``(model, options)`` with those of
        ``training.fit``. Where the split has a validation part and the options no ``validate``,
        the epoch is chosen by the metric there.
    metric : str
        A ranking metric, ``name@k``.
    seeds : int
        Fits of a model whose start is drawn; one that is solved is fitted once.

    Raises
    ------
    ValueError, TypeError
        For fewer than two models, an unknown metric, options that ``training.fit`` refuses.

    Examples
    --------
    >>> from reclib import datasets, splits
    >>> from reclib.models import EASE, Popularity
    >>> split = splits.hold_out_per_user(datasets.load().at_least(4).k_core(20))
    >>> models = {"EASE": EASE(200), "popularity": Popularity()}
    >>> found = compare_models(models, split, progress=False)
    >>> found.table.index[0], bool(found.pairs["low"].iloc[0] > 0)
    ('EASE', True)
    """
    evaluation.parse_metric(metric)
    seeds = checks.whole("seeds", seeds)
    if len(models) < 2:
        raise ValueError("a comparison needs at least two models")
    per_user, rows, last = {}, {}, {}
    bar = tqdm(models.items(), disable=not progress, unit="model")
    for name, given in bar:
        bar.set_postfix_str(name)
        model, options = given if isinstance(given, tuple) else (given, {})
        values, seconds = [], []
        for seed in range(seeds if _is_drawn(model) else 1):
            fresh = _with_seed(model, seed)
            history = _fit(fresh, split, metric, {"seed": seed, "device": device} | options)
            ranking = evaluation.rank(fresh, split.test, [metric])
            values.append(ranking.per_user[metric].to_numpy())
            seconds.append(history.table["seconds"].sum() if len(history.rows) else np.nan)
        per_user[name], last[name] = np.array(values), fresh
        rows[name] = _row(per_user[name]) | {"seconds": float(np.mean(seconds))}
    shown = {name: each if len(each) > 1 else each[0] for name, each in per_user.items()}
    table = pd.DataFrame(rows).T.sort_values("mean", ascending=False)
    return Comparison(table, intervals.of_pairs({n: shown[n] for n in table.index}), last, per_user)


def _is_drawn(model: Recommender) -> bool:
    """Whether a fit depends on a random start."""
    return isinstance(model, GradientRecommender) or "seed" in _parameters(model)


def _parameters(model: Recommender) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(type(model).__init__).parameters


def _with_seed(model: Recommender, seed: int) -> Recommender:
    """An unfitted model like the given one, with this seed if it has one of its own."""
    own = {"seed": seed} if "seed" in _parameters(model) else {}
    return type(model)(**model.arguments | own)


def _fit(model: Recommender, split: Split, metric: str, options: dict) -> training.History:
    if not isinstance(model, GradientRecommender):
        return training.fit(model, split.train, device=options["device"])
    if split.validation is not None and "validate" not in options:

        def validate(model: Recommender) -> float:
            return -evaluation.rank(model, split.validation, [metric]).per_user[metric].mean()

        options = options | {"validate": validate}
    return training.fit(model, split.train, **options)


def _row(values: np.ndarray) -> dict[str, float]:
    """Mean and interval of [fits, users]; users without a value are left out."""
    known = values[:, ~np.isnan(values).any(0)]
    zero = np.zeros(known.shape[1])
    found = intervals.of_difference(known if len(known) > 1 else known[0], zero)
    return {"mean": found.mean, "low": found.low, "high": found.high, "fits": len(values)}
