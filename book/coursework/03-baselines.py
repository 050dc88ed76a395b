# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [raw]
# # ASSIGNMENT CONFIG
# name: 03-baselines
# init_cell: true
# check_all_cell: true
# export_cell:
#   pdf: false
#   run_tests: true
# tests:
#   ok_format: false

# %% [markdown]
# # Assignment 3: baselines
#
# Goes with the chapters *Measuring: protocols, metrics, uncertainty* and
# *Baselines that are hard to beat*. Eight questions, 33 points, about two
# hours. Each question says its level (◆ check, ◆◆ apply, ◆◆◆ research) and its
# kind. Replace every `...`. The cell below a question runs its visible checks,
# which give hints; hidden checks decide the points. No question needs the
# answer to another one.
#
# Write your name as your course knows it: one question draws its numbers from
# it, so that not everyone has the same.

# %%
student = ""  # between the quotes

# %%
import hashlib

import matplotlib.pyplot as plt
import numpy as np

from reclib import datasets, evaluation, evidence, splits
from reclib.interactions import Interactions
from reclib.models import Biases, Popularity


def draw(question, options):
    """One of the options, the same at each call, chosen by your name."""
    name = " ".join(str(student).lower().split())
    digest = hashlib.sha256(f"{name}/{question}".encode()).digest()
    return options[int.from_bytes(digest[:8], "big") % len(options)]


ratings = datasets.load("ml-latest-small")
recorded = evidence.table("baselines-ml1m")  # MovieLens 1M, five random splits
print(recorded[["published", "measured", "low", "high"]].round(4).to_string())
if not student.strip():
    print("Write your name into the cell above, then run this one again.")

# %% [raw]
# # BEGIN QUESTION
# name: q1
# points: 4

# %% [markdown]
# ## Question 1 · ◆ · derive and check · 4 points
#
# The bias $b$ of one film, with two changes. Rating $r_j$ counts with a weight
# $w_j \ge 0$ (old ones less, say). And the penalty pulls towards $b_0$, what
# films of this kind have on average, in place of 0:
#
# $$
# \min_b \ \sum_j w_j\,(r_j - \mu - b)^2 + \lambda\,(b - b_0)^2 .
# $$
#
# Derive the minimum. If nothing at all determines it, return $b_0$.

# %% [raw]
# # BEGIN SOLUTION


# %%
def shrunk_bias(r, w, mu, l2, b0):
    """The best b, a float; ``r`` and ``w`` are arrays [n], n may be 0."""
    # BEGIN SOLUTION
    r, w = np.asarray(r, dtype=float), np.asarray(w, dtype=float)
    total = w.sum() + l2
    if total == 0:
        return float(b0)
    return float(((w * (r - mu)).sum() + l2 * b0) / total)
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_two_ratings(shrunk_bias):
    import numpy as np

    r, ones = np.array([5.0, 4.0]), np.ones(2)
    assert abs(shrunk_bias(r, ones, 3.0, 0.0, 0.0) - 1.5) < 1e-9, (
        "Without a penalty: the mean of the ratings, less mu."
    )
    assert abs(shrunk_bias(r, ones, 3.0, 1.0, 0.0) - 1) < 1e-9, (
        "A penalty of 1 acts like one rating more. Which?"
    )
    assert abs(shrunk_bias(r, ones, 3.0, 1.0, 0.6) - 1.2) < 1e-6, (
        "What does the derivative of the second term hold, if b0 is not 0?"
    )


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_weights(shrunk_bias):
    import numpy as np

    r, w = np.array([5.0, 1.0, 4.5]), np.array([0.5, 0.25, 0.0])
    assert abs(shrunk_bias(r, w, 3.5, 2.0, 0.0) - 0.125 / 2.75) < 1e-6
    r, w = np.array([2.0, 3.0]), np.array([3.0, 1.0])
    assert abs(shrunk_bias(r, w, 3.0, 4.0, 0.0) + 3 / 8) < 1e-6


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_pulled_towards_b0(shrunk_bias):
    import numpy as np

    rng = np.random.default_rng(8)
    for _ in range(5):
        r, w = rng.integers(1, 6, 7).astype(float), rng.random(7)
        mu, l2, b0 = rng.uniform(2, 4), rng.uniform(1, 9), rng.uniform(-1, 1)
        b = shrunk_bias(r, w, mu, l2, b0)
        slope = l2 * (b - b0) - (w * (r - mu - b)).sum()
        assert abs(slope) < 1e-4


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_little_or_nothing_known(shrunk_bias):
    import numpy as np

    none = np.zeros(0)
    assert abs(shrunk_bias(none, none, 3.5, 5.0, 0.4) - 0.4) < 1e-6
    assert abs(shrunk_bias(none, none, 3.5, 0.0, 0.4) - 0.4) < 1e-6
    found = shrunk_bias(np.array([5.0]), np.zeros(1), 3.5, 0.0, -0.3)
    assert abs(found + 0.3) < 1e-6


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q2
# points: 5

# %% [markdown]
# ## Question 2 · ◆◆ · implement · 5 points
#
# Regularised biases with two penalties, both above zero. With $\mu$ the mean
# of the ratings and $\Omega$ the observed cells, minimise over all $b_u$ and
# $b_i$
#
# $$
# \sum_{(u,i) \in \Omega} (r_{ui} - \mu - b_u - b_i)^2
# + \lambda_U \sum_u b_u^2 + \lambda_I \sum_i b_i^2 .
# $$
#
# Any method is right whose biases come within $10^{-4}$ of the minimum; the
# matrices of the checks are small. There may be users and items without a
# rating. Do not use `Biases`, which knows one penalty only.

# %% [raw]
# # BEGIN SOLUTION


# %%
def fit_biases(rows, cols, values, shape, l2_user, l2_item):
    """``mu`` (float), ``b_user`` [shape[0]], ``b_item`` [shape[1]].

    ``rows``, ``cols`` (int) and ``values`` (float) are arrays [n], one entry a
    rating; ``shape`` is (users, items).
    """
    # BEGIN SOLUTION
    mu = values.mean()
    n_user = np.bincount(rows, minlength=shape[0])
    n_item = np.bincount(cols, minlength=shape[1])
    b_user, b_item = np.zeros(shape[0]), np.zeros(shape[1])
    for _ in range(5000):
        before = b_item
        rest = values - mu - b_item[cols]
        b_user = np.bincount(rows, rest, shape[0]) / (n_user + l2_user)
        rest = values - mu - b_user[rows]
        b_item = np.bincount(cols, rest, shape[1]) / (n_item + l2_item)
        if np.abs(b_item - before).max() < 1e-9:
            break
    return mu, b_user, b_item
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_one_user(fit_biases):
    import numpy as np

    rows, cols = np.array([0, 0]), np.array([0, 1])
    mu, b_user, b_item = fit_biases(
        rows, cols, np.array([5.0, 3.0]), (1, 2), 1.0, 1.0
    )
    assert abs(mu - 4) < 1e-6, "The mean of the ratings that there are."
    assert abs(b_user[0]) < 1e-4, "This user's ratings have the mean mu."
    assert np.allclose(b_item, [0.5, -0.5], atol=1e-4), (
        "A single rating, one above mu: with a penalty of 1, what is left?"
    )
    # A chain of users and films, along which news travels slowly.
    rows, cols = np.arange(12) // 2, (np.arange(12) + 1) // 2
    values = np.array([5.0, 1, 4, 2, 5, 3, 1, 4, 2, 2, 5, 3])
    mu, b_user, b_item = map(
        np.asarray, fit_biases(rows, cols, values, (6, 7), 0.1, 0.1)
    )
    rest = values - mu - b_user[rows] - b_item[cols]
    slopes = np.bincount(rows, rest, 6) - 0.1 * b_user
    assert np.abs(slopes).max() < 1e-3, (
        "The sum's derivative by some b_user is not zero. Is this the minimum?"
    )
    slopes = np.bincount(cols, rest, 7) - 0.1 * b_item
    assert np.abs(slopes).max() < 1e-3, (
        "The sum's derivative by some b_item is not zero. Is this the minimum?"
    )


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_derivatives_vanish(fit_biases):
    import numpy as np

    rng = np.random.default_rng(3)
    rows, cols = np.nonzero(rng.random((30, 20)) < 0.3)
    values = rng.integers(1, 11, len(rows)) / 2
    mu, b_user, b_item = map(
        np.asarray, fit_biases(rows, cols, values, (30, 20), 2.0, 2.0)
    )
    assert abs(mu - values.mean()) < 1e-6
    rest = values - mu - b_user[rows] - b_item[cols]
    by_user, by_item = np.bincount(rows, rest, 30), np.bincount(cols, rest, 20)
    assert np.abs(by_user - 2.0 * b_user).max() < 1e-2
    assert np.abs(by_item - 2.0 * b_item).max() < 1e-2


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_two_penalties(fit_biases):
    import numpy as np

    rng = np.random.default_rng(4)
    rows, cols = np.nonzero(rng.random((12, 25)) < 0.4)
    values = rng.integers(1, 6, len(rows)).astype(float)
    mu, b_user, b_item = map(
        np.asarray, fit_biases(rows, cols, values, (12, 25), 0.5, 8.0)
    )
    rest = values - mu - b_user[rows] - b_item[cols]
    by_user, by_item = np.bincount(rows, rest, 12), np.bincount(cols, rest, 25)
    assert np.abs(by_user - 0.5 * b_user).max() < 1e-2
    assert np.abs(by_item - 8.0 * b_item).max() < 1e-2


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_silent_ones(fit_biases):
    import numpy as np

    rows, cols = np.array([1, 1, 3]), np.array([0, 2, 2])
    values = np.array([4.0, 2.0, 5.0])
    mu, b_user, b_item = fit_biases(rows, cols, values, (6, 5), 1.0, 3.0)
    assert len(b_user) == 6 and len(b_item) == 5
    right_user = [0, -0.472527, 0, 0.725275, 0, 0]
    right_item = [0.201465, 0, -0.117216, 0, 0]
    assert np.allclose(b_user, right_user, atol=5e-4)
    assert np.allclose(b_item, right_item, atol=5e-4)


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q3
# points: 3

# %% [markdown]
# ## Question 3 · ◆ · predict · 3 points
#
# Biases are fitted to four fifths of our ratings, drawn at random. What
# happens to the printed number, a test RMSE unless another is named, if this
# is changed and nothing else? $\lambda = 3$ unless said, and predicted ratings
# are clipped to the scale; scores for a ranking never are. For NDCG@100 the
# held-out films rated 4 or higher are relevant, and all that the user has not
# rated in training are ranked. Write `"falls"`, `"stays"` or `"rises"`. Decide
# first; run it afterwards if you like.
#
# - `no clip`: $\lambda$ is 0 before and after; predictions are no longer
#   clipped.
# - `shift`: after the fit, 0.2 is added to every $b_u$ and taken from every
#   $b_i$.
# - `by user`: the RMSE is taken for each user alone; then comes the mean over
#   users, each weighted with the number of his or her held-out ratings. Before,
#   it was one RMSE over all held-out ratings.
# - `training`: $\lambda$ goes from 0 to 5; the number is the RMSE of the
#   *training* ratings.
# - `no user`: the number is NDCG@100, and the score is $\mu + b_i$ in place of
#   $\mu + b_u + b_i$.
# - `mean`: the number is NDCG@100, and the score is an item's mean rating in
#   place of its number of ratings.

# %% [raw]
# # BEGIN SOLUTION

# %%
# BEGIN SOLUTION NO PROMPT
number = {
    "no clip": "rises",
    "shift": "stays",
    "by user": "falls",
    "training": "rises",
    "no user": "stays",
    "mean": "falls",
}
# END SOLUTION
""" # BEGIN PROMPT
number = {
    "no clip": ...,
    "shift": ...,
    "by user": ...,
    "training": ...,
    "no user": ...,
    "mean": ...,
}
"""  # END PROMPT

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 0
"""  # END TEST CONFIG


def test_six_words(number):
    words = {"falls", "stays", "rises"}
    assert len(number) == 6, "Six changes, six predictions."
    assert set(number.values()) <= words, "Only falls, stays or rises, please."


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_invariances(number):
    assert number["shift"] == "stays"
    assert number["no user"] == "stays"


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_errors(number):
    assert number["no clip"] == "rises"
    assert number["by user"] == "falls"


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_what_is_measured(number):
    assert number["training"] == "rises"
    assert number["mean"] == "falls"


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q4
# points: 5

# %% [markdown]
# ## Question 4 · ◆◆ · implement · 5 points
#
# Nearest neighbours among items. With $n_i$ users who chose item $i$ and
# $n_{ji}$ who chose both, the similarity of two *different* items is
#
# $$
# s_{ji} = \frac{n_{ji}}{\sqrt{n_j\, n_i} + \text{shrink}} ,
# $$
#
# and 0 where nobody chose both. An item is no neighbour of itself. Each item
# $i$ keeps the `neighbours` items $j$ most similar to it (any of equal ones;
# all if there are fewer), and `S[j, i]` is 0 for the rest: column $i$ of `S` has
# at most `neighbours` entries that are not 0. The score of item $i$ is the sum
# of `S[j, i]` over the user's items $j$, so that `X @ S` holds all scores.

# %% [raw]
# # BEGIN SOLUTION


# %%
def item_knn(X, neighbours, shrink):
    """``S``, float array [items, items]; ``X`` is bool [users, items]."""
    # BEGIN SOLUTION
    events = np.asarray(X, dtype=float)
    together = events.T @ events
    root = np.sqrt(together.diagonal())
    below = np.outer(root, root) + shrink
    S = np.where(together > 0, together / np.where(below > 0, below, 1), 0)
    np.fill_diagonal(S, 0)
    kept = np.argsort(-S, axis=0, kind="stable")[:neighbours]
    out = np.zeros_like(S)
    np.put_along_axis(out, kept, np.take_along_axis(S, kept, 0), 0)
    return out
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_four_users(item_knn):
    import numpy as np

    X = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 1], [1, 0, 0]], dtype=bool)
    S = np.asarray(item_knn(X, 2, 0.0))
    assert S.shape == (3, 3), "One row and one column an item."
    assert not S.diagonal().any(), "No item is its own neighbour."
    assert abs(S[0, 1] - 2 / 8**0.5) < 1e-6, (
        "Two users chose both; four chose the first, two the second. "
        "Does a product of bools count?"
    )
    S = np.asarray(item_knn(X, 1, 0.0))
    assert (S > 0).sum() == 3, "One neighbour each, for each of three items."


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_each_column_keeps_its_best(item_knn):
    import numpy as np

    X = np.zeros((12, 5), dtype=bool)
    X[:, 0] = True
    for item in range(1, 5):
        X[: 2 * item, item] = True
    full = np.asarray(item_knn(X, 4, 0.0))
    for k in (1, 2, 3):
        S = np.asarray(item_knn(X, k, 0.0))
        assert ((S > 0).sum(0) == k).all()
        assert np.allclose(np.sort(S, 0)[-k:], np.sort(full, 0)[-k:])
        assert np.allclose(S[S > 0], full[S > 0])


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_items_without_users(item_knn):
    import numpy as np

    X = np.zeros((4, 5), dtype=bool)
    X[:3, 1] = X[1:, 3] = X[0, 4] = True
    S = np.asarray(item_knn(X, 4, 0.0))
    assert np.isfinite(S).all()
    assert not S[[0, 2]].any() and not S[:, [0, 2]].any()
    assert abs(S[1, 3] - 2 / 3) < 1e-6 and abs(S[4, 1] - 3**-0.5) < 1e-6
    assert S[4, 3] == 0


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_against_the_library(item_knn):
    import numpy as np

    from reclib.interactions import Interactions
    from reclib.models import ItemKNN

    rng = np.random.default_rng(6)
    X = rng.random((50, 18)) < rng.uniform(0.1, 0.6, 18)
    events = Interactions.from_coo(*np.nonzero(X), shape=X.shape)
    for neighbours, shrink in ((17, 7.0), (4, 2.5), (40, 1.0)):
        library = ItemKNN(neighbours, shrink).fit(events).S.dense().numpy()
        S = np.asarray(item_knn(X, neighbours, shrink))
        # Any of equal ones may be kept: compare what each column holds.
        assert np.allclose(np.sort(S, 0), np.sort(library, 0), atol=1e-5)
        full = ItemKNN(17, shrink).fit(events).S.dense().numpy()
        assert np.allclose(S[S > 0], full[S > 0], atol=1e-5)


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q5
# points: 6

# %% [markdown]
# ## Question 5 · ◆◆ · implement · 6 points
#
# A comparison that a reader can trust. Two models, each with a grid of
# two or more settings in ascending order, and $J \ge 2$ random splits, each with
# a training, a validation and a test part. Somebody else's program trains and
# measures:
# `error(name, setting, split, part)` returns the RMSE of that model on
# `"validation"` or `"test"`. Write the comparison.
#
# - Both models are tuned with the same care, anew in each split; of equally
#   good settings the first is chosen.
# - The test part of a split is asked *once* for each model.
# - The difference is the first model less the second, in the order of `grids`,
#   and the mean is over splits. Its 95 % interval is Student's, from the
#   differences. Random splits share ratings: with a test share $f$, take
#   $\frac1J + \frac{f}{1-f}$ for the factor $\frac1J$ of the variance
#   (Nadeau and Bengio).
# - A best setting at the end of its grid may not be the best there is. Name
#   each model to which that happened in any split.

# %% [raw]
# # BEGIN SOLUTION


# %%
def fair_comparison(error, grids, splits, test_share):
    """The tuple (difference, low, high, names): three floats and a set.

    ``grids`` is a dict of two names, each with its list of settings;
    ``splits`` is a list of what ``error`` takes for ``split``.
    """
    # BEGIN SOLUTION
    from scipy import stats

    at_end, test = set(), {name: [] for name in grids}
    for split in splits:
        for name, settings in grids.items():
            tried = [error(name, s, split, "validation") for s in settings]
            best = int(np.argmin(tried))
            if best in (0, len(settings) - 1):
                at_end.add(name)
            test[name].append(error(name, settings[best], split, "test"))
    first, second = map(np.array, test.values())
    d, n = first - second, len(splits)
    factor = 1 / n + test_share / (1 - test_share)
    half = stats.t.ppf(0.975, n - 1) * np.sqrt(factor * d.var(ddof=1))
    return d.mean(), d.mean() - half, d.mean() + half, at_end
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_three_splits(fair_comparison):
    asked = []

    def error(name, setting, split, part):
        asked.append((name, split, part))
        if name == "biases":
            return 0.90 + 0.01 * abs(setting - 5) + 0.001 * split
        return 0.88 + 0.02 * abs(setting - 20) + 0.002 * split

    grids = {"SVD": [10, 20, 30], "biases": [1, 5, 10]}
    found = fair_comparison(error, grids, [0, 1, 2], 0.2)
    assert abs(found[0] + 0.019) < 1e-9, "The first less the second, tuned."
    assert found[1] < found[0] < found[2], "An interval around the mean."
    assert set(found[3]) == set(), "Nobody was at the end of a grid here."
    tests = [key for key in asked if key[2] == "test"]
    assert len(tests) == 6, "Two models, three splits. Who needs more tests?"


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_chosen_on_validation(fair_comparison):
    import numpy as np

    rng = np.random.default_rng(5)
    names, settings = ["a", "b"], [1, 2, 3, 4]
    table = {
        (name, s, split, part): rng.uniform(0.8, 1.0)
        for name in names
        for s in settings
        for split in range(6)
        for part in ("validation", "test")
    }

    def error(name, setting, split, part):
        return table[name, setting, split, part]

    def tuned(name, split):
        best = min(settings, key=lambda s: table[name, s, split, "validation"])
        return table[name, best, split, "test"]

    right = np.mean([tuned("a", j) - tuned("b", j) for j in range(6)])
    found = fair_comparison(
        error, dict.fromkeys(names, settings), list(range(6)), 0.1
    )
    assert abs(found[0] - right) < 1e-9


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_the_test_is_asked_once(fair_comparison):
    asked = []

    def error(name, setting, split, part):
        if part == "test":
            asked.append((name, split))
        return 0.9 + 0.01 * (setting - 2) ** 2 + 0.001 * (split == "s2")

    grids = {"new": [0, 1, 2, 3], "old": [1, 2, 4, 8, 16]}
    fair_comparison(error, grids, ["s1", "s2", "s3", "s4"], 0.1)
    wanted = [(n, s) for n in ("new", "old") for s in ("s1", "s2", "s3", "s4")]
    assert sorted(asked) == sorted(wanted)


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_interval(fair_comparison):
    values = {"new": [0.91, 0.93, 0.90, 0.94], "old": [0.92, 0.95, 0.93, 0.95]}

    def error(name, setting, split, part):
        return values[name][split] + 0.1 * (setting != 7)

    grids = {"new": [5, 7, 9], "old": [3, 7, 8]}
    mean, low, high, _ = fair_comparison(error, grids, [0, 1, 2, 3], 0.2)
    half = 3.182446 * ((1 / 4 + 0.2 / 0.8) * 0.0000916667) ** 0.5
    assert abs(mean + 0.0175) < 1e-9
    assert abs(low - (mean - half)) < 1e-5
    assert abs(high - (mean + half)) < 1e-5


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_ends_of_grids(fair_comparison):
    def error(name, setting, split, part):
        best = {"up": 9, "down": 1, "inside": 4, "once": 4}[name]
        if name == "once" and split == 2:
            best = 9
        return 0.9 + 0.01 * abs(setting - best) + 0.001 * split * len(name)

    settings = [1, 2, 4, 7, 9]
    for pair, right in {
        ("up", "inside"): {"up"},
        ("inside", "down"): {"down"},
        ("once", "up"): {"once", "up"},
    }.items():
        grids = dict.fromkeys(pair, settings)
        found = fair_comparison(error, grids, [0, 1, 2, 3], 0.1)
        assert set(found[3]) == right


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q6
# points: 4

# %% [markdown]
# ## Question 6 · ◆◆ · derive and check · 4 points
#
# A small RMSE and a good order are two things. Below are the true ratings that
# one user would give to six films. Find predictions between 0.5 and 5:
#
# - `forwards`: the films in exactly the right order, with an RMSE above 2;
# - `backwards`: the films in exactly the reverse order, no two predictions
#   equal, with an RMSE at most 0.01 above `floor`;
# - `floor`: the number that the RMSE of a reverse order of these six can come
#   arbitrarily close to, but never reaches. Derive it.

# %%
true = draw(
    "orders",
    [
        [4.5, 2.0, 3.5, 5.0, 1.0, 3.0],
        [2.5, 4.0, 0.5, 3.5, 5.0, 1.5],
        [5.0, 1.5, 4.0, 2.0, 3.0, 4.5],
        [1.0, 4.5, 3.5, 0.5, 2.5, 5.0],
        [3.0, 0.5, 2.5, 4.0, 2.0, 3.5],
    ],
)
true = np.array(true)
print("your six ratings:", true)

# %% [raw]
# # BEGIN SOLUTION

# %%
# BEGIN SOLUTION NO PROMPT
forwards = 0.5 + 0.01 * true
backwards = true.mean() - 0.001 * (true - true.mean())
floor = true.std()
# END SOLUTION
""" # BEGIN PROMPT
forwards = ...  # float array [6]
backwards = ...  # float array [6]
floor = ...  # float
"""  # END PROMPT

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_two_orders(true, forwards, backwards):
    import numpy as np

    for predicted in map(np.asarray, (forwards, backwards)):
        assert predicted.shape == (6,), "One prediction a film."
        assert np.min(predicted) >= 0.5, "The scale begins at half a star."
        assert np.max(predicted) <= 5, "The scale ends at five stars."
        assert len(np.unique(predicted)) == 6, "Equal scores have no order."
    order = list(np.argsort(true))
    assert list(np.argsort(forwards)) == order, (
        "forwards is not in the order of your true ratings."
    )
    assert list(np.argsort(backwards)) == order[::-1], (
        "backwards is not in the reverse order of your true ratings."
    )


# %%
""" # BEGIN TEST CONFIG
points: 0
"""  # END TEST CONFIG


def test_close_to_the_floor(true, backwards, floor):
    import numpy as np

    rmse = np.sqrt(np.mean((np.asarray(backwards) - np.asarray(true)) ** 2))
    assert floor > 0, "Predictions without an error have the right order."
    assert floor < rmse + 1e-9, "Your own reverse order gets below your floor."
    assert rmse <= floor + 0.01, (
        "backwards is too far above floor. If two orders are opposite, what is "
        "the sign of their covariance?"
    )


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_forwards(student, forwards):
    import hashlib

    import numpy as np

    name = " ".join(str(student).lower().split())
    digest = hashlib.sha256(f"{name}/orders".encode()).digest()
    true = [
        [4.5, 2.0, 3.5, 5.0, 1.0, 3.0],
        [2.5, 4.0, 0.5, 3.5, 5.0, 1.5],
        [5.0, 1.5, 4.0, 2.0, 3.0, 4.5],
        [1.0, 4.5, 3.5, 0.5, 2.5, 5.0],
        [3.0, 0.5, 2.5, 4.0, 2.0, 3.5],
    ][int.from_bytes(digest[:8], "big") % 5]
    predicted = np.asarray(forwards, dtype=float)
    assert (np.argsort(predicted) == np.argsort(true)).all()
    assert predicted.min() >= 0.5 and predicted.max() <= 5
    assert np.sqrt(np.mean((predicted - true) ** 2)) > 2


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_backwards(student, backwards):
    import hashlib

    import numpy as np

    name = " ".join(str(student).lower().split())
    digest = hashlib.sha256(f"{name}/orders".encode()).digest()
    true = [
        [4.5, 2.0, 3.5, 5.0, 1.0, 3.0],
        [2.5, 4.0, 0.5, 3.5, 5.0, 1.5],
        [5.0, 1.5, 4.0, 2.0, 3.0, 4.5],
        [1.0, 4.5, 3.5, 0.5, 2.5, 5.0],
        [3.0, 0.5, 2.5, 4.0, 2.0, 3.5],
    ][int.from_bytes(digest[:8], "big") % 5]
    predicted = np.asarray(backwards, dtype=float)
    assert len(np.unique(predicted)) == 6
    assert (np.argsort(-predicted) == np.argsort(true)).all()
    rmse = np.sqrt(np.mean((predicted - true) ** 2))
    assert rmse <= np.std(true) + 0.0101


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_floor(student, floor):
    import hashlib

    import numpy as np

    name = " ".join(str(student).lower().split())
    digest = hashlib.sha256(f"{name}/orders".encode()).digest()
    true = [
        [4.5, 2.0, 3.5, 5.0, 1.0, 3.0],
        [2.5, 4.0, 0.5, 3.5, 5.0, 1.5],
        [5.0, 1.5, 4.0, 2.0, 3.0, 4.5],
        [1.0, 4.5, 3.5, 0.5, 2.5, 5.0],
        [3.0, 0.5, 2.5, 4.0, 2.0, 3.5],
    ][int.from_bytes(digest[:8], "big") % 5]
    assert abs(floor - np.std(true)) < 1e-3


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# The next question is about this figure. Biases were fitted to four fifths of
# each user's ratings, with penalties from 1 to 10,000. The left panel shows
# the RMSE of the other fifth. On the right all films that are not in the
# training part are ranked by the same predictions, for a hundred users; those
# that the user rated 4 or higher in the held-out part count as relevant.

# %%
split = splits.hold_out_per_user(ratings, test=0.2, seed=0)
some = split.test.held_out.rows(slice(0, 100))
liked = (some.values >= 4).numpy()
events = Interactions.from_coo(
    some.row_ids[liked], some.indices[liked], shape=some.shape
)
seen = split.train.rows(slice(0, 100))
to_rank = splits.Test(seen, events, split.train_users[:100])


def ndcg_of(model):
    """Mean NDCG@100 of a fitted model."""
    lists = evaluation.rank(model, to_rank, ["ndcg@100"])
    return lists.per_user["ndcg@100"].mean()


penalties = [1, 3, 10, 30, 100, 1000, 10_000]
rmses, ndcgs = [], []
for l2 in penalties:
    model = Biases(l2, iterations=30).fit(split.train)
    errors = evaluation.rating_errors(model, split.test, clip=ratings.scale)
    rmses.append(errors["rmse"])
    ndcgs.append(ndcg_of(model))

# %%
from reclib.models import ItemKNN

fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3))
left.semilogx(penalties, rmses, "o-")
left.set(xlabel="penalty λ", ylabel="RMSE, held-out ratings")
right.semilogx(penalties, ndcgs, "o-", label="biases")
for other, style in ((Popularity(), "--"), (ItemKNN(), ":")):
    value = ndcg_of(other.fit(split.train))
    name = type(other).__name__
    right.axhline(value, ls=style, color="grey", label=name)
right.set(xlabel="penalty λ", ylabel="NDCG@100")
right.legend()
fig.tight_layout()
plt.show()

# %% [raw]
# # BEGIN QUESTION
# name: q7
# points: 3
# manual: true

# %% [markdown]
# ## Question 7 · ◆◆◆ · explain · 3 points, graded by hand
#
# The penalty that is best for the RMSE gives poor lists, and lists get better
# while the RMSE gets worse. Which films stand at the top of the list with a
# small penalty, and why does the RMSE not mind? What order of the films remains
# when the penalty grows without bound (write $b_i$ for large $\lambda$)? Why,
# then, does one curve end so close to popularity (the gap at the end is within
# the error of a hundred users), and the other so high? Five to eight sentences.

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# Every list is ordered by $b_i$ alone, since $\mu$ and $b_u$ are the same for
# all films of a user. With a small penalty films with one or two ratings of 5
# keep half of their deviation or more and fill the top; hardly anyone in the
# test rated them, so there are no hits. The RMSE does not mind: it asks only
# for cells that *were* rated, mostly of films with many ratings. For large
# $\lambda$ the biases of users vanish too and $b_i \approx \frac1\lambda
# \sum_u (r_{ui} - \mu) = n_i (\bar r_i - \mu)/\lambda$: the factor $1/\lambda$
# changes no order, so that films are ordered by their number of ratings times
# how far they lie above the mean. That is popularity among well-liked films,
# hence nearly the same NDCG. As a prediction of ratings it is no better than
# $\mu$, as all biases shrink to zero. (The gap at the end is .009, with a
# standard error of .007 from the differences of the hundred users.)
#
# **Rubric.** 1 point: the top with a small penalty is films with few, high
# ratings, and RMSE asks about rated cells only (half for either). 1 point: the
# limit $n_i(\bar r_i - \mu)$ up to a factor, or in words. 1 point: why that is
# near popularity *and* why the RMSE goes to that of the mean (half each).

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q8
# points: 3
# manual: true

# %% [markdown]
# ## Question 8 · ◆◆ · criticise · 3 points, graded by hand
#
# What does a baseline tell about the rest of its table? Three reports, all
# course work that was published with its numbers, which is more than many do.
# The table at the top of this notebook holds our measurements on MovieLens 1M.
#
# 1. Gao (2020), MovieLens 1M, five random 80/20 splits: an SVD with item means
#    in the gaps has an RMSE of .8976 ± .0004. It is the only baseline. A
#    single-layer autoencoder has .1829.
# 2. Alhadlaq and Kunna, Netflix ratings: "baseline", one hidden layer, 1.084;
#    with three layers on either side .951. Suppose that the ratings have a
#    standard deviation of about 1.085.
# 3. Pham and Le: AutoRec .9139, a deeper network .8615. Data set and split are
#    not named; suppose that it is MovieLens 1M, split at random. The paper on
#    AutoRec (Sedhain et al., 2015) has .831 there.
#
# For each report, a point each: what does its baseline's number show, and what
# does it not, next to a constant, a published value or our table? Which one
# number or run would you ask for?

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# (1) The baseline lies between our two SVDs and is of the right size, although
# an SVD on top of biases is better; so data and split are plausible. No
# step from .90 to .18 exists in the literature, where .83 is good. The number
# is that of another quantity, most likely ratings that the network reads; the
# baseline does not show which. Ask for the held-out RMSE of the network
# computed by the program that gave .8976, or for the network's error after
# the test ratings are removed from its input. Also, a plain bias model is
# missing.
# (2) 1.084 is what a constant costs: the baseline has learnt next to nothing,
# so the gain to .951 may be due to repairing it (learning rate, epochs) as
# much as to depth. Ask for biases on the same split, or a tuned single layer.
# (3) If the data are MovieLens 1M, biases (.907) beat the AutoRec of .9139,
# where .831 was published for it. So the gain measures a weak AutoRec, not
# depth. It does not follow that .8615 is wrong. Ask for the data set, split
# and a tuned AutoRec or biases on it.
#
# **Rubric.** 1 point for each report: half for what the baseline's number says
# compared with a mean, biases or a published value; half for a run or number
# that would decide. No points for "wrong" without a comparison.

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION
