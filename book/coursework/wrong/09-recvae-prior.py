"""Wrong solutions of assignment 9, and right ones in another style.

A cell is `# %% question: what is wrong`, or `# %% question: RIGHT`. It takes
the place of the cell of the student's notebook that defines the same names.
"""

import copy
import math

import numpy as np
import torch
from scipy.special import logsumexp
from scipy.stats import norm
from torch.distributions import Normal

from reclib import losses


# %% q1: the logarithm of a sum of densities, which underflow
def log_prior(z, mu, logvar):
    parts = 0.15 * norm.pdf(z) + 0.1 * norm.pdf(z, 0, np.exp(5))
    with np.errstate(divide="ignore"):
        return np.log(parts + 0.75 * norm.pdf(z, mu, np.exp(logvar / 2)))


# %% q1: a mixture of whole vectors, as in a VampPrior
def log_prior(z, mu, logvar):
    parts = [norm.logpdf(z), norm.logpdf(z, mu, np.exp(logvar / 2))]
    parts.append(norm.logpdf(z, 0, np.exp(5)))
    weights = np.log([0.15, 0.75, 0.10])[:, None]
    whole = logsumexp(weights + np.array(parts).sum(2), axis=0)
    return np.repeat(whole[:, None] / z.shape[1], z.shape[1], axis=1)


# %% q1: the weighted mean of log densities
def log_prior(z, mu, logvar):
    total = 0.15 * norm.logpdf(z) + 0.1 * norm.logpdf(z, 0, np.exp(5))
    return total + 0.75 * norm.logpdf(z, mu, np.exp(logvar / 2))


# %% q1: the log variance taken for the log of the standard deviation
def log_prior(z, mu, logvar):
    parts = [norm.logpdf(z), norm.logpdf(z, mu, np.exp(logvar))]
    parts.append(norm.logpdf(z, 0, np.exp(10)))
    weights = np.log([0.15, 0.75, 0.10])[:, None, None]
    return logsumexp(weights + np.array(parts), axis=0)


# %% q1: variance 10 for the wide part
def log_prior(z, mu, logvar):
    parts = [norm.logpdf(z), norm.logpdf(z, mu, np.exp(logvar / 2))]
    parts.append(norm.logpdf(z, 0, math.sqrt(10)))
    weights = np.log([0.15, 0.75, 0.10])[:, None, None]
    return logsumexp(weights + np.array(parts), axis=0)


# %% q1: weights in another order
def log_prior(z, mu, logvar):
    parts = [norm.logpdf(z), norm.logpdf(z, mu, np.exp(logvar / 2))]
    parts.append(norm.logpdf(z, 0, np.exp(5)))
    weights = np.log([0.75, 0.15, 0.10])[:, None, None]
    return logsumexp(weights + np.array(parts), axis=0)


# %% q1: a small number added, so that the logarithm is finite
def log_prior(z, mu, logvar):
    parts = 0.15 * norm.pdf(z) + 0.1 * norm.pdf(z, 0, np.exp(5))
    parts = parts + 0.75 * norm.pdf(z, mu, np.exp(logvar / 2))
    return np.log(parts + 1e-10)


# %% q1: weights not in the logarithm, added to the densities' logs
def log_prior(z, mu, logvar):
    parts = [norm.logpdf(z), norm.logpdf(z, mu, np.exp(logvar / 2))]
    parts.append(norm.logpdf(z, 0, np.exp(5)))
    weights = np.array([0.15, 0.75, 0.10])[:, None, None]
    return logsumexp(weights + np.array(parts), axis=0)


# %% q1: RIGHT
def log_prior(z, mu, logvar):
    out = np.empty(z.shape)
    for place in np.ndindex(z.shape):
        old = mu[place], math.exp(logvar[place] / 2)
        logs = []
        for weight, (m, s) in ((3, (0, 1)), (15, old), (2, (0, math.exp(5)))):
            a = (z[place] - m) / s
            a = math.log(weight / 20) - a * a / 2 - math.log(s)
            logs.append(a - math.log(2 * math.pi) / 2)
        top = max(logs)
        out[place] = top + math.log(sum(math.exp(a - top) for a in logs))
    return out


# %% q2: nothing changes
quantity = {
    "far, fixed": "stays",
    "far, composite": "stays",
    "sharp, composite": "stays",
    "exception": "stays",
    "clamp": "stays",
    "ten samples": "stays",
}

# %% q2: the prior is thought to hold every code near zero
quantity = {
    "far, fixed": "rises",
    "far, composite": "rises",
    "sharp, composite": "rises",
    "exception": "rises",
    "clamp": "stays",
    "ten samples": "falls",
}

# %% q2: a sharper code thought to be dearer, as with a fixed prior
quantity = {
    "far, fixed": "rises",
    "far, composite": "stays",
    "sharp, composite": "rises",
    "exception": "stays",
    "clamp": "rises",
    "ten samples": "falls",
}

# %% q2: clamping thought to mend the estimate
quantity = {
    "far, fixed": "rises",
    "far, composite": "stays",
    "sharp, composite": "stays",
    "exception": "stays",
    "clamp": "stays",
    "ten samples": "falls",
}

# %% q2: the price of an exception thought to grow without limit
quantity = {
    "far, fixed": "rises",
    "far, composite": "stays",
    "sharp, composite": "stays",
    "exception": "rises",
    "clamp": "rises",
    "ten samples": "falls",
}

# %% q2: log 4/3 counted as a reward
quantity = {
    "far, fixed": "rises",
    "far, composite": "falls",
    "sharp, composite": "falls",
    "exception": "rises",
    "clamp": "falls",
    "ten samples": "falls",
}

# %% q2: RIGHT
names = ["far, fixed", "far, composite", "sharp, composite", "exception"]
quantity = dict.fromkeys(names, "stays")
quantity["far, fixed"] = quantity["clamp"] = "rises"
quantity["ten samples"] = "falls"


# %% q3: only the term linear in epsilon
def kl_estimate(m, s):
    return 0.5 * (s**2 + m**2 - 1) - math.log(s), abs(m) * s


mean, sd = kl_estimate(m, s)  # noqa: F821
samples = math.ceil((sd / (0.05 * mean)) ** 2 / numbers)  # noqa: F821


# %% q3: the two parts' deviations added, not their variances
def kl_estimate(m, s):
    mean = 0.5 * (s**2 + m**2 - 1) - math.log(s)
    return mean, abs(m) * s + abs(s**2 - 1) / math.sqrt(2)


mean, sd = kl_estimate(m, s)  # noqa: F821
samples = math.ceil((sd / (0.05 * mean)) ** 2 / numbers)  # noqa: F821


# %% q3: the reverse divergence
def kl_estimate(m, s):
    mean = math.log(s) + (1 + m**2) / (2 * s**2) - 0.5
    return mean, math.sqrt((m * s) ** 2 + 0.5 * (s**2 - 1) ** 2)


mean, sd = kl_estimate(m, s)  # noqa: F821
samples = math.ceil((sd / (0.05 * mean)) ** 2 / numbers)  # noqa: F821


# %% q3: epsilon squared given variance 1
def kl_estimate(m, s):
    mean = 0.5 * (s**2 + m**2 - 1) - math.log(s)
    return mean, math.sqrt((m * s) ** 2 + 0.25 * (s**2 - 1) ** 2)


mean, sd = kl_estimate(m, s)  # noqa: F821
samples = math.ceil((sd / (0.05 * mean)) ** 2 / numbers)  # noqa: F821


# %% q3: the variance returned, and used, as a deviation
def kl_estimate(m, s):
    mean = 0.5 * (s**2 + m**2 - 1) - math.log(s)
    return mean, (m * s) ** 2 + 0.5 * (s**2 - 1) ** 2


mean, sd = kl_estimate(m, s)  # noqa: F821
samples = math.ceil((sd / (0.05 * mean)) ** 2 / numbers)  # noqa: F821


# %% q3: noise of one number held against the divergence of one number
def kl_estimate(m, s):
    mean = 0.5 * (s**2 + m**2 - 1) - math.log(s)
    return mean, math.sqrt((m * s) ** 2 + 0.5 * (s**2 - 1) ** 2)


mean, sd = kl_estimate(m, s)  # noqa: F821
samples = math.ceil((sd / (0.05 * mean)) ** 2)


# %% q3: the noise thought not to shrink by the root
def kl_estimate(m, s):
    mean = 0.5 * (s**2 + m**2 - 1) - math.log(s)
    return mean, math.sqrt((m * s) ** 2 + 0.5 * (s**2 - 1) ** 2)


mean, sd = kl_estimate(m, s)  # noqa: F821
samples = math.ceil(sd / (0.05 * mean) / math.sqrt(numbers))  # noqa: F821


# %% q3: RIGHT
def kl_estimate(m, s):
    # Integrate over epsilon.
    eps, weight = np.polynomial.hermite_e.hermegauss(20)
    weight = weight / weight.sum()
    value = -math.log(s) - eps**2 / 2 + (m + s * eps) ** 2 / 2
    mean = (weight * value).sum()
    return mean, max(0, (weight * (value - mean) ** 2).sum()) ** 0.5


samples = 1
mean, sd = kl_estimate(m, s)  # noqa: F821
kl, noise = numbers * mean, numbers**0.5 * sd  # noqa: F821
while noise / samples**0.5 > 0.05 * kl:
    samples += 1


# %% q4: what was dropped need not be said: the likelihood of the corrupted row
def recvae_loss(x, x_tilde, encode, decode, log_prior, eps, gamma):
    mu, logvar = encode(x_tilde)
    z = mu + (0.5 * logvar).exp() * eps
    cost = -((x_tilde > 0) * decode(z).log_softmax(1)).sum(1)
    kl = (losses.log_normal(z, mu, logvar) - log_prior(x, z)).sum(1)
    return (cost + gamma * x.sum(1) * kl).mean()


# %% q4: no denoising, the encoder reads the complete row
def recvae_loss(x, x_tilde, encode, decode, log_prior, eps, gamma):
    mu, logvar = encode(x)
    z = mu + (0.5 * logvar).exp() * eps
    cost = -(x * decode(z).log_softmax(1)).sum(1)
    kl = (losses.log_normal(z, mu, logvar) - log_prior(x, z)).sum(1)
    return (cost + gamma * x.sum(1) * kl).mean()


# %% q4: the prior reads the corrupted row
def recvae_loss(x, x_tilde, encode, decode, log_prior, eps, gamma):
    mu, logvar = encode(x_tilde)
    z = mu + (0.5 * logvar).exp() * eps
    cost = -(x * decode(z).log_softmax(1)).sum(1)
    kl = (losses.log_normal(z, mu, logvar) - log_prior(x_tilde, z)).sum(1)
    return (cost + gamma * x.sum(1) * kl).mean()


# %% q4: one weight for all users
def recvae_loss(x, x_tilde, encode, decode, log_prior, eps, gamma):
    mu, logvar = encode(x_tilde)
    z = mu + (0.5 * logvar).exp() * eps
    cost = -(x * decode(z).log_softmax(1)).sum(1)
    kl = (losses.log_normal(z, mu, logvar) - log_prior(x, z)).sum(1)
    return (cost + gamma * x.sum(1).mean() * kl).mean()


# %% q4: the weight counts what dropout has left
def recvae_loss(x, x_tilde, encode, decode, log_prior, eps, gamma):
    mu, logvar = encode(x_tilde)
    z = mu + (0.5 * logvar).exp() * eps
    cost = -(x * decode(z).log_softmax(1)).sum(1)
    kl = (losses.log_normal(z, mu, logvar) - log_prior(x, z)).sum(1)
    return (cost + gamma * (x_tilde > 0).sum(1) * kl).mean()


# %% q4: single estimates clamped, because a KL cannot be negative
def recvae_loss(x, x_tilde, encode, decode, log_prior, eps, gamma):
    mu, logvar = encode(x_tilde)
    z = mu + (0.5 * logvar).exp() * eps
    cost = -(x * decode(z).log_softmax(1)).sum(1)
    kl = (losses.log_normal(z, mu, logvar) - log_prior(x, z)).sum(1)
    return (cost + gamma * x.sum(1) * kl.clamp(min=0)).mean()


# %% q4: the closed form of the standard normal
def recvae_loss(x, x_tilde, encode, decode, log_prior, eps, gamma):
    mu, logvar = encode(x_tilde)
    z = mu + (0.5 * logvar).exp() * eps
    cost = -(x * decode(z).log_softmax(1)).sum(1)
    kl = 0.5 * (logvar.exp() + mu**2 - 1 - logvar).sum(1)
    return (cost + gamma * x.sum(1) * kl).mean()


# %% q4: log variance used as log sigma in the sample
def recvae_loss(x, x_tilde, encode, decode, log_prior, eps, gamma):
    mu, logvar = encode(x_tilde)
    z = mu + logvar.exp() * eps
    cost = -(x * decode(z).log_softmax(1)).sum(1)
    kl = (losses.log_normal(z, mu, logvar) - log_prior(x, z)).sum(1)
    return (cost + gamma * x.sum(1) * kl).mean()


# %% q4: a mean over the numbers of the code
def recvae_loss(x, x_tilde, encode, decode, log_prior, eps, gamma):
    mu, logvar = encode(x_tilde)
    z = mu + (0.5 * logvar).exp() * eps
    cost = -(x * decode(z).log_softmax(1)).sum(1)
    kl = (losses.log_normal(z, mu, logvar) - log_prior(x, z)).mean(1)
    return (cost + gamma * x.sum(1) * kl).mean()


# %% q4: a sigmoid for every item in place of the softmax
def recvae_loss(x, x_tilde, encode, decode, log_prior, eps, gamma):
    mu, logvar = encode(x_tilde)
    z = mu + (0.5 * logvar).exp() * eps
    cost = -(x * torch.nn.functional.logsigmoid(decode(z))).sum(1)
    kl = (losses.log_normal(z, mu, logvar) - log_prior(x, z)).sum(1)
    return (cost + gamma * x.sum(1) * kl).mean()


# %% q4: the code detached, so that the encoder learns only from q
def recvae_loss(x, x_tilde, encode, decode, log_prior, eps, gamma):
    mu, logvar = encode(x_tilde)
    z = (mu + (0.5 * logvar).exp() * eps).detach()
    cost = -(x * decode(z).log_softmax(1)).sum(1)
    kl = (losses.log_normal(z, mu, logvar) - log_prior(x, z)).sum(1)
    return (cost + gamma * x.sum(1) * kl).mean()


# %% q4: RIGHT
def recvae_loss(x, x_tilde, encode, decode, log_prior, eps, gamma):
    mu, logvar = encode(x_tilde)
    q = Normal(mu, torch.sqrt(torch.exp(logvar)))
    z = q.mean + q.stddev * eps
    pi, log_p, total = torch.softmax(decode(z), 1), log_prior(x, z), 0.0
    for u in range(len(x)):
        items = x[u].nonzero()[:, 0]
        total = total - pi[u, items].log().sum()
        for d in range(z.shape[1]):
            ratio = q.log_prob(z)[u, d] - log_p[u, d]
            total = total + gamma * len(items) * ratio
    return total / len(x)


# %% q5: the sum of earlier layers added after the activation
def dense_encoder(x, weights, biases):
    length = np.sqrt((x**2).sum(1, keepdims=True))
    h, total = x / np.where(length > 0, length, 1), 0.0
    for W, b in zip(weights, biases, strict=True):
        a = h @ W.T + b
        a = a / (1 + np.exp(-a)) + total
        h = (a - a.mean(1, keepdims=True)) / np.sqrt(
            a.var(1, keepdims=True) + 0.1
        )
        total = total + h
    return h


# %% q5: only the layer before, as in a residual network
def dense_encoder(x, weights, biases):
    length = np.sqrt((x**2).sum(1, keepdims=True))
    h, last = x / np.where(length > 0, length, 1), 0.0
    for W, b in zip(weights, biases, strict=True):
        a = h @ W.T + b + last
        a = a / (1 + np.exp(-a))
        h = (a - a.mean(1, keepdims=True)) / np.sqrt(
            a.var(1, keepdims=True) + 0.1
        )
        last = h
    return h


# %% q5: nan for a user without items, as in a public program
def dense_encoder(x, weights, biases):
    with np.errstate(invalid="ignore"):
        h, total = x / np.sqrt((x**2).sum(1, keepdims=True)), 0.0
    for W, b in zip(weights, biases, strict=True):
        a = h @ W.T + b + total
        a = a / (1 + np.exp(-a))
        h = (a - a.mean(1, keepdims=True)) / np.sqrt(
            a.var(1, keepdims=True) + 0.1
        )
        total = total + h
    return h


# %% q5: shares that add up to one in place of length one
def dense_encoder(x, weights, biases):
    h, total = x / np.maximum(x.sum(1, keepdims=True), 1), 0.0
    for W, b in zip(weights, biases, strict=True):
        a = h @ W.T + b + total
        a = a / (1 + np.exp(-a))
        h = (a - a.mean(1, keepdims=True)) / np.sqrt(
            a.var(1, keepdims=True) + 0.1
        )
        total = total + h
    return h


# %% q5: the mean over the users, as batch norm has it
def dense_encoder(x, weights, biases):
    length = np.sqrt((x**2).sum(1, keepdims=True))
    h, total = x / np.where(length > 0, length, 1), 0.0
    for W, b in zip(weights, biases, strict=True):
        a = h @ W.T + b + total
        a = a / (1 + np.exp(-a))
        h = (a - a.mean(0)) / np.sqrt(a.var(0) + 0.1)
        total = total + h
    return h


# %% q5: 0.1 outside of the root
def dense_encoder(x, weights, biases):
    length = np.sqrt((x**2).sum(1, keepdims=True))
    h, total = x / np.where(length > 0, length, 1), 0.0
    for W, b in zip(weights, biases, strict=True):
        a = h @ W.T + b + total
        a = a / (1 + np.exp(-a))
        h = (a - a.mean(1, keepdims=True)) / (a.std(1, keepdims=True) + 0.1)
        total = total + h
    return h


# %% q5: the sigmoid without its argument
def dense_encoder(x, weights, biases):
    length = np.sqrt((x**2).sum(1, keepdims=True))
    h, total = x / np.where(length > 0, length, 1), 0.0
    for W, b in zip(weights, biases, strict=True):
        a = 1 / (1 + np.exp(-(h @ W.T + b + total)))
        h = (a - a.mean(1, keepdims=True)) / np.sqrt(
            a.var(1, keepdims=True) + 0.1
        )
        total = total + h
    return h


# %% q5: normalised before the activation
def dense_encoder(x, weights, biases):
    length = np.sqrt((x**2).sum(1, keepdims=True))
    h, total = x / np.where(length > 0, length, 1), 0.0
    for W, b in zip(weights, biases, strict=True):
        a = h @ W.T + b + total
        a = (a - a.mean(1, keepdims=True)) / np.sqrt(
            a.var(1, keepdims=True) + 0.1
        )
        h = a / (1 + np.exp(-a))
        total = total + h
    return h


# %% q5: RIGHT
def dense_encoder(x, weights, biases):
    rows = []
    for row in torch.tensor(np.asarray(x, dtype=float)):
        h = row / max(row.norm().item(), 1e-12)
        earlier = []
        for W, b in zip(weights, biases, strict=True):
            a = torch.tensor(W).double() @ h + torch.tensor(b).double()
            for each in earlier:
                a = a + each
            a = torch.nn.functional.silu(a)
            h = torch.nn.functional.layer_norm(a, a.shape, eps=0.1)
            earlier.append(h)
        rows.append(h.numpy())
    return np.array(rows)


# %% q6: nobody is frozen
def cycle(model, batches, optimiser):
    for epoch in range(4):
        if epoch == 3:
            model.old.load_state_dict(model.encoder.state_dict())
        for batch in batches:
            optimiser.zero_grad()
            model.loss(batch, 0.5 if epoch < 3 else 0.0).backward()
            optimiser.step()


# %% q6: frozen by gradients of zero, so that Adam's momentum rolls on
def cycle(model, batches, optimiser):
    for epoch in range(4):
        if epoch == 3:
            model.old.load_state_dict(model.encoder.state_dict())
        frozen = model.encoder if epoch == 3 else model.decoder
        for batch in batches:
            optimiser.zero_grad()
            model.loss(batch, 0.5 if epoch < 3 else 0.0).backward()
            for parameter in frozen.parameters():
                parameter.grad.zero_()
            optimiser.step()


# %% q6: requires_grad off, but zeros left from the last turn
def cycle(model, batches, optimiser):
    for epoch in range(4):
        if epoch == 3:
            model.old.load_state_dict(model.encoder.state_dict())
        model.encoder.requires_grad_(epoch < 3)
        model.decoder.requires_grad_(epoch == 3)
        for batch in batches:
            optimiser.zero_grad(set_to_none=False)
            model.loss(batch, 0.5 if epoch < 3 else 0.0).backward()
            optimiser.step()


# %% q6: dropout for the decoder, too
def cycle(model, batches, optimiser):
    for epoch in range(4):
        if epoch == 3:
            model.old.load_state_dict(model.encoder.state_dict())
        model.encoder.requires_grad_(epoch < 3)
        model.decoder.requires_grad_(epoch == 3)
        for batch in batches:
            optimiser.zero_grad()
            model.loss(batch, 0.5).backward()
            optimiser.step()


# %% q6: the old encoder is the encoder, not a copy
def cycle(model, batches, optimiser):
    for epoch in range(4):
        if epoch == 3:
            model.old = model.encoder
        model.encoder.requires_grad_(epoch < 3)
        model.decoder.requires_grad_(epoch == 3)
        for batch in batches:
            optimiser.zero_grad()
            model.loss(batch, 0.5 if epoch < 3 else 0.0).backward()
            optimiser.step()


# %% q6: the old encoder is never renewed
def cycle(model, batches, optimiser):
    for epoch in range(4):
        model.encoder.requires_grad_(epoch < 3)
        model.decoder.requires_grad_(epoch == 3)
        for batch in batches:
            optimiser.zero_grad()
            model.loss(batch, 0.5 if epoch < 3 else 0.0).backward()
            optimiser.step()


# %% q6: the old encoder is renewed before every epoch
def cycle(model, batches, optimiser):
    for epoch in range(4):
        model.old.load_state_dict(model.encoder.state_dict())
        model.encoder.requires_grad_(epoch < 3)
        model.decoder.requires_grad_(epoch == 3)
        for batch in batches:
            optimiser.zero_grad()
            model.loss(batch, 0.5 if epoch < 3 else 0.0).backward()
            optimiser.step()


# %% q6: a fresh Adam for every turn, which has forgotten
def cycle(model, batches, optimiser):
    options = {k: optimiser.defaults[k] for k in ("lr", "weight_decay")}
    for part in (model.encoder, model.decoder):
        mine = torch.optim.Adam(part.parameters(), **options)
        if part is model.decoder:
            model.old.load_state_dict(model.encoder.state_dict())
        for batch in batches * (3 if part is model.encoder else 1):
            model.zero_grad()
            rate = 0.5 if part is model.encoder else 0.0
            model.loss(batch, rate).backward()
            mine.step()


# %% q6: gradients add up over the batches
def cycle(model, batches, optimiser):
    for epoch in range(4):
        if epoch == 3:
            model.old.load_state_dict(model.encoder.state_dict())
        model.encoder.requires_grad_(epoch < 3)
        model.decoder.requires_grad_(epoch == 3)
        optimiser.zero_grad()
        for batch in batches:
            model.loss(batch, 0.5 if epoch < 3 else 0.0).backward()
            optimiser.step()


# %% q6: one epoch each
def cycle(model, batches, optimiser):
    for decoding in (False, True):
        if decoding:
            model.old.load_state_dict(model.encoder.state_dict())
        model.encoder.requires_grad_(not decoding)
        model.decoder.requires_grad_(decoding)
        for batch in batches:
            optimiser.zero_grad()
            model.loss(batch, 0.0 if decoding else 0.5).backward()
            optimiser.step()


# %% q6: RIGHT
def cycle(model, batches, optimiser):
    def update(batch, rate, others):
        model.zero_grad()
        model.loss(batch, rate).backward()
        for parameter in others.parameters():
            parameter.grad = None
        optimiser.step()

    for _ in range(3):
        for batch in batches:
            update(batch, 0.5, model.decoder)
    model.old = copy.deepcopy(model.encoder)
    for parameter in model.old.parameters():
        parameter.requires_grad = False
        parameter.grad = None
    for batch in batches:
        update(batch, 0, model.encoder)


# %% q7: the counter stands still with the part
def rolls_on(n, k, lr, beta1=0.9, beta2=0.999):
    distance = 0.0
    for j in range(1, k + 1):
        distance += lr * beta1**j / math.sqrt(beta2**j)
    return distance


# %% q7: only the first moment decays
def rolls_on(n, k, lr, beta1=0.9, beta2=0.999):
    steps = range(1, k + 1)
    m = [beta1**j * (1 - beta1**n) / (1 - beta1 ** (n + j)) for j in steps]
    return lr * sum(m)


# %% q7: no bias correction
def rolls_on(n, k, lr, beta1=0.9, beta2=0.999):
    distance = 0.0
    for j in range(1, k + 1):
        m = beta1**j * (1 - beta1**n)
        v = beta2**j * (1 - beta2**n)
        distance += lr * m / math.sqrt(v)
    return distance


# %% q7: the last step with a gradient is counted
def rolls_on(n, k, lr, beta1=0.9, beta2=0.999):
    distance = 0.0
    for j in range(k):
        m = beta1**j * (1 - beta1**n) / (1 - beta1 ** (n + j))
        v = beta2**j * (1 - beta2**n) / (1 - beta2 ** (n + j))
        distance += lr * m / math.sqrt(v)
    return distance


# %% q7: no root
def rolls_on(n, k, lr, beta1=0.9, beta2=0.999):
    distance = 0.0
    for j in range(1, k + 1):
        m = beta1**j * (1 - beta1**n) / (1 - beta1 ** (n + j))
        v = beta2**j * (1 - beta2**n) / (1 - beta2 ** (n + j))
        distance += lr * m / v
    return distance


# %% q7: a gradient of zero thought to move nothing
def rolls_on(n, k, lr, beta1=0.9, beta2=0.999):
    return 0.0


# %% q7: all of the momentum at once, whatever k is
def rolls_on(n, k, lr, beta1=0.9, beta2=0.999):
    ratio = beta1 / math.sqrt(beta2)
    return lr * ratio / (1 - ratio)


# %% q7: the last movement, not the sum
def rolls_on(n, k, lr, beta1=0.9, beta2=0.999):
    m = beta1**k * (1 - beta1**n) / (1 - beta1 ** (n + k))
    v = beta2**k * (1 - beta2**n) / (1 - beta2 ** (n + k))
    return lr * m / math.sqrt(v) if k else 0.0


# %% q7: RIGHT
def rolls_on(n, k, lr, beta1=0.9, beta2=0.999):
    weight = torch.zeros((), dtype=torch.double, requires_grad=True)
    adam = torch.optim.Adam([weight], lr, (beta1, beta2), eps=0)
    start = 0.0
    for step in range(1, n + k + 1):
        weight.grad = torch.ones_like(weight) * (step <= n)
        adam.step()
        if step == n:
            start = weight.item()
    return abs(weight.item() - start)
