"""AutoRec: Sedhain, Menon, Sanner and Xie (2015), equations 1 and 2."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from reclib import checks, losses
from reclib.interactions import Interactions
from reclib.models.base import ACTIVATIONS, GradientRecommender, known_activation, rating_scale


class AutoRec(GradientRecommender):
    """One hidden layer between a sparse row and its reconstruction.

    ``h(r) = f(W g(V r + mu) + b)``, equation 1, with the objective of equation 2,
    ``sum over rows of |r - h(r)|^2 at observed cells + l2 / 2 (|W|^2 + |V|^2)``.
    ``rows="items"`` is I-AutoRec, which reads the column of an item;
    ``rows="users"`` is U-AutoRec.

    Parameters
    ----------
    hidden : int
        Units of the hidden layer, k in the paper.
    l2 : float
        Penalty, lambda in the paper.
    hidden_activation, output_activation : str
        g and f; a name in ``ACTIVATIONS``. A sigmoid output is stretched over the
        rating scale, since it could not reach a rating above 1 otherwise.
    scale : (float, float), optional
        Lowest and highest rating; predictions are clipped to it. By default the scale of the
        matrix that it is fitted to or, if that has none, the lowest and highest rating in it.
    default_rating : float
        What is predicted where training says nothing at all: for a row without
        ratings, and in a column that nobody rated (section 3 of the paper: 3).
    """

    predicts = "ratings"

    def __init__(
        self,
        hidden: int = 500,
        l2: float = 200.0,
        *,
        rows: Literal["users", "items"] = "items",
        hidden_activation: str = "sigmoid",
        output_activation: str = "identity",
        scale: tuple[float, float] | None = None,
        default_rating: float = 3.0,
    ) -> None:
        super().__init__()
        if rows not in ("users", "items"):
            raise ValueError(f'rows must be "users" or "items", got {rows!r}')
        self.hidden, self.rows = checks.whole("hidden", hidden), rows
        self.l2 = checks.number("l2", l2, low=0)
        self.hidden_activation = known_activation(hidden_activation)
        self.output_activation = known_activation(output_activation)
        self.stretch = output_activation == "sigmoid"
        self.scale = None if scale is None else checks.scale("scale", scale)
        self.default_rating = checks.number("default_rating", default_rating)

    def build(self, train: Interactions) -> None:
        num_cols = train.num_cols
        self.register_buffer("limits", rating_scale(train, self.scale))
        # Rows of V and W belong to columns of the data: a sparse product reads whole rows.
        # The paper does not say how weights start; its authors' code draws them like this.
        self.V = nn.Parameter(0.01 * torch.randn(num_cols, self.hidden))
        self.W = nn.Parameter(0.01 * torch.randn(num_cols, self.hidden))
        self.mu = nn.Parameter(torch.zeros(self.hidden))
        self.b = nn.Parameter(torch.zeros(num_cols))
        self.num_rows = train.num_rows
        self.register_buffer("known", train.col_counts > 0)

    def encode(self, X: Interactions) -> Tensor:
        """``g(V r + mu)`` for each row; [rows, hidden]."""
        g = ACTIVATIONS[self.hidden_activation]
        return g(X.matmul(self.V) + self.mu)

    def output(self, a: Tensor) -> Tensor:
        """``f`` of the pre-activations, in rating units."""
        low, high = self.limits
        f = ACTIVATIONS[self.output_activation]
        return low + (high - low) * f(a) if self.stretch else f(a)

    def loss(self, batch: Interactions) -> Tensor:
        """Equation 2 for a batch, divided by its rows; the penalty enters in proportion."""
        a = batch.product_at(self.encode(batch), self.W) + self.b[batch.indices]
        error = losses.squared_error(self.output(a), batch.values)
        penalty = self.l2 / 2 * losses.l2((self.V, self.W))
        return error / batch.num_rows + penalty / self.num_rows

    @torch.no_grad()
    def score(self, fold_in: Interactions) -> Tensor:
        X_hat = self.output(self.encode(fold_in) @ self.W.T + self.b).clamp_(*self.limits)
        X_hat.masked_fill_(~self.known, self.default_rating)
        return X_hat.masked_fill_((fold_in.row_counts == 0)[:, None], self.default_rating)

    @torch.no_grad()
    def score_at(self, fold_in: Interactions, wanted: Interactions) -> Tensor:
        a = wanted.product_at(self.encode(fold_in), self.W) + self.b[wanted.indices]
        unknown = ~self.known[wanted.indices] | (fold_in.row_counts == 0)[wanted.row_ids]
        return self.output(a).clamp_(*self.limits).masked_fill_(unknown, self.default_rating)
