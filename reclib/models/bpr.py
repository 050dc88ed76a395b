"""Learning to rank pairs: BPR, Rendle, Freudenthaler, Gantner and Schmidt-Thieme (2009)."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812, the name every torch program uses
from torch import Tensor, nn

from reclib import checks, losses
from reclib.interactions import Interactions
from reclib.models.base import GradientRecommender


class BPR(GradientRecommender):
    """``score[u, i] = p_u . q_i + b_i``, so that what a user has ranks above what she has not.

    The loss of an event (u, i) is ``- log sigmoid(s_ui - s_uj)`` with j drawn uniformly from
    the items that u lacks (equation 4). Where Rendle et al. learn a vector for each user, here
    ``p_u`` is the sum of vectors of her items divided by the root of their number, so that
    unseen users can be served (Kabbur, Ning and Karypis 2013). A share of them is dropped in
    training: an item must not be predicted from itself alone.

    Parameters
    ----------
    rank : int
    dropout : float
        Share of a user's items that her vector leaves out in training.
    l2 : float
        Penalty of all parameters, added to the loss of a user.
    """

    def __init__(self, rank: int = 64, *, dropout: float = 0.5, l2: float = 1e-4) -> None:
        super().__init__()
        self.rank = checks.whole("rank", rank)
        self.dropout = checks.number("dropout", dropout, low=0, below=1)
        self.l2 = checks.number("l2", l2, low=0)

    def build(self, train: Interactions) -> None:
        def draw() -> nn.Parameter:
            return nn.Parameter(torch.randn(train.num_cols, self.rank) * 0.1)

        self.given, self.items = draw(), draw()
        self.bias = nn.Parameter(torch.zeros(train.num_cols))

    def logits(self, X: Interactions) -> Tensor:
        """Scores of all items for each row, [rows, num_cols]."""
        share = X.row_counts.clamp(min=1).rsqrt()[X.row_ids]
        users = X.with_values(F.dropout(share, self.dropout, self.training)) @ self.given
        return F.linear(users, self.items, self.bias)

    def loss(self, batch: Interactions) -> Tensor:
        """Equation 4, summed over the events of a user, mean over users; and the penalty."""
        logits = self.logits(batch)
        cols, lacking = batch.missing(1)
        gap = logits.view(-1)[batch.cells, None] - logits[batch.row_ids[:, None], cols]
        cost = -(F.logsigmoid(gap) * lacking).sum()
        return cost / batch.num_rows + self.penalty()

    def penalty(self) -> Tensor:
        return self.l2 * losses.l2([self.given, self.items, self.bias])

    @torch.no_grad()
    def score(self, fold_in: Interactions) -> Tensor:
        return self.logits(fold_in)
