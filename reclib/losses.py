"""Losses: pure functions of tensors, summed so that the caller chooses the denominator.

Examples
--------
>>> import torch
>>> from reclib.losses import gaussian_kl
>>> gaussian_kl(mu=torch.tensor([0.0, 2.0]), logvar=torch.zeros(2))
tensor(2.)
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from reclib.interactions import Interactions


def squared_error(predicted: Tensor, actual: Tensor) -> Tensor:
    """Sum of squared errors, ``sum (r - r_hat)^2``.

    Given values at observed cells alone it is the masked loss of Sedhain et al.
    (2015), equation 1: a missing rating costs nothing and sends back no gradient.

    Examples
    --------
    >>> squared_error(torch.tensor([4.0, 3.0]), torch.tensor([5.0, 1.0]))
    tensor(5.)
    """
    return (predicted - actual).square().sum()


def l2(weights: Iterable[Tensor]) -> Tensor:
    """Sum of squares of all ``weights``, ``sum |W|_F^2``.

    Examples
    --------
    >>> l2([torch.ones(2, 3), torch.tensor([[2.0]])])
    tensor(10.)
    """
    # As norms: autograd then makes one copy of a weight matrix, where a sum of squares needs three.
    return sum(torch.linalg.vector_norm(weight, dim=-1).square().sum() for weight in weights)


def gaussian_kl(mu: Tensor, logvar: Tensor) -> Tensor:
    """``sum KL(N(mu, exp(logvar)) || N(0, 1))`` over all entries; Kingma and Welling (2014), B.

    Each is ``1/2 (exp(logvar) + mu^2 - 1 - logvar)``.
    """
    return 0.5 * (logvar.exp() + mu.square() - 1 - logvar).sum()


def log_normal(z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """Log density of N(mu, exp(logvar)) at z, elementwise.

    Examples
    --------
    >>> log_normal(torch.zeros(2), torch.tensor([0.0, 1.0]), torch.zeros(2))
    tensor([-0.9189, -1.4189])
    """
    return -0.5 * (math.log(2 * math.pi) + logvar + (z - mu).square() * (-logvar).exp())


def multinomial(logits: Tensor, X: Interactions) -> Tensor:
    """Negative log-likelihood of the entries of X, summed; Liang et al. (2018), equation 2.

    ``- sum x[u, i] log softmax(logits[u])[i]``, without the multinomial coefficient, which
    holds no parameter. ``logits`` is [X.num_rows, X.num_cols].

    Examples
    --------
    >>> X = Interactions.from_coo([0, 0], [0, 2], shape=(1, 3))
    >>> multinomial(torch.zeros(1, 3), X)  # two events, each with probability 1/3
    tensor(2.1972)
    """
    return _Multinomial.apply(logits, X)


class _Multinomial(torch.autograd.Function):
    """By hand, since the gradient ``N_u softmax(logits[u]) - x_u`` needs no dense target."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, X: Interactions) -> Tensor:
        log_pi = logits.log_softmax(1)
        ctx.X = X
        ctx.save_for_backward(log_pi)
        return -(log_pi.view(-1)[X.cells] @ X.values)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (log_pi,) = ctx.saved_tensors
        total = grad.new_zeros(ctx.X.num_rows).index_add_(0, ctx.X.row_ids, ctx.X.values)
        out = log_pi.exp().mul_((grad * total)[:, None])
        out.view(-1)[ctx.X.cells] -= grad * ctx.X.values
        return out, None
