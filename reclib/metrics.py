"""Metrics: pure functions of tensors, one value per user.

What is described as a tensor may as well be a NumPy array or a list. Ranking metrics read two
tensors. ``hits`` (bool [users, depth]) says whether
the item at each rank, best first, is one of the user's held-out items;
``num_relevant`` (int [users]) is how many items were held out.

Conventions, the same everywhere:

* **denominator**: in each docstring; recall has two, under two names.
* **ties**: decided before a metric sees them. ``evaluation.top_items`` puts the
  lower column number first, on every device.
* **a user with nothing held out** has no defined value: NaN, which the
  evaluator counts and leaves out of means.
* **k beyond the list**: ``k`` larger than ``depth`` raises ValueError, since the
  missing ranks could have been hits. Where fewer than ``k`` items can be
  recommended, the empty ranks count as misses.
* **errors**: TypeError for what holds no numbers of the kind described, ValueError for shapes
  that do not fit each other and numbers that cannot be: more hits than relevant items, NaN.

Examples
--------
>>> import torch
>>> from reclib import metrics
>>> stars, actual = torch.tensor([4.0, 3.0, 5.0]), torch.tensor([5.0, 3.0, 3.0])
>>> metrics.rmse(stars, actual).round(decimals=3), metrics.mae(stars, actual)
(tensor(1.2910, dtype=torch.float64), tensor(1., dtype=torch.float64))
>>> hits = torch.tensor([[True, False, True], [False, False, False]])  # of two users
>>> held_out = torch.tensor([5, 1])
>>> metrics.recall(hits, held_out, k=3)
tensor([0.4000, 0.0000], dtype=torch.float64)
>>> metrics.capped_recall(hits, held_out, k=3).round(decimals=3)
tensor([0.6670, 0.0000], dtype=torch.float64)
>>> metrics.precision(hits, held_out, k=2), metrics.hit_rate(hits, held_out, k=2)
(tensor([0.5000, 0.0000], dtype=torch.float64), tensor([1., 0.], dtype=torch.float64))
>>> metrics.ndcg(hits, held_out, k=3).round(decimals=3)
tensor([0.7040, 0.0000], dtype=torch.float64)
>>> metrics.average_precision(hits, held_out, k=3).round(decimals=3)
tensor([0.5560, 0.0000], dtype=torch.float64)
>>> metrics.reciprocal_rank(hits, held_out, k=3)
tensor([1., 0.], dtype=torch.float64)
>>> top = torch.tensor([[0, 2], [2, -1]])  # what two users were shown; -1 is an empty rank
>>> metrics.coverage(top, num_items=4)
0.5
>>> metrics.novelty(top, item_counts=torch.tensor([8, 4, 1, 0]), num_users=8)
tensor([1.5000, 3.0000], dtype=torch.float64)
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from reclib import checks


def _tensor(name: str, value: object, *, whole: bool = False) -> Tensor:
    """``value`` as a tensor, of whole numbers if asked."""
    if not isinstance(value, Tensor):
        try:
            value = torch.tensor(np.asarray(value))
        except TypeError:
            raise TypeError(
                f"{name} must be a tensor or an array of numbers, got {type(value).__name__}"
            ) from None
    if whole and (value.is_floating_point() or value.dtype == torch.bool):
        raise TypeError(f"{name} must hold whole numbers, got {value.dtype}")
    return value


# -- rating prediction ---------------------------------------------------------


def rmse(predicted: Tensor, actual: Tensor) -> Tensor:
    """Root mean squared error over ratings (not over users), in rating units."""
    predicted, actual = _ratings(predicted, actual)
    return (predicted - actual).square().mean().sqrt()


def mae(predicted: Tensor, actual: Tensor) -> Tensor:
    """Mean absolute error over ratings (not over users), in rating units."""
    predicted, actual = _ratings(predicted, actual)
    return (predicted - actual).abs().mean()


def user_rmse(predicted: Tensor, actual: Tensor, users: Tensor) -> Tensor:
    """Mean over users of the RMSE of each one's ratings, in rating units.

    ``users`` is int64 [nnz], the user of each rating; users without ratings do not count.
    Not the RMSE: by Jensen's inequality it lies below the root of the mean over users, and
    it gives a user with two ratings the weight of one with two hundred.

    Examples
    --------
    >>> predicted, actual = torch.tensor([4.0, 3.0, 5.0]), torch.tensor([5.0, 3.0, 3.0])
    >>> user_rmse(predicted, actual, users=torch.tensor([0, 0, 1])).round(decimals=3)
    tensor(1.3540, dtype=torch.float64)
    """
    predicted, actual = _ratings(predicted, actual)
    users = _tensor("users", users, whole=True)
    if users.shape != actual.shape:
        raise ValueError(f"users must be one for each of {len(actual)} ratings, got {len(users)}")
    squares = (predicted - actual).square()
    total = squares.new_zeros(int(users.max()) + 1).index_add_(0, users, squares)
    counts = torch.bincount(users)
    return (total[counts > 0] / counts[counts > 0]).sqrt().mean()


def _ratings(predicted: Tensor, actual: Tensor) -> tuple[Tensor, Tensor]:
    """Both in double precision, if they are finite and belong together."""
    predicted, actual = _tensor("predicted", predicted), _tensor("actual", actual)
    if predicted.shape != actual.shape or not len(actual):
        raise ValueError(
            "predicted and actual must be equally long and not empty, got shapes "
            f"{tuple(predicted.shape)} and {tuple(actual.shape)}"
        )
    for name, value in (("predicted", predicted), ("actual", actual)):
        if not torch.isfinite(value).all():
            raise ValueError(f"{name} holds NaN or infinite ratings; leave them out of both")
    return predicted.double(), actual.double()


# -- ranking -------------------------------------------------------------------


def hit_rate(hits: Tensor, num_relevant: Tensor, k: int) -> Tensor:
    """1 if any of the first ``k`` items is relevant, else 0; float64 [users]."""
    top, num_relevant = _top(hits, num_relevant, k)
    return _defined(top.any(1).double(), num_relevant)


def precision(hits: Tensor, num_relevant: Tensor, k: int) -> Tensor:
    """Hits among the first ``k``, divided by ``k``; float64 [users]."""
    top, num_relevant = _top(hits, num_relevant, k)
    return _defined(top.sum(1).double() / k, num_relevant)


def recall(hits: Tensor, num_relevant: Tensor, k: int) -> Tensor:
    """Hits among the first ``k``, divided by all that was held out.

    The textbook denominator ``n`` (CDAE, SVAE, RecBole, Cornac). It cannot reach
    1 for a user with more than ``k`` held-out items. float64 [users].
    """
    top, num_relevant = _top(hits, num_relevant, k)
    return _defined(top.sum(1).double() / num_relevant, num_relevant)


def capped_recall(hits: Tensor, num_relevant: Tensor, k: int) -> Tensor:
    """Hits among the first ``k``, divided by ``min(k, n)``.

    The "Recall@R" of Liang et al. (2018) and of the papers that follow its
    protocol; 1 for a perfect list. float64 [users].
    """
    top, num_relevant = _top(hits, num_relevant, k)
    return _defined(top.sum(1).double() / num_relevant.clamp(max=k), num_relevant)


def ndcg(hits: Tensor, num_relevant: Tensor, k: int) -> Tensor:
    """Discounted cumulative gain over that of a perfect list of length ``min(k, n)``.

    Binary gains, discount ``1 / log2(rank + 1)``; Liang et al. (2018), section 4.2.
    float64 [users].
    """
    top, num_relevant = _top(hits, num_relevant, k)
    discount = 1 / torch.arange(2, k + 2, device=top.device, dtype=torch.float64).log2()
    ideal = torch.cat([discount.new_zeros(1), discount.cumsum(0)])
    gain = top.double() @ discount
    return _defined(gain / ideal[num_relevant.clamp(max=k)], num_relevant)


def average_precision(hits: Tensor, num_relevant: Tensor, k: int) -> Tensor:
    """Sum of precision at each hit's rank, divided by ``min(k, n)``; its mean is MAP@k.

    Wu et al. (2016), section 5.2. float64 [users].
    """
    top, num_relevant = _top(hits, num_relevant, k)
    ranks = torch.arange(1, k + 1, device=top.device, dtype=torch.float64)
    total = (top * top.cumsum(1) / ranks).sum(1)
    return _defined(total / num_relevant.clamp(max=k), num_relevant)


def reciprocal_rank(hits: Tensor, num_relevant: Tensor, k: int) -> Tensor:
    """1 / rank of the first hit among the first ``k``, or 0; its mean is MRR@k. float64 [users]."""
    top, num_relevant = _top(hits, num_relevant, k)
    ranks = torch.arange(1, k + 1, device=top.device, dtype=torch.float64)
    return _defined((top / ranks).amax(1), num_relevant)


def _top(hits: Tensor, num_relevant: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The first k of each list, and the numbers of relevant items, if they can belong together."""
    hits, num_relevant = _tensor("hits", hits), _tensor("num_relevant", num_relevant, whole=True)
    if hits.dtype != torch.bool:
        raise TypeError(f"hits must be bool, got {hits.dtype}; is the item at each rank relevant?")
    if hits.ndim != 2 or num_relevant.shape != hits.shape[:1]:
        raise ValueError(
            "hits must be [users, depth] and num_relevant [users], got shapes "
            f"{tuple(hits.shape)} and {tuple(num_relevant.shape)}"
        )
    k = checks.whole("k", k, low=-math.inf)
    if not 1 <= k <= hits.shape[1]:
        raise ValueError(f"k must be between 1 and the list's depth {hits.shape[1]}, got {k}")
    found = hits.sum(1)
    if (found > num_relevant).any():
        user = int((found > num_relevant).nonzero()[0])
        raise ValueError(
            f"row {user} has {int(found[user])} hits, and {int(num_relevant[user])} relevant items"
        )
    return hits[:, :k], num_relevant


def _defined(value: Tensor, num_relevant: Tensor) -> Tensor:
    """NaN for users without held-out items."""
    return torch.where(num_relevant > 0, value, torch.nan)


# -- beyond accuracy -----------------------------------------------------------


def coverage(top: Tensor, num_items: int) -> float:
    """Share of the catalogue that appears in at least one list.

    ``top`` is int64 [users, k], -1 where a list is shorter than ``k``.
    """
    top = _tensor("top", top, whole=True)
    num_items = checks.whole("num_items", num_items)
    shown = top[top >= 0].unique()
    if len(shown) and shown[-1] >= num_items:
        raise ValueError(f"top holds item {int(shown[-1])}, and there are {num_items} items")
    return len(shown) / num_items


def novelty(top: Tensor, item_counts: Tensor, num_users: int) -> Tensor:
    """Mean self-information of the recommended items, in bits; float64 [users].

    ``-log2(users who rated the item / users)``, Zhou et al. (2010). An item that
    nobody rated counts as if one user had. Empty ranks (-1) are left out; an
    empty list gives NaN.
    """
    top = _tensor("top", top, whole=True)
    item_counts = _tensor("item_counts", item_counts)
    num_users = checks.whole("num_users", num_users)
    bits = -(item_counts.clamp(min=1).double() / num_users).log2()
    shown = top >= 0
    return (bits[top.clamp(min=0)] * shown).sum(1) / shown.sum(1)


def popularity_lift(top: Tensor, seen: Tensor, item_counts: Tensor) -> float:
    """How much more popular the recommended items are than those that the users had chosen.

    Mean count of the items in all lists over the mean count of the items ``seen`` (int64, one
    entry a rating), minus 1: 0 is a list as popular as its reader's own taste, 1 twice as
    popular. The popularity lift of Abdollahpouri et al. (2020), over all users together.

    Examples
    --------
    >>> counts = torch.tensor([8, 4, 1])
    >>> popularity_lift(torch.tensor([[0, 1]]), seen=torch.tensor([1, 1]), item_counts=counts)
    0.5
    """
    top, seen = _tensor("top", top, whole=True), _tensor("seen", seen, whole=True)
    counts = _tensor("item_counts", item_counts).double()
    return float(counts[top[top >= 0]].mean() / counts[seen].mean() - 1)


RANKING = {
    "hit_rate": hit_rate,
    "precision": precision,
    "recall": recall,
    "capped_recall": capped_recall,
    "ndcg": ndcg,
    "map": average_precision,
    "mrr": reciprocal_rank,
}
