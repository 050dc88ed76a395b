# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [raw]
# # ASSIGNMENT CONFIG
# name: 07-ease-and-dropout
# init_cell: true
# check_all_cell: true
# export_cell:
#   pdf: false
#   run_tests: true
# tests:
#   ok_format: false

# %% [markdown]
# # Assignment 7: EASE, and dropout as a penalty
#
# Goes with the chapter *Linear autoencoders: one matrix, no hidden layer*.
# Eight questions, 32 points, about two hours. Each question says its level
# (◆ check, ◆◆ apply, ◆◆◆ research) and its kind. Replace every `...`. The cell
# below a question runs its visible checks, which give hints; hidden checks
# decide the points. No question needs the answer to another one.
#
# Throughout, $X$ is the matrix of users × items, 1 for an event and 0 for
# none, $G = X^\top X$, and a user with the row $x$ is scored by $x B$. EASE is
# the $B$ with
#
# $$
# \lVert X - XB \rVert_F^2 + \lambda \lVert B \rVert_F^2 \to \min,
# \qquad \operatorname{diag}(B) = 0 .
# $$
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

from reclib import datasets, evaluation, splits
from reclib.models import EASE, EDLAE


def draw(question, options):
    """One of the options, the same at each call, chosen by your name."""
    name = " ".join(str(student).lower().split())
    digest = hashlib.sha256(f"{name}/{question}".encode()).digest()
    return options[int.from_bytes(digest[:8], "big") % len(options)]


# Films with ten ratings of 4 stars or more: few enough for quick inverses.
events = datasets.load("ml-latest-small").at_least(4)
events = events.with_min_count(item=10, user=5)
split = splits.held_out_users(events, num_users=100)
print(split.train, split.test.fold_in, sep="\n")


def ndcg(B):
    """NDCG@100 of a matrix of weights on the test users."""
    scores = split.test.fold_in.binary().scipy() @ np.asarray(B)
    scores = [torch.tensor(scores, dtype=torch.float32)]
    ranking = evaluation.rank_scores(scores, split.test, ["ndcg@100"])
    return ranking.per_user["ndcg@100"].mean()


if not student.strip():
    print("Write your name into the cell above, then run this one again.")


# %% [raw]
# # BEGIN QUESTION
# name: q1
# points: 5

# %% [markdown]
# ## Question 1 · ◆ · implement · 5 points
#
# The closed form, with dropout of the input as an option. `X` is a sparse
# matrix of *ratings*: each stored entry is an event, whatever its value (also
# a stored 0; no entry is stored twice). With
#
# $$
# \Lambda = \frac{p}{1-p} \operatorname{diag}(G) + \lambda I, \qquad
# P = (G + \Lambda)^{-1},
# $$
#
# $$
# B_{ij} = -\frac{P_{ij}}{P_{jj}} \ (i \ne j), \qquad B_{jj} = 0 .
# $$
#
# With $p = 0$ this is EASE, else EDLAE. `X` belongs to the caller: leave it as
# it is.

# %% [raw]
# # BEGIN SOLUTION


# %%
def ease(X, l2, dropout=0.0):
    """The weights B, an array of floats, [items, items].

    ``X`` is a ``scipy.sparse.csr_array`` of users x items.
    """
    # BEGIN SOLUTION
    happened = X.astype(np.float64)
    happened.data = np.ones_like(happened.data)
    A = (happened.T @ happened).toarray()
    counts = A.diagonal().copy()
    A[np.diag_indices_from(A)] += dropout / (1 - dropout) * counts + l2
    P = np.linalg.inv(A)
    B = -P / P.diagonal()
    np.fill_diagonal(B, 0)
    return B
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_two_items(ease):
    import numpy as np
    from scipy import sparse

    # Four users have item 0, two have item 1, and both of these have item 0.
    X = sparse.csr_array(np.array([[1.0, 1], [1, 1], [1, 0], [1, 0], [0, 0]]))
    B = np.asarray(ease(X, 1.0))
    assert B.shape == (2, 2), "One row and one column for each item."
    assert not B.diagonal().any(), "What may an item say about itself?"
    assert B[1, 0] > B[0, 1], (
        "Who has item 1 always has item 0. In B[i, j], which item predicts?"
    )
    assert np.allclose(B, [[0, 2 / 5], [2 / 3, 0]], atol=1e-5), (
        "B[0, 1] is the ridge regression of item 1 on item 0: 2 / (4 + 1)."
    )


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_regressions(ease):
    import numpy as np
    from scipy import sparse

    rng = np.random.default_rng(11)
    for users, l2 in ((40, 3.0), (6, 0.5)):
        x = (rng.random((users, 9)) < 0.4).astype(float)
        B = np.asarray(ease(sparse.csr_array(x), l2))
        for j in range(9):
            rest = np.arange(9) != j
            A = x[:, rest].T @ x[:, rest] + l2 * np.eye(8)
            b = np.linalg.solve(A, x[:, rest].T @ x[:, j])
            assert np.allclose(B[rest, j], b, atol=1e-4) and B[j, j] == 0


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_dropout(ease):
    import numpy as np
    from scipy import sparse

    from reclib.interactions import Interactions
    from reclib.models import EDLAE

    rng = np.random.default_rng(12)
    x = rng.random((50, 12)) < np.linspace(0.1, 0.8, 12)
    train = Interactions.from_coo(*np.nonzero(x), shape=x.shape)
    for p, l2 in ((0.25, 2.0), (0.6, 0.3)):
        right = EDLAE(p, l2).fit(train).B.numpy()
        found = np.asarray(ease(sparse.csr_array(x.astype(float)), l2, p))
        assert np.allclose(found, right, atol=1e-4)


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_every_entry_is_an_event(ease):
    import numpy as np
    from scipy import sparse

    rng = np.random.default_rng(13)
    rows, cols = np.nonzero(rng.random((30, 8)) < 0.4)
    shape = (30, 8)
    stars = rng.integers(0, 11, len(rows)) / 2  # zero stars are stored, too
    rated = sparse.csr_array((stars, (rows, cols)), shape=shape)
    ones = sparse.csr_array((np.ones(len(rows)), (rows, cols)), shape=shape)
    found, right = np.asarray(ease(rated, 2.0)), np.asarray(ease(ones, 2.0))
    assert found.shape == (8, 8) and np.abs(right).max() > 0.01
    assert np.allclose(found, right, atol=1e-6)


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_the_ratings_are_left_alone(ease):
    import numpy as np
    from scipy import sparse

    X = sparse.csr_array(np.array([[5.0, 3.5], [4.0, 0.0], [2.5, 1.0]]))
    before = X.copy()
    assert np.shape(ease(X, 1.0, 0.2)) == (2, 2)
    assert X.nnz == 5 and np.array_equal(X.toarray(), before.toarray())


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# Your function at work, on users that it has never seen.

# %%
ratings = split.train.scipy()
weights = {p: ease(ratings, 100.0, p) for p in (0.0, 0.5)}
if weights[0.0] is None:
    print("Answer question 1 first.")
else:
    for p, B in weights.items():
        print(f"dropout {p}: NDCG@100 {ndcg(B):.4f}")

# %% [raw]
# # BEGIN QUESTION
# name: q2
# points: 5

# %% [markdown]
# ## Question 2 · ◆◆◆ · derive and check · 5 points
#
# Let the diagonal be prescribed, not as zero, but as any numbers $d_j$:
# minimise $\lVert X - XB \rVert_F^2 + \lambda \lVert B \rVert_F^2$ subject to
# $B_{jj} = d_j$ for all $j$. Follow the proof for EASE: add a Lagrange
# multiplier for each condition, solve for $B$, and choose the multipliers such
# that the conditions hold.
#
# Then derive what a multiplier tells. Let $m(d)$ be the minimum. `slope` is its
# gradient, whatever sign and factor your multipliers have: by how much the
# minimum of the objective changes, per unit, if $d_j$ moves a little and the
# other weights follow to their new best values. (To think about, without
# points: at which $d$ is the slope zero, and which model is that?)

# %% [raw]
# # BEGIN SOLUTION


# %%
def pinned(G, l2, d):
    """A pair: the minimiser ``B`` [items, items], then ``slope`` [items].

    ``G`` is the array X'X of floats, ``d`` [items] the diagonal of ``B``.
    """
    # BEGIN SOLUTION
    P = np.linalg.inv(G + l2 * np.eye(len(G)))
    scale = (1 - np.asarray(d)) / P.diagonal()
    B = np.eye(len(G)) - P * scale
    return B, -2 * (scale - l2)
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_one_item(pinned):
    import numpy as np

    # Seven users of one item: the objective is 7 (1 - d)^2 + 2 d^2.
    for d in (0.0, 0.25, 1.0):
        B, slope = pinned(np.array([[7.0]]), 2.0, np.array([d]))
        assert np.allclose(B, d), "There is only the diagonal, and it is given."
        assert np.allclose(slope, -14 * (1 - d) + 4 * d), (
            "Differentiate 7 (1 - d)^2 + 2 d^2. Sign? Factor? Penalty?"
        )


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_the_minimiser(pinned):
    import numpy as np

    rng = np.random.default_rng(21)
    for users in (30, 5):
        x = (rng.random((users, 7)) < 0.5).astype(float)
        d, l2 = rng.uniform(-0.5, 1.5, 7), 1.5
        B = np.asarray(pinned(x.T @ x, l2, d)[0])
        assert np.allclose(B.diagonal(), d, atol=1e-5)
        gradient = x.T @ (x @ B - x) + l2 * B
        assert np.allclose(gradient[~np.eye(7, dtype=bool)], 0, atol=1e-4)


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_what_the_multipliers_say(pinned):
    import numpy as np

    rng = np.random.default_rng(22)
    x = (rng.random((25, 6)) < 0.4).astype(float)
    G, l2 = x.T @ x, 0.8

    def minimum(j, d):
        rest = np.arange(6) != j
        A = G[np.ix_(rest, rest)] + l2 * np.eye(5)
        b = np.zeros(6)
        b[rest] = np.linalg.solve(A, G[rest, j] * (1 - d))
        b[j] = d
        return ((x[:, j] - x @ b) ** 2).sum() + l2 * (b**2).sum()

    for d in (np.zeros(6), rng.uniform(-0.5, 1.5, 6)):
        found = np.asarray(pinned(G, l2, d)[1])
        right = [
            (minimum(j, d[j] + 0.01) - minimum(j, d[j] - 0.01)) / 0.02
            for j in range(6)
        ]
        assert np.allclose(found, right, atol=1e-3)


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q3
# points: 4

# %% [markdown]
# ## Question 3 · ◆◆ · derive and check · 4 points
#
# Somebody forgot the condition on the diagonal, fitted the plain ridge
# regression $F = (G + \lambda I)^{-1} G$, and has deleted the data. You are
# given $F$ and $\lambda$ and nothing else. Save what can be saved:
#
# - `B`, the weights that EASE would have had, and
# - `least`, for each item $j$ the minimum of EASE's objective in column $j$:
#   $\lVert x_{\cdot j} - X B_{\cdot j} \rVert^2 + \lambda \lVert B_{\cdot j}
#   \rVert^2$, where $x_{\cdot j}$ is column $j$ of $X$.
#
# No entry of $F$ on the diagonal is 1.

# %% [raw]
# # BEGIN SOLUTION


# %%
def from_ridge(F, l2):
    """A pair: EASE's ``B`` [items, items], then ``least`` [items]."""
    # BEGIN SOLUTION
    copied = F.diagonal()
    B = F / (1 - copied)
    np.fill_diagonal(B, 0)
    return B, l2 * copied / (1 - copied)
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_two_items_again(from_ridge):
    import numpy as np

    # Item 0 has four users, item 1 has two, who also have item 0; l2 is 1.
    F = np.array([[8, 2], [2, 6]]) / np.array([[11, 11], [11, 11]])
    B, least = from_ridge(F.copy(), 1.0)
    assert not np.diagonal(B).any(), "EASE has no diagonal."
    assert np.allclose(B, [[0, 2 / 5], [2 / 3, 0]]), (
        "The more an item says about itself, the less the others may say."
    )
    assert np.allclose(least, [8 / 3, 6 / 5]), (
        "Item 1, with b = 2/5: two users miss by 1 - b, two by b; and b^2."
    )


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_weights_of_ease(from_ridge):
    import numpy as np

    rng = np.random.default_rng(31)
    for users, l2 in ((60, 4.0), (8, 0.5)):
        x = (rng.random((users, 10)) < np.linspace(0.2, 0.8, 10)).astype(float)
        A = x.T @ x + l2 * np.eye(10)
        P = np.linalg.inv(A)
        right = np.eye(10) - P / np.diagonal(P)
        found = from_ridge(np.linalg.solve(A, x.T @ x), l2)[0]
        assert np.allclose(found, right, atol=1e-5)


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_what_is_left_over(from_ridge):
    import numpy as np

    rng = np.random.default_rng(32)
    for users, l2 in ((60, 4.0), (8, 0.5)):
        x = (rng.random((users, 10)) < np.linspace(0.2, 0.8, 10)).astype(float)
        A = x.T @ x + l2 * np.eye(10)
        P = np.linalg.inv(A)
        B = np.eye(10) - P / np.diagonal(P)
        right = ((x - x @ B) ** 2).sum(0) + l2 * (B**2).sum(0)
        found = from_ridge(np.linalg.solve(A, x.T @ x), l2)[1]
        assert np.allclose(found, right, rtol=1e-4)


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
# Something grows by *your* factor $f$, and all else stays as it was. By which
# factor is the cost multiplied? For large numbers, leading terms only, and
# with the inverse computed in the ordinary way. Enter numbers or expressions in
# `f`. Decide first.
#
# - `inverse, items`: steps for the inverse of $G + \lambda I$, with $f$ times
#   the items.
# - `inverse, users`: the same, with $f$ times the users.
# - `Gram, events`: steps for $G$ as a product of sparse matrices, if every user
#   has $f$ times the events.
# - `B, items`: memory for $B$, with $f$ times the items.
# - `scores, users`: steps to score all items for one new user, with $f$ times
#   the users in training.
# - `penalty, users`: every user now stands in the data $f$ times. By which
#   factor must $\lambda$ be multiplied so that EASE's $B$ is what it was?

# %%
f = draw("factor", [3, 4, 5, 6, 7])
print(f"your factor is {f}")

# %% [raw]
# # BEGIN SOLUTION

# %%
# BEGIN SOLUTION NO PROMPT
factor = {
    "inverse, items": f**3,
    "inverse, users": 1,
    "Gram, events": f**2,
    "B, items": f**2,
    "scores, users": 1,
    "penalty, users": f,
}
# END SOLUTION
""" # BEGIN PROMPT
factor = {
    "inverse, items": ...,
    "inverse, users": ...,
    "Gram, events": ...,
    "B, items": ...,
    "scores, users": ...,
    "penalty, users": ...,
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


def test_six_numbers(factor):
    assert len(factor) == 6, "Six changes, six factors."
    assert all(float(number) > 0 for number in factor.values()), (
        "A factor is a positive number; 1 means that nothing changes."
    )


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_the_inverse(student, factor):
    import hashlib

    name = " ".join(str(student).lower().split())
    digest = hashlib.sha256(f"{name}/factor".encode()).digest()
    f = [3, 4, 5, 6, 7][int.from_bytes(digest[:8], "big") % 5]
    assert factor["inverse, items"] == f**3
    assert factor["inverse, users"] == 1


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_what_is_square(student, factor):
    import hashlib

    name = " ".join(str(student).lower().split())
    digest = hashlib.sha256(f"{name}/factor".encode()).digest()
    f = [3, 4, 5, 6, 7][int.from_bytes(digest[:8], "big") % 5]
    assert factor["Gram, events"] == f**2
    assert factor["B, items"] == f**2


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_users(student, factor):
    import hashlib

    name = " ".join(str(student).lower().split())
    digest = hashlib.sha256(f"{name}/factor".encode()).digest()
    f = [3, 4, 5, 6, 7][int.from_bytes(digest[:8], "big") % 5]
    assert factor["scores, users"] == 1
    assert factor["penalty, users"] == f


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q5
# points: 5

# %% [markdown]
# ## Question 5 · ◆◆◆ · derive and check · 5 points
#
# Each position of a row, whether it holds a 1 or a 0, is dropped with
# probability $p$, independently of all others; what is kept is divided by
# $1 - p$: $\tilde x_j = \delta_j x_j / (1-p)$, where $\delta_j = 0$ means
# dropped. The whole row must come out, but errors at *dropped* positions weigh
# $a$ and errors at *kept* positions weigh $b$. Derive the expected loss, summed
# over all users, *exactly*:
#
# $$
# \mathbb E \sum_{u,i} w_{ui} \Bigl( x_{ui} - \sum_j \tilde x_{uj} B_{ji}
# \Bigr)^2,
# \qquad w_{ui} = \begin{cases} a & \text{if } \delta_{ui} = 0,\\
# b & \text{if } \delta_{ui} = 1. \end{cases}
# $$
#
# The chapter does $a = b = 1$ and $a = 1/p$, $b = 0$. (A sum over all $2^I$
# masks of a row is exact, too, and a good test of your formula with three
# items. With a thousand nobody lives to see its end.)

# %% [raw]
# # BEGIN SOLUTION


# %%
def expected_loss(X, B, p, a, b):
    """A float. ``X`` [users, items] is 0 and 1; ``B`` may have a diagonal."""
    # BEGIN SOLUTION
    X, B = np.asarray(X, dtype=float), np.asarray(B, dtype=float)
    own = B.diagonal()
    others = B - np.diag(own)
    left = X - X @ others
    variance = p / (1 - p) * (X**2 @ others**2)
    dropped = left**2 + variance
    kept = (left - X * own / (1 - p)) ** 2 + variance
    return float((a * p * dropped + b * (1 - p) * kept).sum())
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_one_event_and_two(expected_loss):
    import numpy as np

    one, B = np.array([[1.0]]), np.array([[0.6]])
    found = expected_loss(one, B, 0.25, 1.0, 0.0)
    assert abs(found - 0.25) < 1e-9, (
        "Dropped one time in four; then nothing comes in, and 1 is missed by 1."
    )
    found = expected_loss(one, B, 0.25, 0.0, 1.0)
    assert abs(found - 0.03) < 1e-9, (
        "Kept three times in four; then 1 / 0.75 comes in."
    )
    two, B = np.array([[1.0, 1.0]]), np.array([[0.6, 0.5], [0.0, 0.0]])
    found = expected_loss(two, B, 0.25, 0.0, 1.0)
    assert abs(found - 0.28) < 1e-9, (
        "Item 1 is predicted from item 0 alone. Split the expectation by "
        "whether item 1 is dropped, and ask what is still random in each case."
    )


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_plain_dropout(expected_loss):
    import numpy as np

    rng = np.random.default_rng(51)
    x = (rng.random((20, 11)) < 0.4).astype(float)
    B, p = 0.3 * rng.standard_normal((11, 11)), 0.4
    penalty = (x.sum(0)[:, None] * B**2).sum() * p / (1 - p)
    right = ((x - x @ B) ** 2).sum() + penalty
    assert abs(expected_loss(x, B, p, 1.0, 1.0) / right - 1) < 1e-5


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_only_what_was_dropped(expected_loss):
    import numpy as np

    rng = np.random.default_rng(52)
    x = (rng.random((20, 11)) < 0.4).astype(float)
    B, p = 0.3 * rng.standard_normal((11, 11)), 0.3
    none = B * (1 - np.eye(11))
    penalty = (x.sum(0)[:, None] * none**2).sum() * p / (1 - p)
    right = ((x - x @ none) ** 2).sum() + penalty
    assert abs(expected_loss(x, B, p, 1 / p, 0.0) / right - 1) < 1e-5
    assert abs(expected_loss(x, none, p, 1 / p, 0.0) / right - 1) < 1e-5


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_every_mask(expected_loss):
    from itertools import product

    import numpy as np

    rng = np.random.default_rng(53)
    x = (rng.random((6, 5)) < 0.6).astype(float)
    B = rng.standard_normal((5, 5))
    for p, a, b in ((0.3, 2.0, 0.5), (0.7, 0.4, 3.0), (0.5, 0.0, 1.0)):
        right = 0.0
        for mask in product([0, 1], repeat=5):
            kept = np.array(mask)
            chance = np.prod(np.where(kept, 1 - p, p))
            error = (x - (x * kept / (1 - p)) @ B) ** 2
            right += chance * (np.where(kept, b, a) * error).sum()
        assert abs(expected_loss(x, B, p, a, b) / right - 1) < 1e-5


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
# A new user is folded in with $x B$, at no cost and without a fit. But a user
# who was in the *training* wants to leave, and asks that nothing of hers stays
# in $B$. Do not fit again: from $P = (G + \lambda I)^{-1}$ and her row $x$,
# derive the new $P$ in $I^2$ steps (look up the formula of Sherman and
# Morrison), and return EASE's $B$ as if she had never been there. No inverse of
# a matrix of items × items, and no solution of such a system. Leave `P` as it
# is.

# %% [raw]
# # BEGIN SOLUTION


# %%
def without(P, x):
    """EASE's B [items, items] after the user with the row ``x`` has left.

    ``P`` [items, items] has her in it; ``x`` [items] is 0 and 1.
    """
    # BEGIN SOLUTION
    v = P @ x
    P = P + np.outer(v, v) / (1 - x @ v)
    B = -P / P.diagonal()
    np.fill_diagonal(B, 0)
    return B
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_she_had_both(without):
    import numpy as np

    # Four users have item 0, two of them item 1 as well; l2 is 1.
    P = np.linalg.inv(np.array([[5.0, 2.0], [2.0, 3.0]]))
    before = P.copy()
    B = np.asarray(without(P, np.array([1.0, 1.0])))
    assert np.array_equal(P, before), "P belongs to the caller."
    assert not B.diagonal().any(), "EASE has no diagonal."
    assert not np.allclose(B, [[0, 3 / 6], [3 / 4, 0]]), (
        "This is B with her in the data twice."
    )
    assert np.allclose(B, [[0, 1 / 4], [1 / 2, 0]]), (
        "Without her, three users have item 0, and one of them item 1."
    )


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_as_if_never_there(without):
    import numpy as np

    rng = np.random.default_rng(61)
    x = (rng.random((12, 15)) < 0.4).astype(float)
    penalty = 0.7 * np.eye(15)
    P = np.linalg.inv(x.T @ x + penalty)
    for u in (0, 5, 11):
        rest = np.delete(x, u, axis=0)
        right = np.linalg.inv(rest.T @ rest + penalty)
        right = np.eye(15) - right / right.diagonal()
        assert np.allclose(without(P.copy(), x[u]), right, atol=1e-5)


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_no_inverse(without):
    from unittest.mock import patch

    import numpy as np
    import scipy.linalg
    import torch

    def refuse(large):
        if len(large) > 3:
            raise AssertionError("a large matrix is inverted or solved")

    def refusing(function):
        def call(matrix, *arguments, **options):
            refuse(matrix)
            return function(matrix, *arguments, **options)

        return call

    rng = np.random.default_rng(62)
    x = (rng.random((20, 9)) < 0.5).astype(float)
    P = np.linalg.inv(x.T @ x + np.eye(9))
    rest = np.linalg.inv(x[1:].T @ x[1:] + np.eye(9))
    right = np.eye(9) - rest / rest.diagonal()
    patches = [
        patch.object(library, name, refusing(getattr(library, name)))
        for library in (np.linalg, scipy.linalg, torch.linalg)
        for name in ("inv", "solve", "pinv", "lstsq")
        if hasattr(library, name)
    ]
    try:
        for each in patches:
            each.start()
        found = without(P, x[0])
    finally:
        for each in patches:
            each.stop()
    assert np.allclose(found, right, atol=1e-5)


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# The next question is about this figure: NDCG@100 over the penalty $\lambda$,
# on users that were not in training, for EASE, for the ridge regression with a
# free diagonal $F = (G + \lambda I)^{-1} G$, and for EDLAE with $p = 0.5$.

# %%
G = split.train.binary().gram().double().numpy()
curves = {}
for l2 in (1.0, 10.0, 100.0, 1e3, 1e4, 1e5):
    curves[l2] = {
        "EASE": ndcg(EASE(l2).fit(split.train).B),
        "free diagonal": ndcg(np.linalg.solve(G + l2 * np.eye(len(G)), G)),
        "EDLAE, p = 0.5": ndcg(EDLAE(0.5, l2).fit(split.train).B),
    }
curves = pd.DataFrame(curves).T
counts = G - np.diag(np.diag(G))
axes = curves.plot(logx=True, marker="o", xlabel="penalty", ylabel="NDCG@100")
axes.axhline(ndcg(counts), ls=":", c="grey", label="scores x G, no diagonal")
axes.legend()
plt.show()
print(curves.round(4))
print(f"scores x G, no diagonal: {ndcg(counts):.4f}")

# %% [raw]
# # BEGIN QUESTION
# name: q7
# points: 3
# manual: true

# %% [markdown]
# ## Question 7 · ◆◆ · explain · 3 points, graded by hand
#
# Three things want an explanation, each from a formula. (1) On the left the
# free diagonal is clearly worse than EASE. Items that are recommended have
# $x_i = 0$, so that $F_{ii}$ never enters a score. Why does it matter all the
# same, and which items suffer most? (2) On the left EDLAE falls much less than
# EASE. Which penalty does it have when $\lambda$ is nearly zero? (3) On the
# right all three come together, and end almost at the dotted line. Why there?
# Six to ten sentences.

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# (1) With $P = (G + \lambda I)^{-1}$ one has $F = I - \lambda P$ and, off the
# diagonal, $F_{ij} = (1 - F_{jj}) B_{ij}$ with $1 - F_{jj} = \lambda P_{jj}$.
# So the scores of item $j$ are those of EASE times a factor of its own, and the
# order among items changes. The factor is small where an item explains itself,
# that is, where $G_{jj}$ is large against $\lambda$: popular items are moved
# down, and they make up many of the held-out events.
#
# (2) With $p = 0.5$, $p/(1-p) = 1$, so that each item keeps the penalty
# $G_{jj}$, the number of its events, even at $\lambda \to 0$: heaviest on the
# items that occur most. EASE at $\lambda = 1$ has nearly none: with 397 users
# and 1,182 films it can fit the training almost perfectly.
#
# (3) For large $\lambda$, $P \approx \frac1\lambda (I - \frac1\lambda G)$, so
# that $B_{ij} \approx G_{ij} / \lambda$. The factor $\lambda P_{jj}$ tends to
# 1, and $\lambda$ outweighs $G_{jj}$ in EDLAE's penalty: the same limit for all
# three. A ranking ignores $1/\lambda$, so they end as the raw co-occurrence
# counts, which favour what is popular. On the way, at $10^3$ and $10^4$, the
# free diagonal is above EASE by .001 to .002: its factor is not yet 1 and holds
# popular items back a little, where the counts favour them too much. Without
# paired differences over users this says little.
#
# **Rubric.** 1 point for each of the three: half for the mechanism, half for
# the formula behind it (the factor $1 - F_{jj}$ and popular items; $p/(1-p)\,
# G_{jj}$; $B \approx G/\lambda$). In (1), "popular items", "items with a large
# $G_{jj}$" and "items with a small $P_{jj}$" all count. "It copies its input"
# alone is worth half a point in (1): it does not say why items not in the input
# are ranked worse. In (3) nothing need be said of the small differences.

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
# ## Question 8 · ◆◆◆ · criticise · 3 points, graded by hand
#
# A made-up paragraph; sentences like each of these have been printed. Find
# three that are wrong or do not follow, and say for each which formula, number
# or experiment shows it.
#
# > EASE was trained for 50 epochs with Adam; the result did not change after
# > the first. As its cost grows with the number of users, we drew a tenth of
# > them. We replaced the condition on the diagonal by dropout of the input with
# > $p = 0.5$ and the loss on the whole row, which is the same thing, since
# > either keeps the model from the identity. Negative weights were cut to
# > zero: a user's history cannot speak against an item. NDCG@100 rose when
# > items already seen were left in the lists, as they should be for a model
# > that does not copy.

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# (1) A closed form has no epochs: the same system is solved fifty times, and
# Adam has nothing to train. (2) The cost is about $I^3$ for the inverse and
# hardly depends on the users; a tenth of them saves nothing and changes $G$, as
# if $\lambda$ were ten times as large on the same data, with less information.
# Time the fit with a tenth and with all. (3) Dropout with the loss on the whole
# row is the penalty $\frac{p}{1-p} \operatorname{diag}(G)$ with a *free*
# diagonal: copying is punished, not forbidden; $F_{ij} = (1 - F_{jj}) B_{ij}$.
# Only the loss on what was dropped ignores the diagonal. (4) A negative weight
# says that an item speaks against another *once the rest is known*; the paper
# loses about a twentieth of its recall by cutting them. Clip and measure. (5)
# Seen items are not in the held-out part. Left in the lists, they take places
# and can give no hit, so no model's NDCG can rise; if it did, held-out items
# were among those seen. Count them.
#
# **Rubric.** 1 point for each of any three of the five: half for naming it,
# half for the formula, number or experiment. The first sentence counts if the
# answer says that a closed form has nothing to train, or that Adam on EASE's
# objective would go on changing the result after one epoch.

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION
