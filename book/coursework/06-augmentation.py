# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [raw]
# # ASSIGNMENT CONFIG
# name: 06-augmentation
# init_cell: true
# check_all_cell: true
# export_cell:
#   pdf: false
#   run_tests: true
# tests:
#   ok_format: false

# %% [markdown]
# # Assignment 6: augmentation
#
# Goes with the chapter *Augmenting in latent space*. Eight questions, 35
# points, about two hours. Each question says its level (◆ check, ◆◆ apply, ◆◆◆
# research) and its kind. Replace every `...`. The cell below a question runs its
# visible checks, which give hints; hidden checks decide the points. No question
# needs the answer to another one.
#
# Steiner's report makes new users: a trained autoencoder, the *teacher*, encodes
# the row of a user, noise is added to some features of the code, and what the
# decoder makes of it is a new row. A second network, the *augmented* one, learns
# from old and new rows together; the *regular* one, which is the teacher, has
# learnt from the old ones alone. The report's numbers: 488 training users, 48 new
# rows, batches of 12 without and of 14 with augmentation, 50 epochs each.
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
import torch

from reclib import augmentation, datasets, evaluation, splits, training
from reclib.models import Biases, DeepAutoencoder


def draw(question, options):
    """One of the options, the same at each call, chosen by your name."""
    name = " ".join(str(student).lower().split())
    digest = hashlib.sha256(f"{name}/{question}".encode()).digest()
    return options[int.from_bytes(digest[:8], "big") % len(options)]


if not student.strip():
    print("Write your name into the cell above, then run this one again.")

# %% [raw]
# # BEGIN QUESTION
# name: q1
# points: 4

# %% [markdown]
# ## Question 1 · ◆ · derive and check · 4 points
#
# A code has `K` features. Each feature of each new row gets noise with
# probability `q`, independently of all others. Which features of a row are
# noisy, and which are not, is the *mask* of that row.
#
# - How many of the new rows may one expect to have no noise at all?
# - How many *pairs* of new rows may one expect to have the same mask?
#
# Then a table of data like the report's, for another data set: 600 rows of which
# 97.1 % of the cells are empty, and 90 new rows without an empty cell. It prints
# 82.5 % for both together. What is right, in percent, to one decimal?

# %% [raw]
# # BEGIN SOLUTION


# %%
def rows_without_noise(rows, K, q):
    """Expected number of new rows whose mask is empty, a float."""
    return rows * (1 - q) ** K  # SOLUTION


def pairs_with_equal_masks(rows, K, q):
    """Expected number of unordered pairs of new rows with equal masks."""
    # BEGIN SOLUTION
    pairs = rows * (rows - 1) / 2
    return pairs * (q**2 + (1 - q) ** 2) ** K
    # END SOLUTION


empty_cells = 600 * 97.1 / 690  # SOLUTION

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_two_features(rows_without_noise, pairs_with_equal_masks):
    found = rows_without_noise(8, 2, 0.5)
    assert found is not None, "The function returns nothing yet."
    assert abs(found - 2) < 1e-9, "Four masks, all equally likely, eight rows."
    found = pairs_with_equal_masks(3, 1, 0.5)
    assert found is not None, "The second function returns nothing yet."
    assert abs(found - 1.5) < 1e-9, (
        "Three pairs. One feature: noisy in both, in neither, or in one of them?"
    )


# %%
""" # BEGIN TEST CONFIG
points: 0
"""  # END TEST CONFIG


def test_a_percentage(empty_cells):
    assert empty_cells is not ..., "Compute the percentage, too."
    assert 1 < float(empty_cells) < 100, "In percent, between 0 and 100."


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_no_noise(rows_without_noise):
    assert abs(rows_without_noise(48, 20, 0.1) - 5.835681) < 1e-4
    assert abs(rows_without_noise(48, 20, 0.5) - 4.5776e-5) < 1e-8
    assert abs(rows_without_noise(7, 3, 0.2) - 3.584) < 1e-9


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_pairs(pairs_with_equal_masks):
    from itertools import combinations, product

    import numpy as np

    for rows, K, q in [(5, 3, 0.5), (4, 2, 0.2), (9, 4, 0.9), (6, 1, 0.35)]:
        chances = np.array([q, 1 - q])
        masks = product([0, 1], repeat=K)
        equal = sum(chances[list(mask)].prod() ** 2 for mask in masks)
        right = len(list(combinations(range(rows), 2))) * equal
        assert abs(pairs_with_equal_masks(rows, K, q) - right) < 1e-9


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_empty_cells(empty_cells):
    assert abs(float(empty_cells) - 84.435) < 0.06


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
# Write the report's augmentation. `X` holds a row for each of $n$ users.
# `int(fraction * n)` *different* rows are drawn at random, and each makes one new
# row:
#
# $$
# \tilde x_u = f\bigl(g(x_u) + s\, n_u \odot m_u\bigr), \qquad
# n_{uk} \sim \mathcal N(0, 1), \quad m_{uk} \sim \operatorname{Bernoulli}(q).
# $$
#
# `encode` is $g$ and maps rows to rows of codes, `decode` is $f$ and maps back.
# Draw everything from `rng`, a NumPy generator.

# %% [raw]
# # BEGIN SOLUTION


# %%
def augment(X, encode, decode, fraction, s, q, rng):
    """The rows of X, then the new ones; ``X`` itself stays as it is."""
    # BEGIN SOLUTION
    chosen = rng.permutation(len(X))[: int(fraction * len(X))]
    z = encode(X[chosen])
    noise = s * rng.normal(size=z.shape) * (rng.random(z.shape) < q)
    return np.concatenate([X, decode(z + noise)])
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_without_noise(augment):
    import numpy as np

    def encode(rows):
        return rows[:, :1]

    def decode(codes):
        return codes * [1.0, 2.0, 3.0]

    X = np.arange(15.0).reshape(5, 3)
    both = augment(X, encode, decode, 0.5, 0.0, 0.5, np.random.default_rng(0))
    assert both is not None, "The function returns nothing yet."
    assert both.shape == (7, 3), "Five old rows, int(.5 * 5) new ones."
    assert np.array_equal(both[:5], X), "The old rows come first, unchanged."
    assert np.allclose(both[5:], both[5:, :1] * [1, 2, 3]), "Decoded?"
    assert set(both[5:, 0]) <= {0, 3, 6, 9, 12}, "Without noise, f(g(x))."


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_the_noise(augment):
    import numpy as np

    X = np.full((300, 40), 7.0)
    kept = X.copy()
    rng = np.random.default_rng(1)
    both = augment(X, lambda x: 4 * x, lambda z: z / 4, 1.0, 0.8, 1.0, rng)
    assert np.array_equal(X, kept)
    noise = (both[300:] - 7) / 0.2
    assert abs(noise.mean()) < 0.05 and abs(noise.std() - 1) < 0.05
    assert abs((np.abs(noise) > 2).mean() - 0.0455) < 0.015


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_the_masks(augment):
    import numpy as np

    X = np.zeros((300, 40))
    rng = np.random.default_rng(2)
    both = augment(X, lambda x: x, lambda z: z, 1.0, 1.0, 0.3, rng)
    noisy = both[300:] != 0
    assert abs(noisy.mean() - 0.3) < 0.03
    # 300 rows of 40 features: neither is all or nothing.
    assert noisy.mean(axis=1).min() > 0.02 and noisy.mean(axis=1).max() < 0.7
    assert noisy.mean(axis=0).min() > 0.15 and noisy.mean(axis=0).max() < 0.45


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_the_rows(augment):
    import numpy as np

    X = np.repeat(np.arange(200.0)[:, None], 3, axis=1)
    drawn = []
    for seed in (3, 4):
        rng = np.random.default_rng(seed)
        both = augment(X, lambda x: x, lambda z: z, 0.298, 0.0, 0.5, rng)
        assert both.shape == (259, 3)
        drawn.append(set(both[200:, 0].tolist()))
    assert len(drawn[0]) == len(drawn[1]) == 59
    assert drawn[0] != drawn[1]
    assert max(drawn[0]) > 150 and min(drawn[0]) < 50


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q3
# points: 5

# %% [markdown]
# ## Question 3 · ◆◆◆ · criticise, derive and check · 5 points
#
# More rows mean more updates an epoch. The report's Theorem 1 is to keep their
# number by a larger batch, and fails because ceilings cannot be re-arranged. A
# reader wants to save it: "Drop the last batch of an epoch if it is not full, as
# many programs do. Then the numbers of updates are floors, and it is true that
# $n_1$ rows in batches of $b_1$ may become $n_2 = n_1 + \lfloor c\, n_1 \rfloor$
# rows in batches of
#
# $$
# b_2 = \left\lfloor \frac{n_2}{\lfloor n_1 / b_1 \rfloor} \right\rfloor,
# \qquad \text{and so} \quad
# \left\lfloor \frac{n_1}{b_1} \right\rfloor
#   = \left\lfloor \frac{n_2}{b_2} \right\rfloor ."
# $$
#
# Is it? Write the function that lists **all** batch sizes that keep the number
# of updates if batches that are not full are dropped; the list may be empty.
# (Mind that `reclib` and the chapter count such a batch.)
#
# Then refute the reader with your `my_b` and `percent`, which is $c$ in percent.
# For how many of the $n_1$ = `my_b`, `my_b` + 1, ..., 2000 does the reader's $b_2$
# give *another* number of updates? Compute in whole numbers: in floating point
# 1.15 · 100 is a little less than 115, and the floor makes 114 of it.

# %%
my_b, percent = draw(
    "floors", [(7, 15), (11, 10), (13, 15), (15, 15), (18, 15)]
)
print(f"your b is {my_b}, your c is {percent} %")

# %% [raw]
# # BEGIN SOLUTION


# %%
def equal_batches(n, b, new):
    """All b2 from 1 to n + new, ascending, that give as many updates as b.

    There are ``n`` rows in batches of ``b``, and then ``new`` rows more; ``n`` is
    at least ``b``, and at most 1000.
    """
    # BEGIN SOLUTION
    updates, total = n // b, n + new
    return list(range(total // (updates + 1) + 1, total // updates + 1))
    # END SOLUTION


# BEGIN SOLUTION NO PROMPT
failures = 0
for n in range(my_b, 2001):
    updates, total = n // my_b, n + n * percent // 100
    failures += total // (total // updates) != updates
# END SOLUTION
""" # BEGIN PROMPT
failures = ...
"""  # END PROMPT

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_twenty_rows(equal_batches):
    found = equal_batches(20, 5, 4)
    assert found is not None, "The function returns nothing yet."
    found = list(found)
    assert 6 in found, "24 rows in batches of 6: how many updates?"
    assert 7 not in found, "Three batches of 7 are full, the last one is not."
    assert found == [5, 6], "Four updates each. May rows be left over?"


# %%
""" # BEGIN TEST CONFIG
points: 0
"""  # END TEST CONFIG


def test_a_count(failures):
    assert failures is not ..., "Count the failures, too."
    assert 0 < failures < 2000, (
        "There are some, and the reader is right at times."
    )


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_none_and_many(equal_batches):
    assert list(equal_batches(35, 5, 6)) == []
    assert list(equal_batches(24, 24, 10)) == list(range(18, 35))


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_all_sizes(equal_batches):
    for n, b, new in [(30, 7, 3), (47, 4, 13), (100, 32, 50), (488, 20, 48)]:
        updates, total = n // b, n + new
        sizes = range(1, total + 1)
        right = [size for size in sizes if total // size == updates]
        assert [int(size) for size in equal_batches(n, b, new)] == right


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_failures(student, failures):
    import hashlib

    name = " ".join(str(student).lower().split())
    digest = hashlib.sha256(f"{name}/floors".encode()).digest()
    right = [1364, 1283, 574, 1423, 1316]
    assert failures == right[int.from_bytes(digest[:8], "big") % 5]


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q4
# points: 3

# %% [markdown]
# ## Question 4 · ◆ · predict · 3 points
#
# Rows are added to the training set. Compared with the set before, or with what
# is named, does it fall, stay or rise? Write `"falls"`, `"stays"` or `"rises"`.
# The number of films is fixed, and chance does not count. Decide first.
#
# - `empty cells`: their share in the training set, when the new rows are copies
#   of real rows drawn at random.
# - `updates`: in an epoch, when the batch size stays as it was and the new rows
#   are more than a batch.
# - `teacher's share`: of all training targets, those that the teacher made. The
#   new rows are dense and stay as many, but every user has rated twice as many
#   films.
# - `columns`: the share of the films that get a gradient in an update, when one of
#   the rows of the batch is a dense one in place of a real one.
# - `reduction`: of the test loss in percent, when the sum of squared errors is
#   divided by the number of users in place of the number of films.
# - `constant`: the test loss of a constant prediction, a sum of squared errors
#   divided by the number of films, when the test users have rated more and the
#   mean error of a rating is the same.

# %% [raw]
# # BEGIN SOLUTION

# %%
# BEGIN SOLUTION NO PROMPT
change = {
    "empty cells": "stays",
    "updates": "rises",
    "teacher's share": "falls",
    "columns": "rises",
    "reduction": "stays",
    "constant": "rises",
}
# END SOLUTION
""" # BEGIN PROMPT
change = {
    "empty cells": ...,
    "updates": ...,
    "teacher's share": ...,
    "columns": ...,
    "reduction": ...,
    "constant": ...,
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


def test_six_words(change):
    words = {"falls", "stays", "rises"}
    assert len(change) == 6, "Six changes, six predictions."
    assert set(change.values()) <= words, "Only falls, stays or rises, please."


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_what_rows_hold(change):
    assert change["empty cells"] == "stays" and change["columns"] == "rises"


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_counts(change):
    assert change["updates"] == "rises" and change["teacher's share"] == "falls"


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_units(change):
    assert change["reduction"] == "stays" and change["constant"] == "rises"


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q5
# points: 6

# %% [markdown]
# ## Question 5 · ◆◆ · derive and implement · 6 points
#
# A simpler augmentation needs no teacher: a new row is a *sub-vector* of a real
# one, in which each rating was kept with probability `keep`. Each user gets
# `copies` such rows, drawn independently.
#
# **The wrong order.** First all new rows are made. Then the cells of old and new
# rows together are shuffled, and each goes to validation with probability
# `share`, else to training. What is the probability that a validation rating from
# an *old* row stands in training as well, in at least one of the user's new
# rows? Derive it.
#
# **The right order.** Write the program that leaks nothing. `round(share * N)` of
# the N real ratings, drawn at random, are the validation, and new rows are made
# of training ratings only; old rows and new ones are the training. Rows are
# numbered: an old row by its user, a new one by a number of its own, larger than
# that of every user of `table`. A new row in which nothing was kept is absent.
# The order of the ratings and their index are free.

# %% [raw]
# # BEGIN SOLUTION


# %%
def twin(copies, keep, share):
    """Probability that an old validation rating has a twin in training."""
    return 1 - (1 - keep * (1 - share)) ** copies  # SOLUTION


def split_and_augment(table, share, copies, keep, rng):
    """Two data frames, training and validation; columns row, item, rating.

    ``table`` is a data frame with columns user, item and rating, and ``rng`` a
    NumPy generator.
    """
    # BEGIN SOLUTION
    table = table.rename(columns={"user": "row"})
    order = rng.permutation(len(table))
    size = round(share * len(table))
    validation, train = table.iloc[order[:size]], table.iloc[order[size:]]
    parts, step = [train], table["row"].max() + 1
    for number in range(1, copies + 1):
        part = train[rng.random(len(train)) < keep]
        parts.append(part.assign(row=part["row"] + number * step))
    return pd.concat(parts, ignore_index=True), validation
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_ten_ratings(twin, split_and_augment):
    import numpy as np
    import pandas as pd

    found = twin(1, 1.0, 0.25)
    assert found is not None, "twin returns nothing yet."
    assert abs(found - 0.75) < 1e-9, (
        "A full copy of each row: where is the copy of a validation rating?"
    )
    table = pd.DataFrame(
        {"user": [0, 1] * 5, "item": range(10), "rating": [3.5] * 10}
    )
    rng = np.random.default_rng(0)
    found = split_and_augment(table, 0.2, 1, 1.0, rng)
    assert found is not None, "split_and_augment returns nothing yet."
    train, validation = found
    assert len(validation) == 2, "A fifth of ten real ratings."
    assert len(train) == 16, "Eight ratings, and the eight of the full copies."
    assert train["row"].nunique() == 4, "Two old rows, and one new one each."
    assert set(validation["row"]) <= {0, 1}, "Whose ratings are validated?"


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_twin(twin):
    assert abs(twin(1, 0.5, 0.2) - 0.4) < 1e-9
    assert abs(twin(3, 0.5, 0.1) - 0.833625) < 1e-9
    assert abs(twin(0, 0.5, 0.1)) < 1e-9
    assert abs(twin(4, 0.25, 0.0) - 0.68359375) < 1e-9


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_no_leak(split_and_augment):
    import numpy as np
    import pandas as pd

    cells = np.arange(900)
    table = pd.DataFrame(
        {"user": cells // 30, "item": cells % 30, "rating": 1.0 + cells}
    )
    rng = np.random.default_rng(1)
    train, validation = split_and_augment(table, 0.2, 3, 0.6, rng)
    # Each rating is told by its value.
    assert not set(train["rating"]) & set(validation["rating"])
    every = set(train["rating"]) | set(validation["rating"])
    assert every == set(table["rating"])
    assert (train["item"] == (train["rating"] - 1) % 30).all()
    assert (validation["item"] == (validation["rating"] - 1) % 30).all()


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_validation(split_and_augment):
    import numpy as np
    import pandas as pd

    cells = np.arange(1000)
    table = pd.DataFrame(
        {"user": cells // 25, "item": cells % 25, "rating": 1.0 + cells}
    )
    drawn = []
    for seed in (2, 3):
        rng = np.random.default_rng(seed)
        _, validation = split_and_augment(table, 0.1, 2, 0.5, rng)
        assert len(validation) == 100
        assert (validation["row"] == (validation["rating"] - 1) // 25).all()
        drawn.append(set(validation["rating"]))
    assert len(drawn[0]) == 100 and drawn[0] != drawn[1]
    assert max(drawn[0]) > 800 and min(drawn[0]) < 200


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_new_rows(split_and_augment):
    import numpy as np
    import pandas as pd

    cells = np.arange(2000)
    table = pd.DataFrame(
        {"user": 3 + cells // 50, "item": cells % 50, "rating": 1.0 + cells}
    )
    rng = np.random.default_rng(4)
    train, _ = split_and_augment(table, 0.1, 3, 0.4, rng)
    user = 3 + (train["rating"] - 1) // 50
    new = train["row"] > table["user"].max()
    assert (train["row"] == user)[~new].all() and (~new).sum() == 1800
    assert abs(new.sum() - 2160) < 150
    assert user[new].groupby(train["row"][new]).nunique().max() == 1
    assert train["row"][new].groupby(user[new]).nunique().eq(3).all()
    times = (
        train["rating"][new].value_counts().reindex(train["rating"].unique())
    )
    shares = times.fillna(0).value_counts(normalize=True)
    assert abs(shares[0] - 0.216) < 0.06 and abs(shares[3] - 0.064) < 0.04


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q6
# points: 4

# %% [markdown]
# ## Question 6 · ◆ · implement · 4 points
#
# Sometimes no batch size gives the number of updates that one wants. But the
# batches of an epoch need not be of one size. Shuffle the rows and cut them into
# exactly `updates` batches whose sizes differ by one at most; each row is in one
# batch. `updates` is at most `rows`.
#
# And count the whole price. An augmented network needs a trained teacher. In a
# small setting (200 rows in batches of 30; 220 rows in batches of 40; 50 epochs
# each; the last batch of an epoch may be smaller), for how many whole epochs may a
# regular network be trained, if it shall make no more updates than teacher and
# augmented network together?

# %% [raw]
# # BEGIN SOLUTION


# %%
def cut(rows, updates, rng):
    """A list of ``updates`` integer arrays; together the numbers 0 to rows - 1.

    ``rng`` is a NumPy generator.
    """
    return np.array_split(rng.permutation(rows), updates)  # SOLUTION


fair_epochs = (50 * 7 + 50 * 6) // 7  # SOLUTION

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_eleven_rows(cut):
    import numpy as np

    batches = cut(11, 4, np.random.default_rng(0))
    assert batches is not None, "The function returns nothing yet."
    sizes = sorted(len(batch) for batch in batches)
    assert len(sizes) == 4, "Exactly four batches."
    assert sum(sizes) == 11, "Is any row left out, or in two batches?"
    assert sizes == [2, 3, 3, 3], "How are eleven shared among four?"


# %%
""" # BEGIN TEST CONFIG
points: 0
"""  # END TEST CONFIG


def test_whole_epochs(fair_epochs):
    assert fair_epochs is not ..., "Count the epochs, too."
    assert int(fair_epochs) == fair_epochs, "Whole epochs."
    assert 0 < fair_epochs < 200, "Teacher and augmented network have 100."


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_sizes(cut):
    import numpy as np

    rng = np.random.default_rng(1)
    for rows, updates in [(536, 41), (12, 12), (100, 7), (50, 1), (60, 6)]:
        sizes = [len(batch) for batch in cut(rows, updates, rng)]
        assert len(sizes) == updates and sum(sizes) == rows
        assert max(sizes) - min(sizes) <= 1


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_each_row_once_and_shuffled(cut):
    import numpy as np

    orders = []
    for seed in (2, 3):
        batches = cut(200, 13, np.random.default_rng(seed))
        order = np.concatenate([np.asarray(batch) for batch in batches])
        assert sorted(order.tolist()) == list(range(200))
        assert np.abs(np.diff(order)).mean() > 30
        orders.append(order.tolist())
    assert orders[0] != orders[1]


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_fair_epochs(fair_epochs):
    assert fair_epochs == 92


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# The next question is about this figure. Four networks learn from the same 488
# users, all starting from the same weights. *Augmented* and *copies* have 48
# more rows: decoded ones, which a teacher makes that is trained for eight epochs
# (the curve *regular* is its own), or plain copies of real rows. *Offset* has no
# new rows; its output offsets start at the mean rating in place of zero. It takes
# some seconds. Below the figure stand three numbers more.

# %%
ratings = datasets.load("ml-latest-small").with_min_count(item=10)
split = splits.held_out_users(ratings, num_users=122, num_validation=0, seed=0)


class Offset(DeepAutoencoder):
    """The same network; its output starts at the mean rating."""

    def build(self, train):
        super().build(train)
        with torch.no_grad():
            self.decoder_bias[0].fill_(train.values.mean())


def held_out_error(model):
    errors = evaluation.rating_errors(model, split.test, clip=ratings.scale)
    return {"rmse": errors["rmse"]}


def learn(rows, batch_size, kind=DeepAutoencoder):
    model = kind(
        [50, 20], activation="sigmoid", last_linear=True, scale=ratings.scale
    )
    history = training.fit(
        model, rows, epochs=8, batch_size=batch_size, watch=held_out_error
    )
    return model, history.table["rmse"]


curves = {}
teacher, curves["regular"] = learn(split.train, 12)
for name, cells in (("augmented", "all"), ("copies", "copies")):
    rows = augmentation.augment(split.train, teacher, cells=cells)
    curves[name] = learn(rows, 14)[1]
curves["offset"] = learn(split.train, 12, Offset)[1]
curves = pd.DataFrame(curves)
biases = Biases(5.0)
training.fit(biases, split.train)
curves.plot(style=["-", "-", "--", ":"])
plt.axhline(held_out_error(biases)["rmse"], color="grey", label="biases")
plt.legend()
plt.xlabel("epoch")
plt.ylabel("RMSE of held-out ratings")
plt.show()

fresh = DeepAutoencoder(
    [50, 20], activation="sigmoid", last_linear=True, scale=ratings.scale
)
fresh.build(split.train)
first = fresh.decode(fresh.encode(split.train)).detach()
order = np.random.default_rng(0).permutation(split.train.num_rows)
touched = [
    len(split.train.rows(torch.tensor(order[at : at + 12])).indices.unique())
    for at in range(0, 480, 12)
]
print(
    f"{split.train.num_cols:,} films, ratings of {split.train.values.mean():.2f}"
)
print(
    f"outputs before the first update: {first.mean():.2f} ± {first.std():.2f}"
)
print(f"films rated by any of twelve users: {np.mean(touched):.0f} in the mean")
curves.round(3)

# %% [raw]
# # BEGIN QUESTION
# name: q7
# points: 4
# manual: true

# %% [markdown]
# ## Question 7 · ◆◆ · explain · 4 points, graded by hand
#
# The report sees its greatest improvement in the speed of learning, and explains
# it by regularisation and by the lower sparsity. Explain the head start of the
# curve *augmented* from what happens in the first updates: where do the outputs
# begin, how far does Adam move a weight in one update, and which columns move?
# (You may use that it moves a weight by about its learning rate, .001, whatever
# the size of the gradient.) What do the curves *copies* and *offset* say about
# your explanation? Would you pay for the head start? Ten to fifteen sentences.

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# At the start the outputs are near zero, and the ratings are around 3.6. Adam
# moves a weight by about the learning rate, a thousandth, in each update, however
# large the error: so the first epochs are spent on climbing. The offset and the
# weights of a film move only in updates whose batch holds a rating of that film,
# and most films are rare. A decoded row has a value, the teacher's, in every
# column; about three batches of four hold one or more of the 48, and in these all
# columns climb. That is what lower sparsity means here, and it is not
# regularisation: nothing over-fits in the first epochs. *Copies* have the empty
# cells of real rows and no head start, so that more rows alone are not the
# cause. *Offset* starts where the others have to climb to: it gives more than
# augmentation, without a new row and without a teacher. The head start is not
# worth its price. Before the augmented network's first epoch the regular one,
# its teacher, had finished all of its own, and at the last epoch the two are
# equal but for thousandths. And the bias model is better than all four.
#
# **Rubric.** 1 point: outputs have to climb from zero to the level of the
# ratings, by steps of about the learning rate. 1 point: only columns with a value
# in the batch move, and a dense row has them all. 1 point: *copies* and *offset*
# read correctly, as controls for more rows and for the level (half each). 1 point:
# the price, teacher's epochs counted or no difference at the end (half a point
# if only the biases are mentioned).

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q8
# points: 4
# manual: true

# %% [markdown]
# ## Question 8 · ◆◆◆ · design · 4 points, graded by hand
#
# The report: "In all 50 simulations, we observe a lower test loss with the
# augmented dataset", by .23 % in the mean. In its public notebook the test feeds
# the whole row of a test user and compares the output with the same row; the
# optimiser of the first training goes on into the second; dropout is switched off
# by the first evaluation and never on again; and of the three pairs whose losses
# it shows, the third is worse with augmentation.
#
# Design the experiment that could show that new rows do *not* improve
# predictions, or that they do. Write what is tested on what; what is equal in
# every pair of trainings; at least two controls, and what each of them excludes;
# how many pairs, and which number with which interval is computed from them; and
# what you would conclude from which outcome. Ten to fifteen sentences; a longer
# plan costs nothing.

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# *Test.* Split by user; of each test user a fifth of the ratings is held out, the
# network reads the others, and the error of the held-out ratings counts.
# Validation users serve for choices, test users for nothing but the end. Neither
# teacher nor new rows see a test user. *Equal.* The same split, first weights and
# number of updates in each pair, a fresh optimiser for each network, dropout on in
# each epoch (assert it). Updates of the teacher count for the augmented network,
# so that the regular one is trained for as many in all. *Controls.* Copies of real
# rows, which exclude that more rows do it; decoded rows without noise, which
# exclude the noise; decoded rows with the cells of their originals, which exclude
# density; an offset at the mean rating, which excludes the level; a constant and
# the biases, to see whether any of it is worth having. *Number.* The difference of
# the two errors in each pair; its mean with a 95 % interval. The number of pairs
# follows from the spread of a few trial pairs: with spread $\sigma$ and an effect
# $\delta$ worth finding about $8\,\sigma^2/\delta^2$. Splits of 610 users overlap,
# so the interval is rather too narrow, which is said. *Conclusion*, fixed
# before: an interval below zero supports the claim, and then the controls say
# what did it; one above zero contradicts it; one that holds zero leaves it
# undecided, unless it is narrow enough to exclude .23 %. One pair that is worse
# refutes "in all simulations", and nothing else.
#
# **Rubric.** 1 point: held-out ratings of test users, and no test user in teacher
# or choices. 1 point: equal updates with the teacher's counted, *and* a fresh
# optimiser or dropout in the right mode (half each). 1 point: two controls with
# what they exclude. 1 point: paired differences with an interval and a reason for
# the number of pairs (half), a conclusion for each outcome that includes
# "undecided" (half): any rule fixed beforehand will do, it need not name
# particular controls.

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION
