# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [raw]
# # ASSIGNMENT CONFIG
# name: 04-masked-loss-and-autorec
# init_cell: true
# check_all_cell: true
# export_cell:
#   pdf: false
#   run_tests: true
# tests:
#   ok_format: false

# %% [markdown]
# # Assignment 4: the masked loss and AutoRec
#
# Goes with the chapters *Autoencoders* and *AutoRec: one hidden layer, only
# the ratings that exist*. Eight questions, 35 points, one and a half to two
# hours. Each question says its level (◆ check, ◆◆ apply, ◆◆◆ research) and its
# kind. Replace every `...`. The cell below a question runs its visible checks,
# which give hints; hidden checks decide the points. No question needs the
# answer to another one.
#
# Write your name as your course knows it: two questions draw their numbers
# from it, so that not everyone has the same.
#
# Throughout, a matrix `R` holds ratings and the bool matrix `seen` of the same
# shape says which of its cells are ratings. A row is what the network reads;
# in I-AutoRec it is an item, and the columns are users.

# %%
student = ""  # between the quotes

# %%
import hashlib

import matplotlib.pyplot as plt
import numpy as np
import torch

from reclib import datasets, evaluation, splits, training
from reclib.models import AutoRec, Biases


def draw(question, options):
    """One of the options, the same at each call, chosen by your name."""
    name = " ".join(str(student).lower().split())
    digest = hashlib.sha256(f"{name}/{question}".encode()).digest()
    return options[int.from_bytes(digest[:8], "big") % len(options)]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


ratings = datasets.load("ml-latest-small")

if not student.strip():
    print("Write your name into the cell above, then run this one again.")

# %% [raw]
# # BEGIN QUESTION
# name: q1
# points: 6

# %% [markdown]
# ## Question 1 · ◆◆ · derive and check · 6 points
#
# The objective of AutoRec with a sigmoid code and a linear output, for a few
# rows $r$ (Sedhain et al. 2015):
#
# $$
# z = \sigma(V r + \mu), \quad h = W z + b, \quad
# \mathcal L = \sum_r \sum_{j \in \Omega_r} (r_j - h_j)^2
# + \frac\lambda2 \bigl(\lVert W\rVert^2 + \lVert V\rVert^2\bigr).
# $$
#
# Derive its four gradients on paper and write them with NumPy, without
# automatic differentiation. `R` is 0 where `seen` is false. A rating may be 0,
# too: then `seen` is true. Remember $\sigma' = \sigma (1 - \sigma)$.

# %% [raw]
# # BEGIN SOLUTION


# %%
def gradients(R, seen, V, W, mu, b, l2):
    """The loss (float) and a dict of its gradients: V, W, mu, b.

    ``R`` and ``seen`` are [rows, n]; ``V`` is [K, n], ``W`` [n, K], ``mu`` [K]
    and ``b`` [n]. Each gradient has the shape of its parameter.
    """
    # BEGIN SOLUTION
    z = sigmoid(R @ V.T + mu)
    error = np.where(seen, z @ W.T + b - R, 0)
    loss = (error**2).sum() + l2 / 2 * ((W**2).sum() + (V**2).sum())
    back = 2 * (error @ W) * z * (1 - z)
    return loss, {
        "V": back.T @ R + l2 * V,
        "W": 2 * error.T @ z + l2 * W,
        "mu": back.sum(0),
        "b": 2 * error.sum(0),
    }
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_one_item(gradients):
    import numpy as np

    # One item, two users, one hidden unit. V = 0, so that the code is 1/2.
    R, seen = np.array([[4.0, 0.0]]), np.array([[True, False]])
    V, W = np.zeros((1, 2)), np.array([[2.0], [6.0]])
    found = gradients(R, seen, V, W, np.zeros(1), np.zeros(2), 0.0)
    assert found is not None, "The function returns nothing yet."
    loss, found = found
    assert abs(loss - 9) < 1e-9, "One rating, 4; it is predicted as 1."
    shapes = {"V": (1, 2), "W": (2, 1), "mu": (1,), "b": (2,)}
    for name, shape in shapes.items():
        assert np.shape(found[name]) == shape, f"The gradient of {name}: shape?"
    assert found["b"][1] == 0, "The second user has not rated. What comes back?"
    assert abs(found["b"][0] + 6) < 1e-9, (
        "The derivative of (4 - h)^2 at h = 1."
    )


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_loss_and_offsets(gradients):
    import numpy as np

    rng = np.random.default_rng(1)
    seen = rng.random((7, 5)) < 0.6
    R = np.where(seen, rng.integers(1, 6, seen.shape), 0).astype(float)
    V, W = rng.normal(size=(3, 5)), rng.normal(size=(5, 3))
    mu, b = rng.normal(size=3), rng.normal(size=5)
    loss, found = gradients(R, seen, V, W, mu, b, 1.5)
    z = 1 / (1 + np.exp(-(R @ V.T + mu)))
    error = (z @ W.T + b - R) * seen
    right = (error**2).sum() + 0.75 * ((V**2).sum() + (W**2).sum())
    assert np.isclose(loss, right)
    assert np.allclose(found["b"], 2 * error.sum(0), atol=1e-5)
    step = np.array([1e-5, 0, 0])
    up = gradients(R, seen, V, W, mu + step, b, 1.5)[0]
    down = gradients(R, seen, V, W, mu - step, b, 1.5)[0]
    assert np.isclose(found["mu"][0], (up - down) / 2e-5, rtol=1e-3)


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_decoder(gradients):
    import numpy as np
    import torch

    rng = np.random.default_rng(2)
    seen = rng.random((6, 4)) < 0.5
    R = np.where(seen, rng.integers(1, 6, seen.shape), 0).astype(float)
    parts = [rng.normal(size=s) for s in ((2, 4), (4, 2), (2,), (4,))]
    _, found = gradients(R, seen, *parts, 0.7)
    V, W, mu, b = (torch.tensor(part, requires_grad=True) for part in parts)
    X, mask = torch.tensor(R), torch.tensor(seen)
    h = torch.sigmoid(X @ V.T + mu) @ W.T + b
    loss = ((h - X)[mask] ** 2).sum() + 0.35 * ((V**2).sum() + (W**2).sum())
    loss.backward()
    assert np.allclose(found["W"], W.grad.numpy(), atol=1e-4)


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_encoder(gradients):
    import numpy as np
    import torch

    rng = np.random.default_rng(3)
    seen = rng.random((5, 6)) < 0.5
    R = np.where(seen, rng.integers(1, 6, seen.shape), 0).astype(float)
    shapes = ((3, 6), (6, 3), (3,), (6,))
    parts = [0.4 * rng.normal(size=s) for s in shapes]
    _, found = gradients(R, seen, *parts, 2.0)
    V, W, mu, b = (torch.tensor(part, requires_grad=True) for part in parts)
    X, mask = torch.tensor(R), torch.tensor(seen)
    h = torch.sigmoid(X @ V.T + mu) @ W.T + b
    loss = ((h - X)[mask] ** 2).sum() + (V**2).sum() + (W**2).sum()
    loss.backward()
    assert np.allclose(found["V"], V.grad.numpy(), atol=1e-4)
    assert np.allclose(found["mu"], mu.grad.numpy(), atol=1e-4)


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_zero_is_a_rating(gradients):
    import numpy as np

    R = np.array([[0.0, -1.0, 0.0], [2.0, 0.0, 0.0]])
    seen = np.array([[True, True, False], [True, False, False]])
    V, W = np.full((1, 3), 0.5), np.ones((3, 1))
    b = np.array([1.0, 0.0, 2.0])
    loss, found = gradients(R, seen, V, W, np.zeros(1), b, 0.0)
    z = 1 / (1 + np.exp([0.5, -1.0]))
    right = (1 + z[0]) ** 2 + (z[0] + 1) ** 2 + (z[1] - 1) ** 2
    assert np.isclose(loss, right)
    right = [2 * (1 + z[0]) + 2 * (z[1] - 1), 2 * (z[0] + 1), 0]
    assert np.allclose(found["b"], right)


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q2
# points: 4

# %% [markdown]
# ## Question 2 · ◆ · implement · 4 points
#
# What a trained AutoRec predicts, with the sigmoid code and linear output of
# question 1. Three rules come after the forward pass: a prediction is clipped
# to the scale; a row in which nothing was seen gets 3 everywhere; and a column
# of which the training knew nothing gets 3 in every row.

# %% [raw]
# # BEGIN SOLUTION


# %%
def predict(R, seen, known, V, W, mu, b, scale):
    """Predictions for all cells, float array [rows, n].

    ``known`` is bool [n]: did the column have a training rating? ``scale`` is
    (lowest, highest); the other arguments are as in question 1.
    """
    # BEGIN SOLUTION
    h = np.clip(sigmoid(R @ V.T + mu) @ W.T + b, *scale)
    h[:, ~known] = 3.0
    h[~seen.any(1)] = 3.0
    return h
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_by_hand(predict):
    import numpy as np

    R = np.array([[5.0, 0.0], [0.0, 0.0]])
    seen = np.array([[True, False], [False, False]])
    V, W = np.zeros((1, 2)), np.array([[4.0], [8.0]])
    known, b = np.array([True, True]), np.array([0.5, 0.25])
    found = predict(R, seen, known, V, W, np.zeros(1), b, (1, 5))
    assert found is not None, "The function returns nothing yet."
    assert np.shape(found) == (2, 2), "One prediction a cell."
    assert abs(found[0][0] - 2.5) < 1e-6, "The code is 1/2: 4/2 and the offset."
    assert abs(found[0][1] - 4.25) < 1e-6, "An unseen cell is the point of it."
    assert abs(found[1][0] - 3) < 1e-6, "Nobody rated the second item."


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_forward_and_clip(predict):
    import numpy as np

    rng = np.random.default_rng(4)
    seen = rng.random((9, 7)) < 0.5
    seen[:, 0] = True
    R = np.where(seen, rng.integers(1, 11, seen.shape) / 2, 0)
    V, W = 0.5 * rng.normal(size=(4, 7)), 3 * rng.normal(size=(7, 4))
    mu, b = rng.normal(size=4), 3 + rng.normal(size=7)
    found = predict(R, seen, np.ones(7, bool), V, W, mu, b, (0.5, 5.0))
    raw = 1 / (1 + np.exp(-(R @ V.T + mu))) @ W.T + b
    assert np.allclose(found, np.minimum(np.maximum(raw, 0.5), 5), atol=1e-5)


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_cold_rows(predict):
    import numpy as np

    R, seen = np.zeros((3, 4)), np.zeros((3, 4), bool)
    seen[0, 1] = True  # a rating of 0, on a scale from 0 to 4
    seen[2, 0], R[2, 0] = True, 1.0
    V, W = np.ones((2, 4)), np.ones((4, 2))
    known = np.ones(4, bool)
    found = predict(R, seen, known, V, W, np.zeros(2), np.zeros(4), (0, 4))
    z = 1 / (1 + np.exp(-1.0))
    assert np.allclose(found, [[1.0] * 4, [3.0] * 4, [2 * z] * 4], atol=1e-6)


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_cold_columns(predict):
    import numpy as np

    R = np.array([[4.0, 2.0, 0.0], [0.0, 5.0, 0.0]])
    V, W = np.full((1, 3), 0.3), np.array([[1.0], [2.0], [9.0]])
    known, b = np.array([True, True, False]), np.ones(3)
    found = predict(R, R > 0, known, V, W, np.zeros(1), b, (1, 5))
    assert np.allclose(np.asarray(found)[:, 2], 3)
    z = 1 / (1 + np.exp(-1.8))
    assert np.allclose(found[0][:2], [1 + z, 1 + 2 * z], atol=1e-6)
    # A column may be known and have no rating among these rows.
    found = predict(R, R > 0, ~np.zeros(3, bool), V, W, np.zeros(1), b, (1, 5))
    assert np.allclose(np.asarray(found)[:, 2], 5)


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
# A network with given weights and offsets, none of them zero; all ratings and
# predictions lie between 1 and 5 unless something else is said. One thing is
# changed, and nothing is trained again. What happens to the number? Write
# `"falls"`, `"stays"` or `"rises"`. Decide first.
#
# - `unseen`: the objective of question 1; the prediction of one cell that is
#   not seen gets worse by a whole star.
# - `offsets`: the objective; now $\mu$ and $b$ are penalised, too.
# - `all cells`: the masked sum of squares is divided by the number of all
#   cells, in place of the number of ratings. Not every cell is rated.
# - `no mask`: the sum of squares; the mask is forgotten, so that empty cells
#   count as ratings of 0.
# - `clip`: the RMSE of held-out ratings; some predictions of held-out ratings
#   are above 5 or below 1, and all are clipped now.
# - `newcomer`: the objective of an I-AutoRec with $\lambda = 0$; a user who has
#   not rated anything gets a column in `R` and new weights in $V$, $W$, $b$.

# %% [raw]
# # BEGIN SOLUTION

# %%
# BEGIN SOLUTION NO PROMPT
change = {
    "unseen": "stays",
    "offsets": "rises",
    "all cells": "falls",
    "no mask": "rises",
    "clip": "falls",
    "newcomer": "stays",
}
# END SOLUTION
""" # BEGIN PROMPT
change = {
    "unseen": ...,
    "offsets": ...,
    "all cells": ...,
    "no mask": ...,
    "clip": ...,
    "newcomer": ...,
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


def test_what_the_mask_keeps_out(change):
    assert change["unseen"] == "stays"
    assert change["newcomer"] == "stays"


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_what_is_added(change):
    assert change["offsets"] == "rises"
    assert change["no mask"] == "rises"


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_free_gains(change):
    assert change["all cells"] == "falls"
    assert change["clip"] == "falls"


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q4
# points: 5

# %% [markdown]
# ## Question 4 · ◆◆ · derive and check · 5 points
#
# Four programs mean the same model and write different objectives. With $S$
# the masked sum of squares, $P = \lVert W\rVert^2 + \lVert V\rVert^2$, $n$
# ratings and $N$ cells:
#
# - `"paper"`: $S + \frac\lambda2 P$
# - `"halves"`: $\frac12 S + \lambda P$
# - `"mean"`: $\frac1n S + \lambda P$
# - `"decay"`: $\frac1N S$, and gradient descent with *weight decay* $\lambda$:
#   the optimiser adds $\lambda w$ to the derivative of every weight $w$ in $W$
#   and $V$.
#
# Which $\lambda$ has each of them to use for the minimum that the paper has
# with `l2`?
#
# Then: the program with `"decay"` prints $\frac1N S$ for test ratings (so $n$
# and $N$ are those of the test matrix). What is the RMSE of the ratings?

# %%
users, items, tested, printed = draw(
    "denominators",
    [
        (610, 9724, 20167, 0.002876),
        (943, 1682, 20000, 0.011225),
        (610, 9724, 10084, 0.001307),
        (943, 1682, 10000, 0.005721),
        (610, 3650, 18056, 0.006412),
    ],
)
print(f"{users} users, {items} items, {tested} test ratings; S/N = {printed}")

# %% [raw]
# # BEGIN SOLUTION


# %%
def same_penalty(l2, convention, n, N):
    """The lambda of ``convention`` whose minimum is the paper's with ``l2``."""
    # BEGIN SOLUTION
    below = {"paper": 1, "halves": 4, "mean": 2 * n, "decay": N}
    return l2 / below[convention]
    # END SOLUTION


rmse = (printed * users * items / tested) ** 0.5  # SOLUTION

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_paper(same_penalty):
    found = same_penalty(3.0, "paper", 7, 20)
    assert found is not None, "The function returns nothing yet."
    assert same_penalty(3.0, "paper", 7, 20) == 3, "The paper's own."
    for name in ("halves", "mean", "decay"):
        found = same_penalty(3.0, name, 7, 20)
        assert found < 3, f"{name}: everything is divided. By what?"
        assert abs(same_penalty(6.0, name, 7, 20) - 2 * found) < 1e-9, (
            "Twice the penalty here is twice the penalty there."
        )


# %%
""" # BEGIN TEST CONFIG
points: 0
"""  # END TEST CONFIG


def test_a_number_of_stars(rmse):
    assert rmse is not ..., "Compute the RMSE, too."
    assert 0.3 < float(rmse) < 4.5, "In stars, and no model is so far off."


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_objectives(same_penalty):
    assert abs(same_penalty(8.0, "halves", 50, 400) - 2) < 1e-9
    assert abs(same_penalty(8.0, "mean", 50, 400) - 0.08) < 1e-9


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_weight_decay(same_penalty):
    assert abs(same_penalty(8.0, "decay", 50, 400) - 0.02) < 1e-9


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_rmse(student, rmse):
    import hashlib

    name = " ".join(str(student).lower().split())
    digest = hashlib.sha256(f"{name}/denominators".encode()).digest()
    users, items, tested, printed = [
        (610, 9724, 20167, 0.002876),
        (943, 1682, 20000, 0.011225),
        (610, 9724, 10084, 0.001307),
        (943, 1682, 10000, 0.005721),
        (610, 3650, 18056, 0.006412),
    ][int.from_bytes(digest[:8], "big") % 5]
    right = (printed * users * items / tested) ** 0.5
    assert abs(rmse - right) < 1e-3


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q5
# points: 6

# %% [markdown]
# ## Question 5 · ◆◆◆ · design · 6 points
#
# Now you grade. Somebody gives you `loss(R, seen, predicted)`. It takes
# contiguous float32 tensors `R` and `predicted` [rows, n] and a bool tensor
# `seen`; `predicted` is finite and a leaf with `requires_grad`. It should
# return a tensor of dimension 0, whose dtype does not matter: the sum of
# $(r - \hat r)^2$ over the cells that are seen, divided by the number of
# *rows*. `backward()` of it should put the right derivative into
# `predicted.grad`. A seen rating may be 0, and any row may be without ratings,
# even each of them. In cells that are not seen `R` may hold `nan`, `inf` or any
# number, and it must matter neither to the value nor to the gradient. The
# arguments belong to the caller and are left as they are.
#
# Write `sound`, which tells right programs from wrong ones: each wrong one has
# a mistake that is easy to make or was found in public code. It may call
# `loss` as often as a few seconds allow. A program that raises an error where
# all of this holds is wrong.

# %% [raw]
# # BEGIN SOLUTION


# %%
def sound(loss):
    """Whether ``loss`` is the masked loss, its gradient included."""
    # BEGIN SOLUTION
    generator = torch.Generator().manual_seed(0)
    for filling in (0.0, 2.5, float("nan")):
        R = torch.randint(0, 6, (5, 8), generator=generator).float()
        seen = torch.rand(5, 8, generator=generator) < 0.4
        R[~seen] = filling
        seen[0, 0], R[0, 0] = True, 0.0
        predicted = torch.rand(5, 8, generator=generator) * 5
        leaf = predicted.clone().requires_grad_()
        arguments = R.clone(), seen.clone(), leaf
        try:
            value = loss(*arguments)
            value.backward()
        except Exception:
            return False
        gap = torch.where(seen, predicted - R, 0.0)
        unchanged = (
            torch.equal(arguments[0].nan_to_num(-9), R.nan_to_num(-9))
            and torch.equal(arguments[1], seen)
            and torch.equal(leaf.detach(), predicted)
        )
        right = (gap**2).sum() / 5
        if not unchanged or not torch.isclose(value.detach(), right):
            return False
        if leaf.grad is None or not torch.allclose(leaf.grad, 2 * gap / 5):
            return False
    return True
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_one_right_one_wrong(sound):
    def right(R, seen, predicted):
        return (R[seen] - predicted[seen]).square().sum() / len(R)

    def constant(R, seen, predicted):
        return 0 * predicted[seen].sum() + 1.0

    found = sound(right)
    assert found is not None, "The function returns nothing yet."
    assert found, "Do you ask for more than the definition says?"
    assert not sound(constant), "This one is 1, whatever you give it."


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_masks(sound):
    import torch

    def right(R, seen, predicted):
        gap = torch.where(seen, predicted - R, 0.0)
        return (gap * gap).sum() / R.shape[0]

    def discarded(R, seen, predicted):
        R = torch.where(seen, R, 0.0)
        predicted.masked_fill(~seen, 0.0)
        return (predicted - R).square().sum() / len(R)

    def not_zero(R, seen, predicted):
        R = torch.where(seen, R, 0.0)
        mask = R != 0
        return (R[mask] - predicted[mask]).square().sum() / len(R)

    assert sound(right)
    assert not sound(discarded)
    assert not sound(not_zero)


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_denominators(sound):
    import torch

    def right(R, seen, predicted):
        rows = torch.nonzero(seen)
        at = rows[:, 0], rows[:, 1]
        return ((predicted[at] - R[at]) ** 2).sum() / len(R)

    def over(below):
        def loss(R, seen, predicted):
            total = (predicted[seen] - R[seen]).square().sum()
            return total / below(R, seen)

        return loss

    assert sound(right)
    assert not sound(over(lambda R, seen: R.numel()))
    assert not sound(over(lambda R, seen: seen.sum()))
    assert not sound(over(lambda R, seen: R.shape[1]))


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_gradients(sound):
    import torch

    def right(R, seen, predicted):
        gap = (R - predicted).masked_fill(~seen, 0.0)
        return torch.einsum("ij,ij->", gap, gap) / len(R)

    def nan_gradient(R, seen, predicted):
        squares = (R - predicted) ** 2
        return torch.where(seen, squares, 0.0).sum() / len(R)

    def nan_value(R, seen, predicted):
        return ((R - predicted) ** 2 * seen).sum() / len(R)

    def cut(R, seen, predicted):
        gap = (R - predicted)[seen]
        value = (gap**2).sum() / len(R)
        return value.detach() + 0 * predicted[seen].sum()

    def in_place(R, seen, predicted):
        R[~seen] = 0.0
        return ((R - predicted) * seen).square().sum() / len(R)

    assert sound(right)
    for wrong in (nan_gradient, nan_value, cut, in_place):
        assert not sound(wrong)


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q6
# points: 5

# %% [markdown]
# ## Question 6 · ◆ · derive and check · 5 points
#
# Cold users and items, in both forms of AutoRec with `hidden` units. Derive
# from the gradients which of the parameters $V, W, \mu, b$ get a derivative of
# zero from the masked sum of squares, whatever the weights are, because their
# column has no training rating. In I-AutoRec the columns are users, in
# U-AutoRec they are items. Count them. (A *row* without ratings adds nothing
# to the sum and has no parameter of its own: nothing is counted for it.) And
# count the test ratings that are predicted by the default of 3: their user or
# their item (or both) has no training rating.
#
# Then apply it to a split of our ratings, with 100 hidden units, and keep the
# answer in `found`.

# %%
seed = draw("seeds", [11, 12, 13, 14, 15, 16])
split = splits.hold_out(ratings, test=0.1, seed=seed)
train, held_out = split.train, split.test.held_out
print(f"seed {seed}:", train, held_out, sep="\n")

# %% [raw]
# # BEGIN SOLUTION


# %%
# BEGIN SOLUTION NO PROMPT
def cold(train_users, train_items, test_users, test_items, shape, hidden):
    """Counts of what training says nothing about: "I", "U" and "default"."""
    users = np.bincount(train_users, minlength=shape[0]) > 0
    items = np.bincount(train_items, minlength=shape[1]) > 0
    default = ~(users[test_users] & items[test_items])
    each = 2 * hidden + 1
    return {
        "I": int(each * (~users).sum()),
        "U": int(each * (~items).sum()),
        "default": int(default.sum()),
    }


parts = [
    part.numpy().astype(int)
    for X in (train, held_out)
    for part in (X.row_ids, X.indices)
]
found = cold(*parts, train.shape, 100)
# END SOLUTION
""" # BEGIN PROMPT
def cold(train_users, train_items, test_users, test_items, shape, hidden):
    # Four int arrays, an entry a rating; shape is (users, items).
    # A dict of ints: "I" and "U", the numbers of parameters that the data
    # never touch in the two forms, and "default", a number of test ratings.
    ...


# X.row_ids and X.indices hold row and column of each rating of a matrix X.
found = ...
"""  # END PROMPT

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_three_users(cold):
    import numpy as np

    # Users 0 and 1 rated items 0 and 2; user 2 and item 1 are unknown.
    train = np.array([0, 1, 1]), np.array([0, 0, 2])
    test = np.array([0, 0, 2]), np.array([2, 1, 0])
    found = cold(*train, *test, (3, 3), 4)
    assert found is not None, "The function returns nothing yet."
    assert set(found) == {"I", "U", "default"}, "Three counts, please."
    assert found["default"] == 2, "User 0 with item 2 is predicted. The others?"
    assert found["I"] > 4, "A column has weights in V and in W."
    assert found["I"] == found["U"], "One unknown user, one unknown item."


# %%
""" # BEGIN TEST CONFIG
points: 0
"""  # END TEST CONFIG


def test_counts_of_your_split(found):
    assert found is not ..., "Apply your function to the split, too."
    assert set(found) == {"I", "U", "default"}, "Three counts, please."
    assert 0 <= found["default"] <= 10_084, "A number of test ratings."


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_untouched(cold):
    import numpy as np

    train = np.array([0, 3, 3, 5]), np.array([1, 1, 4, 1])
    test = np.array([0]), np.array([4])
    found = cold(*train, *test, (7, 9), 10)
    assert found["I"] == 4 * 21 and found["U"] == 7 * 21
    assert found["default"] == 0


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_default(cold):
    import numpy as np

    rng = np.random.default_rng(7)
    users, items = rng.integers(0, 30, 60), rng.integers(0, 40, 60)
    test_users, test_items = rng.integers(0, 30, 80), rng.integers(0, 40, 80)
    found = cold(users, items, test_users, test_items, (30, 40), 5)
    pairs = zip(test_users.tolist(), test_items.tolist(), strict=True)
    known = [u in set(users) and i in set(items) for u, i in pairs]
    assert found["default"] == 80 - sum(known)


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_your_split(student, found):
    import hashlib

    from reclib import datasets, splits

    name = " ".join(str(student).lower().split())
    digest = hashlib.sha256(f"{name}/seeds".encode()).digest()
    seed = 11 + int.from_bytes(digest[:8], "big") % 6
    ratings = datasets.load("ml-latest-small")
    split = splits.hold_out(ratings, test=0.1, seed=seed)
    no_user, no_item = split.train.row_counts == 0, split.train.col_counts == 0
    out = split.test.held_out
    default = no_user[out.row_ids] | no_item[out.indices.long()]
    assert found["I"] == 201 * int(no_user.sum())
    assert found["U"] == 201 * int(no_item.sum())
    assert found["default"] == int(default.sum())


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# The next question is about this figure. An I-AutoRec with 50 hidden units is
# trained with RProp, once with hardly any penalty and once with that of the
# chapter. After each epoch its RMSE is taken twice: on the ratings that it
# reads, and on held-out ones. In the first epochs both errors lie above the
# range that is drawn.

# %%
drawn = splits.hold_out(ratings, test=0.1, seed=0)
biases = Biases(5.0).fit(drawn.train)
level = evaluation.rating_errors(biases, drawn.test, clip=ratings.scale)["rmse"]


def curves(l2, epochs=60):
    """RMSE after each epoch, on ratings that are read and on held-out ones."""
    clip = ratings.scale
    model = AutoRec(50, l2, scale=clip)

    def watch(model):
        read = evaluation.seen_rmse(model, drawn.train, clip)
        test = evaluation.rating_errors(model, drawn.test, clip=clip)
        return {"read": read, "held out": test["rmse"]}

    history = training.fit(
        model,
        drawn.train,
        epochs=epochs,
        batch_size="all",
        optimizer="rprop",
        lr=0.01,
        watch=watch,
        device="cpu",
    )
    return history.table[["read", "held out"]]


fig, axes = plt.subplots(1, 2, figsize=(8, 3), sharey=True)
for axis, l2 in zip(axes, (1.0, 50.0), strict=True):
    curves(l2).plot(ax=axis)
    axis.axhline(level, ls=":", c="grey", label="biases, held out")
    axis.set(title=f"λ = {l2:g}", xlabel="epoch", ylabel="RMSE")
    axis.set_ylim(0.6, 1.2)
    axis.legend()
fig.tight_layout()
plt.show()

# %% [raw]
# # BEGIN QUESTION
# name: q7
# points: 3
# manual: true

# %% [markdown]
# ## Question 7 · ◆◆ · explain · 3 points, graded by hand
#
# Explain the four curves. Why does one of the two on the left go on falling
# and the other not? What does the penalty do to the gap between them, and how
# does it do that although it never sees a held-out rating? A report prints the
# last value of the lower left curve as "test RMSE": which number should it
# print, and with which data may it choose the epoch? Five to eight sentences.

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# The network has two parameters for three ratings, so with little penalty it
# can store many of them: its output at a cell that it reads approaches the
# rating that stands in its input. That says nothing of cells that are empty,
# whose error falls while what is learnt is shared by many ratings, turns, and
# rises when single ratings are stored. With the larger penalty both curves
# stay closer together: weights that only a few ratings need cost more than
# they save, as the penalty is paid for each weight and the error only for each
# rating that profits. So the fit is worse on what is read and better on what
# is not. The report must print the held-out curve at an epoch chosen
# beforehand, on a validation part taken from the training ratings. The lowest
# point of the held-out curve itself would be chosen on the test. The line of
# the biases shows how little of the fall on the left is prediction: at its
# lowest the held-out curve is just below it, and in the end above.
#
# **Rubric.** 1 point: reading against predicting, storing (half without a
# reason such as the number of parameters). 1 point: what the penalty does to
# *both* curves, and why. 1 point: the held-out value (half) at an epoch chosen
# on validation ratings, not on the test (half).

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
# A made-up methods section. Each of its faults has been printed, or stands in
# public code, in like form. Name three that change the number it reports, say
# in which direction each moves it or why that cannot be known, and give for
# each the line, run or number that would show it.
#
# > We implement I-AutoRec on MovieLens 1M. Each of the 6,040 rows of the input
# > holds a user's ratings, missing ones are 0, and the cost is
# > `((X - net(X)) ** 2).mean()`. After training we feed the test matrix to the
# > network, set its output to 0 where the test matrix is 0, and compute the
# > RMSE over the test ratings: 2.94. We use λ = 0.001, a value in the authors'
# > grid, with `weight_decay=0.001`. This shows that AutoRec does not reach the
# > published .831.

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# (1) Rows of users make a U-AutoRec, for which .874 was published: the wrong
# number to compare with. Transpose and run again; U- is usually worse. (2) The
# cost has no mask: 95 % of the targets are zeros that nobody gave, which pulls
# predictions down, so the error rises. Print the mean prediction at test
# cells, or the gradient at an empty cell. (3) The network reads the test
# ratings: the target is in the input, which flatters, but it reads a small
# part of what it was trained on, which hurts; the net effect is not known
# beforehand, and in our chapter the error became much larger. Feed the
# training ratings and measure again. (4) Weight decay 0.001 beside a *mean*
# over all cells is a penalty of $0.001 \cdot N$ in the paper's terms, about
# 22,000: far too strong, and the optimiser penalises the offsets as well.
# Convert, or tune on validation ratings. (5) One run without an interval; no
# default for cold users and items; no clipping. These move it less.
#
# **Rubric.** 1 point for each of three, of which (1) to (4) count: one third
# for the fault, one third for the direction with a reason, one third for what
# would show it. For (3) either direction is accepted, and "not known", if a
# reason is given. One of (5) may replace one at half the points.

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION
