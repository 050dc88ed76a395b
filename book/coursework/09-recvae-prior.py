# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [raw]
# # ASSIGNMENT CONFIG
# name: 09-recvae-prior
# init_cell: true
# check_all_cell: true
# export_cell:
#   pdf: false
#   run_tests: true
# tests:
#   ok_format: false

# %% [markdown]
# # Assignment 9: RecVAE's prior, and who moves when
#
# Goes with the chapter *RecVAE: four ideas around one bound*. Eight questions,
# 35 points, about two hours. Each question says its level (◆ check, ◆◆
# apply, ◆◆◆ research) and its kind. Replace every `...`. The cell below a
# question runs its visible checks, which give hints; hidden checks decide the
# points. No question needs the answer to another one.
#
# Write your name as your course knows it: one question draws its numbers from
# it, so that not everyone has the same.

# %%
student = ""  # between the quotes

# %%
import copy
import hashlib
import math

import numpy as np
import pandas as pd
import torch
from torch import nn

from reclib import datasets, losses, splits
from reclib.models import RecVAE


def draw(question, options):
    """One of the options, the same at each call, chosen by your name."""
    name = " ".join(str(student).lower().split())
    digest = hashlib.sha256(f"{name}/{question}".encode()).digest()
    return options[int.from_bytes(digest[:8], "big") % len(options)]


events = datasets.load("ml-latest-small").at_least(4).with_min_count(user=5)
split = splits.held_out_users(events, num_users=100)
print(split.fingerprint(), split.train)

if not student.strip():
    print("Write your name into the cell above, then run this one again.")

# %% [raw]
# # BEGIN QUESTION
# name: q1
# points: 5

# %% [markdown]
# ## Question 1 · ◆ · implement · 5 points
#
# The composite prior of one number $z$ of a user's code, where
# $\mathcal N(\mu, \sigma^2)$ is what the encoder of one cycle ago said of it:
#
# $$
# p(z) = \tfrac{3}{20}\, \mathcal N(z; 0, 1)
#      + \tfrac{3}{4}\, \mathcal N(z; \mu, \sigma^2)
#      + \tfrac{1}{10}\, \mathcal N(z; 0, e^{10}),
# $$
#
# the second parameter of $\mathcal N$ being a variance. Every number of the
# code has a mixture of its own. Return $\log p(z)$ for each. It has to be
# right, and a finite number, for any $z$ and $\mu$ between $-10^{100}$ and
# $10^{100}$ and any $\log \sigma^2$ between $-700$ and $700$. Warnings do no
# harm.

# %% [raw]
# # BEGIN SOLUTION


# %%
def log_prior(z, mu, logvar):
    """Log density of each number, float array [users, code].

    ``z``, ``mu`` and ``logvar`` (the log of the variance) are float64 NumPy
    arrays [users, code].
    """
    # BEGIN SOLUTION
    parts = [(0.15, 0.0, 0.0), (0.75, mu, logvar), (0.10, 0.0, 10.0)]
    logs = []
    for weight, mean, spread in parts:
        distance = (z - mean) ** 2 / np.exp(spread)
        density = -0.5 * (math.log(2 * math.pi) + spread + distance)
        logs.append(math.log(weight) + density)
    return np.logaddexp.reduce(logs, axis=0)
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_one_number(log_prior):
    import numpy as np

    one = np.ones((1, 1))
    found = np.asarray(log_prior(0 * one, 0 * one, 0 * one))
    assert found.shape == (1, 1), "One value for each number of the code."
    assert found[0, 0] < np.log(0.9 * 0.3989) + 0.01, (
        "The wide part is low everywhere: its highest density is 0.0027."
    )
    assert abs(np.exp(found[0, 0]) - 0.35932) < 1e-4, (
        "Add the three weighted densities at 0 by hand: two are equal."
    )
    found = np.asarray(log_prior(2 * one, 2 * one, np.log(0.25) * one))
    assert abs(np.exp(found[0, 0]) - 0.60678) < 1e-4, (
        "At its mean the old posterior, with standard deviation .5, has .798."
    )


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_three_parts(log_prior):
    import numpy as np
    from scipy.stats import norm

    z = np.linspace(-400, 400, 60).reshape(12, 5)
    mu, logvar = np.full(z.shape, 1.5), np.full(z.shape, 1.2)
    right = 0.15 * norm.pdf(z) + 0.1 * norm.pdf(z, 0, np.exp(5))
    right = right + 0.75 * norm.pdf(z, mu, np.exp(0.6))
    assert np.allclose(log_prior(z, mu, logvar), np.log(right), atol=1e-4)


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_each_number_chooses_for_itself(log_prior):
    import numpy as np

    z = np.array([[0.0, 100.0], [3.0, 4.0]])
    mu = np.array([[0.0, 0.0], [3.0, 3.0]])
    logvar = np.log(np.array([[1.0, 1.0], [0.01, 0.01]]))
    right = np.array([[-1.023550, -8.448523], [1.096276, -8.149838]])
    found = np.asarray(log_prior(z, mu, logvar))
    assert found.shape == (2, 2) and np.allclose(found, right, atol=1e-3)


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_far_out_and_sharp(log_prior):
    import numpy as np

    z = np.array([[1e5, -1e6, 40.0, 7.0]])
    mu = np.array([[0.0, 3.0, 40.0, 6.0]])
    logvar = np.array([[0.0, -3.0, -30.0, -30.0]])
    flat = np.log(0.1) - 0.5 * (np.log(2 * np.pi) + 10 + z**2 * np.exp(-10.0))
    right = flat[0].copy()
    right[2] = np.log(0.75) - 0.5 * np.log(2 * np.pi) + 15
    found = np.asarray(log_prior(z, mu, logvar))
    assert np.isfinite(found).all()
    assert np.allclose(found[0], right, rtol=1e-5, atol=1e-4)


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q2
# points: 3

# %% [markdown]
# ## Question 2 · ◆ · predict · 3 points
#
# What do the three parts of the mixture do, and what does sampling do? One
# number of a code, $q = \mathcal N(m, \sigma^2)$; the composite prior is that
# of question 1, with the old posterior named below. Does the quantity fall,
# stay or rise? A change by less than 0.1 is `"stays"`. Write `"falls"`,
# `"stays"` or `"rises"`. Decide first.
#
# - `far, fixed`: KL($q$ ‖ $\mathcal N(0,1)$) with $\sigma = .1$, when $m$ goes
#   from 5 to 50.
# - `far, composite`: KL($q$ ‖ $p$), old posterior equal to $q$ before and
#   after, $\sigma = .1$, when $m$ goes from 5 to 50.
# - `sharp, composite`: KL($q$ ‖ $p$), old posterior equal to $q$ before and
#   after, $m = 5$, when $\sigma$ goes from .1 to .01.
# - `exception`: KL($q$ ‖ $p$), old posterior $\mathcal N(0, .01)$,
#   $\sigma = .1$, when $m$ goes from 5 to 50.
# - `clamp`: the expectation of the one-sample estimate of
#   KL($\mathcal N(1, 1)$ ‖ $\mathcal N(0, 1)$), when negative estimates are set
#   to zero.
# - `ten samples`: the standard deviation of that estimate (not clamped), when
#   it is the mean over ten samples and not one.

# %% [raw]
# # BEGIN SOLUTION

# %%
# BEGIN SOLUTION NO PROMPT
quantity = {
    "far, fixed": "rises",
    "far, composite": "stays",
    "sharp, composite": "stays",
    "exception": "stays",
    "clamp": "rises",
    "ten samples": "falls",
}
# END SOLUTION
""" # BEGIN PROMPT
quantity = {
    "far, fixed": ...,
    "far, composite": ...,
    "sharp, composite": ...,
    "exception": ...,
    "clamp": ...,
    "ten samples": ...,
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


def test_six_words(quantity):
    words = {"falls", "stays", "rises"}
    assert len(quantity) == 6, "Six changes, six predictions."
    assert set(quantity.values()) <= words, "Only falls, stays or rises."


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_codes_that_stay(quantity):
    assert quantity["far, fixed"] == "rises"
    assert quantity["far, composite"] == "stays"


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_what_is_bounded(quantity):
    assert quantity["sharp, composite"] == "stays"
    assert quantity["exception"] == "stays"


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_samples(quantity):
    assert quantity["clamp"] == "rises"
    assert quantity["ten samples"] == "falls"


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q3
# points: 5

# %% [markdown]
# ## Question 3 · ◆◆ · derive and check · 5 points
#
# For a mixture the KL term has no closed form, so RecVAE estimates it from one
# sample of the code: $\log q(z) - \log p(z)$ with $z \sim q$. How noisy is
# that? Take the one case that can be solved, $q = \mathcal N(m, s^2)$ and
# $p = \mathcal N(0, 1)$. Derive the mean and the standard deviation of the
# estimate.
#
# Then a whole code: `numbers` independent numbers, all with the same `m` and
# `s`. A sample is now a draw of the whole code. What is the smallest number of
# samples whose mean has a standard error of at most 5 % of the code's
# divergence? Enter it as `samples`.

# %%
m, s, numbers = draw(
    "noise",
    [
        (0.10, 0.90, 200),
        (0.20, 0.80, 100),
        (0.15, 1.10, 64),
        (0.30, 0.90, 50),
        (0.10, 0.70, 128),
    ],
)
print(f"your m is {m}, your s is {s}, and your code has {numbers} numbers")

# %% [raw]
# # BEGIN SOLUTION


# %%
def kl_estimate(m, s):
    """A pair of floats: mean and standard deviation of one sample's estimate.

    One number of the code, with any ``m`` and any ``s`` above zero.
    """
    # BEGIN SOLUTION
    mean = 0.5 * (s**2 + m**2 - 1) - math.log(s)
    variance = (m * s) ** 2 + 0.5 * (s**2 - 1) ** 2
    return mean, math.sqrt(variance)
    # END SOLUTION


mean, sd = kl_estimate(m, s)  # SOLUTION NO PROMPT
samples = math.ceil((sd / (0.05 * mean)) ** 2 / numbers)  # SOLUTION

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_three_cases(kl_estimate):
    mean, sd = kl_estimate(0, 1)
    assert abs(mean) < 1e-9 and abs(sd) < 1e-9, "Here q is p. Any noise?"
    mean, sd = kl_estimate(2, 1)
    assert abs(mean - 2) < 1e-9, "With s = 1 the divergence is m squared / 2."
    assert abs(sd - 2) < 1e-9, (
        "Write z = m + s epsilon: which power of epsilon is left with s = 1?"
    )
    sd = kl_estimate(0, 2)[1]
    assert abs(sd - 2.12132) < 1e-5, (
        "And with m = 0? The square of epsilon has variance 2."
    )


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_mean(kl_estimate):
    import torch
    from torch.distributions import Normal, kl_divergence

    for m, s in [(0.5, 0.3), (-1.0, 2.0), (0.0, 0.1)]:
        right = kl_divergence(
            Normal(torch.tensor(m).double(), torch.tensor(s).double()),
            Normal(torch.tensor(0.0).double(), torch.tensor(1.0).double()),
        )
        assert abs(kl_estimate(m, s)[0] - right.item()) < 1e-6


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_standard_deviation(kl_estimate):
    import numpy as np
    from scipy.stats import norm

    eps = np.linspace(-10, 10, 40_001)
    weight = norm.pdf(eps) * (eps[1] - eps[0])
    for m, s in [(0.5, 0.3), (-1.0, 2.0), (0.0, 0.1), (1.5, 0.8)]:
        z = m + s * eps
        value = norm.logpdf(z, m, s) - norm.logpdf(z)
        mean = (weight * value).sum()
        right = np.sqrt((weight * (value - mean) ** 2).sum())
        assert abs(kl_estimate(m, s)[1] - right) < 1e-4


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_samples_for_a_code(student, samples):
    import hashlib
    import math

    name = " ".join(str(student).lower().split())
    digest = hashlib.sha256(f"{name}/noise".encode()).digest()
    m, s, numbers = [
        (0.10, 0.90, 200),
        (0.20, 0.80, 100),
        (0.15, 1.10, 64),
        (0.30, 0.90, 50),
        (0.10, 0.70, 128),
    ][int.from_bytes(digest[:8], "big") % 5]
    kl = numbers * ((s**2 + m**2 - 1) / 2 - math.log(s))
    variance = numbers * (m**2 * s**2 + (s**2 - 1) ** 2 / 2)
    assert int(samples) == samples == math.ceil(variance / (0.05 * kl) ** 2)


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
# The loss of a batch in an epoch of the encoder. $x_u$ is the complete row of
# zeros and ones of user $u$, $\tilde x_u$ what dropout has left of it (scaled
# as dropout does), $|X_u| = \sum_i x_{ui}$, and $\varepsilon_u$ a draw from
# $\mathcal N(0, I)$:
#
# $$
# \mathcal L = \frac1B \sum_{u=1}^{B} \Bigl[ -\sum_i x_{ui} \log \pi_i(z_u)
#   + \gamma\, |X_u| \sum_d \bigl( \log q_\phi(z_{ud} \mid \tilde x_u)
#   - \log p(z_{ud} \mid x_u) \bigr) \Bigr],
# \qquad z_u = \mu(\tilde x_u) + \sigma(\tilde x_u) \odot \varepsilon_u .
# $$
#
# The networks come as functions of float tensors:
#
# - `encode(rows)` gives $\mu$ and $\log \sigma^2$, each [users, code];
# - `decode(z)` gives logits [users, items], and $\pi$ is their softmax;
# - `log_prior(rows, z)` gives $\log p(z_{ud} \mid \text{rows}_u)$,
#   [users, code].
#
# `losses.log_normal(z, mu, logvar)` is the log density of a normal, number by
# number.

# %% [raw]
# # BEGIN SOLUTION


# %%
def recvae_loss(x, x_tilde, encode, decode, log_prior, eps, gamma):
    """A scalar tensor through which gradients can pass.

    ``x`` and ``x_tilde`` are [users, items], ``eps`` is [users, code].
    """
    # BEGIN SOLUTION
    mu, logvar = encode(x_tilde)
    z = mu + (0.5 * logvar).exp() * eps
    cost = -(x * decode(z).log_softmax(1)).sum(1)
    kl = (losses.log_normal(z, mu, logvar) - log_prior(x, z)).sum(1)
    return (cost + gamma * x.sum(1) * kl).mean()
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_one_user(recvae_loss):
    import math

    import torch

    def encode(rows):
        assert rows[0, 2] == 0, "What does the encoder read?"
        return torch.ones(1, 1), torch.full((1, 1), math.log(4.0))

    def standard(rows, z):
        return torch.distributions.Normal(0.0, 1.0).log_prob(z)

    x, x_tilde = torch.tensor([[[1.0, 1, 1, 0]], [[2.0, 0, 0, 0]]])
    found = recvae_loss(
        x, x_tilde, encode, lambda z: 0 * x, standard, torch.zeros(1, 1), 0.1
    )
    assert found is not None and found.ndim == 0, "One number for the batch."
    parts = 3 * math.log(4), 0.3 * (0.5 - math.log(2))
    assert abs(found.item() - parts[0]) > 1e-4, "Is the weight of the KL zero?"
    assert abs(found.item() - sum(parts)) < 1e-5, (
        "Three items of probability 1/4. And z is 1, the mean of q: what are "
        "log q and log p there, and how much does this user's KL weigh?"
    )


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_likelihood(recvae_loss):
    import torch

    torch.manual_seed(1)
    x = (torch.rand(6, 9) < 0.5).double()
    x_tilde = 2 * x * (torch.rand(6, 9) < 0.5)
    W, V = torch.randn(9, 4).double(), torch.randn(2, 9).double()
    eps = torch.randn(6, 2).double()

    def encode(rows):
        return (rows @ W).chunk(2, dim=1)

    def nothing(rows, z):
        return torch.zeros_like(z)

    mu, logvar = encode(x_tilde)
    pi = ((mu + (logvar / 2).exp() * eps) @ V).softmax(1)
    right = -(x * pi.log()).sum() / 6
    found = recvae_loss(x, x_tilde, encode, lambda z: z @ V, nothing, eps, 0.0)
    assert abs(found.item() - right.item()) < 1e-4


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_weight_of_each_user(recvae_loss):
    import math

    import torch

    x = torch.zeros(3, 8)
    x[0, :2] = x[1, :4] = x[2, :8] = 1
    x_tilde = 2 * x
    x_tilde[:, ::2] = 0
    zeros = torch.zeros(3, 2)
    scale = torch.tensor([[1.0], [10.0], [100.0]])
    found = recvae_loss(
        x,
        x_tilde,
        lambda rows: (zeros, zeros),
        lambda z: torch.zeros(3, 8),
        lambda rows, z: -scale.expand(3, 2),
        zeros,
        0.01,
    )
    log_q = -0.5 * math.log(2 * math.pi)
    each = [n * 2 * (log_q + s) for n, s in ((2, 1), (4, 10), (8, 100))]
    right = (14 * math.log(8) + 0.01 * sum(each)) / 3
    assert abs(found.item() - right) < 1e-4


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_sampled_divergence(recvae_loss):
    import torch

    torch.manual_seed(2)
    x = (torch.rand(7, 6) < 0.6).double()
    x_tilde = 2 * x * (torch.rand(7, 6) < 0.5)
    W, U = torch.randn(6, 6).double(), torch.randn(6, 3).double()
    V = torch.randn(3, 6).double()
    eps = torch.randn(7, 3).double()
    W.requires_grad_()

    def encode(rows):
        return (rows @ W).tanh().chunk(2, dim=1)

    def prior(rows, z):
        return torch.distributions.Normal(rows @ U, 1.0).log_prob(z) + shift

    for shift in (0.0, 4.0):  # with the second all estimates are negative
        e = eps / (1 + shift)
        mu, logvar = encode(x_tilde)
        z = mu + (logvar / 2).exp() * e
        log_q = torch.distributions.Normal(mu, (logvar / 2).exp()).log_prob(z)
        right = -(x * (z @ V).log_softmax(1)).sum(1)
        right = right + 0.3 * x.sum(1) * (log_q - prior(x, z)).sum(1)
        found = recvae_loss(x, x_tilde, encode, lambda z: z @ V, prior, e, 0.3)
        assert abs(found.item() - right.mean().item()) < 1e-4
        grads = [torch.autograd.grad(v, W)[0] for v in (found, right.mean())]
        assert torch.allclose(*grads, atol=1e-4)


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q5
# points: 4

# %% [markdown]
# ## Question 5 · ◆◆ · implement · 4 points
#
# The encoder up to its last hidden layer, with NumPy alone. $h_0$ is the row of
# zeros and ones, scaled to Euclidean length 1 (a row without items stays zero).
# Then for $l = 1, \dots, L$
#
# $$
# h_l = \mathrm{LN}\Bigl( \mathrm{swish}\Bigl( W_l h_{l-1} + b_l
#   + \sum_{1 \le j < l} h_j \Bigr) \Bigr), \qquad
# \mathrm{swish}(a) = \frac{a}{1 + e^{-a}}, \qquad
# \mathrm{LN}(a)_d = \frac{a_d - \bar a}{\sqrt{v + 0.1}},
# $$
#
# with the mean $\bar a$ and the variance $v = \frac1D \sum_d (a_d - \bar a)^2$
# over the $D$ units of one user. Note that $h_0$ is not in the sum. A warning
# of NumPy does no harm.

# %% [raw]
# # BEGIN SOLUTION


# %%
def dense_encoder(x, weights, biases):
    """The last layer $h_L$, float array [users, units].

    ``x`` [users, items]; ``weights`` is a list of arrays, the first
    [units, items], the others [units, units]; ``biases`` of arrays [units].
    """
    # BEGIN SOLUTION
    length = np.sqrt((x**2).sum(axis=1, keepdims=True))
    h, total = x / np.where(length > 0, length, 1), 0.0
    for W, b in zip(weights, biases, strict=True):
        a = h @ W.T + b + total
        a = a / (1 + np.exp(-a))
        spread = np.sqrt(a.var(axis=1, keepdims=True) + 0.1)
        h = (a - a.mean(axis=1, keepdims=True)) / spread
        total = total + h
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


def test_one_layer(dense_encoder):
    import numpy as np

    x, W = np.array([[1.0, 1, 1, 1, 0]]), np.eye(2, 5) * 2
    h = np.asarray(dense_encoder(x, [W], [np.array([1.0, -1.0])]))
    assert h.shape == (1, 2), "One row a user, one column a unit."
    assert abs(h.sum()) < 1e-9, "LN: the mean over the units of a user is 0."
    assert abs(h[0, 0] - 0.941179) < 1e-5, (
        "By hand: the row has length 2, so the units get 2 and 0, and swish(2) "
        "= 1.7616. Their variance is 0.7758."
    )


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_two_layers(dense_encoder):
    import numpy as np
    import torch
    from torch.nn.functional import layer_norm, normalize, silu

    torch.manual_seed(0)
    x = (torch.rand(5, 8) < 0.4).double()
    x[:, 0] = 1
    W1, W2 = torch.randn(3, 8).double(), torch.randn(3, 3).double()
    b1, b2 = torch.randn(3).double(), torch.randn(3).double()
    h = silu(normalize(x) @ W1.T + b1)
    h = layer_norm(h, (3,), eps=0.1)
    h = layer_norm(silu(h @ W2.T + b2 + h), (3,), eps=0.1)
    arrays = [each.numpy() for each in (x, W1, W2, b1, b2)]
    x, W1, W2, b1, b2 = arrays
    found = dense_encoder(x, [W1, W2], [b1, b2])
    assert np.allclose(found, h.numpy(), atol=1e-4)


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_dense_connections(dense_encoder):
    import numpy as np
    import torch

    from reclib.interactions import Interactions
    from reclib.models import RecVAE

    rng = np.random.default_rng(3)
    x = (rng.random((6, 20)) < 0.3).astype(float)
    x[:, 5] = 1
    X = Interactions.from_coo(*np.nonzero(x), shape=x.shape)
    torch.manual_seed(4)
    model = RecVAE(8, 3)
    model.build(X)
    with torch.no_grad():
        for parameter in model.encoder.layers.parameters():
            parameter.mul_(3)
        mu = model.encode(X).numpy()
    parts = model.encoder
    weights = [parts.first.detach().numpy().T]
    weights += [layer.weight.detach().numpy() for layer in parts.layers]
    biases = [parts.first_bias.detach().numpy()]
    biases += [layer.bias.detach().numpy() for layer in parts.layers]
    h = np.asarray(dense_encoder(x, weights, biases))
    out = parts.out.weight.detach().numpy()[:3]
    found = h @ out.T + parts.out.bias.detach().numpy()[:3]
    assert np.allclose(found, mu, atol=1e-4)


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_a_row_without_items(dense_encoder):
    import numpy as np

    rng = np.random.default_rng(5)
    x = np.zeros((3, 6))
    x[1, [0, 4]] = 1
    weights = [rng.standard_normal((4, 6)), rng.standard_normal((4, 4))]
    biases = [rng.standard_normal(4), rng.standard_normal(4)]
    found = np.asarray(dense_encoder(x, weights, biases))
    alone = np.asarray(dense_encoder(x[1:2], weights, biases))
    assert np.isfinite(found).all()
    assert np.allclose(found[0], found[2]) and np.allclose(found[1], alone[0])
    h = biases[0] / (1 + np.exp(-biases[0]))
    h = (h - h.mean()) / np.sqrt(h.var() + 0.1)
    assert np.allclose(dense_encoder(x, weights[:1], biases[:1])[0], h)


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# The next question trains encoder and decoder in turn. A toy to try it on has
# the three parts of RecVAE's skeleton: an encoder, its old self, which is not
# trained, and a decoder. Its `loss` takes a batch and a rate of dropout, and
# pulls the codes towards the old ones.


# %%
class Toy(nn.Module):
    """Four items, a code of two numbers; dropout only scales, for clarity."""

    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = nn.Linear(4, 2), nn.Linear(2, 4)
        self.old = copy.deepcopy(self.encoder).requires_grad_(False)

    def loss(self, batch, dropout):
        z = self.encoder(batch * (1 - dropout))
        moved = (z - self.old(batch)).square().mean()
        return (self.decoder(z) - batch).square().mean() + moved


def shared_optimiser(model):
    parts = [*model.encoder.parameters(), *model.decoder.parameters()]
    return torch.optim.Adam(parts, lr=0.05, weight_decay=0.01)


# %% [raw]
# # BEGIN QUESTION
# name: q6
# points: 5

# %% [markdown]
# ## Question 6 · ◆◆ · implement · 5 points
#
# One cycle of RecVAE's training: three epochs of the encoder with dropout .5;
# then the old encoder gets a copy of the encoder's weights; then one epoch of
# the decoder without dropout. An epoch is an update for each batch, in their
# order.
#
# There is **one** Adam for the weights of both parts. Nobody may move out of
# turn, not even by a last digit; what Adam remembers of a part must be there
# when its turn comes again. Your function will be called again for the next
# cycle, so try it on the toy for more than one. Which gradients it leaves
# behind, and whether `requires_grad` is as it was, does not matter.

# %% [raw]
# # BEGIN SOLUTION


# %%
def cycle(model, batches, optimiser):
    """Train ``model`` for one cycle, in place.

    ``model`` has the modules ``encoder``, ``old`` and ``decoder``, and
    ``loss(batch, dropout)``; ``batches`` is a list.
    """
    # BEGIN SOLUTION
    for epoch in range(4):
        decoding = epoch == 3
        if decoding:
            model.old.load_state_dict(model.encoder.state_dict())
        model.encoder.requires_grad_(not decoding)
        model.decoder.requires_grad_(decoding)
        for batch in batches:
            optimiser.zero_grad(set_to_none=True)
            model.loss(batch, 0.0 if decoding else 0.5).backward()
            optimiser.step()
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_epochs_and_dropout(cycle):
    import copy

    import torch
    from torch import nn

    class Recorder(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder, self.decoder = nn.Linear(3, 2), nn.Linear(2, 3)
            self.old = copy.deepcopy(self.encoder).requires_grad_(False)
            self.calls = []

        def loss(self, batch, dropout):
            self.calls.append((batch[0, 0].item(), dropout))
            z = self.encoder(batch)
            return (self.decoder(z) - batch + self.old(batch).sum()).sum()

    torch.manual_seed(0)
    model = Recorder()
    parts = [*model.encoder.parameters(), *model.decoder.parameters()]
    optimiser = torch.optim.Adam(parts, lr=0.01)
    batches = [torch.full((2, 3), value) for value in (1.0, 2.0)]
    cycle(model, batches, optimiser)
    assert len(model.calls) == 8, "Four epochs of two batches: eight updates."
    rates = [rate for _, rate in model.calls]
    assert rates[:6] == [0.5] * 6, "Dropout .5 while the encoder is trained."
    assert rates[6:] == [0] * 2, "And what does the decoder learn from?"
    assert [b for b, _ in model.calls] == [1, 2] * 4, "In their order."


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_nobody_moves_out_of_turn(cycle):
    import copy

    import torch
    from torch import nn

    class Watched(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder, self.decoder = nn.Linear(4, 2), nn.Linear(2, 4)
            self.old = copy.deepcopy(self.encoder).requires_grad_(False)
            self.seen = []

        def note(self):
            parts = (self.encoder, self.decoder)
            self.seen.append([part.weight.detach().clone() for part in parts])

        def loss(self, batch, dropout):
            self.note()
            z = self.encoder(batch * (1 - dropout))
            moved = (z - self.old(batch)).square().mean()
            return (self.decoder(z) - batch).square().mean() + moved

    torch.manual_seed(1)
    model = Watched()
    parts = [*model.encoder.parameters(), *model.decoder.parameters()]
    optimiser = torch.optim.Adam(parts, lr=0.05, weight_decay=0.01)
    batches = list(torch.rand(3, 5, 4))
    for _ in range(3):
        cycle(model, batches, optimiser)
    model.note()
    assert len(model.seen) == 37
    for step in range(36):
        decoding = step % 12 >= 9
        (encoder, decoder), after = model.seen[step], model.seen[step + 1]
        assert torch.equal(encoder, after[0]) == decoding
        assert torch.equal(decoder, after[1]) != decoding


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_the_old_encoder(cycle):
    import copy

    import torch
    from torch import nn

    class Watched(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder, self.decoder = nn.Linear(4, 2), nn.Linear(2, 4)
            self.old = copy.deepcopy(self.encoder).requires_grad_(False)
            self.rates, self.olds = [], []

        def loss(self, batch, dropout):
            self.rates.append(dropout)
            self.olds.append(self.old.weight.detach().clone())
            z = self.encoder(batch * (1 - dropout))
            moved = (z - self.old(batch)).square().mean()
            return (self.decoder(z) - batch).square().mean() + moved

    torch.manual_seed(2)
    model = Watched()
    parts = [*model.encoder.parameters(), *model.decoder.parameters()]
    optimiser = torch.optim.Adam(parts, lr=0.05)
    batches = list(torch.rand(2, 5, 4))
    for _ in range(2):
        before = model.old.weight.detach().clone()
        model.olds.clear()
        cycle(model, batches, optimiser)
        assert len(model.olds) >= 6
        assert all(torch.equal(w, before) for w in model.olds[:6])
        assert not torch.equal(model.old.weight, before)
        assert torch.equal(model.old.weight, model.encoder.weight)
        assert torch.equal(model.old.bias, model.encoder.bias)
    assert model.old.weight is not model.encoder.weight


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_the_same_weights_as_with_two_optimisers(cycle):
    import copy

    import torch
    from torch import nn

    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder, self.decoder = nn.Linear(4, 2), nn.Linear(2, 4)
            self.old = copy.deepcopy(self.encoder).requires_grad_(False)

        def loss(self, batch, dropout):
            z = self.encoder(batch * (1 - dropout))
            moved = (z - self.old(batch)).square().mean()
            return (self.decoder(z) - batch).square().mean() + moved

    torch.manual_seed(3)
    model = Plain()
    twin = copy.deepcopy(model)
    parts = [*model.encoder.parameters(), *model.decoder.parameters()]
    shared = torch.optim.Adam(parts, lr=0.05, weight_decay=0.01)
    two = [
        torch.optim.Adam(part.parameters(), lr=0.05, weight_decay=0.01)
        for part in (twin.encoder, twin.decoder)
    ]
    batches = list(torch.rand(3, 5, 4))
    for _ in range(3):
        cycle(model, batches, shared)
        for epoch in range(4):
            if epoch == 3:
                twin.old.load_state_dict(twin.encoder.state_dict())
            for batch in batches:
                twin.zero_grad()
                twin.loss(batch, 0.5 * (epoch < 3)).backward()
                two[epoch == 3].step()
    pairs = zip(model.parameters(), twin.parameters(), strict=True)
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in pairs)


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q7
# points: 4

# %% [markdown]
# ## Question 7 · ◆◆◆ · derive and check · 4 points
#
# What goes wrong with a shared optimiser if one "freezes" a part by setting its
# gradients to zero? Adam with step counter $t$ does
#
# $$
# m_t = \beta_1 m_{t-1} + (1 - \beta_1)\, g_t, \quad
# v_t = \beta_2 v_{t-1} + (1 - \beta_2)\, g_t^2, \quad
# w_t = w_{t-1} - \eta\,
#   \frac{m_t / (1 - \beta_1^t)}{\sqrt{v_t / (1 - \beta_2^t)}}
# $$
#
# (its $\epsilon$ is left out). A weight had $n \ge 1$ updates from a fresh
# start, all with the same gradient $g \ne 0$. Then its part is "frozen": $k$
# updates with $g_t = 0$, at most 500. Derive how far it moves in these $k$
# updates; $g$ drops out. Return the distance, a number not below zero; $\eta$
# is the learning rate `lr`.

# %% [raw]
# # BEGIN SOLUTION


# %%
def rolls_on(n, k, lr, beta1=0.9, beta2=0.999):
    """Distance that the weight moves while it is thought to be frozen."""
    # BEGIN SOLUTION
    distance = 0.0
    for j in range(1, k + 1):
        m = beta1**j * (1 - beta1**n) / (1 - beta1 ** (n + j))
        v = beta2**j * (1 - beta2**n) / (1 - beta2 ** (n + j))
        distance += lr * m / math.sqrt(v)
    return distance
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_one_update(rolls_on):
    assert abs(rolls_on(5, 0, 0.1)) < 1e-12, "No update, no movement."
    assert 0 < rolls_on(1_000, 1, 0.1) < 0.1, "Less than with a gradient."
    found = rolls_on(1, 1, 1.0, 0.5, 0.5)
    assert abs(found - 0.57735) < 1e-4, (
        "m: 1/2, then 1/4. Divided by 1 - 1/4 it is 1/3. And v?"
    )


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_after_a_long_training(rolls_on):
    ratio = 0.9 / 0.999**0.5
    right = 0.002 * sum(ratio**j for j in range(1, 201))
    assert abs(rolls_on(10_000, 200, 0.002) / right - 1) < 1e-4
    ratio = 0.8 / 0.99**0.5
    right = 0.01 * sum(ratio**j for j in range(1, 4))
    assert abs(rolls_on(3_000, 3, 0.01, 0.8, 0.99) / right - 1) < 1e-6


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_against_adam(rolls_on):
    import torch

    for n, k, betas in [
        (1, 4, (0.9, 0.999)),
        (3, 7, (0.9, 0.999)),
        (40, 30, (0.9, 0.99)),
        (7, 12, (0.6, 0.8)),
    ]:
        weight = torch.zeros((), dtype=torch.double, requires_grad=True)
        adam = torch.optim.Adam([weight], lr=0.01, betas=betas, eps=1e-14)
        for step in range(n + k):
            if step == n:
                start = weight.item()
            weight.grad = torch.full_like(weight, -2.5 * (step < n))
            adam.step()
        right = abs(weight.item() - start)
        assert abs(rolls_on(n, k, 0.01, *betas) / right - 1) < 1e-5


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# Numbers for the last question: how many likes the training users have, what
# $\gamma = .005$ makes of them, and how large RecVAE is.

# %%
counts = split.train.row_counts.double()
quantiles = torch.tensor([0.1, 0.5, 0.9], dtype=torch.double)
likes = torch.quantile(counts, quantiles)
print(pd.DataFrame({"likes": likes, "weight": 0.005 * likes}).round(2).T)
model = RecVAE(100, 50)
model.build(split.train)
print(f"{model.num_parameters:,} weights, {model.cycle} epochs in a cycle")

# %% [raw]
# # BEGIN QUESTION
# name: q8
# points: 4
# manual: true

# %% [markdown]
# ## Question 8 · ◆◆◆ · criticise · 4 points, graded by hand
#
# The paragraph is made up; each of its sentences has been said or programmed
# somewhere in like form. Find four that are wrong or do not follow, and say for
# each which number, formula or experiment shows it. (A VampPrior is a mixture
# of the encoder's posteriors at pseudo-inputs, which are learnt.)
#
# > The composite prior of RecVAE is a VampPrior with three components. It keeps
# > all codes near zero during the whole training. As a KL divergence cannot be
# > negative, we clamp its one-sample estimate at zero. We use the authors'
# > $\gamma = .005$ on both of our data sets (with 20 and with 140 likes a
# > user), so that both are regularised equally. For the ablation we train
# > encoder and decoder together, for the same 50 epochs as the authors'
# > program; NDCG falls, which shows that alternating training is necessary.

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# (1) A VampPrior is a mixture of *whole vectors*, the encoder's answers to
# pseudo-rows that are learnt and shared by all users. RecVAE's second part is
# the old answer to *this* user's row, and each number of the code has a mixture
# of its own; for a code with one number at home and one far out the two
# formulas give different densities. (2) A code that stays where it was costs at
# most $\log \frac43$ for each number, wherever that is: the moving part limits
# the step and not the place. Print the norm of the codes over the epochs. (3)
# The estimate is unbiased *because* it may be negative; for $\mathcal N(1, 1)$
# against $\mathcal N(0, 1)$ clamping makes .70 of .50. (4) $\gamma$ multiplies
# the number of likes: the mean weight is .1 in one data set, .7 in the other.
# Per item the rate is the same; whether this is wanted must be tuned on
# validation users for each. (5) An "epoch" of that program is a cycle of four
# passes. Trained together, 50 epochs are a quarter of the encoder's and
# decoder's passes, and the old encoder is never renewed there: three things
# changed at once. Give both the same passes and renew the prior in both.
#
# **Rubric.** 1 point for each of four: half for naming it, half for the number,
# formula or experiment. Any four of the five count. Of the last sentence one
# thing is enough: the unequal passes, the old encoder that is never renewed, or
# that one run in which several things changed cannot show that any of them is
# *necessary*.

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION
