"""Scores in, results out: batched, seen items masked, on the device where model or scores are."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import scipy.stats
import torch
from torch import Tensor

from reclib import checks, metrics
from reclib.interactions import Interactions
from reclib.models.base import Recommender
from reclib.models.guards import needs_matrix
from reclib.splits import Split, Test
from reclib.training import needs_model, oriented

DEFAULT_METRICS = ("capped_recall@20", "capped_recall@50", "ndcg@100")


def needs_test(test: object) -> None:
    """TypeError that says what to do, unless it is a test."""
    if isinstance(test, Test):
        return
    remedy = "Test(fold_in, held_out, users) makes one"
    if isinstance(test, Split):
        remedy = "its .test is one"
    elif test is None:
        remedy = "a split has a validation test if it was made with validation=0.1, say"
    raise TypeError(f"test must be a Test, got {type(test).__name__}; {remedy}")


# -- rating prediction ---------------------------------------------------------


def predict(
    model: Recommender,
    test: Test,
    *,
    clip: tuple[float, float] | None = None,
    batch_size: int = 500,
) -> Tensor:
    """Predict every held-out rating; float32 [held_out.nnz], in the order of ``test.held_out``.

    ``clip`` limits predictions to the rating scale, which never hurts. ValueError for a model
    that predicts an order, and for a ``clip`` that is reversed; TypeError for what is no model,
    no test or no pair of numbers.

    Examples
    --------
    >>> from reclib import models
    >>> X = Interactions.from_coo([0, 0, 1], [0, 1, 1], [5, 3, 4], shape=(2, 3))
    >>> test = Test(
    ...     X, Interactions.from_coo([0, 1], [2, 0], [4, 1], shape=(2, 3)), np.array([7, 9])
    ... )
    >>> model = models.ItemMean().fit(X)
    >>> predict(model, test)
    tensor([4., 5.])
    """
    needs_model(model)
    needs_test(test)
    predicted = predict_at(model, test.fold_in, test.held_out, batch_size=batch_size)
    return _clipped(predicted, clip)


def _clipped(predicted: Tensor, clip: tuple[float, float] | None) -> Tensor:
    return predicted if clip is None else predicted.clamp(*checks.scale("clip", clip))


def predict_at(
    model: Recommender,
    fold_in: Interactions,
    wanted: Interactions,
    *,
    batch_size: int = 500,
) -> Tensor:
    """Predictions (users x items) at the cells of ``wanted``, in their order, float32 [nnz].

    Nothing keeps ``wanted`` apart from ``fold_in``: at the cells of ``fold_in`` itself this is
    reconstruction, which is no test (see :func:`seen_rmse`). Errors as for :func:`predict`.

    Examples
    --------
    >>> from reclib import models
    >>> X = Interactions.from_coo([0, 0, 1], [0, 1, 1], [5, 3, 4], shape=(2, 3))
    >>> model = models.ItemMean().fit(X)
    >>> predict_at(model, X, wanted=X)
    tensor([5.0000, 3.5000, 3.5000])
    """
    needs_model(model)
    if model.predicts != "ratings":
        raise ValueError(
            f"the scores of {type(model).__name__} are no ratings but an order, which rank "
            'measures; a class of your own whose scores are ratings says so: predicts = "ratings"'
        )
    needs_matrix(fold_in, "fold_in")
    needs_matrix(wanted, "wanted")
    if fold_in.shape != wanted.shape:
        raise ValueError(f"fold_in is {fold_in.shape} and wanted {wanted.shape}; they must agree")
    batch_size = checks.whole("batch_size", batch_size)
    device = model.device or fold_in.device
    fold_in = oriented(fold_in, model).to(device)
    wanted = oriented(wanted, model).to(device)
    parts = []
    for start in range(0, fold_in.num_rows, batch_size):
        rows = slice(start, start + batch_size)
        parts.append(model.score_at(fold_in.rows(rows), wanted.rows(rows)))
    # The transpose of the transpose brings the predictions back into the caller's order.
    predicted = oriented(wanted.with_values(torch.cat(parts)), model).values
    if not torch.isfinite(predicted).all():
        raise FloatingPointError(f"{type(model).__name__} predicted NaN or infinite ratings")
    return predicted


def rating_errors(model: Recommender, test: Test, **options: Any) -> dict[str, float]:
    """Errors of the held-out ratings; ``options`` as for :func:`predict`.

    ``rmse`` and ``mae`` are over all ratings. ``user_rmse`` is the mean over users of the RMSE
    of each: another number, which may be smaller or larger.

    Examples
    --------
    >>> from reclib import models
    >>> X = Interactions.from_coo([0, 0, 1], [0, 1, 1], [5, 3, 4], shape=(2, 3))
    >>> test = Test(
    ...     X, Interactions.from_coo([0, 1], [2, 0], [4, 1], shape=(2, 3)), np.array([7, 9])
    ... )
    >>> model = models.ItemMean().fit(X)
    >>> rating_errors(model, test, clip=(1, 5))
    {'rmse': 2.8284271247461903, 'mae': 2.0, 'user_rmse': 2.0}
    """
    predicted = predict(model, test, **options)
    actual = test.held_out.to(predicted.device)
    return {
        "rmse": metrics.rmse(predicted, actual.values).item(),
        "mae": metrics.mae(predicted, actual.values).item(),
        "user_rmse": metrics.user_rmse(predicted, actual.values, actual.row_ids).item(),
    }


def seen_rmse(
    model: Recommender, X: Interactions, clip: tuple[float, float] | None = None, **options: Any
) -> float:
    """RMSE of the ratings that the model is shown: how well it copies, not how it predicts.

    Never a result. Several reports print it as one, so the book measures it beside the result.

    Examples
    --------
    >>> from reclib import models
    >>> X = Interactions.from_coo([0, 0, 1], [0, 1, 1], [5, 3, 4], shape=(2, 3))
    >>> print(f"{seen_rmse(models.ItemMean().fit(X), X):.3f}")
    0.408
    """
    predicted = predict_at(model, X, X, **options)
    predicted = _clipped(predicted, clip)
    return metrics.rmse(predicted, X.values.to(predicted.device)).item()


def activity_groups(test: Test, groups: int) -> np.ndarray:
    """Equally large groups of the test users by how many ratings are visible of each.

    int64 [users], 0 for the least active; users who have equally many keep their order.
    ValueError for more groups than users.

    Examples
    --------
    >>> X = Interactions.from_coo([0, 0, 1], [0, 1, 1], [5, 3, 4], shape=(2, 3))
    >>> test = Test(
    ...     X, Interactions.from_coo([0, 1], [2, 0], [4, 1], shape=(2, 3)), np.array([7, 9])
    ... )
    >>> activity_groups(test, 2)
    array([1, 0])
    """
    needs_test(test)
    groups = checks.whole("groups", groups, high=test.fold_in.num_rows)
    visible = pd.Series(test.fold_in.row_counts.cpu().numpy())
    return pd.qcut(visible.rank(method="first"), groups, labels=False).to_numpy()


# -- ranking -------------------------------------------------------------------


def top_items(scores: Tensor, k: int) -> Tensor:
    """Columns of the ``k`` highest scores of each row, best first; int64 [rows, k].

    Equal scores are ordered by column number. -1 fills ranks for which only
    masked (-inf) items are left. NaN raises FloatingPointError, and ValueError is for scores
    that are no matrix or a ``k`` beyond its columns. A NumPy matrix will do.

    Examples
    --------
    >>> top_items(torch.tensor([[0.1, 0.9, 0.9], [0.5, -torch.inf, -torch.inf]]), k=2)
    tensor([[ 1,  2],
            [ 0, -1]])
    """
    scores = torch.as_tensor(scores)
    if scores.ndim != 2:
        raise ValueError(f"scores must be [rows, columns], got shape {tuple(scores.shape)}")
    k = checks.whole("k", k, low=-math.inf)
    if not 1 <= k <= scores.shape[1]:
        raise ValueError(f"k must be between 1 and the number of columns {scores.shape[1]}")
    # One more than asked for, to see whether a tie crosses the cut.
    values, items = scores.topk(min(k + 1, scores.shape[1]), dim=1)
    if values[:, 0].isnan().any():
        raise FloatingPointError("scores contain NaN, so there is no ranking")
    tied = ((values[:, 1:] == values[:, :-1]) & (values[:, 1:] > -torch.inf)).any(1)
    items = items[:, :k]
    if tied.any():
        # topk orders ties as it likes. So take all items above the cut, and of those that equal
        # it the first ones; found in column order, a stable sort keeps equal ones in it.
        rows, cut = scores[tied], values[tied, k - 1 : k]
        above, at_cut = rows > cut, rows == cut
        places = k - above.sum(1, keepdim=True)
        chosen = above | (at_cut & (at_cut.cumsum(1, dtype=torch.int32) <= places))
        first = chosen.nonzero()[:, 1].view(-1, k)
        order = rows.gather(1, first).sort(dim=1, descending=True, stable=True).indices
        items[tied] = first.gather(1, order)
    return items.masked_fill_(values[:, :k] == -torch.inf, -1)


@dataclass(frozen=True, eq=False)
class Ranking:
    """Results of one model on one test.

    Attributes
    ----------
    per_user : DataFrame
        One row a user (indexed by identifier), one column a metric such as
        ``ndcg@100``; NaN for a user with nothing held out.
    top : int64 array [users, depth]
        The recommended columns, -1 for empty ranks.

    Examples
    --------
    >>> per_user = pd.DataFrame({"ndcg@10": [0.0, 0.5, 1.0]}, index=[7, 9, 11])
    >>> Ranking(per_user, np.array([[0], [2], [1]])).summary().round(3)
             mean     se    low   high  users
    ndcg@10   0.5  0.289 -0.066  1.066      3
    """

    per_user: pd.DataFrame
    top: np.ndarray

    def summary(self, level: float = 0.95) -> pd.DataFrame:
        """Mean, standard error, confidence interval and number of users of each metric.

        The ``level`` of the interval lies between 0 and 1; else ValueError.
        """
        level = checks.fraction("the level", level)
        mean, se = self.per_user.mean(), self.per_user.sem()
        half = scipy.stats.norm.ppf((1 + level) / 2) * se
        columns = {"mean": mean, "se": se, "low": mean - half, "high": mean + half}
        return pd.DataFrame(columns).assign(users=self.per_user.count())


def rank(
    model: Recommender,
    test: Test,
    wanted: str | Sequence[str] = DEFAULT_METRICS,
    *,
    mask: bool = True,
    batch_size: int = 500,
) -> Ranking:
    """Rank all items for every test user and score the lists.

    What the user has seen (``test.seen``) is never recommended, unless ``mask`` is False: a
    mistake that the book measures. ``wanted`` names one metric of ``metrics.RANKING`` or several,
    with their cut-offs, ``name@k``. Lists are as long as the largest k, or as the catalogue if
    that is shorter; the ranks beyond it then count as misses.

    Raises
    ------
    TypeError
        For what is no model or no test, a split say.
    ValueError
        For a model of items, or names that are no metric.
    FloatingPointError
        If scores contain NaN.

    Examples
    --------
    >>> from reclib import models
    >>> X = Interactions.from_coo([0, 0, 1], [0, 1, 1], [5, 3, 4], shape=(2, 3))
    >>> test = Test(
    ...     X, Interactions.from_coo([0, 1], [2, 0], [4, 1], shape=(2, 3)), np.array([7, 9])
    ... )
    >>> found = rank(models.Popularity().fit(X), test, ["ndcg@1", "recall@1"])
    >>> found.per_user
          ndcg@1  recall@1
    user
    7        1.0       1.0
    9        1.0       1.0
    >>> found.top
    array([[2],
           [0]])
    """
    needs_model(model)
    needs_test(test)
    if model.rows != "users":
        raise ValueError(f"{type(model).__name__} reads items; ranking needs a model of users")
    test = test.to(model.device or test.fold_in.device)
    scores = (model.score(batch) for batch in test.fold_in.batches(batch_size))
    if not mask:
        nothing = Interactions.from_coo([], [], shape=test.fold_in.shape)
        test = Test(nothing.to(test.fold_in.device), test.held_out, test.users)
    return rank_scores(scores, test, wanted)


def rank_scores(
    scores: Iterable[Tensor],
    test: Test,
    wanted: str | Sequence[str] = DEFAULT_METRICS,
) -> Ranking:
    """As :func:`rank`, from scores that some other program computed.

    ``scores`` are float32 blocks [any number of rows, num_cols] that follow the rows
    of ``test``. Tensors are overwritten: the mask is set in place. NumPy blocks are copied.

    Raises
    ------
    TypeError
        For one big matrix in place of blocks, or a block that holds no floats.
    ValueError
        If the blocks do not have the rows and columns of the test.

    Examples
    --------
    >>> X = Interactions.from_coo([0, 0, 1], [0, 1, 1], [5, 3, 4], shape=(2, 3))
    >>> test = Test(
    ...     X, Interactions.from_coo([0, 1], [2, 0], [4, 1], shape=(2, 3)), np.array([7, 9])
    ... )
    >>> rank_scores([torch.tensor([[0.1, 0.2, 0.3], [0.3, 0.2, 0.1]])], test, ["recall@1"]).top
    array([[2],
           [0]])
    """
    needs_test(test)
    parsed = _parsed(wanted)
    longest = max(k for _, k in parsed.values())
    depth = min(longest, test.held_out.num_cols)
    hits, tops, start = [], [], 0
    relevant = None
    if isinstance(scores, (Tensor, np.ndarray)):
        raise TypeError("scores must be a list of blocks of rows; of one matrix write [scores]")
    for block in map(_block, scores):
        rows = slice(start, start + len(block))
        start += len(block)
        if block.shape[1] != test.held_out.num_cols:
            raise ValueError(
                f"scores have {block.shape[1]} columns, the test has {test.held_out.num_cols}"
            )
        if start > test.held_out.num_rows:
            break
        if test.held_out.device != block.device:
            test = test.to(block.device)
        block = block.contiguous()
        # Flat positions, so that one write masks the whole block.
        block.view(-1)[test.seen.rows(rows).cells] = -torch.inf
        top = top_items(block, depth)
        relevant = _flags(test.held_out.rows(rows), reuse=relevant)
        hits.append(relevant.gather(1, top.clamp(min=0)) & (top >= 0))
        tops.append(top)
    if start != test.held_out.num_rows:
        raise ValueError(f"scores have {start} rows, the test has {test.held_out.num_rows}")
    hits, counts = torch.cat(hits), test.held_out.row_counts
    hits = torch.nn.functional.pad(hits, (0, longest - depth))  # beyond the catalogue no item is
    values = {name: metric(hits, counts, k).cpu().numpy() for name, (metric, k) in parsed.items()}
    per_user = pd.DataFrame(values, index=pd.Index(test.users, name="user"))
    return Ranking(per_user, torch.cat(tops).cpu().numpy())


def _flags(X: Interactions, reuse: Tensor | None) -> Tensor:
    """True at the stored cells of X; bool [num_rows, num_cols], in old memory where it fits."""
    if reuse is None or reuse.shape != X.shape:
        reuse = torch.zeros(X.shape, dtype=torch.bool, device=X.device)
    else:
        reuse.zero_()
    reuse.view(-1)[X.cells] = True
    return reuse


def _block(block: object) -> Tensor:
    """Scores of some rows as a tensor [rows, columns] of floats."""
    if isinstance(block, np.ndarray):
        block = torch.tensor(block)
    if not isinstance(block, Tensor) or not block.is_floating_point():
        what = block.dtype if isinstance(block, Tensor) else type(block).__name__
        raise TypeError(f"each block of scores must be a tensor or array of floats, got {what}")
    if block.ndim != 2:
        raise ValueError(
            f"each block of scores must be [rows, columns], got shape {tuple(block.shape)}"
        )
    return block


def _parsed(wanted: str | Sequence[str]) -> dict[str, tuple[Callable[..., Tensor], int]]:
    """The metrics by their names, at least one."""
    names = [wanted] if isinstance(wanted, str) else wanted
    if not isinstance(names, Iterable) or not (names := list(names)):
        raise ValueError(f'wanted must name metrics, such as ["ndcg@10"], got {wanted!r}')
    return {name: parse_metric(name) for name in names}


def parse_metric(name: str) -> tuple[Callable[..., Tensor], int]:
    """Read ``name@k``: the function of ``metrics.RANKING``, and k. ValueError if it is neither.

    Examples
    --------
    >>> metric, k = parse_metric("ndcg@100")
    >>> metric.__name__, k
    ('ndcg', 100)
    """
    metric, at, k = name.partition("@") if isinstance(name, str) else (None, "", "")
    if metric not in metrics.RANKING or not at or not k.isdecimal() or int(k) < 1:
        raise ValueError(
            f"no metric {name!r}; write name@k with a name of {', '.join(metrics.RANKING)}"
        )
    return metrics.RANKING[metric], int(k)


# -- comparing models -----------------------------------------------------------


def compare(
    ours: pd.Series, theirs: pd.Series, *, level: float = 0.95, resamples: int = 2000, seed: int = 0
) -> pd.Series:
    """Paired comparison of two models on the same users.

    Difference of means with a percentile bootstrap interval over users, and the
    p-value of the paired t test.

    Parameters
    ----------
    ours, theirs : Series
        A metric per user, indexed by user: a column of ``Ranking.per_user``. The users must be
        the same, in any order. Who has no value in one of them is left out.

    Raises
    ------
    TypeError
        If they are no Series.
    ValueError
        If the users differ, or the names are those of two metrics; with fewer than two users
        who have both values; for a ``level`` outside of 0 to 1.

    Examples
    --------
    >>> ours = pd.Series([0.4, 0.5, 0.6, 0.9], index=[7, 9, 11, 12])
    >>> compare(ours, ours - [0.1, 0.2, 0.1, 0.1])[["difference", "users"]]
    difference    0.125
    users         4.000
    dtype: float64
    """
    for name, values in (("ours", ours), ("theirs", theirs)):
        if not isinstance(values, pd.Series):
            raise TypeError(
                f"{name} must be a Series, one column of Ranking.per_user, "
                f"got {type(values).__name__}"
            )
    level, resamples = checks.fraction("the level", level), checks.whole("resamples", resamples)
    if ours.name != theirs.name and all("@" in str(each.name) for each in (ours, theirs)):
        raise ValueError(f"{ours.name} cannot be compared with {theirs.name}")
    if not ours.index.equals(theirs.index):
        unique = ours.index.is_unique and theirs.index.is_unique
        if not unique or len(ours) != len(theirs) or not ours.index.isin(theirs.index).all():
            raise ValueError(
                "the two results are of different users; a paired comparison needs one"
            )
        theirs = theirs.reindex(ours.index)
    difference = (ours - theirs).dropna().to_numpy()
    if len(difference) < 2:
        raise ValueError(
            f"{len(difference)} users have both values; a comparison needs two or more"
        )
    low, high = scipy.stats.bootstrap(
        (difference,),
        np.mean,
        confidence_level=level,
        n_resamples=resamples,
        batch=100,  # bounds the memory: batch x users numbers at a time
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    p = scipy.stats.ttest_1samp(difference, 0.0).pvalue
    found = {"difference": difference.mean(), "low": low, "high": high, "p": p}
    return pd.Series(found | {"users": len(difference)})


def holm(p: pd.Series | Sequence[float]) -> pd.Series:
    """Holm's (1979) corrected p-values (float, by comparison), the smallest first.

    The smallest is multiplied by their number, the next by one less, and none may fall below the
    one before: "below a" then errs with probability a at most. ValueError for what is no p-value.
    Of a list or a dict, the places or the keys name the comparisons.

    Examples
    --------
    >>> holm(pd.Series({"EASE": 0.01, "SLIM": 0.03}))
    EASE    0.02
    SLIM    0.03
    dtype: float64
    """
    p = p if isinstance(p, pd.Series) else pd.Series(p, dtype=float)
    if p.isna().any() or not p.between(0, 1).all():
        raise ValueError("p-values lie between 0 and 1; leave comparisons without one out")
    p = p.sort_values()
    return (p * np.arange(len(p), 0, -1)).cummax().clip(upper=1)
