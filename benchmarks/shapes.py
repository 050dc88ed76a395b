"""Ratings that look like real ones: a long tail of items, a few very busy users.

No real ratings are used: the licences of MovieLens and Netflix do not let them be passed on, and
the benchmark must run anywhere. What matters for speed is kept: the size of the matrix, the number
of ratings, and how unevenly they are spread.
"""

from __future__ import annotations

import numpy as np

# users, items, ratings
ML_1M = (6040, 3706, 1_000_209)
LARGE_CATALOGUE = (10_000, 20_108, round(0.0036 * 10_000 * 20_108))  # items and density of ML-20M
LARGE_ROWS = (4_000, 20_108, round(0.0036 * 4_000 * 20_108))


def popularity(num_items: int) -> np.ndarray:
    """Chance of each item to be rated, falling with its rank about as in MovieLens."""
    rank = np.arange(num_items) / num_items
    chance = np.exp(-6 * rank) / (rank + 0.02) ** 0.3
    return np.random.default_rng(0).permutation(chance / chance.sum())


def ratings(
    num_users: int, num_items: int, count: int, tastes: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """User and item of ``count`` distinct ratings, sorted by user; every user has at least 10.

    With several ``tastes`` there is more to learn than which items are popular: each is shared
    by equally many users, and makes every item more or less likely.
    """
    rng = np.random.default_rng(1)
    share = rng.lognormal(sigma=1.0, size=num_users)
    per_user = np.minimum(10 + (count - 10 * num_users) * share / share.sum(), num_items / 2)
    per_user = np.floor(per_user).astype(int)
    # What rounding and the limit have taken away is given to users at random.
    per_user += rng.multinomial(count - per_user.sum(), np.full(num_users, 1 / num_users))
    log_chance = np.log(popularity(num_items)) + np.zeros((tastes, 1))
    if tastes > 1:
        log_chance += np.random.default_rng(5).normal(scale=1.5, size=log_chance.shape)
    items = []
    for user, n in enumerate(per_user):
        # The n largest of log p + Gumbel noise: n draws without replacement.
        keys = log_chance[user % tastes] - np.log(rng.standard_exponential(num_items))
        items.append(np.sort(np.argpartition(-keys, n - 1)[:n]))
    return np.repeat(np.arange(num_users), per_user), np.concatenate(items)


def a_fifth(users: np.ndarray) -> np.ndarray:
    """Mark a fifth of each user's ratings, drawn at random; ``users`` are sorted."""
    # By sorting random numbers within the user.
    order = np.lexsort((np.random.default_rng(3).random(len(users)), users))
    per_user = np.bincount(users)
    place = np.arange(len(users)) - np.repeat(per_user.cumsum() - per_user, per_user)
    marked = np.zeros(len(users), dtype=bool)
    marked[order] = place < np.repeat(per_user // 5, per_user)
    return marked


def scores(users: int, num_items: int) -> np.ndarray:
    """What a model might have predicted; float32 [users, num_items]."""
    noise = np.random.default_rng(2).standard_normal((users, num_items), dtype=np.float32)
    return noise + np.log(popularity(num_items)).astype(np.float32)
