"""Learning the top of the list: WARP, Weston, Bengio and Usunier (2011)."""

from __future__ import annotations

import torch
from torch import Tensor

from reclib import checks
from reclib.interactions import Interactions
from reclib.models.bpr import BPR


class WARP(BPR):
    """The model of :class:`BPR`; an error costs more, the lower the item is ranked.

    For each event (u, i), items that u lacks are drawn until one of them scores more than
    ``s_ui - 1``. If it is the n-th draw, the rank of i is about ``(num_items - 1) / n``, and the
    cost is ``L(rank) (1 - s_ui + s_uj)`` with ``L(r) = 1 + 1/2 + ... + 1/r`` (section 3).
    After ``draws`` without such an item, the event costs nothing.
    """

    def __init__(
        self, rank: int = 64, *, draws: int = 50, dropout: float = 0.5, l2: float = 1e-4
    ) -> None:
        super().__init__(rank, dropout=dropout, l2=l2)
        self.draws = checks.whole("draws", draws)

    def build(self, train: Interactions) -> None:
        super().build(train)
        places = torch.arange(1, train.num_cols + 1, dtype=torch.float32)
        self.register_buffer("cost_of_rank", (1 / places).cumsum(0))

    def loss(self, batch: Interactions) -> Tensor:
        """Weighted hinge losses of the events of a user, mean over users; and the penalty."""
        logits = self.logits(batch)
        cols, lacking = batch.missing(self.draws)
        own = logits.view(-1)[batch.cells]
        with torch.no_grad():
            drawn = logits[batch.row_ids[:, None], cols]
            violates = (drawn > own[:, None] - 1) & lacking
            first = violates.int().argmax(1)  # of equal values the first
            tried = lacking.cumsum(1).gather(1, first[:, None])[:, 0].clamp(min=1)
            rank = (batch.num_cols - 1) // tried
            weight = self.cost_of_rank[rank.clamp(min=1) - 1] * violates.any(1)
        worst = logits[batch.row_ids, cols.gather(1, first[:, None])[:, 0]]
        return (weight * (1 - own + worst)).sum() / batch.num_rows + self.penalty()
