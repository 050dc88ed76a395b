"""Wrong solutions of assignment 8, and right ones in another style.

A cell is `# %% question: what is wrong`, or `# %% question: RIGHT`. It takes
the place of the cell of the student's notebook that defines the same names.
"""

import math

import numpy as np
import torch
from scipy import integrate


# %% q1: the mean over cells in place of the sum over items
def multinomial(logits, X):
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_pi = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    slope = X.sum(axis=1, keepdims=True) * np.exp(log_pi) - X
    return -(X * log_pi).mean(), slope / X.size


# %% q1: the sum over users in place of the mean
def multinomial(logits, X):
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_pi = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    slope = X.sum(axis=1, keepdims=True) * np.exp(log_pi) - X
    return -(X * log_pi).sum(), slope


# %% q1: a small number added to the softmax, as in published code
def multinomial(logits, X):
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    pi = shifted / shifted.sum(axis=1, keepdims=True)
    slope = X.sum(axis=1, keepdims=True) * pi - X
    return -(X * np.log(pi + 1e-10)).sum() / len(X), slope / len(X)


# %% q1: large logits overflow
def multinomial(logits, X):
    with np.errstate(all="ignore"):
        pi = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        slope = X.sum(axis=1, keepdims=True) * pi - X
        return -(X * np.log(pi)).sum() / len(X), slope / len(X)


# %% q1: the slope of one event, whatever N is
def multinomial(logits, X):
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_pi = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -(X * log_pi).sum() / len(X), (np.exp(log_pi) - X) / len(X)


# %% q1: each user divided by her number of events
def multinomial(logits, X):
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_pi = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    N = np.maximum(X.sum(axis=1, keepdims=True), 1)
    slope = (X.sum(axis=1, keepdims=True) * np.exp(log_pi) - X) / N
    return -(X * log_pi / N).sum() / len(X), slope / len(X)


# %% q1: users without events left out of the mean
def multinomial(logits, X):
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_pi = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    users = max((X.sum(axis=1) > 0).sum(), 1)
    slope = X.sum(axis=1, keepdims=True) * np.exp(log_pi) - X
    return -(X * log_pi).sum() / users, slope / users


# %% q1: the logistic likelihood
def multinomial(logits, X):
    log_p = -np.logaddexp(0, -logits)
    log_not = -np.logaddexp(0, logits)
    loss = -(X * log_p + (1 - X) * log_not).sum() / len(X)
    return loss, (np.exp(log_p) - X) / len(X)


# %% q1: RIGHT
def multinomial(logits, X):
    s = torch.tensor(logits, dtype=torch.float32, requires_grad=True)
    loss = torch.zeros(())
    for user, row in zip(s, X, strict=True):
        for i in range(len(row)):
            if row[i]:
                loss = loss + torch.logsumexp(user, 0) - user[i]
    loss = loss / len(X)
    loss.backward()
    return loss.item(), s.grad.numpy()


# %% q2: the standard deviation in the variance's place
def kl(mu, logvar):
    return 0.5 * (np.exp(logvar / 2) + mu**2 - 1 - logvar).sum(axis=1)


def kl_by_draws(mu, logvar, eps):
    z = mu + np.exp(logvar) * eps
    ratio = 0.5 * (z**2 - eps**2 - 2 * logvar).sum(axis=2)
    return ratio.mean(axis=0), ratio.std(axis=0, ddof=1) / len(eps) ** 0.5


draws_needed = 1e4 * sum((np.exp(v / 2) - 1) ** 2 / 2 + m**2)  # noqa: F821


# %% q2: the mean over coordinates
def kl(mu, logvar):
    return 0.5 * (np.exp(logvar) + mu**2 - 1 - logvar).mean(axis=1)


def kl_by_draws(mu, logvar, eps):
    z = mu + np.exp(logvar / 2) * eps
    ratio = 0.5 * (z**2 - eps**2 - logvar).mean(axis=2)
    return ratio.mean(axis=0), ratio.std(axis=0, ddof=1) / len(eps) ** 0.5


s2 = np.exp(v)  # noqa: F821
draws_needed = 1e4 * np.mean((s2 - 1) ** 2 / 2 + m**2 * s2)  # noqa: F821


# %% q2: the sum over users as well
def kl(mu, logvar):
    return 0.5 * (np.exp(logvar) + mu**2 - 1 - logvar).sum()


def kl_by_draws(mu, logvar, eps):
    z = mu + np.exp(logvar / 2) * eps
    ratio = 0.5 * (z**2 - eps**2 - logvar).sum(axis=(1, 2))
    return ratio.mean(), ratio.std(ddof=1) / len(eps) ** 0.5


s2 = np.exp(v)  # noqa: F821
draws_needed = 1e4 * sum((s2 - 1) ** 2 / 2 + m**2 * s2)  # noqa: F821


# %% q2: log p without log q
def kl(mu, logvar):
    return 0.5 * (np.exp(logvar) + mu**2 - 1 - logvar).sum(axis=1)


def kl_by_draws(mu, logvar, eps):
    z = mu + np.exp(logvar / 2) * eps
    ratio = 0.5 * (z**2 - logvar).sum(axis=2)
    return ratio.mean(axis=0), ratio.std(axis=0, ddof=1) / len(eps) ** 0.5


s2 = np.exp(v)  # noqa: F821
draws_needed = 1e4 * sum(s2**2 / 2 + m**2 * s2)  # noqa: F821


# %% q2: draws of the prior in place of q
def kl(mu, logvar):
    return 0.5 * (np.exp(logvar) + mu**2 - 1 - logvar).sum(axis=1)


def kl_by_draws(mu, logvar, eps):
    log_q = -0.5 * ((eps - mu) ** 2 / np.exp(logvar) + logvar)
    ratio = (log_q + 0.5 * eps**2).sum(axis=2)
    return ratio.mean(axis=0), ratio.std(axis=0, ddof=1) / len(eps) ** 0.5


s2 = np.exp(v)  # noqa: F821
draws_needed = 1e4 * sum((1 - 1 / s2) ** 2 / 2 + (m / s2) ** 2)  # noqa: F821


# %% q2: the deviation of a draw in place of the error of the mean
def kl(mu, logvar):
    return 0.5 * (np.exp(logvar) + mu**2 - 1 - logvar).sum(axis=1)


def kl_by_draws(mu, logvar, eps):
    z = mu + np.exp(logvar / 2) * eps
    ratio = 0.5 * (z**2 - eps**2 - logvar).sum(axis=2)
    return ratio.mean(axis=0), ratio.std(axis=0, ddof=1)


s2 = np.exp(v)  # noqa: F821
draws_needed = 1e2 * sum((s2 - 1) ** 2 / 2 + m**2 * s2) ** 0.5  # noqa: F821


# %% q2: the variance divided by n, and Var(eps^2) taken for one
def kl(mu, logvar):
    return 0.5 * (np.exp(logvar) + mu**2 - 1 - logvar).sum(axis=1)


def kl_by_draws(mu, logvar, eps):
    z = mu + np.exp(logvar / 2) * eps
    ratio = 0.5 * (z**2 - eps**2 - logvar).sum(axis=2)
    return ratio.mean(axis=0), ratio.std(axis=0) / len(eps) ** 0.5


s2 = np.exp(v)  # noqa: F821
draws_needed = 1e4 * sum((s2 - 1) ** 2 / 4 + m**2 * s2)  # noqa: F821


# %% q2: RIGHT
def kl(mu, logvar):
    found = []
    for row, spread in zip(mu, logvar, strict=True):
        total = 0.0
        for a, b in zip(row, spread, strict=True):
            total += (math.exp(b) + a * a - 1 - b) / 2
        found.append(total)
    return np.array(found)


def kl_by_draws(mu, logvar, eps):
    mu, logvar = torch.tensor(mu), torch.tensor(logvar)
    q = torch.distributions.Normal(mu, torch.exp(0.5 * logvar))
    p = torch.distributions.Normal(0.0, 1.0)
    z = mu + torch.exp(0.5 * logvar) * torch.tensor(eps)
    ratio = (q.log_prob(z) - p.log_prob(z)).sum(-1)
    return ratio.mean(0).numpy(), (ratio.var(0) / len(ratio)).sqrt().numpy()


# By a pilot of many draws, not by the formula.
pilot = np.random.default_rng(5).standard_normal((500_000, 3))
pilot = np.vstack([pilot, -pilot])
pilot = 0.5 * ((m + np.exp(v / 2) * pilot) ** 2 - pilot**2)  # noqa: F821
draws_needed = pilot.sum(axis=1).var() / 0.01**2


# %% q3: everything is right
def sound(program):
    return True


# %% q3: nothing is right
def sound(program):
    return False


# %% q3: only the log variance is allowed
def sound(program):
    mu, h, eps = np.random.default_rng(0).uniform(0.2, 2, (3, 4, 3))
    z, found = program(mu, h, eps)
    right = 0.5 * (np.exp(h) + mu**2 - 1 - h).sum(1)
    fine = np.allclose(z, mu + np.exp(h / 2) * eps, atol=1e-5)
    return bool(fine and np.allclose(found, right, atol=1e-4))


# %% q3: one user with one coordinate, where sums and means are the same
def sound(program):
    mu, h = np.array([[0.7]]), np.array([[1.3]])
    mean = program(mu, h, np.zeros((1, 1)))[0]
    sd = program(mu, h, np.ones((1, 1)))[0] - mean
    right = 0.5 * (sd**2 + mean**2 - 1 - 2 * np.log(np.abs(sd) + 1e-30))
    found = np.asarray(program(mu, h, np.zeros((1, 1)))[1])
    return bool(np.allclose(found, right[0, 0], atol=1e-4))


# %% q3: asks only that the KL is never negative
def sound(program):
    rng = np.random.default_rng(0)
    mu, eps = rng.standard_normal((2, 50, 4))
    h = rng.uniform(0.2, 2, (50, 4))
    return bool((np.asarray(program(mu, h, eps)[1]) >= -1e-6).all())


# %% q3: the same noise in all coordinates, so that sharing it is not seen
def sound(program):
    rng = np.random.default_rng(0)
    mu, h = rng.standard_normal((5, 3)), rng.uniform(0.2, 2, (5, 3))
    mean = np.asarray(program(mu, h, np.zeros((5, 3)))[0])
    z, found = program(mu, h, np.ones((5, 3)))
    sd = np.abs(np.asarray(z) - mean) + 1e-30
    right = 0.5 * (sd**2 + mean**2 - 1 - 2 * np.log(sd)).sum(1)
    return np.shape(found) == (5,) and np.allclose(found, right, atol=1e-4)


# %% q3: a single draw of log q - log p must equal the KL
def sound(program):
    rng = np.random.default_rng(0)
    mu, h = rng.standard_normal((5, 3)), rng.uniform(0.2, 2, (5, 3))
    eps = rng.standard_normal((5, 3))
    mean = np.asarray(program(mu, h, 0 * eps)[0])
    z, found = program(mu, h, eps)
    sd = np.abs((np.asarray(z) - mean) / eps) + 1e-30
    right = 0.5 * (np.asarray(z) ** 2 - eps**2 - 2 * np.log(sd)).sum(1)
    return np.shape(found) == (5,) and np.allclose(found, right, atol=1e-4)


# %% q3: compares with the KL of other noise, to two digits, by draws
def sound(program):
    rng = np.random.default_rng(0)
    mu, h = np.zeros((1, 2)), np.full((1, 2), 1.0)
    z = np.vstack(
        [program(mu, h, rng.standard_normal((1, 2)))[0] for _ in range(500)]
    )
    found = np.asarray(program(mu, h, mu)[1]).ravel()
    sd = z.std(0) + 1e-30
    right = 0.5 * (sd**2 + z.mean(0) ** 2 - 1 - 2 * np.log(sd)).sum()
    return bool(abs(found[0] - right) < 0.1)


# %% q3: RIGHT
def sound(program):
    # By simulation: many draws for each of a few users.
    rng, draws = np.random.default_rng(3), 40_000
    for _ in range(2):
        mu, h = rng.standard_normal((4, 3)), rng.uniform(0.2, 2, (4, 3))
        found = np.asarray(program(mu, h, rng.standard_normal((4, 3)))[1])
        if found.shape != (4,):
            return False
        for u in range(4):
            many = [np.repeat(each[[u]], draws, axis=0) for each in (mu, h)]
            z = np.asarray(program(*many, rng.standard_normal((draws, 3)))[0])
            mean, cov = z.mean(0), np.cov(z.T)
            sign, logdet = np.linalg.slogdet(cov)
            if sign <= 0:
                return False
            right = 0.5 * (np.trace(cov) + mean @ mean - 3 - logdet)
            if abs(found[u] - right) > 0.03 + 0.02 * abs(right):
                return False
    return True


# %% q4: logvar taken for the logarithm of sigma
def reparametrised(slope, mu, logvar, eps):
    sigma = np.exp(logvar)
    by_mu = slope(mu + sigma * eps)
    return by_mu, by_mu * eps * sigma


def score_function(f, mu, logvar, eps):
    sigma = np.exp(logvar)
    value = f(mu + sigma * eps)
    return value * eps / sigma, value * (eps**2 - 1)


# %% q4: by sigma in place of by logvar
def reparametrised(slope, mu, logvar, eps):
    by_mu = slope(mu + np.exp(logvar / 2) * eps)
    return by_mu, by_mu * eps


def score_function(f, mu, logvar, eps):
    sigma = np.exp(logvar / 2)
    value = f(mu + sigma * eps)
    return value * eps / sigma, value * (eps**2 - 1) / sigma


# %% q4: the half forgotten in both
def reparametrised(slope, mu, logvar, eps):
    sigma = np.exp(logvar / 2)
    by_mu = slope(mu + sigma * eps)
    return by_mu, by_mu * eps * sigma


def score_function(f, mu, logvar, eps):
    sigma = np.exp(logvar / 2)
    value = f(mu + sigma * eps)
    return value * eps / sigma, value * (eps**2 - 1)


# %% q4: the normalising constant of q has no derivative
def reparametrised(slope, mu, logvar, eps):
    sigma = np.exp(logvar / 2)
    by_mu = slope(mu + sigma * eps)
    return by_mu, by_mu * eps * sigma / 2


def score_function(f, mu, logvar, eps):
    sigma = np.exp(logvar / 2)
    value = f(mu + sigma * eps)
    return value * eps / sigma, value * eps**2 / 2


# %% q4: the noise does not pass to logvar, as if z were detached
def reparametrised(slope, mu, logvar, eps):
    sigma = np.exp(logvar / 2)
    by_mu = slope(mu + sigma * eps)
    return by_mu, by_mu * sigma / 2


def score_function(f, mu, logvar, eps):
    sigma = np.exp(logvar / 2)
    value = f(mu + sigma * eps)
    return value * eps / sigma, value * (eps**2 - 1) / 2


# %% q4: the score of mu divided by the variance of eps, not of z
def reparametrised(slope, mu, logvar, eps):
    sigma = np.exp(logvar / 2)
    by_mu = slope(mu + sigma * eps)
    return by_mu, by_mu * eps * sigma / 2


def score_function(f, mu, logvar, eps):
    value = f(mu + np.exp(logvar / 2) * eps)
    return value * eps, value * (eps**2 - 1) / 2


# %% q4: the slope at the mean
def reparametrised(slope, mu, logvar, eps):
    sigma = np.exp(logvar / 2)
    by_mu = slope(mu + 0 * eps)
    return by_mu, by_mu * eps * sigma / 2


def score_function(f, mu, logvar, eps):
    sigma = np.exp(logvar / 2)
    value = f(mu + 0 * eps)
    return value * eps / sigma, value * (eps**2 - 1) / 2


# %% q4: RIGHT
def reparametrised(slope, mu, logvar, eps):
    # A chain rule by autograd, one draw at a time.
    by_mu, by_logvar = [], []
    for each in np.asarray(eps, dtype=float):
        pair = [
            torch.tensor(float(at), dtype=torch.float64, requires_grad=True)
            for at in (mu, logvar)
        ]
        z = pair[0] + (0.5 * pair[1]).exp() * each
        outer = float(np.asarray(slope(np.array([z.item()])))[0])
        (outer * z).backward()
        by_mu.append(pair[0].grad.item())
        by_logvar.append(pair[1].grad.item())
    return np.array(by_mu), np.array(by_logvar)


def score_function(f, mu, logvar, eps):
    pair = [
        torch.full((len(eps),), float(at), dtype=torch.float64).requires_grad_()
        for at in (mu, logvar)
    ]
    z = mu + math.exp(logvar / 2) * np.asarray(eps)
    gap = torch.tensor(z) - pair[0]
    log_q = -0.5 * (gap.square() / pair[1].exp() + pair[1])
    (torch.tensor(f(z)) * log_q).sum().backward()
    return pair[0].grad.numpy(), pair[1].grad.numpy()


# %% q5: the likelihood taken out of its logarithm without care
def evidence(log_lik):
    z = np.linspace(-10, 10, 20_001)
    with np.errstate(all="ignore"):
        density = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
        return float(np.log((np.exp(log_lik(z)) * density).sum() * 0.001))


def bound(log_lik, mu, logvar, beta=1.0):
    z = np.linspace(-10, 10, 20_001)
    q = np.exp(-0.5 * (z - mu) ** 2 / np.exp(logvar))
    penalty = 0.5 * (np.exp(logvar) + mu**2 - 1 - logvar)
    return float((q * log_lik(z)).sum() / q.sum() - beta * penalty)


# %% q5: the mean of the logarithm in place of the logarithm of the mean
def evidence(log_lik):
    z = np.linspace(-10, 10, 20_001)
    density = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    return float((log_lik(z) * density).sum() * 0.001)


def bound(log_lik, mu, logvar, beta=1.0):
    z = np.linspace(-10, 10, 20_001)
    q = np.exp(-0.5 * (z - mu) ** 2 / np.exp(logvar))
    penalty = 0.5 * (np.exp(logvar) + mu**2 - 1 - logvar)
    return float((q * log_lik(z)).sum() / q.sum() - beta * penalty)


# %% q5: logvar taken for the logarithm of sigma
def evidence(log_lik):
    z = np.linspace(-10, 10, 20_001)
    joint = log_lik(z) - 0.5 * z**2 - 0.5 * np.log(2 * np.pi)
    top = joint.max()
    return float(top + np.log(np.exp(joint - top).sum() * 0.001))


def bound(log_lik, mu, logvar, beta=1.0):
    z = np.linspace(-10, 10, 20_001)
    q = np.exp(-0.5 * (z - mu) ** 2 / np.exp(2 * logvar))
    penalty = 0.5 * (np.exp(2 * logvar) + mu**2 - 1 - 2 * logvar)
    return float((q * log_lik(z)).sum() / q.sum() - beta * penalty)


# %% q5: the likelihood at the mean in place of its expectation
def evidence(log_lik):
    z = np.linspace(-10, 10, 20_001)
    joint = log_lik(z) - 0.5 * z**2 - 0.5 * np.log(2 * np.pi)
    top = joint.max()
    return float(top + np.log(np.exp(joint - top).sum() * 0.001))


def bound(log_lik, mu, logvar, beta=1.0):
    penalty = 0.5 * (np.exp(logvar) + mu**2 - 1 - logvar)
    return float(log_lik(np.array([mu]))[0] - beta * penalty)


# %% q5: a hundred draws in place of the integrals
def evidence(log_lik):
    z = np.random.default_rng(0).standard_normal(100)
    values = log_lik(z)
    top = values.max()
    return float(top + np.log(np.exp(values - top).mean()))


def bound(log_lik, mu, logvar, beta=1.0):
    eps = np.random.default_rng(0).standard_normal(100)
    penalty = 0.5 * (np.exp(logvar) + mu**2 - 1 - logvar)
    z = mu + np.exp(logvar / 2) * eps
    return float(log_lik(z).mean() - beta * penalty)


# %% q5: a step of the grid forgotten, and beta on the likelihood
def evidence(log_lik):
    z = np.linspace(-10, 10, 20_001)
    joint = log_lik(z) - 0.5 * z**2 - 0.5 * np.log(2 * np.pi)
    top = joint.max()
    return float(top + np.log(np.exp(joint - top).sum()))


def bound(log_lik, mu, logvar, beta=1.0):
    z = np.linspace(-10, 10, 20_001)
    q = np.exp(-0.5 * (z - mu) ** 2 / np.exp(logvar))
    penalty = 0.5 * (np.exp(logvar) + mu**2 - 1 - logvar)
    return float(beta * (q * log_lik(z)).sum() / q.sum() - penalty)


# %% q5: a grid too coarse for an active user
def evidence(log_lik):
    z = np.linspace(-8, 8, 33)
    joint = log_lik(z) - 0.5 * z**2 - 0.5 * np.log(2 * np.pi)
    top = joint.max()
    return float(top + np.log(np.exp(joint - top).sum() * 0.5))


def bound(log_lik, mu, logvar, beta=1.0):
    z = np.linspace(-8, 8, 33)
    q = np.exp(-0.5 * (z - mu) ** 2 / np.exp(logvar))
    penalty = 0.5 * (np.exp(logvar) + mu**2 - 1 - logvar)
    return float((q * log_lik(z)).sum() / q.sum() - beta * penalty)


# %% q5: RIGHT
def evidence(log_lik):
    def joint(z):
        return float(np.asarray(log_lik(np.array([z])))[0]) - z * z / 2

    peak = max(np.linspace(-8, 8, 321), key=joint)
    top = joint(peak)
    points = [peak + step for step in (-0.5, -0.1, 0, 0.1, 0.5)]
    area, _ = integrate.quad(
        lambda z: math.exp(joint(z) - top), -9, 9, points=points, limit=200
    )
    return top + math.log(area) - 0.5 * math.log(2 * math.pi)


def bound(log_lik, mu, logvar, beta=1.0):
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    z = mu + math.exp(logvar / 2) * nodes
    mean = float(weights @ log_lik(z) / weights.sum())
    return mean - beta * (math.exp(logvar) + mu * mu - 1 - logvar) / 2


# %% q6: a smaller last batch thought to be dropped
def schedule(users, batch, epochs, steps, cap):
    each = users // batch
    for t in range(each * epochs):
        if t / steps >= cap:
            return cap, t // each + 1
    return (each * epochs - 1) / steps, None


smallest = (users // 500 * 200 - 1) / 200_000  # noqa: F821


# %% q6: the first update is number one
def schedule(users, batch, epochs, steps, cap):
    each = math.ceil(users / batch)
    for t in range(1, each * epochs + 1):
        if t / steps >= cap:
            return cap, (t - 1) // each + 1
    return each * epochs / steps, None


smallest = math.ceil(users / 500) * 200 / 200_000  # noqa: F821


# %% q6: epochs counted from zero
def schedule(users, batch, epochs, steps, cap):
    each = math.ceil(users / batch)
    for t in range(each * epochs):
        if t / steps >= cap:
            return cap, t // each
    return (each * epochs - 1) / steps, None


smallest = (math.ceil(users / 500) * 200 - 1) / 200_000  # noqa: F821


# %% q6: the counter starts again with each epoch, as in published code
def schedule(users, batch, epochs, steps, cap):
    each = math.ceil(users / batch)
    largest = (each - 1) / steps
    return (cap, 1) if largest >= cap else (largest, None)


smallest = (math.ceil(users / 500) - 1) / 200_000  # noqa: F821


# %% q6: the cap grows to one within the steps
def schedule(users, batch, epochs, steps, cap):
    each = math.ceil(users / batch)
    last = each * epochs - 1
    if last < steps:
        return cap * last / steps, None
    return cap, steps // each + 1


smallest = 1.0


# %% q6: the cap is what was used, whatever the updates
def schedule(users, batch, epochs, steps, cap):
    each = math.ceil(users / batch)
    return cap, math.ceil(cap * steps) // each + 1


smallest = 0.2


# %% q6: one update for each user
def schedule(users, batch, epochs, steps, cap):
    last = users * epochs - 1
    if last / steps < cap:
        return last / steps, None
    return cap, math.ceil(cap * steps) // users + 1


smallest = min(1.0, (users * 200 - 1) / 200_000)  # noqa: F821


# %% q6: RIGHT
def schedule(users, batch, epochs, steps, cap):
    t, largest, reached = 0, 0.0, None
    for epoch in range(1, epochs + 1):
        for _start in range(0, users, batch):
            beta = min(cap, t / steps)
            largest = max(largest, beta)
            if beta == cap and reached is None:
                reached = epoch
            t += 1
    return largest, reached


smallest = schedule(users, 500, 200, 200_000, 1.0)[0]  # noqa: F821


# %% q7: whatever is touched gets worse
number = {
    "softmax": "falls",
    "one draw": "falls",
    "zeros, log": "falls",
    "zeros, softmax": "falls",
    "beta": "falls",
    "mean": "falls",
}

# %% q7: nothing matters
number = dict.fromkeys(
    ["softmax", "one draw", "zeros, log", "zeros, softmax", "beta", "mean"],
    "stays",
)

# %% q7: zero thought to be low everywhere
number = {
    "softmax": "stays",
    "one draw": "falls",
    "zeros, log": "stays",
    "zeros, softmax": "stays",
    "beta": "stays",
    "mean": "rises",
}

# %% q7: a draw thought to be as good as the mean
number = {
    "softmax": "stays",
    "one draw": "stays",
    "zeros, log": "falls",
    "zeros, softmax": "stays",
    "beta": "stays",
    "mean": "rises",
}

# %% q7: beta thought to act at prediction
number = {
    "softmax": "stays",
    "one draw": "falls",
    "zeros, log": "falls",
    "zeros, softmax": "stays",
    "beta": "falls",
    "mean": "rises",
}

# %% q7: a smaller term thought to leave a smaller KL
number = {
    "softmax": "stays",
    "one draw": "falls",
    "zeros, log": "falls",
    "zeros, softmax": "stays",
    "beta": "stays",
    "mean": "falls",
}

# %% q7: RIGHT
words = ["stays", "falls", "falls", "stays", "stays", "rises"]
names = ["softmax", "one draw", "zeros, log", "zeros, softmax", "beta", "mean"]
number = {name: word for name, word in zip(names, words, strict=True)}
