"""RecVAE: Shenbin, Alekseev, Tutubalina, Malykh and Nikolenko (2020)."""

from __future__ import annotations

import copy
import math

import torch
import torch.nn.functional as F  # noqa: N812, the name every torch program uses
from torch import Tensor, nn

from reclib import checks, losses
from reclib.interactions import Interactions
from reclib.models.base import GradientRecommender, flag, sample_normal, unit_rows, xavier

# The composite prior: weights of N(0, 1), of the old posterior, and of N(0, e^10).
WEIGHTS = (0.15, 0.75, 0.10)
WIDE = 10.0


class _Encoder(nn.Module):
    """Five layers, each fed by all earlier ones; then mean and log variance (section 3.2).

    ``h_l = norm(swish(W_l h_{l-1} + sum of all earlier h))``.
    ``dense = False`` is the encoder of Mult-VAE, one tanh layer, for comparison.
    """

    def __init__(self, num_cols: int, hidden: int, code: int, dense: bool) -> None:
        super().__init__()
        self.first = xavier(num_cols, hidden)
        self.first_bias = nn.Parameter(torch.zeros(hidden))
        depth = 5 if dense else 1
        self.layers = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(depth - 1))
        self.norms = nn.ModuleList(nn.LayerNorm(hidden, eps=0.1) for _ in range(depth * dense))
        self.out = nn.Linear(hidden, 2 * code)

    def forward(self, X: Interactions, dropout: float) -> tuple[Tensor, Tensor]:
        a = unit_rows(X, dropout) @ self.first + self.first_bias
        if not self.norms:
            return self.out(torch.tanh(a)).chunk(2, dim=1)
        h = total = self.norms[0](F.silu(a))
        for layer, norm in zip(self.layers, self.norms[1:], strict=True):
            h = norm(F.silu(layer(h) + total))
            total = total + h
        return self.out(h).chunk(2, dim=1)


class RecVAE(GradientRecommender):
    """A variational autoencoder with the multinomial likelihood, a linear decoder, and four ideas.

    * The prior of a user's code is a mixture: N(0, 1), the posterior that the encoder gave one
      cycle ago, and a wide normal (section 3.3).
    * The weight of the KL term is ``gamma`` times the number of her items (section 3.4).
    * Encoder and decoder are trained in turn: three epochs of the encoder with dropout, then
      one of the decoder without (section 3.5).
    * The encoder is deep, with connections from every layer to all later ones (section 3.2).

    Each can be switched off. A cycle is four epochs here; the authors count it as one.

    Parameters
    ----------
    hidden, code : int
    dropout : float
        Share of the encoder's input that is dropped while it is trained.
    gamma : float
        .005 for ML-20M in the paper.
    beta : float, optional
        One weight for all users in place of ``gamma`` times their items.
    composite : bool
        The mixture; without it the prior is N(0, 1).
    alternating : bool
        Without it both are trained together, with dropout, in every epoch.
    dense : bool
        The deep encoder; without it that of Mult-VAE.
    """

    cycle = 4  # epochs; the last one is the decoder's

    def __init__(
        self,
        hidden: int = 600,
        code: int = 200,
        *,
        dropout: float = 0.5,
        gamma: float = 0.005,
        beta: float | None = None,
        composite: bool = True,
        alternating: bool = True,
        dense: bool = True,
    ) -> None:
        super().__init__()
        self.hidden, self.code = checks.whole("hidden", hidden), checks.whole("code", code)
        self.dropout = checks.number("dropout", dropout, low=0, below=1)
        self.gamma = checks.number("gamma", gamma, low=0)
        self.beta = None if beta is None else checks.number("beta", beta, low=0)
        self.composite, self.dense = flag("composite", composite), flag("dense", dense)
        self.alternating = flag("alternating", alternating)
        self._decoding = False

    def build(self, train: Interactions) -> None:
        self.encoder = _Encoder(train.num_cols, self.hidden, self.code, self.dense)
        self.decoder = nn.Linear(self.code, train.num_cols)
        # The encoder of one cycle ago is remembered, not trained.
        self.old = copy.deepcopy(self.encoder).requires_grad_(False) if self.composite else None

    @property
    def num_parameters(self) -> int:
        parts = [self.encoder, self.decoder]
        return sum(p.numel() for part in parts for p in part.parameters())

    def start_epoch(self, epoch: int) -> None:
        place = (epoch - 1) % self.cycle
        self._decoding = self.alternating and place == self.cycle - 1
        if self.composite and place == self.cycle - 1:
            self.old.load_state_dict(self.encoder.state_dict())
        self.encoder.requires_grad_(not self._decoding)
        self.decoder.requires_grad_(self._decoding or not self.alternating)

    def encode(self, X: Interactions) -> Tensor:
        """The mean of each row's code, [rows, code]."""
        return self.encoder(X, 0.0)[0]

    def loss(self, batch: Interactions) -> Tensor:
        """The negative of equation 10, by one sample of z; mean over the users."""
        dropout = self.dropout if self.training and not self._decoding else 0.0
        mu, logvar = self.encoder(batch, dropout)
        z = sample_normal(mu, logvar)
        cost = losses.multinomial(self.decoder(z), batch.binary())
        if self._decoding:  # the code does not change, and so the divergence has no gradient
            return cost / batch.num_rows
        divergence = (losses.log_normal(z, mu, logvar) - self.log_prior(batch, z)).sum(1)
        weight = self.gamma * batch.row_counts if self.beta is None else self.beta
        return (cost + (weight * divergence).sum()) / batch.num_rows

    def log_prior(self, X: Interactions, z: Tensor) -> Tensor:
        """Log density of each number of the code, [rows, code]."""
        zero = z.new_zeros(())
        standard = losses.log_normal(z, zero, zero)
        if not self.composite:
            return standard
        with torch.no_grad():
            mu, logvar = self.old(X, 0.0)
        parts = [
            standard,
            losses.log_normal(z, mu, logvar),
            losses.log_normal(z, zero, zero + WIDE),
        ]
        weighted = [math.log(w) + part for w, part in zip(WEIGHTS, parts, strict=True)]
        return torch.stack(weighted).logsumexp(0)

    @torch.no_grad()
    def score(self, fold_in: Interactions) -> Tensor:
        return self.decoder(self.encode(fold_in))
