"""CDAE: Wu, DuBois, Zheng and Ester (2016)."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812, the name every torch program uses
from torch import Tensor, nn

from reclib import checks, losses
from reclib.interactions import Interactions
from reclib.models.base import ACTIVATIONS, GradientRecommender, flag, known_activation, xavier


class CDAE(GradientRecommender):
    """A denoising autoencoder of a user's events with a node for the user herself.

    ``z_u = h(W' x~_u + V_u + b)`` and ``s_ui = W'_i . z_u + b'_i`` (equations 7 and 8), where x~
    is x with a share dropped and the rest scaled up. The loss asks for 1 at her events and for
    0 at items drawn from those that she lacks, ``negatives`` for each event.

    The user node belongs to a training user. One is recognised by her events, all of them: the
    sum of a random number for each item. Any other row gets the mean of all nodes.

    Parameters
    ----------
    hidden : int
    loss_name : "logistic" or "square"
        The loss of a cell, ``log(1 + exp(-y s))`` with y = 1 or -1, or ``1/2 (y - s)^2`` with y =
        1 or 0.
    activation : str
        h; a name of ``ACTIVATIONS``.
    dropout : float
        q, the share of the input that is dropped. With 1 only the user node is left, also in
        prediction: matrix factorisation.
    negatives : int
        Per event; all missing items at once if 0.
    user_node : bool
        Without it (V = 0) the model is a denoising autoencoder.
    tied : bool
        ``W' = W``, as the authors' program has by default.
    l2 : float
        Penalty ``l2/2`` times the sum of squares of all parameters, added to the mean loss of a
        user.
    """

    def __init__(
        self,
        hidden: int = 50,
        *,
        loss_name: Literal["logistic", "square"] = "logistic",
        activation: str = "sigmoid",
        dropout: float = 0.5,
        negatives: int = 5,
        user_node: bool = True,
        tied: bool = False,
        l2: float = 0.01,
    ) -> None:
        super().__init__()
        if loss_name not in ("logistic", "square"):
            raise ValueError(f"loss_name must be 'logistic' or 'square', got {loss_name!r}")
        self.hidden, self.loss_name = checks.whole("hidden", hidden), loss_name
        self.activation = known_activation(activation)
        self.dropout = checks.number("dropout", dropout, low=0, high=1)
        self.negatives = checks.whole("negatives", negatives, low=0)
        self.user_node, self.tied = flag("user_node", user_node), flag("tied", tied)
        self.l2 = checks.number("l2", l2, low=0)

    def build(self, train: Interactions) -> None:
        self.W = xavier(train.num_cols, self.hidden)
        self.W_out = self.W if self.tied else xavier(train.num_cols, self.hidden)
        self.b = nn.Parameter(torch.zeros(self.hidden))
        self.b_out = nn.Parameter(torch.zeros(train.num_cols))
        if self.user_node:
            self.V = xavier(train.num_rows, self.hidden)
            marks = torch.randint(-(2**62), 2**62, (train.num_cols,))
            self.register_buffer("marks", marks.to(train.device))
            known = self._signature(train).sort()
            self.register_buffer("known", known.values)
            self.register_buffer("known_row", known.indices)

    def _signature(self, X: Interactions) -> Tensor:
        """A number for each row that depends on its columns alone; int64, overflow intended."""
        sums = torch.zeros(X.num_rows, dtype=torch.int64, device=X.device)
        return sums.index_add_(0, X.row_ids, self.marks[X.indices])

    def _nodes(self, X: Interactions) -> Tensor:
        """V_u of each row, the mean of all where the row is nobody's; [rows, hidden]."""
        wanted = self._signature(X)
        nearest = torch.searchsorted(self.known, wanted).clamp_(max=len(self.known) - 1)
        found = self.known[nearest] == wanted
        return torch.where(found[:, None], self.V[self.known_row[nearest]], self.V.mean(0))

    def encode(self, X: Interactions) -> Tensor:
        """The code z of each row, [rows, hidden]."""
        # With q = 1 the weights of the input are never learnt, so prediction must not use them.
        drop = self.training or self.dropout == 1
        values = F.dropout(torch.ones_like(X.values), self.dropout, drop)
        a = X.with_values(values) @ self.W + self.b
        if self.user_node:
            a = a + self._nodes(X)
        return ACTIVATIONS[self.activation](a)

    def loss(self, batch: Interactions) -> Tensor:
        """Equation 9: the losses of a user's cells, mean over users, and the penalty."""
        cells = self._cells(batch)
        s = cells.product_at(self.encode(batch), self.W_out) + self.b_out[cells.indices]
        if self.loss_name == "logistic":
            cost = F.binary_cross_entropy_with_logits(s, cells.values, reduction="sum")
        else:
            cost = 0.5 * losses.squared_error(s, cells.values)
        weights = [self.W, self.b, self.b_out]
        weights += [] if self.tied else [self.W_out]
        penalty = losses.l2([w.view(-1, w.shape[-1]) for w in weights])
        if self.user_node:  # those of the batch stand for all
            share = batch.num_rows / len(self.V)
            penalty = penalty + losses.l2([self._nodes(batch)]) / share
        return cost / batch.num_rows + 0.5 * self.l2 * penalty

    def _cells(self, batch: Interactions) -> Interactions:
        """The cells that the loss asks for: 1 at events, 0 at those that were drawn."""
        if not self.negatives:
            full = torch.arange(batch.num_rows * batch.num_cols, device=batch.device)
        else:
            cols, lacking = batch.missing(self.negatives)
            drawn = (batch.row_ids[:, None] * batch.num_cols + cols)[lacking]
            full = torch.cat([batch.cells, drawn]).unique()
        values = batch.holds(full).float()
        rows = full // batch.num_cols
        indptr = torch.zeros(batch.num_rows + 1, dtype=torch.int32, device=batch.device)
        indptr[1:] = torch.bincount(rows, minlength=batch.num_rows).cumsum(0)
        return Interactions(indptr, (full % batch.num_cols).int(), values, batch.num_cols)

    @torch.no_grad()
    def score(self, fold_in: Interactions) -> Tensor:
        return F.linear(self.encode(fold_in), self.W_out, self.b_out)

    @torch.no_grad()
    def score_at(self, fold_in: Interactions, wanted: Interactions) -> Tensor:
        at = wanted.product_at(self.encode(fold_in), self.W_out)
        return at + self.b_out[wanted.indices]
