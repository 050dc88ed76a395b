# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [raw]
# # ASSIGNMENT CONFIG
# name: 08-elbo-and-mult-vae
# init_cell: true
# check_all_cell: true
# export_cell:
#   pdf: false
#   run_tests: true
# tests:
#   ok_format: false

# %% [markdown]
# # Assignment 8: the ELBO and Mult-VAE
#
# Goes with the chapters *Noise and variation* (the random code) and *Mult-DAE
# and Mult-VAE*. Eight questions, 34 points, two to two and a half hours. Each
# question says its level (◆ check, ◆◆ apply, ◆◆◆ research) and its kind.
# Replace every `...`. The cell below a question runs its visible checks, which
# give hints; hidden checks decide the points. No question needs the answer to
# another one.
#
# Throughout, a user's row $x$ has $N$ events among $I$ items, a code $z$ has
# $K$ coordinates, and the loss of a user is
#
# $$
# -\mathbb E_{q}\Bigl[\sum_i x_i \log \pi_i(z)\Bigr]
#   + \beta\, \mathrm{KL}\bigl(q \,\|\, \mathcal N(0, I)\bigr),
# \qquad q = \mathcal N(\mu, \operatorname{diag} \sigma^2),
# \quad \pi = \operatorname{softmax}(\text{logits}(z)) .
# $$
#
# The name `logvar` means $\log \sigma^2$, here as in the library.
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

from reclib import datasets, losses, splits, training
from reclib.models import MultVAE


def draw(question, options):
    """One of the options, the same at each call, chosen by your name."""
    name = " ".join(str(student).lower().split())
    digest = hashlib.sha256(f"{name}/{question}".encode()).digest()
    return options[int.from_bytes(digest[:8], "big") % len(options)]


# The 300 films with the most ratings of 4 stars or more: training is quick.
events = datasets.load("ml-latest-small").at_least(4)
films = events.table["item"].value_counts().index[:300]
events = events.where(events.table["item"].isin(films)).with_min_count(user=5)
split = splits.held_out_users(events, num_users=100)
print(split.train)

if not student.strip():
    print("Write your name into the cell above, then run this one again.")

# %% [raw]
# # BEGIN QUESTION
# name: q1
# points: 4

# %% [markdown]
# ## Question 1 · ◆ · implement · 4 points
#
# The multinomial loss and its gradient, with NumPy. The loss of a user is
# $-\sum_i x_i \log \pi_i$, a *sum* over items; the loss of a batch is the
# *mean* over its users, those without events included (they add nothing to the
# sum). `slope` is the gradient of the loss of the batch:
#
# $$
# \frac{\partial}{\partial s_i} \Bigl(-\sum_j x_j \log \pi_j\Bigr)
#   = N \pi_i - x_i
# \qquad\text{for one user with the logits } s .
# $$
#
# Logits may be large: a thousand, say.

# %% [raw]
# # BEGIN SOLUTION


# %%
def multinomial(logits, X):
    """A pair: the loss (a float), then its gradient ``slope`` [users, items].

    ``logits`` and ``X`` are float arrays of users x items; ``X`` is 0 and 1.
    """
    # BEGIN SOLUTION
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_pi = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -(X * log_pi).sum() / len(X)
    slope = X.sum(axis=1, keepdims=True) * np.exp(log_pi) - X
    return float(loss), slope / len(X)
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_one_user(multinomial):
    import numpy as np

    logits, X = np.log([[3.0, 1.0, 1.0]]), np.array([[1.0, 1.0, 0.0]])
    loss, slope = multinomial(logits, X)
    assert abs(loss - np.log(25 / 3)) < 1e-6, (
        "The probabilities are 3/5, 1/5, 1/5, and two items have events."
    )
    assert abs(np.sum(slope)) < 1e-6, "What one item gains, the others lose."
    assert np.allclose(slope, [[0.2, -0.6, 0.4]], atol=1e-6), (
        "Two events are to be shared out: item 0 is promised 2 x 3/5 of them."
    )


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_a_batch(multinomial):
    import numpy as np
    import torch

    rng = np.random.default_rng(11)
    logits = rng.standard_normal((7, 12))
    X = (rng.random((7, 12)) < 0.4).astype(float)
    s = torch.tensor(logits, requires_grad=True)
    right = -(torch.tensor(X) * s.log_softmax(1)).sum(1).mean()
    right.backward()
    loss, slope = multinomial(logits, X)
    assert abs(loss - right.item()) < 1e-5
    assert np.allclose(slope, s.grad.numpy(), atol=1e-5)


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_large_logits(multinomial):
    import numpy as np

    logits = np.array([[1000.0, 0, -1000], [-900, -900, -900], [50, 0, 0]])
    X = np.array([[0.0, 1, 0], [1, 0, 1], [0, 1, 1]])
    loss, slope = multinomial(logits, X)
    assert abs(loss - (1000 + 2 * np.log(3) + 100) / 3) < 1e-2
    right = np.array([[1, -1, 0], [-1 / 3, 2 / 3, -1 / 3], [2, -1, -1]]) / 3
    assert np.allclose(slope, right, atol=1e-5)


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_a_user_without_events(multinomial):
    import numpy as np

    rng = np.random.default_rng(12)
    logits = rng.standard_normal((4, 6))
    X = (rng.random((4, 6)) < 0.5).astype(float)
    X[0], X[1] = 0, 1
    loss, slope = multinomial(logits, X)
    rest, rest_slope = multinomial(logits[1:], X[1:])
    assert np.isfinite(loss) and rest > 1
    assert abs(loss - 0.75 * rest) < 1e-5
    assert not np.any(np.asarray(slope)[0])
    assert np.allclose(np.asarray(slope)[1:], 0.75 * rest_slope, atol=1e-5)


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
# Two ways to the same number. In closed form, one coordinate of the KL term is
# $\frac12(\sigma^2 + \mu^2 - 1 - \log \sigma^2)$. By definition it is
# $\mathbb E_q[\log q(z) - \log p(z)]$, which draws $z = \mu + \sigma \epsilon$
# estimate. Write both, for each user the sum over coordinates, and give the
# estimate its standard error (from the draws, with an unbiased variance).
#
# Then find out how slow the second way is. Derive the *variance* of
# $\log q(z) - \log p(z)$ from $\mu$ and $\sigma$: write it as a polynomial in
# $\epsilon$ and use $\operatorname{Var}(\epsilon^2) = 2$ and
# $\operatorname{Cov}(\epsilon, \epsilon^2) = 0$. How many draws does *your*
# user need for a standard error of 0.01 of her KL, all coordinates together?
# (2 % off is near enough.)

# %%
m, v = draw(
    "posterior",
    [
        ([1.2, -0.4, 0.0], [-1.5, -0.2, 0.1]),
        ([0.3, 0.9, -2.0], [-0.5, -3.0, -0.1]),
        ([-1.6, 0.2, 0.7], [-0.4, -2.0, -1.0]),
        ([0.8, -0.8, 1.1], [-2.5, -0.3, -0.6]),
        ([2.1, 0.5, -0.1], [-0.2, -1.2, -4.0]),
    ],
)
m, v = np.array(m), np.array(v)
print("your user has mu", m, "and logvar", v)

# %% [raw]
# # BEGIN SOLUTION


# %%
def kl(mu, logvar):
    """Closed form, [users], from float arrays [users, K]."""
    # BEGIN SOLUTION
    return 0.5 * (np.exp(logvar) + mu**2 - 1 - logvar).sum(axis=1)
    # END SOLUTION


def kl_by_draws(mu, logvar, eps):
    """A pair: the estimate [users], then its standard error [users].

    ``eps`` [draws, users, K] is standard normal noise.
    """
    # BEGIN SOLUTION
    z = mu + np.exp(logvar / 2) * eps
    ratio = 0.5 * (z**2 - eps**2 - logvar).sum(axis=2)
    return ratio.mean(axis=0), ratio.std(axis=0, ddof=1) / len(eps) ** 0.5
    # END SOLUTION


draws_needed = 1e4 * sum(np.expm1(v) ** 2 / 2 + m**2 * np.exp(v))  # SOLUTION

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_two_users(kl, kl_by_draws):
    import numpy as np

    mu = np.array([[0.0, 0.0], [2.0, 0.0]])
    logvar = np.array([[0.0, 0.0], [0.0, np.log(4.0)]])
    found = kl(mu, logvar)
    assert abs(found[0]) < 1e-9, "The first user is the prior itself."
    assert np.shape(found) == (2,), "One number for each user."
    assert abs(found[1] - 2.806853) < 1e-5, (
        "Coordinate 0: 4/2. Coordinate 1 has a variance of 4: (4 - 1 - log 4)/2"
    )
    eps = np.array([[[0.0, 0.0]] * 2, [[1.0, -1.0]] * 2])
    estimate, error = kl_by_draws(mu, logvar, eps)
    assert np.allclose(estimate, [0, 3.056853], atol=1e-5), (
        "log q - log p at two draws, for the second user 1.306853 and 4.806853."
    )
    assert np.allclose(error, [0, 1.75], atol=1e-5), (
        "A standard error is the deviation of the draws over root n."
    )


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_closed_form(kl):
    import numpy as np
    import torch

    from reclib import losses

    rng = np.random.default_rng(21)
    mu, logvar = rng.standard_normal((2, 9, 6))
    pairs = zip(torch.tensor(mu), torch.tensor(logvar), strict=True)
    right = [losses.gaussian_kl(m, v).item() for m, v in pairs]
    assert np.allclose(kl(mu, logvar), right, atol=1e-5)


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_the_estimate(kl_by_draws):
    import numpy as np

    rng = np.random.default_rng(22)
    mu, logvar = rng.standard_normal((2, 4, 3))
    eps = rng.standard_normal((50, 4, 3))
    sd = np.exp(logvar / 2)
    z = mu + sd * eps
    log_q = -0.5 * ((z - mu) / sd) ** 2 - np.log(sd)
    ratio = (log_q + 0.5 * z**2).sum(2)
    assert np.allclose(kl_by_draws(mu, logvar, eps)[0], ratio.mean(0))


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_the_standard_error(kl_by_draws):
    import numpy as np

    rng = np.random.default_rng(23)
    mu, logvar = rng.standard_normal((2, 5, 4))
    eps = rng.standard_normal((12, 5, 4))
    sd = np.exp(logvar / 2)
    z = mu + sd * eps
    log_q = -0.5 * ((z - mu) / sd) ** 2 - np.log(sd)
    ratio = (log_q + 0.5 * z**2).sum(2)
    right = ratio.std(0, ddof=1) / 12**0.5
    assert np.allclose(kl_by_draws(mu, logvar, eps)[1], right)


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_draws_needed(student, draws_needed):
    import hashlib

    import numpy as np

    name = " ".join(str(student).lower().split())
    digest = hashlib.sha256(f"{name}/posterior".encode()).digest()
    m, v = [
        ([1.2, -0.4, 0.0], [-1.5, -0.2, 0.1]),
        ([0.3, 0.9, -2.0], [-0.5, -3.0, -0.1]),
        ([-1.6, 0.2, 0.7], [-0.4, -2.0, -1.0]),
        ([0.8, -0.8, 1.1], [-2.5, -0.3, -0.6]),
        ([2.1, 0.5, -0.1], [-0.2, -1.2, -4.0]),
    ][int.from_bytes(digest[:8], "big") % 5]
    variances, means = np.exp(v), np.array(m)
    right = ((variances - 1) ** 2 / 2 + means**2 * variances).sum() / 0.01**2
    assert abs(draws_needed / right - 1) < 0.02


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q3
# points: 6

# %% [markdown]
# ## Question 3 · ◆◆◆ · design · 6 points
#
# Networks put out $\mu$ and one more number $h$ for each coordinate. Some
# programs read $h$ as $\log \sigma^2$, some as $\log \sigma$, as $\sigma$, as
# $\sigma^2$, or put it through a softplus first. All of these are fine, *if*
# the draw of $z$ and the KL term agree. In published code they do not always.
#
# Now you grade. `program(mu, h, eps)` takes three float arrays of users × K:
# what the network put out, and standard normal noise. It returns `z` [users, K]
# and `kl` [users]. It is right if, for each user, `kl` is the KL from the
# distribution that her `z` *has* when `eps` is standard normal, to $\mathcal
# N(0, I)$: the exact number, up to rounding ($10^{-3}$), whatever `eps` is. How
# it reads $h$ is its own affair, and you are not told. In every program a
# user's `z` is an affine function of her own row of `eps`.
#
# Design an experiment: `sound` gets a program and returns `True` or `False`. It
# may call it as often as it likes within a few seconds, for any numbers of
# users and coordinates, with any `mu`, any `eps`, and any `h` between 0.2 and
# 2. Programs may compute in float32. The `kl` of a wrong one is off by more
# than 0.05 for most inputs of several users and coordinates.

# %% [raw]
# # BEGIN SOLUTION


# %%
def sound(program):
    """Whether the KL term is that of the distribution of z."""
    # BEGIN SOLUTION
    rng = np.random.default_rng(0)
    for shape in ((1, 3), (4, 1), (6, 5)):
        mu, eps = rng.standard_normal((2, *shape))
        h = rng.uniform(0.2, 2, shape)
        mean = np.asarray(program(mu, h, np.zeros(shape))[0], dtype=float)
        sd = np.asarray(program(mu, h, np.ones(shape))[0]) - mean
        z, found = program(mu, h, eps)
        if not np.allclose(z, mean + sd * eps, atol=1e-4) or (sd == 0).any():
            return False
        right = 0.5 * (sd**2 + mean**2 - 1 - np.log(sd**2)).sum(axis=1)
        if np.shape(found) != np.shape(right):
            return False
        if not np.allclose(found, right, rtol=1e-3, atol=1e-4):
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
    import numpy as np

    def right(mu, h, eps):
        z = mu + np.exp(0.5 * h) * eps
        return z, 0.5 * (np.exp(h) + mu**2 - 1 - h).sum(1)

    def without_mu(mu, h, eps):
        z = mu + np.exp(0.5 * h) * eps
        return z, 0.5 * (np.exp(h) - 1 - h).sum(1)

    assert sound(right), "This one reads h as log sigma^2, all through."
    assert not sound(without_mu), "This KL does not know where z is."


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_what_h_means(sound):
    import numpy as np
    import torch

    def program(sd, kl_sd):
        def run(mu, h, eps):
            s = kl_sd(h)
            terms = s**2 + mu**2 - 1 - 2 * np.log(s)
            return mu + sd(h) * eps, 0.5 * terms.sum(1)

        return run

    def in_torch(mu, h, eps):
        mu, h, eps = (
            torch.tensor(a, dtype=torch.float32) for a in (mu, h, eps)
        )
        s = torch.nn.functional.softplus(h)
        terms = s.square() + mu.square() - 1 - 2 * s.log()
        return (mu + s * eps).numpy(), 0.5 * terms.sum(1).numpy()

    readings = {
        "log variance": lambda h: np.exp(h / 2),
        "log sd": np.exp,
        "sd": lambda h: h,
        "variance": np.sqrt,
    }
    assert sound(in_torch)
    for a, sd in readings.items():
        for b, kl_sd in readings.items():
            assert bool(sound(program(sd, kl_sd))) == (a == b)


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_sums_and_means(sound):
    import numpy as np

    def program(reduce):
        def run(mu, h, eps):
            terms = 0.5 * (h**2 + mu**2 - 1) - np.log(h)
            return mu + h * eps, reduce(terms)

        return run

    def backwards(mu, h, eps):
        terms = 0.5 * ((1 + mu**2) / h**2 - 1) + np.log(h)
        return mu + h * eps, terms.sum(1)

    assert sound(program(lambda terms: terms.sum(1)))
    wrong = {
        "mean over coordinates": lambda terms: terms.mean(1),
        "mean over all": lambda terms: np.full(len(terms), terms.mean()),
        "sum over all": lambda terms: np.full(len(terms), terms.sum()),
        "mean of the users": lambda terms: np.full(
            len(terms), terms.sum() / len(terms)
        ),
        "one half too many": lambda terms: 0.5 * terms.sum(1),
    }
    for reduce in wrong.values():
        assert not sound(program(reduce))
    assert not sound(backwards)


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_the_noise(sound):
    import numpy as np

    def program(noise):
        def run(mu, h, eps):
            terms = h + mu**2 - 1 - np.log(h)
            return mu + np.sqrt(h) * noise(eps), 0.5 * terms.sum(1)

        return run

    assert sound(program(lambda eps: eps))
    assert not sound(program(lambda eps: 0.01 * eps))
    assert not sound(program(lambda eps: 0 * eps))
    assert not sound(program(lambda eps: eps[:, :1]))


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
# We want the gradient of $\mathbb E_q[f(z)]$ with respect to the parameters of
# $q = \mathcal N(\mu, \sigma^2)$, in one dimension, from draws. Two estimators:
#
# - *Reparametrised.* Put $z = \mu + \sigma\epsilon$ with
#   $\sigma = e^{\text{logvar}/2}$ and differentiate $f(z)$ inside the
#   expectation. Needs $f'$, here called `slope`.
# - *Score function.* Differentiate the density instead:
#   $\nabla \mathbb E_q[f] = \mathbb E_q[f(z)\, \nabla \log q(z)]$. Needs $f$
#   alone. No baseline, please.
#
# Derive both for $\mu$ and for *logvar*. Each function returns a pair of
# arrays, one estimate per draw: of the derivative by $\mu$, and of that by
# logvar. Their mean over many draws is the gradient.

# %% [raw]
# # BEGIN SOLUTION


# %%
def reparametrised(slope, mu, logvar, eps):
    """A pair of arrays [draws]. ``slope`` is f', a function of arrays."""
    # BEGIN SOLUTION
    sigma = np.exp(logvar / 2)
    by_mu = slope(mu + sigma * eps)
    return by_mu, by_mu * eps * sigma / 2
    # END SOLUTION


def score_function(f, mu, logvar, eps):
    """A pair of arrays [draws]. ``f`` is a function of arrays."""
    # BEGIN SOLUTION
    sigma = np.exp(logvar / 2)
    value = f(mu + sigma * eps)
    return value * eps / sigma, value * (eps**2 - 1) / 2
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_a_parabola(reparametrised, score_function):
    import numpy as np

    # E[z^2] = mu^2 + sigma^2. These six draws have the first five moments of a
    # normal distribution, so that for f(z) = z^2 their mean is exact.
    eps = np.array([-(3**0.5), 0, 0, 0, 0, 3**0.5])
    mu, logvar = 0.5, np.log(4.0)
    for found in (
        reparametrised(lambda z: 2 * z, mu, logvar, eps),
        score_function(lambda z: z**2, mu, logvar, eps),
    ):
        assert np.shape(found) == (2, 6), (
            "Two arrays, one number for each draw."
        )
        by_mu, by_logvar = np.mean(found, axis=1)
        assert abs(by_mu - 1) < 1e-9, "The derivative of mu^2 + sigma^2 by mu."
        assert abs(by_logvar - 4) < 1e-9, (
            "sigma^2 = exp(logvar): its derivative by logvar is sigma^2 itself."
        )


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_reparametrised(reparametrised):
    import numpy as np

    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    weights = weights / weights.sum()
    for mu, logvar in ((0.3, -1.0), (-1.2, 0.8)):
        s2 = np.exp(logvar)
        for slope, right in (
            (lambda z: 3 * z**2, (3 * mu**2 + 3 * s2, 3 * mu * s2)),
            (np.exp, np.exp(mu + s2 / 2) * np.array([1, s2 / 2])),
        ):
            found = reparametrised(slope, mu, logvar, nodes)
            assert np.allclose(np.asarray(found) @ weights, right, atol=1e-6)


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_score_function(score_function):
    import numpy as np

    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    weights = weights / weights.sum()
    for mu, logvar in ((0.3, -1.0), (-1.2, 0.8)):
        s2 = np.exp(logvar)
        for f, right in (
            (lambda z: z**3, (3 * mu**2 + 3 * s2, 3 * mu * s2)),
            (np.exp, np.exp(mu + s2 / 2) * np.array([1, s2 / 2])),
        ):
            found = score_function(f, mu, logvar, nodes)
            assert np.allclose(np.asarray(found) @ weights, right, atol=1e-6)


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# Your functions at work: the standard deviation of a single draw's estimate.
# The function is the logarithm of a logistic likelihood, minus ten.

# %%
noise = np.random.default_rng(0).standard_normal(20_000)
estimators = {
    "reparametrised": reparametrised(
        lambda z: 1 / (1 + np.exp(z)), 1.0, -1.0, noise
    ),
    "score function": score_function(
        lambda z: -np.log1p(np.exp(-z)) - 10, 1.0, -1.0, noise
    ),
}
if any(found is None for found in estimators.values()):
    print("Answer question 4 first.")
else:
    deviations = {k: np.std(found, axis=1) for k, found in estimators.items()}
    print(pd.DataFrame(deviations, index=["by mu", "by logvar"]).round(3))

# %% [raw]
# # BEGIN QUESTION
# name: q5
# points: 4

# %% [markdown]
# ## Question 5 · ◆◆ · derive and check · 4 points
#
# With one coordinate the ELBO needs no draws: every integral over $z$ is a sum
# over a fine grid. The prior is $\mathcal N(0, 1)$, and `log_lik` is
# $\log p(x \mid z)$ for some user, a function of an array of codes. Compute
#
# - `evidence`: $\log p(x) = \log \int p(x \mid z)\, p(z)\, dz$, and
# - `bound`: $\mathbb E_q[\log p(x \mid z)] - \beta\, \mathrm{KL}(q \,\|\, p)$
#   with $q = \mathcal N(\mu, e^{\text{logvar}})$.
#
# Where $\beta = 1$, evidence less bound is the KL from $q$ to the posterior
# $p(z \mid x)$; it cannot be negative. An error of 0.001 is allowed. What
# matters lies in $-8 < z < 8$, and no standard deviation is below 0.05;
# `log_lik` may be called with codes from $-30$ to $30$. But an active user's
# likelihood may be $e^{-2000}$ everywhere.

# %% [raw]
# # BEGIN SOLUTION


# %%
def evidence(log_lik):
    """log p(x), a float."""
    # BEGIN SOLUTION
    z = np.linspace(-10, 10, 20_001)
    joint = log_lik(z) - 0.5 * z**2 - 0.5 * np.log(2 * np.pi)
    top = joint.max()
    return float(top + np.log(np.exp(joint - top).sum() * (z[1] - z[0])))
    # END SOLUTION


def bound(log_lik, mu, logvar, beta=1.0):
    """The ELBO with a weight on its KL term, a float."""
    # BEGIN SOLUTION
    z = np.linspace(-10, 10, 20_001)
    q = np.exp(-0.5 * (z - mu) ** 2 / np.exp(logvar))
    penalty = 0.5 * (np.exp(logvar) + mu**2 - 1 - logvar)
    return float((q * log_lik(z)).sum() / q.sum() - beta * penalty)
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_a_code_that_says_nothing(evidence, bound):
    import numpy as np

    def log_lik(z):
        return np.full(np.shape(z), -3.0)

    assert abs(evidence(log_lik) + 3) < 1e-3, (
        "The same likelihood for all codes: what is its mean under the prior?"
    )
    assert abs(bound(log_lik, 0.0, 0.0) + 3) < 1e-3, "Here q is the posterior."
    assert abs(bound(log_lik, 1.0, 0.0) + 3.5) < 1e-3, "This q costs KL."
    assert abs(bound(log_lik, 1.0, 0.0, 0.2) + 3.1) < 1e-3, (
        "Which of the two parts does beta weigh?"
    )


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_evidence(evidence):
    import numpy as np

    def normal(x, mean, sd):
        return -0.5 * ((x - mean) / sd) ** 2 - np.log(sd * np.sqrt(2 * np.pi))

    for w, s, x in ((1.5, 0.5, 0.7), (-0.6, 1.2, -2.0), (2.0, 0.3, 1.0)):

        def log_lik(z, w=w, s=s, x=x):
            return normal(x, w * np.asarray(z), s)

        right = normal(x, 0, np.hypot(w, s))
        assert abs(evidence(log_lik) - right) < 2e-3


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_gap(bound):
    import numpy as np

    def normal(x, mean, sd):
        return -0.5 * ((x - mean) / sd) ** 2 - np.log(sd * np.sqrt(2 * np.pi))

    for w, s, x in ((1.5, 0.5, 0.7), (-0.6, 1.2, -2.0)):

        def log_lik(z, w=w, s=s, x=x):
            return normal(x, w * np.asarray(z), s)

        log_p = normal(x, 0, np.hypot(w, s))
        var = 1 / (1 + (w / s) ** 2)
        mean = var * w * x / s**2
        for mu, logvar in ((mean, np.log(var)), (0.4, -1.2), (-0.8, 0.3)):
            ratio = np.exp(logvar) / var
            gap = (ratio + (mu - mean) ** 2 / var - 1 - np.log(ratio)) / 2
            assert abs(bound(log_lik, mu, logvar) - (log_p - gap)) < 2e-3
            full = 0.5 * (np.exp(logvar) + mu**2 - 1 - logvar)
            right = log_p - gap + 0.7 * full
            assert abs(bound(log_lik, mu, logvar, 0.3) - right) < 2e-3


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_an_active_user(evidence, bound):
    import numpy as np

    rng = np.random.default_rng(51)
    weights = 0.5 * rng.standard_normal(90)
    x = np.zeros(90)
    x[rng.choice(90, 60, replace=False)] = 1

    def log_lik(z):
        logits = np.multiply.outer(np.asarray(z), weights)
        log_pi = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        return log_pi @ x - 2000  # and events that this code does not touch

    grid = np.linspace(-8, 8, 4001)
    joint = log_lik(grid) - grid**2 / 2 - np.log(2 * np.pi) / 2
    right = np.logaddexp.reduce(joint) + np.log(grid[1] - grid[0])
    found = evidence(log_lik)
    assert abs(found - right) < 2e-3
    posterior = np.exp(joint - joint.max())
    mean = (posterior * grid).sum() / posterior.sum()
    var = (posterior * (grid - mean) ** 2).sum() / posterior.sum()
    assert found - 0.05 < bound(log_lik, mean, np.log(var)) < found + 1e-3


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
# The authors' program has $\beta_t = \min(c,\ t/A)$ in update
# $t = 0, 1, 2, \dots$, with the cap $c$ and $A$ annealing steps. An epoch goes
# through all training users in batches; the last batch of an epoch may be
# smaller. From the settings of a report, say what its $\beta$ was:
#
# - `largest`, the largest $\beta$ that any update used, and
# - `epoch`, the first epoch (counted from 1) in which an update used the cap
#   itself, or `None` if none did.
#
# The settings are such that rounding does not matter.
#
# Then, for *your* number of training users, with batches of 500, 200 epochs and
# $A = 200{,}000$: what is the `smallest` cap such that it and all larger caps
# give one and the same run, from one seed?

# %%
users = draw("users", [116_677, 98_765, 75_020, 131_072, 59_001])
print(f"{users:,} training users")

# %% [raw]
# # BEGIN SOLUTION


# %%
def schedule(users, batch, epochs, steps, cap):
    """A pair: ``largest`` (a float), then ``epoch`` (an int or None)."""
    # BEGIN SOLUTION
    each = -(-users // batch)
    last = each * epochs - 1
    if last / steps < cap:
        return last / steps, None
    reached = int(np.ceil(cap * steps - 1e-9))
    return cap, reached // each + 1
    # END SOLUTION


smallest = (int(np.ceil(users / 500)) * 200 - 1) / 200_000  # SOLUTION

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_six_updates(schedule):
    # Ten users in batches of four: 4, 4 and 2. Two epochs: t is 0, ..., 5.
    largest, epoch = schedule(10, 4, 2, 10, 1.0)
    assert abs(largest - 0.5) < 1e-9, "Which t has the last update?"
    assert epoch is None, "The cap of 1 is never used."
    largest, epoch = schedule(10, 4, 2, 10, 0.35)
    assert abs(largest - 0.35) < 1e-9, "In update 4, t / A is above the cap."
    assert epoch == 2, "Updates 0, 1 and 2 are the first epoch."


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_schedules_that_reach_the_cap(schedule):
    for settings, right in (
        ((1000, 300, 5, 50, 0.37), (0.37, 5)),
        ((1000, 300, 5, 50, 0.13), (0.13, 2)),
        ((900, 300, 5, 50, 0.13), (0.13, 3)),
        ((116_677, 500, 200, 200_000, 0.2), (0.2, 171)),
        ((4_534, 100, 50, 1_000, 0.9), (0.9, 20)),
    ):
        largest, epoch = schedule(*settings)
        assert abs(largest - right[0]) < 1e-9 and epoch == right[1]


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_schedules_that_do_not(schedule):
    for settings, right in (
        ((1000, 300, 5, 50, 0.39), 0.38),
        ((123_458, 500, 200, 200_000, 0.9), 0.246995),
        ((900, 300, 4, 50, 0.3), 0.22),
    ):
        largest, epoch = schedule(*settings)
        assert abs(largest - right) < 1e-9 and epoch is None


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_smallest(student, smallest):
    import hashlib
    import math

    name = " ".join(str(student).lower().split())
    digest = hashlib.sha256(f"{name}/users".encode()).digest()
    options = [116_677, 98_765, 75_020, 131_072, 59_001]
    users = options[int.from_bytes(digest[:8], "big") % 5]
    last = math.ceil(users / 500) * 200 - 1
    assert abs(smallest - last / 200_000) < 1e-7


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q7
# points: 3

# %% [markdown]
# ## Question 7 · ◆ · predict · 3 points
#
# A Mult-VAE is changed as below, and nothing else. Does the number fall, stay
# or rise? Write `"falls"`, `"stays"` or `"rises"`. In the first five, the model
# is trained already, nothing is trained again, and the number is the mean
# NDCG@100 of the test users. Decide first; run it afterwards if you like.
#
# - `softmax`: items are ranked by $\pi$ in place of the logits. Items folded in
#   get $-\infty$ in both.
# - `one draw`: prediction decodes one draw of $z$ in place of $\mu$ (say what
#   happens on average over the noise).
# - `zeros, log`: items are ranked by $\log \pi$, and items folded in get 0 in
#   place of $-\infty$.
# - `zeros, softmax`: items are ranked by $\pi$, and items folded in get 0 in
#   place of $-\infty$.
# - `beta`: $\beta$ is set from 0.2 to 1.
# - `mean`: in *training*, the KL term is the mean over the 200 coordinates of
#   the code in place of their sum. The number is the KL of the trained
#   posterior, the sum, over training users.

# %% [raw]
# # BEGIN SOLUTION

# %%
# BEGIN SOLUTION NO PROMPT
number = {
    "softmax": "stays",
    "one draw": "falls",
    "zeros, log": "falls",
    "zeros, softmax": "stays",
    "beta": "stays",
    "mean": "rises",
}
# END SOLUTION
""" # BEGIN PROMPT
number = {
    "softmax": ...,
    "one draw": ...,
    "zeros, log": ...,
    "zeros, softmax": ...,
    "beta": ...,
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


def test_the_code(number):
    assert number["one draw"] == "falls"
    assert number["beta"] == "stays"


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_zeros(number):
    assert number["zeros, log"] == "falls"
    assert number["zeros, softmax"] == "stays"


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_orders_and_sums(number):
    assert number["softmax"] == "stays"
    assert number["mean"] == "rises"


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# The last question is about this figure. Three Mult-VAEs with a code of 50
# coordinates are trained on the same users with the same seed: with
# $\beta = 0.3$, with $\beta = 1$, and with $\beta = 0.3$ on the *mean* of the
# KL over coordinates. For each coordinate we take the KL, averaged over the
# training users, and sort. The table has the sum of the KL, the number of
# coordinates with more than 0.1, and what an event costs, $-\log \pi_i$ on
# average, if $z = \mu$. (It takes up to half a minute.)


# %%
class AveragedVAE(MultVAE):
    """The KL term divided by the number of coordinates."""

    def current_beta(self):
        return super().current_beta() / self.hidden[-1]


@torch.no_grad()
def trained(kind, beta):
    """The KL of each coordinate, largest first, and the cost of an event."""
    model = kind((100, 50), beta=beta, anneal_steps=0)
    with torch.enable_grad():
        training.fit(
            model, split.train, epochs=100, batch_size=100, lr=1e-2, seed=0
        )
    model.eval()
    mu, logvar = model.posterior(split.train)
    each = 0.5 * (logvar.exp() + mu**2 - 1 - logvar).mean(0)
    cost = losses.multinomial(model.decode(mu), split.train.binary())
    return each.sort(descending=True).values, cost.item() / split.train.nnz


table = {}
for name, kind, beta in (
    ("beta = 0.3", MultVAE, 0.3),
    ("beta = 1", MultVAE, 1.0),
    ("beta = 0.3, mean of KL", AveragedVAE, 0.3),
):
    each, cost = trained(kind, beta)
    plt.semilogy(range(1, 51), each, marker=".", label=name)
    table[name] = {
        "sum of KL": each.sum().item(),
        "above 0.1": (each > 0.1).sum().item(),
        "cost of an event": cost,
    }
plt.xlabel("coordinate, largest KL first")
plt.ylabel("mean KL")
plt.legend()
plt.show()
print(pd.DataFrame(table).T.round(2))

# %% [raw]
# # BEGIN QUESTION
# name: q8
# points: 3
# manual: true

# %% [markdown]
# ## Question 8 · ◆◆ · explain · 3 points, graded by hand
#
# (1) With $\beta = 1$ a few coordinates have nearly all of the KL; behind them
# the curve falls steeply, and most have next to none. What does the posterior
# of a coordinate with no KL look like, what can the decoder know from it, and
# why does it pay to silence most coordinates instead of taking a little from
# each? (2) Why does an event cost more with a larger $\beta$, although the same
# network is trained on the same events? (3) Which $\beta$ does the third curve
# have in truth? Its events cost least. Is it the best model? Say what you would
# measure. Six to ten sentences.

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# (1) No KL means $\mu \approx 0$ and $\sigma \approx 1$ for every user: the
# coordinate is a draw from the prior, pure noise, the same for all, so that the
# decoder learns to ignore it (its weights shrink, since noise can only harm the
# likelihood). In the figure nine coordinates are above .1 with $\beta = 1$ and
# have 6 of the 6.6; then the curve falls to .03 at once, and the other 41 are
# on their way to zero. A coordinate is worth its KL only if the events that it
# explains are worth more. Those that carry the strongest differences between
# users pay; one that is nearly silent brings noise with hardly any signal, and
# switching it off saves its KL and its noise. With the price at .3 more of them
# pay: more than twenty are above .1.
#
# (2) The loss is a trade: $\beta$ is the price of a unit of KL in units of
# log-likelihood. With a higher price the minimum has less KL and more cost per
# event. What the code does not tell, the decoder must guess from what all users
# have in common.
#
# (3) $0.3 / 50 = 0.006$: nearly no price, so every coordinate is used and the
# KL is many times as large. Its cost is the cost of reconstructing *training*
# events that were in the input, which must fall with $\beta$. It says nothing
# of ranking: measure NDCG on held-out events of users not in training, for
# several $\beta$, with paired differences.
#
# **Rubric.** 1 point for (1): half for $\mu = 0$, $\sigma = 1$ and a decoder
# that ignores it, half for a reason why it pays (signal that is worth its price
# against noise; a threshold as in PCA counts). The numbers differ a little from
# one machine to another. 1 point for (2): the trade between the two terms. 1
# point for (3): half for 0.006, half for held-out events as the measure; "the
# best, since its cost is least" gets none.

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION
