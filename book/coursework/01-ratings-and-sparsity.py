# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [raw]
# # ASSIGNMENT CONFIG
# name: 01-ratings-and-sparsity
# init_cell: true
# check_all_cell: true
# export_cell:
#   pdf: false
#   run_tests: true
# tests:
#   ok_format: false

# %% [markdown]
# # Assignment 1: ratings and sparsity
#
# Goes with the chapter *Ratings: what the data are*. Seven questions, 30
# points, one to two hours. Each question says its level (◆ check, ◆◆ apply,
# ◆◆◆ research) and its kind. Replace every `...`. The cell below a question
# runs its visible checks, which give hints; hidden checks decide the points.
# No question needs the answer to another one.
#
# Write your name as your course knows it: one question draws its numbers from
# it, so that not everyone has the same.

# %%
student = ""  # between the quotes

# %%
import hashlib

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from reclib import datasets


def draw(question, options):
    """One of the options, the same at each call, chosen by your name."""
    name = " ".join(str(student).lower().split())
    digest = hashlib.sha256(f"{name}/{question}".encode()).digest()
    return options[int.from_bytes(digest[:8], "big") % len(options)]


ratings = datasets.load("ml-latest-small")
table = ratings.table
print(ratings.statistics().round(4).to_string())
if not student.strip():
    print("Write your name into the cell above, then run this one again.")

# %% [raw]
# # BEGIN QUESTION
# name: q1
# points: 4

# %% [markdown]
# ## Question 1 · ◆ · derive and check · 4 points
#
# A report gives the number of users, the number of items, and the sparsity in
# percent, rounded to some decimals. It does not give the number of ratings.
# Derive which whole numbers of ratings agree with what is printed: the
# smallest and the largest. There are neither fewer ratings than none nor more
# than cells. (Rounding is to the nearest. In the checks at least one whole
# number agrees, and none stands so near an end of the interval that floats
# would not do.)
#
# `ratings_range(10, 33, 98, 0)` is about a matrix of 330 cells with a printed
# sparsity of 98 %.

# %% [raw]
# # BEGIN SOLUTION


# %%
def ratings_range(users, items, sparsity, decimals):
    """Smallest and largest number of ratings that print this sparsity.

    ``sparsity`` is in percent, rounded to ``decimals`` decimals.
    """
    # BEGIN SOLUTION
    cells, half = users * items, 0.5 * 10.0**-decimals
    low = cells * (100 - sparsity - half) / 100
    high = cells * (100 - sparsity + half) / 100
    return max(0, int(np.ceil(low))), min(cells, int(np.floor(high)))
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_330_cells(ratings_range):
    low, high = ratings_range(10, 33, 98, 0)
    assert low <= 7 <= high, "7 ratings fill 2.12 %: what is left, rounded?"
    assert low > 3, "3 ratings fill 0.91 %. What sparsity does that print?"
    assert (low, high) == (5, 8), "Which unrounded sparsities print as 98?"


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_a_report(ratings_range):
    assert tuple(ratings_range(610, 9724, 98.3, 1)) == (97873, 103803)


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_two_decimals(ratings_range):
    assert tuple(ratings_range(6040, 3706, 95.53, 2)) == (999457, 1001694)


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_ends_of_the_scale(ratings_range):
    assert tuple(ratings_range(50, 61, 100, 0)) == (0, 15)
    assert tuple(ratings_range(50, 61, 0, 0)) == (3035, 3050)


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
# Write the compressed sparse row form of a matrix by hand, with NumPy alone.
# The observed cells come in any order, each at most once. An observed rating
# may be zero: it stays. Within a row the columns ascend. `indptr` has one
# number more than the matrix has rows.

# %% [raw]
# # BEGIN SOLUTION


# %%
def to_csr(rows, cols, values, shape):
    """The arrays ``indptr``, ``indices`` and ``values``, in this order."""
    # BEGIN SOLUTION
    order = np.lexsort((cols, rows))
    counts = np.bincount(rows, minlength=shape[0])
    indptr = np.concatenate([[0], counts.cumsum()])
    return indptr, np.asarray(cols)[order], np.asarray(values)[order]
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_three_rows(to_csr):
    import numpy as np

    rows, cols, values = [2, 0, 2, 0, 2], [3, 2, 0, 0, 1], [2, 3, 1, 5, 4]
    indptr, indices, kept = to_csr(
        np.array(rows), np.array(cols), np.array(values), (3, 4)
    )
    assert len(indptr) == 4, "Row u ends where row u + 1 begins. The last one?"
    assert list(indptr) == [0, 2, 2, 5], "Where does a row without ratings end?"
    assert list(indices) == [0, 2, 0, 1, 3], "In which order are the columns?"
    assert list(kept) == [5, 3, 1, 4, 2], "Which value belongs to which column?"


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_zero_is_a_value(to_csr):
    import numpy as np

    arrays = np.array([0, 1, 1]), np.array([1, 0, 2]), np.array([0.0, -1.0, 0])
    indptr, indices, values = to_csr(*arrays, (2, 3))
    assert list(indptr) == [0, 1, 3] and list(indices) == [1, 0, 2]
    assert list(values) == [0, -1, 0]


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_empty_rows_at_the_ends(to_csr):
    import numpy as np

    arrays = np.array([2, 1]), np.array([4, 0]), np.array([3.5, 2.0])
    indptr, indices, values = to_csr(*arrays, (5, 6))
    assert list(indptr) == [0, 0, 1, 2, 2, 2]
    assert list(indices) == [0, 4] and list(values) == [2.0, 3.5]


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_against_the_library(to_csr):
    import numpy as np

    from reclib.interactions import Interactions

    rng = np.random.default_rng(5)
    rows, cols = np.nonzero(rng.random((40, 23)) < 0.2)
    order = rng.permutation(len(rows))
    rows, cols = rows[order], cols[order]
    values = rng.integers(1, 11, len(rows)) / 2
    X = Interactions.from_coo(rows, cols, values, shape=(40, 23))
    indptr, indices, kept = to_csr(rows, cols, values, (40, 23))
    assert np.array_equal(indptr, X.indptr.numpy())
    assert np.array_equal(indices, X.indices.numpy())
    assert np.allclose(kept, X.values.numpy())


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
# What happens to the density of the rating matrix? Write `"falls"`, `"stays"`
# or `"rises"` for each change, for a matrix as large as ours and up to the
# chance of the draw. Decide first; run it afterwards if you like.
#
# - `half the ratings`: a random half of the ratings is deleted; users and
#   items stay as they are.
# - `half the users`: a random half of the rows is deleted, all columns stay.
# - `half the users, empty columns out`: then columns without ratings go, too.
# - `silent users`: 100 registered users who never rated are counted as well.
# - `10-core`: the largest part in which all users and items have 10 ratings.
# - `twins`: every film gets a second column, and each of its ratings goes to
#   one of the two by the toss of a coin; all columns stay.

# %% [raw]
# # BEGIN SOLUTION

# %%
# BEGIN SOLUTION NO PROMPT
density = {
    "half the ratings": "falls",
    "half the users": "stays",
    "half the users, empty columns out": "rises",
    "silent users": "falls",
    "10-core": "rises",
    "twins": "falls",
}
# END SOLUTION
""" # BEGIN PROMPT
density = {
    "half the ratings": ...,
    "half the users": ...,
    "half the users, empty columns out": ...,
    "silent users": ...,
    "10-core": ...,
    "twins": ...,
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


def test_six_words(density):
    words = {"falls", "stays", "rises"}
    assert len(density) == 6, "Six changes, six predictions."
    assert set(density.values()) <= words, "Only falls, stays or rises, please."


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_deleting(density):
    assert density["half the ratings"] == "falls"
    assert density["half the users"] == "stays"


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_which_columns_count(density):
    assert density["half the users, empty columns out"] == "rises"
    assert density["10-core"] == "rises"


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_what_is_divided(density):
    assert density["silent users"] == "falls"
    assert density["twins"] == "falls"


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
# With known propensities $p_{ui}$ and $o_{ui} = 1$ where a rating is seen,
#
# $$
# \hat r_{\text{IPW}} = \frac1N \sum_{u,i} \frac{o_{ui}\, r_{ui}}{p_{ui}},
# \qquad
# \hat r_{\text{SN}} = \frac{\sum o_{ui} r_{ui} / p_{ui}}
# {\sum o_{ui} / p_{ui}},
# $$
#
# where $N$ is the number of cells. In `X` a cell that is not seen holds `nan`.

# %% [raw]
# # BEGIN SOLUTION


# %%
def weighted_means(X, seen, P):
    """Both estimates of the mean rating, IPW first.

    ``X``, ``seen`` (bool) and ``P`` are arrays of users x items.
    """
    # BEGIN SOLUTION
    weights = 1 / P[seen]
    total = (X[seen] * weights).sum()
    return total / X.size, total / weights.sum()
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_four_cells(weighted_means):
    import numpy as np

    X = np.array([[5, np.nan], [2, np.nan]])
    P = np.array([[0.5, 0.4], [0.25, 0.1]])
    ipw, sn = weighted_means(X, ~np.isnan(X), P)
    assert not np.isnan([ipw, sn]).any(), "What is 0 times nan?"
    assert abs(ipw - 4.5) < 1e-9, (
        "A rating seen one time in two stands for two."
    )
    assert abs(sn - 3) < 1e-9, "How many cells do the two ratings stand for?"


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_ipw(weighted_means):
    import numpy as np

    rng = np.random.default_rng(3)
    X = rng.integers(1, 6, (30, 20)).astype(float)
    P = rng.uniform(0.1, 0.9, X.shape)
    seen = rng.random(X.shape) < P
    right = (seen * X / P).mean()
    X[~seen] = np.nan
    assert abs(weighted_means(X, seen, P)[0] - right) < 1e-9


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_self_normalised(weighted_means):
    import numpy as np

    rng = np.random.default_rng(4)
    X = rng.integers(1, 6, (25, 30)).astype(float)
    P = rng.uniform(0.05, 0.5, X.shape)
    seen = rng.random(X.shape) < P
    right = (seen * X / P).sum() / (seen / P).sum()
    X[~seen] = np.nan
    assert abs(weighted_means(X, seen, P)[1] - right) < 1e-9


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q5
# points: 6

# %% [markdown]
# ## Question 5 · ◆◆◆ · derive and check · 6 points
#
# Suppose that you asked people to rate films drawn at random, and so know
# which share of *all* cells would get 1, ..., 5 stars. From a table of ratings
# you know which share of the *seen* ratings has each star. Let the chance that
# a cell is seen depend only on its star. Derive it from the two shares and the
# density of the matrix. Raise `ValueError` if no such chances exist. (All true
# shares are positive; a chance may be 1, up to rounding.)
#
# Then find the largest density that the two shares below allow.

# %%
true_shares = draw(
    "shares",
    [
        [0.30, 0.25, 0.22, 0.15, 0.08],
        [0.25, 0.25, 0.25, 0.15, 0.10],
        [0.35, 0.25, 0.20, 0.13, 0.07],
        [0.28, 0.22, 0.24, 0.17, 0.09],
    ],
)
stars = np.ceil(table["rating"]).astype(int)  # half stars are rounded up
seen_shares = (stars.value_counts().sort_index() / len(stars)).to_numpy()
pd.DataFrame({"all": true_shares, "seen": seen_shares}, range(1, 6)).round(3)

# %% [raw]
# # BEGIN SOLUTION


# %%
def propensities(true, seen, density):
    """The chance of being seen for each star; float array [len(true)].

    ``true`` and ``seen`` are lists or arrays of shares that sum to 1.
    """
    # BEGIN SOLUTION
    chances = np.asarray(seen) * density / np.asarray(true)
    if (chances > 1 + 1e-9).any():
        raise ValueError("a chance would be above 1")
    return chances
    # END SOLUTION


largest_density = min(true_shares / seen_shares)  # SOLUTION

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_two_kinds(propensities):
    import numpy as np

    found = np.asarray(propensities([0.8, 0.2], [0.5, 0.5], 0.1))
    assert found[1] > found[0], "The second kind is rare, and seen as often."
    assert np.allclose(found, [0.0625, 0.25]), (
        "Of 100 cells, how many of each kind are there, and how many are seen?"
    )


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_seen_shares_follow(propensities):
    import numpy as np

    true, seen = np.array([0.4, 0.3, 0.2, 0.1]), np.array([0.1, 0.2, 0.3, 0.4])
    found = np.asarray(propensities(true, seen, 0.017))
    assert np.isclose((found * true).sum(), 0.017)
    assert np.allclose(found * true / 0.017, seen)


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_impossible(propensities):
    import numpy as np

    assert np.allclose(propensities([0.8, 0.2], [0.5, 0.5], 0.39)[1], 0.975)
    try:
        propensities([0.8, 0.2], [0.5, 0.5], 0.45)
    except ValueError:
        return
    raise AssertionError("no ValueError")


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_largest_density(student, largest_density):
    import hashlib

    import numpy as np

    from reclib import datasets

    name = " ".join(str(student).lower().split())
    digest = hashlib.sha256(f"{name}/shares".encode()).digest()
    true = [
        [0.30, 0.25, 0.22, 0.15, 0.08],
        [0.25, 0.25, 0.25, 0.15, 0.10],
        [0.35, 0.25, 0.20, 0.13, 0.07],
        [0.28, 0.22, 0.24, 0.17, 0.09],
    ][int.from_bytes(digest[:8], "big") % 4]
    stars = np.ceil(datasets.load("ml-latest-small").table["rating"])
    seen = [(stars == k).mean() for k in range(1, 6)]
    right = min(np.array(true) / seen)
    assert abs(largest_density - right) < 1e-3 * right


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# The next question is about this figure: the Lorenz curves of the items and of
# the users.


# %%
def lorenz(counts):
    """Share of all ratings held by the least rated, from none to all."""
    counts = np.sort(counts)
    return np.concatenate([[0], counts.cumsum() / counts.sum()])


for by in ("user", "item"):
    share = lorenz(table.groupby(by).size().to_numpy())
    plt.plot(np.linspace(0, 1, len(share)), share, label=f"{by}s")
plt.plot([0, 1], [0, 1], "--", color="grey")
plt.xlabel("share of users or items, rarest first")
plt.ylabel("share of ratings")
plt.legend()
plt.show()

# %% [raw]
# # BEGIN QUESTION
# name: q6
# points: 3
# manual: true

# %% [markdown]
# ## Question 6 · ◆◆ · explain · 3 points, graded by hand
#
# Which of the two curves lies lower, and what does it say? What is the smallest
# number of ratings of a user, and of an item? Which rule by which the table was
# *made* explains each, and how would the curves begin without it? What would
# both look like if each user had rated the same number of films, drawn at
# random? Five to eight sentences.

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# The items' curve is lower: a few films hold most ratings, and thousands have
# one or two. The smallest count of a user is 20: the README says that only
# users with at least 20 ratings were included. That of an item is 1: a film
# without ratings is not in the table. 20 is 12 % of the mean of 165 ratings a
# user, 1 is 10 % of the mean of 10.4 an item, so both curves leave the axis at
# once, with about these slopes; without the two rules they would lie on it at
# first. The items' curve is straight as far as 35 %, since so many films have
# just one rating; only 2 % of the users have just 20. With equal users and films
# drawn at random the users' curve is the diagonal. The items' curve lies a
# little below it: counts of chance still differ, by about the square root of
# their mean.
#
# **Rubric.** 1 point: items lower, read correctly as concentration. 1 point:
# the 20 of the users (only those with 20 or more were included) and the 1 of
# the items (who was never rated is not in the table), half for each; a quarter
# less if nothing is said of how the curves would begin. 1 point: users on the
# diagonal *and* items near it but not on it, because of chance.

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q7
# points: 4
# manual: true

# %% [markdown]
# ## Question 7 · ◆◆◆ · criticise · 4 points, graded by hand
#
# The paragraph below is made up, but each of its sentences has been printed
# somewhere in like form. Find four things that are wrong or do not follow
# (there are more), and say for each which number, formula or experiment shows
# it.
#
# > We use MovieLens latest-small with 610 users and 9,724 films. Its sparsity
# > is 1.7 %. Ratings are centred at 3 and missing values are set to 0, so that
# > our mask, all non-zero entries, contains exactly the observed ratings. The
# > mean observed rating is 3.5, hence users like the average film. Filtering
# > to the 20-core does not affect comparability with earlier work, since only
# > noise is removed.

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# (1) 1.7 % is the density, 100,836 / (610 · 9,724); the sparsity is 98.3 %.
# (2) A rating of 3 becomes 0 after centring, and a mask "not zero" loses it: a
# fifth of the ratings. Count them. (3) The mean of observed ratings is not the
# mean over films that users would give: it is off by
# $\operatorname{Cov}(p, r)/\bar p$; people rate what they expect to like. One
# would need ratings of films drawn at random. (4) The 20-core is another data
# set, with other users and items and a higher density; print its statistics,
# and measure one baseline on both. (5) 610 and 9,724 are the counts before the
# filter: they describe data that the model never met. Count after it.
#
# **Rubric.** 1 point for each of any four of the five: half for naming it, half
# for the number, formula or experiment. Another fault counts as well if the
# answer shows it.

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION
