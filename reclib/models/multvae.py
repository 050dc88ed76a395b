"""Mult-DAE and Mult-VAE: Liang, Krishnan, Hoffman and Jebara (2018)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812, the name every torch program uses
from torch import Tensor, nn

from reclib import checks, losses
from reclib.interactions import Interactions
from reclib.models.base import (
    GradientRecommender,
    annealed,
    sample_normal,
    unit_rows,
    widths,
    xavier,
)


def _bias(size: int) -> nn.Parameter:
    return nn.Parameter(nn.init.trunc_normal_(torch.empty(size), std=0.001, a=-0.002, b=0.002))


class MultDAE(GradientRecommender):
    """An autoencoder of a user's events whose output is a distribution over all items.

    The input is the user's row with length 1, a share of it dropped; every layer is
    ``tanh(W h + b)``, the last one linear. Its softmax is ``pi_u``, and the loss of a user
    ``- sum of log pi_ui over her items`` (equation 2). An entry of the matrix is an event,
    whatever its value.

    Parameters
    ----------
    hidden : sequence of int
        Widths of the encoder, the last is that of the code; the decoder mirrors them. The
        authors' program has one layer of 200.
    dropout : float
        Share of the input that is dropped in training.
    l2 : float
        Penalty ``l2 * sum |W|^2``, added to the loss of a user; the authors' is .01 / 500.
    """

    num_codes = 1  # numbers for each dimension of the code

    def __init__(
        self, hidden: Sequence[int] = (200,), *, dropout: float = 0.5, l2: float = 2e-5
    ) -> None:
        super().__init__()
        self.hidden = widths("hidden", hidden)
        self.dropout = checks.number("dropout", dropout, low=0, below=1)
        self.l2 = checks.number("l2", l2, low=0)

    def build(self, train: Interactions) -> None:
        widths = [train.num_cols, *self.hidden]
        code = self.num_codes * widths[-1]
        shapes = list(pairwise([*widths[:-1], code]))
        self.encoder = nn.ParameterList(xavier(n, m) for n, m in shapes)
        self.encoder_bias = nn.ParameterList(_bias(m) for _, m in shapes)
        self.decoder = nn.ParameterList(xavier(n, m) for n, m in pairwise(widths))
        self.decoder_bias = nn.ParameterList(_bias(n) for n in widths[:-1])

    def encode(self, X: Interactions) -> Tensor:
        """The code of each row, [rows, hidden[-1]]."""
        return torch.tanh(self._contract(self.corrupt(X)))

    def corrupt(self, X: Interactions) -> Interactions:
        """The rows with length 1; in training a share is zero and the rest scaled up."""
        return unit_rows(X, self.dropout if self.training else 0.0)

    def _contract(self, corrupted: Interactions) -> Tensor:
        """The encoder without the last activation."""
        h = corrupted
        for W, b in zip(self.encoder, self.encoder_bias, strict=True):
            h = torch.tanh(h) if isinstance(h, Tensor) else h
            h = h @ W + b
        return h

    def decode(self, z: Tensor) -> Tensor:
        """Logits of all items from a code, [rows, num_cols]."""
        for k in range(len(self.hidden) - 1, -1, -1):
            z = F.linear(z, self.decoder[k], self.decoder_bias[k])
            z = torch.tanh(z) if k else z
        return z

    def loss(self, batch: Interactions) -> Tensor:
        """Equation 2, mean over the users, and the penalty."""
        cost = losses.multinomial(self.decode(self.encode(batch)), batch.binary())
        return cost / batch.num_rows + self.penalty()

    def penalty(self) -> Tensor | float:
        """``l2 * sum |W|^2`` over the weights of all layers."""
        return self.l2 * losses.l2([*self.encoder, *self.decoder]) if self.l2 else 0.0

    @torch.no_grad()
    def score(self, fold_in: Interactions) -> Tensor:
        return self.decode(self.encode(fold_in))


class MultVAE(MultDAE):
    """The same with a random code, ``q(z | x_u) = N(mu(x_u), diag sigma(x_u)^2)``.

    The loss of a user is ``- E_q[sum of log pi_ui] + beta KL(q || N(0, I))`` (equation 5).
    Prediction takes ``z = mu``. After t updates ``beta`` is ``t / anneal_steps``, but never
    above the cap (section 2.2.2): where training ends before ``beta * anneal_steps`` updates,
    the cap is never reached.

    Parameters
    ----------
    hidden, dropout, l2
        As for :class:`MultDAE`; the authors have no penalty here.
    beta : float
        The cap of the weight of the KL term; 1 is the bound itself, below it "PR".
    anneal_steps : int
        Updates that the weight would need from 0 to 1; 0 for none: it is the cap at once.
    noise : float
        Of the standard deviation with which the code is drawn. 1 is the model; public ports have
        .01, whose results the book repeats.
    """

    num_codes = 2  # mean and log variance

    def __init__(
        self,
        hidden: Sequence[int] = (600, 200),
        *,
        dropout: float = 0.5,
        l2: float = 0.0,
        beta: float = 0.2,
        anneal_steps: int = 200_000,
        noise: float = 1.0,
    ) -> None:
        super().__init__(hidden, dropout=dropout, l2=l2)
        self.beta = checks.number("beta", beta, low=0)
        self.anneal_steps = checks.whole("anneal_steps", anneal_steps, low=0)
        self.noise = checks.number("noise", noise)
        if noise <= 0:
            raise ValueError(f"noise must be positive, got {noise}")

    def build(self, train: Interactions) -> None:
        super().build(train)
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def posterior(self, X: Interactions) -> tuple[Tensor, Tensor]:
        """``mu`` and ``log sigma^2`` of each row, both [rows, hidden[-1]]."""
        return self._contract(self.corrupt(X)).chunk(2, dim=1)

    def encode(self, X: Interactions) -> Tensor:
        return self.posterior(X)[0]

    def loss(self, batch: Interactions) -> Tensor:
        """The negative of equation 5 by one sample of z, mean over the users; and the penalty."""
        mu, logvar = self.posterior(batch)
        z = sample_normal(mu, logvar + 2 * math.log(self.noise))
        cost = self.likelihood(self.decode(z), batch)
        cost = cost + self.current_beta() * losses.gaussian_kl(mu, logvar)
        if self.training:
            self.steps += 1
        return cost / batch.num_rows + self.penalty()

    def likelihood(self, logits: Tensor, batch: Interactions) -> Tensor:
        """What the reconstruction costs, summed over the users."""
        return losses.multinomial(logits, batch.binary())

    def current_beta(self) -> Tensor | float:
        """The weight of the KL term at the present step."""
        return annealed(self.steps, self.anneal_steps, self.beta)
