"""The variational autoencoder (Kingma and Welling 2014) with a masked Gaussian likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from reclib import checks, losses
from reclib.interactions import Interactions
from reclib.models.base import sample_normal
from reclib.models.deepae import DeepAutoencoder


class RatingVAE(DeepAutoencoder):
    """A deep autoencoder whose code is a distribution, ``q(z | x) = N(mu(x), diag sigma(x)^2)``.

    Ratings are Gaussian around the decoder's output with unit variance, and those that are
    missing are left out of the likelihood. Up to constants the negative evidence lower bound
    of a user is ``1/2 sum over observed (r - r_hat)^2 + beta KL(q || N(0, I))``; the loss is
    twice that, divided by the mean number of ratings of a user, so that with ``beta = 0`` it
    is the loss of :class:`DeepAutoencoder`. Prediction takes ``z = mu``.

    Parameters
    ----------
    hidden : sequence of int
        Widths of the encoder; the last is that of the code.
    beta : float
        Weight of the KL term; 1 is the bound itself.
    anneal_steps : int
        Updates over which the weight rises linearly from 0 to ``beta``
        (Liang et al. 2018, section 2.2.2); 0 for none.
    options
        As for :class:`DeepAutoencoder`. Dropout never touches the code, which has noise of
        its own: it needs ``dropout_on="encoder"`` or ``"every"``.
    """

    def __init__(
        self,
        hidden: Sequence[int] = (500, 200),
        *,
        beta: float = 1.0,
        anneal_steps: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(hidden, **options)
        if len(self.hidden) < 2:
            raise ValueError("a variational autoencoder needs a hidden layer before its code")
        if self.refeeds:
            raise ValueError("dense re-feeding is defined for a deterministic code only")
        self.beta = checks.number("beta", beta, low=0)
        self.anneal_steps = checks.whole("anneal_steps", anneal_steps, low=0)

    def build(self, train: Interactions) -> None:
        super().build(train)
        wide, code = self.hidden[-2:]
        self.logvar = nn.Parameter(torch.zeros(wide, code))
        self.logvar_bias = nn.Parameter(torch.zeros(code))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def posterior(self, X: Interactions | Tensor) -> tuple[Tensor, Tensor]:
        """``mu`` and ``log sigma^2`` of each row, both [rows, hidden[-1]]."""
        h = self._contract(X, len(self.hidden) - 1)
        mu = h @ self.encoder[-1] + self.encoder_bias[-1]
        return mu, h @ self.logvar + self.logvar_bias

    def encode(self, X: Interactions | Tensor) -> Tensor:
        return self.posterior(X)[0]

    def loss(self, batch: Interactions) -> Tensor:
        """Twice the negative lower bound per rating, and the penalty."""
        mu, logvar = self.posterior(batch)
        z = sample_normal(mu, logvar)
        error = losses.squared_error(self.decode_at(z, batch), batch.values)
        if self.training:
            self.steps += 1
        cost = error + 2 * self.current_beta() * losses.gaussian_kl(mu, logvar)
        return cost / (batch.num_rows * self.ratings_per_row) + self.penalty()

    def current_beta(self) -> Tensor | float:
        """The weight of the KL term at the present step."""
        if not self.anneal_steps:
            return self.beta
        return self.beta * (self.steps / self.anneal_steps).clamp(max=1.0)
