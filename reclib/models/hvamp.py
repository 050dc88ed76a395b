"""H+Vamp Gated: Kim and Suh (2019)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from reclib import checks, losses
from reclib.interactions import Interactions
from reclib.models.base import GradientRecommender, sample_normal, unit_rows


def _he(inputs: int, outputs: int) -> nn.Parameter:
    """Weights N(0, 2 / inputs), as the authors start every layer (He et al. 2015).

    A gate halves what passes it. From a smaller start most of the code never comes to life.
    """
    return nn.Parameter(torch.randn(inputs, outputs) * math.sqrt(2 / inputs))


def _offset(inputs: int, outputs: int) -> nn.Parameter:
    return nn.Parameter((2 * torch.rand(outputs) - 1) / math.sqrt(inputs))


class _Linear(nn.Module):
    """``W x + b``; x may be a sparse matrix."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.W, self.b = _he(inputs, outputs), _offset(inputs, outputs)

    def forward(self, x: Interactions | Tensor) -> Tensor:
        return x @ self.W + self.b


class _Gated(nn.Module):
    """``(W x + b) * sigmoid(V x + c)``."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear, self.gate = _Linear(inputs, outputs), _Linear(inputs, outputs)

    def forward(self, x: Interactions | Tensor) -> Tensor:
        return self.linear(x) * torch.sigmoid(self.gate(x))


class _Normal(nn.Module):
    """Mean and log variance as linear functions of x; the latter between -12 and 4."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.mu, self.logvar = _Linear(inputs, outputs), _Linear(inputs, outputs)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.mu(x), self.logvar(x).clamp(-12, 4)


class HVamp(GradientRecommender):
    """A variational autoencoder with two layers of codes, gates, and a learnt prior.

    ``z2`` is drawn given x, ``z1`` given x and z2; the decoder sees both. The prior of z2 is
    the mean of what the encoder makes of ``components`` rows that are learnt, the *VampPrior* of
    Tomczak and Welling (2018), and the prior of z1 is a network of z2. Layers are gated linear
    units. The likelihood is multinomial, the input of length 1 with a share dropped.

    Parameters
    ----------
    hidden, code : int
    components : int
        K, the number of rows of the prior.
    dropout : float
    beta : float
        Cap of the weight of the KL term, reached linearly after ``warm_up`` epochs.
    warm_up : int
    """

    def __init__(
        self,
        hidden: int = 600,
        code: int = 200,
        *,
        components: int = 1000,
        dropout: float = 0.5,
        beta: float = 0.3,
        warm_up: int = 100,
    ) -> None:
        super().__init__()
        self.hidden, self.code = checks.whole("hidden", hidden), checks.whole("code", code)
        self.components = checks.whole("components", components)
        self.dropout = checks.number("dropout", dropout, low=0, below=1)
        self.beta = checks.number("beta", beta, low=0)
        self.warm_up = checks.whole("warm_up", warm_up, low=0)
        self._weight = self.beta

    def build(self, train: Interactions) -> None:
        n, h, k = train.num_cols, self.hidden, self.code
        self.x_to_z2 = nn.Sequential(_Gated(n, h), _Gated(h, h), _Normal(h, k))
        self.x_part, self.z2_part = _Gated(n, h), _Gated(k, h)
        self.to_z1 = nn.Sequential(_Gated(2 * h, h), _Normal(h, k))
        self.prior_z1 = nn.Sequential(_Gated(k, h), _Gated(h, h), _Normal(h, k))
        self.from_z1, self.from_z2 = _Gated(k, h), _Gated(k, h)
        self.decoder = nn.Sequential(_Gated(2 * h, h), _Linear(h, n))
        self.pseudo_rows = nn.Parameter(0.05 + 0.01 * torch.randn(self.components, n))

    @property
    def settled_after(self) -> int:
        return self.warm_up

    def start_epoch(self, epoch: int) -> None:
        self._weight = self.beta * min(1.0, epoch / max(1, self.warm_up))

    def posterior_z1(self, X: Interactions, z2: Tensor) -> tuple[Tensor, Tensor]:
        return self.to_z1(torch.cat([self.x_part(X), self.z2_part(z2)], 1))

    def decode(self, z1: Tensor, z2: Tensor) -> Tensor:
        """Logits of all items, [rows, num_cols]."""
        return self.decoder(torch.cat([self.from_z1(z1), self.from_z2(z2)], 1))

    def corrupt(self, X: Interactions) -> Interactions:
        """The rows with length 1, in training without a share of their entries."""
        return unit_rows(X, self.dropout if self.training else 0.0)

    def loss(self, batch: Interactions) -> Tensor:
        """The negative lower bound by one sample of both codes, mean over users."""
        q2 = self.x_to_z2(self.corrupt(batch))
        z2 = sample_normal(*q2)
        q1 = self.posterior_z1(self.corrupt(batch), z2)  # with damage of its own
        z1 = sample_normal(*q1)
        cost = losses.multinomial(self.decode(z1, z2), batch.binary())
        log_normal = losses.log_normal
        kl = (log_normal(z1, *q1) - log_normal(z1, *self.prior_z1(z2))).sum(1)
        kl = kl + log_normal(z2, *q2).sum(1) - self.log_prior_z2(z2)
        return (cost + self._weight * kl.sum()) / batch.num_rows

    def log_prior_z2(self, z2: Tensor) -> Tensor:
        """Log density of the mixture, [rows]; its rows lose a share of their entries, too."""
        rows = nn.functional.dropout(self.pseudo_rows.clamp(0, 1), self.dropout, self.training)
        mu, logvar = self.x_to_z2(rows)
        each = losses.log_normal(z2[:, None], mu, logvar).sum(2)
        return each.logsumexp(1) - math.log(self.components)

    @torch.no_grad()
    def score(self, fold_in: Interactions) -> Tensor:
        X = self.corrupt(fold_in)
        z2 = self.x_to_z2(X)[0]
        return self.decode(self.posterior_z1(X, z2)[0], z2)
