"""Losses: pure functions of tensors, summed so that the caller chooses the denominator."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


def squared_error(predicted: Tensor, actual: Tensor) -> Tensor:
    """Sum of squared errors, ``sum (r - r_hat)^2``.

    Given values at observed cells alone it is the masked loss of Sedhain et al.
    (2015), equation 1: a missing rating costs nothing and sends back no gradient.
    """
    return (predicted - actual).square().sum()


def l2(weights: Iterable[Tensor]) -> Tensor:
    """Sum of squares of all ``weights``, ``sum |W|_F^2``."""
    # As norms: autograd then makes one copy of a weight matrix, where a sum of squares needs three.
    return sum(torch.linalg.vector_norm(weight, dim=-1).square().sum() for weight in weights)


def gaussian_kl(mu: Tensor, logvar: Tensor) -> Tensor:
    """``sum KL(N(mu, exp(logvar)) || N(0, 1))`` over all entries; Kingma and Welling (2014), B.

    Each is ``1/2 (exp(logvar) + mu^2 - 1 - logvar)``.
    """
    return 0.5 * (logvar.exp() + mu.square() - 1 - logvar).sum()
