"""LambdaRank gradients (Burges, Ragno and Le 2006) for the network of Mult-VAE."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812, the name every torch program uses
from torch import Tensor

from reclib import checks
from reclib.interactions import Interactions
from reclib.models.multvae import MultVAE


class LambdaNet(MultVAE):
    """Mult-VAE whose likelihood is replaced by a loss of pairs, weighted by what is at stake.

    A pair (i, j) of an item that the user has and one that she lacks costs
    ``|dNDCG_ij| log(1 + exp(s_uj - s_ui))``, where dNDCG is the change of NDCG if the two
    changed places (Burges et al. 2006, section 6). For each event ``negatives`` items are drawn.
    Lobel, Li, Gao and Carin (2020) use it as a rival of their critic. Training starts with
    ``warm_up`` epochs of maximum likelihood: the ranks of an untrained network say little.
    """

    def __init__(
        self,
        hidden: Sequence[int] = (600, 200),
        *,
        negatives: int = 50,
        warm_up: int = 25,
        **options: Any,
    ) -> None:
        super().__init__(hidden, **options)
        self.negatives = checks.whole("negatives", negatives)
        self.warm_up = checks.whole("warm_up", warm_up, low=0)
        self._warm = False

    @property
    def settled_after(self) -> int:
        return self.warm_up

    def start_epoch(self, epoch: int) -> None:
        self._warm = epoch > self.warm_up

    def likelihood(self, logits: Tensor, batch: Interactions) -> Tensor:
        if not self._warm:
            return super().likelihood(logits, batch)
        return lambdarank(logits, batch, self.negatives)


def lambdarank(logits: Tensor, batch: Interactions, negatives: int) -> Tensor:
    """Sum over events of the mean cost of their pairs, times the number of items she lacks."""
    cols, lacking = batch.missing(negatives)
    own = batch.cells
    with torch.no_grad():
        counts = batch.row_counts
        places = 1 / torch.arange(2, batch.num_cols + 2, device=logits.device).float().log2()
        order = logits.argsort(1, descending=True)
        discount = torch.empty_like(logits).scatter_(1, order, places.expand_as(logits))
        ideal = places.cumsum(0)[counts.clamp(min=1) - 1]
        mine = discount.view(-1)[own, None]
        stake = (mine - discount[batch.row_ids[:, None], cols]).abs() * lacking
        stake /= ideal[batch.row_ids, None]
        scale = (batch.num_cols - counts[batch.row_ids]) / lacking.sum(1).clamp(min=1)
    gap = logits.view(-1)[own, None] - logits[batch.row_ids[:, None], cols]
    return ((stake * F.softplus(-gap)).sum(1) * scale).sum()
