# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [raw]
# # ASSIGNMENT CONFIG
# name: 05-depth-tying-refeeding
# init_cell: true
# check_all_cell: true
# export_cell:
#   pdf: false
#   run_tests: true
# tests:
#   ok_format: false

# %% [markdown]
# # Assignment 5: depth, tied weights and re-feeding
#
# Goes with the chapter *Going deep*. Eight questions, 34 points, about two
# hours. Each question says its level (◆ check, ◆◆ apply, ◆◆◆ research) and its
# kind. Replace every `...`. The cell below a question runs its visible checks,
# which give hints; hidden checks decide the points. No question needs the
# answer to another one.
#
# The network is that of Kuchaiev and Ginsburg: a mirrored stack between the
# ratings of a user and their reconstruction. Alhadlaq and Kunna's report climbs
# from one layer to dense re-feeding, rung by rung; we take up its sentences.
#
# Write your name as your course knows it: two questions draw their numbers
# from it, so that not everyone has the same.

# %%
student = ""  # between the quotes

# %%
import hashlib

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

from reclib import datasets, evaluation, splits, training
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
# A network reads `items` ratings. `hidden` lists the widths of the encoder, the
# code last; the decoder mirrors it and ends with `items` outputs. So `[8, 4]`
# on 20 items has the layers 20-8-4-8-20. Every layer has an offset for each of
# its units, the last one too. A matrix of the encoder may be *tied*: the
# decoder then uses its transpose, and has no matrix of its own there. `tied`
# says which are; offsets never are. How many parameters has the network?
#
# The report says that tying (all matrices) "effectively halves" it. Then a tied
# network could be twice as wide for the same price. Take the report's 17,770
# films and a single hidden layer: how many units may it have with tied weights,
# if there shall be no more parameters than with 128 units, not tied?

# %% [raw]
# # BEGIN SOLUTION


# %%
def parameters(items, hidden, tied):
    """Number of weights and offsets, an int.

    ``tied`` is a list of bool, one for each matrix of the encoder, the first
    matrix first.
    """
    # BEGIN SOLUTION
    total = 0
    for a, b, once in zip([items, *hidden], hidden, tied, strict=False):
        total += (1 if once else 2) * a * b + a + b
    return total
    # END SOLUTION


# BEGIN SOLUTION NO PROMPT
price = parameters(17_770, [128], [False])
fits = [d for d in range(1, 300) if parameters(17_770, [d], [True]) <= price]
widest = max(fits)
# END SOLUTION
""" # BEGIN PROMPT
widest = ...
"""  # END PROMPT

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_a_small_network(parameters):
    found = parameters(5, [2], [False])
    assert found is not None, "The function returns nothing yet."
    assert found != 20, "Those are the weights. Which units have an offset?"
    assert found == 27, "5-2-5: two matrices, and offsets of 2 and of 5 units."


# %%
""" # BEGIN TEST CONFIG
points: 0
"""  # END TEST CONFIG


def test_a_width(widest):
    assert widest is not ..., "How many units may it have?"
    assert int(widest) == widest, "A whole number of units."
    assert 128 < widest < 1000, "Tying makes room. More than that?"


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_as_built(parameters):
    from reclib.interactions import Interactions
    from reclib.models import DeepAutoencoder

    for items, hidden in [(20, [8, 4]), (31, [7, 9, 3]), (12, [5])]:
        model = DeepAutoencoder(hidden, scale=(1, 5))
        model.build(Interactions.from_coo([], [], [], shape=(1, items)))
        no = [False] * len(hidden)
        assert parameters(items, hidden, no) == model.num_parameters


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_tied(parameters):
    assert parameters(20, [8, 4], [True, True]) == 232
    assert parameters(20, [8, 4], [True, False]) == 264
    assert parameters(31, [7, 9, 3], [False, True, True]) == 590
    assert parameters(31, [7, 9, 3], [True, False, True]) == 436


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_widest(widest):
    assert int(widest) == 255


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q2
# points: 5

# %% [markdown]
# ## Question 2 · ◆◆ · derive and check · 5 points
#
# One hidden layer, no activation, tied weights $W$, and the loss of the seen
# ratings ($m_{ui} = 1$ where a rating is seen, else 0):
#
# $$
# z_u = x_u W + b, \qquad \hat x_u = z_u W^\top + c, \qquad
# \mathcal L = \frac{\sum_{u,i} m_{ui} (\hat x_{ui} - x_{ui})^2}
# {\sum_{u,i} m_{ui}}.
# $$
#
# $W$ is used twice, so its gradient is a sum of two parts: one from its use in
# the encoder, and one from its use in the decoder. (An untied network with equal
# matrices would give the parts to two matrices.) Derive both and write them
# with NumPy. `X` is 0 where no rating is seen, and the ratings were centred, so
# that a seen one may be 0 too.

# %% [raw]
# # BEGIN SOLUTION


# %%
def tied_parts(X, seen, W, b, c):
    """Encoder's and decoder's part of the gradient, both of the shape of W.

    ``X`` and ``seen`` (bool) are users x items, ``W`` is items x units, ``b``
    has a number for each unit and ``c`` one for each item.
    """
    # BEGIN SOLUTION
    Z = X @ W + b
    slope = 2 * seen * (Z @ W.T + c - X) / seen.sum()
    return X.T @ (slope @ W), slope.T @ Z
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_one_user(tied_parts):
    import numpy as np

    X, seen = np.array([[4.0, 2.0, 0.0]]), np.array([[True, True, False]])
    W = np.array([[0.5], [0.5], [1.0]])
    found = tied_parts(X, seen, W, np.zeros(1), np.zeros(3))
    assert found is not None, "The function returns nothing yet."
    encoder, decoder = found
    decoder, encoder = np.ravel(decoder), np.ravel(encoder)
    assert decoder[2] == 0, "Item 2 was not seen. What is its error?"
    assert np.allclose(decoder, [-7.5, -1.5, 0]), (
        "The code is 3, the errors are -2.5 and -.5. Which slope has a square?"
    )
    assert np.allclose(encoder, [-6, -3, 0]), (
        "How much does the loss change with the code? The code with W?"
    )


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_the_sum_is_the_slope(tied_parts):
    import numpy as np

    rng = np.random.default_rng(1)
    seen = rng.random((6, 5)) < 0.6
    X = seen * rng.integers(1, 6, (6, 5))
    W, b, c = rng.normal(size=(5, 2)), rng.normal(size=2), rng.normal(size=5)

    def loss(W):
        return (((X @ W + b) @ W.T + c - X)[seen] ** 2).mean()

    total = np.add(*tied_parts(X, seen, W, b, c))
    for i in range(5):
        for k in range(2):
            step = np.zeros_like(W)
            step[i, k] = 1e-5
            right = (loss(W + step) - loss(W - step)) / 2e-5
            assert abs(total[i, k] - right) < 1e-4 * max(1, abs(right))


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_up_to_a_factor(tied_parts):
    import numpy as np

    X = np.array([[3.0, 0.0, 1.0], [0.0, 4.0, 2.0]])
    W, b, c = np.array([[0.5], [1.0], [-1.0]]), np.ones(1), np.zeros(3)
    parts = tied_parts(X, X != 0, W, b, c)
    found = np.concatenate([np.ravel(part) for part in parts])
    right = np.array([2.0625, 8, 4.6875, -1.6875, -1.5, -9.375])
    factor = (found @ right) / (right @ right)
    assert factor > 0 and np.allclose(found, factor * right)


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_each_part(tied_parts):
    import numpy as np
    import torch

    rng = np.random.default_rng(2)
    seen = rng.random((9, 7)) < 0.5
    X = seen * rng.integers(1, 6, (9, 7)).astype(float)
    W, b, c = rng.normal(size=(7, 3)), rng.normal(size=3), rng.normal(size=7)
    V, D = (torch.tensor(W, requires_grad=True) for _ in range(2))
    Z = torch.tensor(X) @ V + torch.tensor(b)
    error = (Z @ D.T + torch.tensor(c) - torch.tensor(X))[torch.tensor(seen)]
    (error**2).mean().backward()
    encoder, decoder = tied_parts(X, seen, W, b, c)
    assert np.allclose(encoder, V.grad.numpy())
    assert np.allclose(decoder, D.grad.numpy())


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_zero_is_a_rating(tied_parts):
    import numpy as np

    X = np.array([[2.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    seen = np.array([[True, True, True], [False, True, True]])
    W, b = np.array([[1.0], [-1.0], [0.5]]), np.array([0.5])
    encoder, decoder = tied_parts(X, seen, W, b, np.array([0.1, 0.2, 0.3]))
    right = [2.44, 0.13, -1.22], [0.08, -1.38, 1.83]
    assert np.allclose(np.ravel(encoder), right[0])
    assert np.allclose(np.ravel(decoder), right[1])


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
# Kuchaiev and Ginsburg apply the activation in the last layer as well, so that
# it must be able to *write* a rating. Which of the values that are asked of it
# can the last layer reach exactly, with some finite input? (On paper: a computer
# rounds.) Write `"all"`, `"some"` or `"none"`. The ratings are the whole stars 1
# to 5; *centred* means that 3 was taken off, *scaled* that the result was then
# divided by 2. Without a suffix: the stars as they are.
#
# SELU is $1.0507\,x$ above 0 and $1.7581\,(e^x - 1)$ below; leaky ReLU is $x$
# above and $x/100$ below.

# %% [raw]
# # BEGIN SOLUTION

# %%
# BEGIN SOLUTION NO PROMPT
reaches = {
    "sigmoid": "none",
    "relu": "all",
    "selu, centred": "some",
    "leaky relu, centred": "all",
    "tanh": "none",
    "tanh, scaled": "some",
}
# END SOLUTION
""" # BEGIN PROMPT
reaches = {
    "sigmoid": ...,
    "relu": ...,
    "selu, centred": ...,
    "leaky relu, centred": ...,
    "tanh": ...,
    "tanh, scaled": ...,
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


def test_six_answers(reaches):
    assert len(reaches) == 6, "Six last layers, six answers."
    assert set(reaches.values()) <= {"all", "some", "none"}, (
        "Only all, some or none, please."
    )


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_stars(reaches):
    assert reaches["sigmoid"] == "none" and reaches["relu"] == "all"


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_negative_parts(reaches):
    assert reaches["selu, centred"] == "some"
    assert reaches["leaky relu, centred"] == "all"


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_two_bounds(reaches):
    assert reaches["tanh"] == "none" and reaches["tanh, scaled"] == "some"


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q4
# points: 5

# %% [markdown]
# ## Question 4 · ◆◆◆ · derive and check · 5 points
#
# Dropout on the code of one user: each unit $z_k$ is set to zero with
# probability $0 \le p < 1$, each for itself, and otherwise divided by $1 - p$. A
# linear decoder with offsets $c_i$ then writes $\hat r_i = \sum_k D_{ik}
# \tilde z_k + c_i$. Derive the expectation, over all that dropout may do, of the
# squared errors summed over the items that the user has rated. A formula is
# wanted; a mean over random draws is too inexact. What does dropout add to the
# loss without dropout?
#
# Kuchaiev and Ginsburg drop units of the code alone, the report on its whole
# encoder, and with a lower probability. A path from input to output uses one
# unit of each layer. Somebody drops units of the code alone with probability
# `my_p`. Assume that instead all `my_layers` layers of the encoder, the code
# included, drop with the same probability. Which one keeps the same share of
# the paths?

# %%
my_p, my_layers = draw(
    "paths", [(0.8, 4), (0.5, 3), (0.7, 5), (0.9, 3), (0.6, 2)]
)
print(f"your p is {my_p}, your encoder has {my_layers} layers")

# %% [raw]
# # BEGIN SOLUTION


# %%
def dropout_loss(z, D, c, r, rated, p):
    """Expected sum of squared errors, a float.

    ``z`` has K numbers, ``D`` is items x K; ``c``, ``r`` and ``rated`` (bool)
    have one value for each item. Where it is not rated, ``r`` is any number.
    """
    # BEGIN SOLUTION
    error = D @ z + c - r
    spread = p / (1 - p) * (np.square(D) @ np.square(z))
    return float((np.square(error) + spread)[rated].sum())
    # END SOLUTION


same_paths = 1 - (1 - my_p) ** (1 / my_layers)  # SOLUTION

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_one_unit(dropout_loss):
    import numpy as np

    z, D, c = np.array([2.0]), np.array([[1.0], [3.0]]), np.array([1.0, 0.0])
    r, rated = np.array([4.0, 9.0]), np.array([True, False])
    found = dropout_loss(z, D, c, r, rated, 0.0)
    assert found is not None, "The function returns nothing yet."
    assert abs(found - 1) < 1e-9, "Nothing is dropped, one item is rated."
    found = dropout_loss(z, D, c, r, rated, 0.5)
    assert abs(found - 5) < 1e-9, (
        "The unit is 0 or 4, each half of the time: which errors has item 0?"
    )


# %%
""" # BEGIN TEST CONFIG
points: 0
"""  # END TEST CONFIG


def test_a_probability(same_paths):
    assert same_paths is not ..., "Compute the probability, too."
    assert 0 < float(same_paths) < 1, "A probability lies between 0 and 1."


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_all_masks(dropout_loss):
    from itertools import product

    import numpy as np

    rng = np.random.default_rng(4)
    for p in (0.2, 0.65):
        z, D, c = (
            rng.normal(size=5),
            rng.normal(size=(8, 5)),
            rng.normal(size=8),
        )
        r, rated = rng.integers(1, 6, 8), np.ones(8, dtype=bool)
        right = 0.0
        for mask in product([0, 1], repeat=5):
            chance = np.prod([1 - p if kept else p for kept in mask])
            out = D @ (np.array(mask) * z / (1 - p)) + c
            right += chance * ((out - r) ** 2).sum()
        assert abs(dropout_loss(z, D, c, r, rated, p) - right) < 1e-8 * right


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_rated_items_only(dropout_loss):
    import numpy as np

    z, c = np.array([1.0, -2.0]), np.array([3.0, 3.0, 3.0])
    D = np.array([[1.0, 0.5], [4.0, 1.0], [0.0, 1.0]])
    r, rated = np.array([3.0, 1.0, 5.0]), np.array([True, False, True])
    assert abs(dropout_loss(z, D, c, r, rated, 0.2) - 17.5) < 1e-9


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_paths(student, same_paths):
    import hashlib

    name = " ".join(str(student).lower().split())
    digest = hashlib.sha256(f"{name}/paths".encode()).digest()
    options = [(0.8, 4), (0.5, 3), (0.7, 5), (0.9, 3), (0.6, 2)]
    p, layers = options[int.from_bytes(digest[:8], "big") % len(options)]
    right = 1 - (1 - p) ** (1 / layers)
    assert abs(float(same_paths) - right) < 1e-3


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
# One training step with dense re-feeding, as in the authors' program. `model`
# is a torch module that maps dense rows to dense rows, `optimizer` one of
# torch's. A 0 in `x` means that there is no rating; at least one rating is there.
#
# 1. *The ratings.* Feed `x`. The loss is the mean squared error of the ratings
#    of the batch. Update the weights.
# 2. *Re-feeding*, `refeeds` times. What the network put out in the last pass,
#    held constant, becomes input **and** target. The loss is the mean squared
#    error over *all* cells. Update the weights.
#
# So the row that is fed again is what came out *before* the weights were last
# updated; it is not computed anew. The model may hold gradients of earlier steps:
# they do not count.

# %% [raw]
# # BEGIN SOLUTION


# %%
def train_step(model, optimizer, x, refeeds):
    """The losses of the 1 + refeeds passes, in order, as a list of floats.

    ``x`` is float32 [users, items]; the weights of ``model`` are changed.
    """
    # BEGIN SOLUTION
    losses, fed, wanted = [], x, x != 0
    for _ in range(1 + refeeds):
        out = model(fed)
        loss = ((out - fed)[wanted] ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        fed = out.detach()
        wanted = torch.ones_like(fed, dtype=torch.bool)
    return losses
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_by_hand(train_step):
    import torch

    halve = torch.nn.Linear(3, 3, bias=False)
    with torch.no_grad():
        halve.weight.copy_(0.5 * torch.eye(3))
    frozen = torch.optim.SGD(halve.parameters(), lr=0.0)
    x = torch.tensor([[4.0, 0.0, 2.0]])
    losses = train_step(halve, frozen, x, 1)
    assert losses is not None, "The function returns nothing yet."
    assert len(losses) == 2, "One loss for the ratings, one for each re-feed."
    assert abs(losses[0] - 2.5) < 1e-5, "Two ratings, errors of 2 and 1."
    assert abs(losses[1] - 0.416667) < 1e-5, (
        "(2, 0, 1) is fed, (1, 0, .5) comes out. How many cells are there?"
    )


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_without_refeeding(train_step):
    import torch

    W = torch.tensor([[0.3, -0.2, 0.1], [0.5, 0.4, -0.1], [0.0, 0.2, 0.6]])
    model = torch.nn.Linear(3, 3, bias=False)
    with torch.no_grad():
        model.weight.copy_(W)
    model.weight.grad = torch.full((3, 3), 7.0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x = torch.tensor([[4.0, 0.0, 2.0], [0.0, 5.0, 1.0]])
    losses = train_step(model, optimizer, x, 0)
    error = (x != 0) * (x @ W.T - x)
    assert len(losses) == 1
    assert abs(losses[0] - (error**2).sum().item() / 4) < 1e-4
    right = W - 0.1 * 2 * error.T @ x / 4
    assert torch.allclose(model.weight.detach(), right, atol=1e-5)


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_one_refeed(train_step):
    import torch

    W = torch.tensor([[0.3, -0.2, 0.1], [0.5, 0.4, -0.1], [0.0, 0.2, 0.6]])
    model = torch.nn.Linear(3, 3, bias=False)
    with torch.no_grad():
        model.weight.copy_(W)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
    x = torch.tensor([[4.0, 0.0, 2.0], [0.0, 5.0, 1.0]])
    train_step(model, optimizer, x, 1)
    y = x @ W.T
    error = (x != 0) * (y - x)
    W = W - 0.02 * 2 * error.T @ x / 4
    W = W - 0.02 * 2 * (y @ W.T - y).T @ y / 6
    assert torch.allclose(model.weight.detach(), W, atol=1e-5)


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_two_refeeds(train_step):
    import torch

    W = torch.tensor([[0.6, 0.3], [-0.4, 0.9]])
    model = torch.nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        model.weight.copy_(W)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03)
    x = torch.tensor([[3.0, 5.0], [0.0, 2.0], [4.0, 1.0]])
    losses = train_step(model, optimizer, x, 2)
    fed, wanted = x, (x != 0).float()
    for loss in losses:
        y = fed @ W.T
        error = wanted * (y - fed)
        assert abs(loss - (error**2).sum() / wanted.sum()) < 1e-4
        W = W - 0.03 * 2 * error.T @ fed / wanted.sum()
        fed, wanted = y, torch.ones(3, 2)
    assert len(losses) == 3
    assert torch.allclose(model.weight.detach(), W, atol=1e-5)


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q6
# points: 3

# %% [markdown]
# ## Question 6 · ◆◆ · predict · 3 points
#
# Why re-feed? If $y = f(x)$ is all that a user thinks of all films, then the
# network should say the same when it is told $y$: a good $f$ has $f(y) = y$. Is
# such an $f$ good? For each $f$ below decide whether the re-feeding loss,
# $\lVert f(y) - y \rVert^2$ with $y = f(x)$, is zero for **every** row $x$
# (`True`) or not (`False`). Decide first.
#
# - `copy`: $f(x) = x$, the zeros of missing ratings included.
# - `constant`: the mean rating of each film, whoever asks.
# - `halfway`: the mean of $x$ and the mean rating of each film.
# - `projection`: $f(x) = x W W^\top$, the columns of $W$ orthonormal.
# - `longer`: the same with $1.2\,W$ in place of $W$.
# - `untied`: $f(x) = x V D^\top$ with $D^\top V = I$, but $V \ne D$.
# - `mirror`: $f(x) = 6 - x$, which likes what you do not.

# %% [raw]
# # BEGIN SOLUTION

# %%
# BEGIN SOLUTION NO PROMPT
no_loss = {
    "copy": True,
    "constant": True,
    "halfway": False,
    "projection": True,
    "longer": False,
    "untied": True,
    "mirror": False,
}
# END SOLUTION
""" # BEGIN PROMPT
no_loss = {
    "copy": ...,
    "constant": ...,
    "halfway": ...,
    "projection": ...,
    "longer": ...,
    "untied": ...,
    "mirror": ...,
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


def test_seven_answers(no_loss):
    assert len(no_loss) == 7, "Seven networks, seven answers."
    assert all(answer in (True, False) for answer in no_loss.values()), (
        "Only True or False, please."
    )


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_useless_networks(no_loss):
    right = {"copy": True, "constant": True, "mirror": False}
    assert all(no_loss[name] == right[name] for name in right)


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_tied_weights(no_loss):
    right = {"projection": True, "longer": False}
    assert all(no_loss[name] == right[name] for name in right)


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_not_tied(no_loss):
    right = {"untied": True, "halfway": False}
    assert all(no_loss[name] == right[name] for name in right)


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q7
# points: 4

# %% [markdown]
# ## Question 7 · ◆◆ · derive and check · 4 points
#
# What does re-feeding cost? Count the multiplications for one user with `n`
# ratings in an update without and with one re-feed. The rules:
#
# - A layer from $a$ to $b$ units takes $ab$ multiplications. Offsets, activations,
#   the loss and the optimiser take none.
# - The backward pass takes twice as many as the forward pass before it.
# - A *dense* program computes with all `items` inputs and all `items` outputs.
# - A *sparse* program reads only the `n` ratings in its first layer, and in its
#   last computes only the `n` outputs that the loss of the ratings needs.
# - A row that is fed again is dense, in either program, at both ends.
# - The row to feed, $y = f(x)$: a dense program has it from the ordinary update.
#   A sparse program needs one more forward pass for it, without a backward pass,
#   from the `n` ratings to all outputs.
#
# `hidden` lists the widths of the encoder as in question 1; the decoder mirrors
# it. Then take your `hidden`, 9,724 films and 165 ratings: by which factor does
# one re-feed make an update of the *sparse* program dearer?

# %%
my_hidden = draw("cost", [[128], [200, 50], [64, 256], [128, 256, 256], [500]])
print(f"your hidden is {my_hidden}")

# %% [raw]
# # BEGIN SOLUTION


# %%
def multiplications(items, hidden, n, refeed, sparse):
    """Of one update for one user, an int; ``refeed`` and ``sparse`` are bool."""
    # BEGIN SOLUTION
    inner = sum(a * b for a, b in zip(hidden, hidden[1:], strict=False))

    def forward(inputs, outputs):
        return inputs * hidden[0] + 2 * inner + outputs * hidden[0]

    read = n if sparse else items
    total = 3 * forward(read, read)
    if refeed:
        total += 3 * forward(items, items)
        total += forward(n, items) if sparse else 0
    return total
    # END SOLUTION


# BEGIN SOLUTION NO PROMPT
with_it, without = (
    multiplications(9724, my_hidden, 165, refeed, True)
    for refeed in (True, False)
)
factor = with_it / without
# END SOLUTION
""" # BEGIN PROMPT
factor = ...
"""  # END PROMPT

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_ten_films(multiplications):
    plain = multiplications(10, [4], 3, False, False)
    assert plain is not None, "The function returns nothing yet."
    assert plain != 80, "Those are two layers forward. What of the way back?"
    assert plain == 240, "Two layers of 40, forward and backward."
    plain = multiplications(10, [4], 3, False, True)
    assert plain == 72, "Three inputs and three outputs, four units."
    both = multiplications(10, [4], 3, True, True)
    assert both != 312, "Where does the row that is fed again come from?"
    assert both == 364, "An update, the row to feed, and a dense update."


# %%
""" # BEGIN TEST CONFIG
points: 0
"""  # END TEST CONFIG


def test_dearer(factor):
    assert factor is not ..., "Compute the factor, too."
    assert 2 < float(factor) < 1000, "A dense update comes on top of a sparse."


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_dense(multiplications):
    assert multiplications(50, [8, 3], 6, False, False) == 2544
    assert multiplications(50, [8, 3], 6, True, False) == 5088
    assert multiplications(40, [5, 6, 2], 9, True, False) == 2904


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_sparse(multiplications):
    assert multiplications(50, [8, 3], 6, False, True) == 432
    assert multiplications(50, [8, 3], 6, True, True) == 3472
    assert multiplications(40, [5, 6, 2], 9, True, True) == 2303


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_factor(student, factor):
    import hashlib

    name = " ".join(str(student).lower().split())
    digest = hashlib.sha256(f"{name}/cost".encode()).digest()
    options = [[128], [200, 50], [64, 256], [128, 256, 256], [500]]
    hidden = options[int.from_bytes(digest[:8], "big") % len(options)]
    inner = sum(a * b for a, b in zip(hidden, hidden[1:], strict=False))
    ends = [330, 9889, 19448]
    plain, once, dense = (hidden[0] * both + 2 * inner for both in ends)
    right = (3 * plain + once + 3 * dense) / (3 * plain)
    assert abs(float(factor) - right) < 0.005 * right


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# The next question is about this figure. A deep network (32, 64, 64) with and
# without one re-feed for each batch, at two learning rates; everything else is
# the same. The grey line is the bias model. It takes some seconds.

# %%
ratings = datasets.load("ml-latest-small").with_min_count(item=20)
split = splits.hold_out(ratings, test=0.1, seed=0)


def held_out_error(model):
    errors = evaluation.rating_errors(model, split.test, clip=ratings.scale)
    return {"rmse": errors["rmse"]}


curves = {}
for lr in (0.002, 0.005):
    for refeeds in (0, 1):
        history = training.fit(
            DeepAutoencoder([32, 64, 64], refeeds=refeeds, scale=ratings.scale),
            split.train,
            epochs=12,
            batch_size=32,
            optimizer="sgd",
            lr=lr,
            optimizer_options={"momentum": 0.9},
            watch=held_out_error,
        )
        name = f"lr {lr}" + ", re-feeding" * refeeds
        curves[name] = history.table["rmse"]
curves = pd.DataFrame(curves)
biases = Biases(5.0)
training.fit(biases, split.train)
curves.plot(style=["--", "-"] * 2, color=["C0", "C0", "C1", "C1"])
plt.axhline(held_out_error(biases)["rmse"], color="grey", label="biases")
plt.legend()
plt.ylim(0.82, 1.4)
plt.xlabel("epoch")
plt.ylabel("RMSE of held-out ratings")
plt.show()
curves.loc[[3, 5, 6, 10, 12]].round(3)

# %% [raw]
# # BEGIN QUESTION
# name: q8
# points: 4
# manual: true

# %% [markdown]
# ## Question 8 · ◆◆◆ · explain · 4 points, graded by hand
#
# Somebody reads the figure so: "At both learning rates the solid curve ends
# below the dashed one, so the re-fed rows teach the network something about the
# films that the ratings alone do not." Explain the order of the four curves in
# another way, and show with numbers from the table why yours fits. Which one
# training would you add to the figure to decide between the two explanations?
# What does the grey line add, and why should nobody conclude much from this
# figure either way? Six to ten sentences.

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# A network with one re-feed makes *two* updates for each batch, so at the same
# epoch it has made twice as many. No rating enters the second one: it knows only
# what the network itself said. At equal numbers of updates, epoch 6 with against
# epoch 12 without, the order is turned around: about 1.02 against .93 at the
# lower rate, and .91 against .90 at the higher. The higher rate alone, without
# re-feeding, brings more at epoch 12 than re-feeding brings at the lower. Both
# suggest that these curves have not arrived, and that whatever makes them move
# faster wins at epoch 12. To decide, train without re-feeding for 24 epochs: if
# that curve at epoch 24 is at or below the solid one at epoch 12, updates explain
# it. (Training until nothing improves on validation ratings, each with its own
# best learning rate, does as well.) The grey line says that all four lose to a
# model with one number for each user and film, about .84: these are unfinished
# or weak networks. And there is one split and one seed, a single curve jumps by
# .06 from one epoch to the next, and all was read off the test ratings.
#
# **Rubric.** 1 point: twice as many updates at the same epoch, or an equivalent
# cause (longer steps), and that the re-fed loss contains no rating. 1 point:
# numbers at any equal numbers of updates (epochs 3 and 6, 5 and 10, 6 and 12), or
# the gain of the learning rate beside the gain of re-feeding (re-fed about .90 at
# the lower rate, not re-fed about .90 at the higher). 1 point: a control that
# separates the explanations: any with equal numbers of updates, at either rate,
# or all trained to the end with rates tuned for each. 1 point: both the baseline
# and the one split, seed or visible noise (half a point each).

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION
