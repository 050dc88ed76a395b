"""RaCT: Lobel, Li, Gao and Carin (2020)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from reclib import checks, metrics
from reclib.interactions import Interactions
from reclib.models.base import sample_normal
from reclib.models.multvae import MultVAE


class RaCT(MultVAE):
    """Mult-VAE, the actor, trained towards NDCG by way of a critic that predicts it.

    NDCG has no useful gradient. The critic learns it as a smooth function of three numbers of
    a user: the negative log-likelihood of an item of hers, and how many items the actor saw
    and did not see. In three stages (section 3.3): ``actor_epochs`` of maximum likelihood,
    ``critic_epochs`` in which the critic learns from the actor's NDCG, and then both, the
    actor ascending on what the critic says.

    What is dropped from the input is what the actor did not see; NDCG asks for it among all
    items but those seen. Counts enter as their logarithms, in place of the authors' batch norm.

    Adam's steps do not shrink with the loss, so the parts need rates of their own, given here as
    shares of the learning rate of ``fit``. The authors' are .1 and .002, for MovieLens 20M.
    Stage 2 starts from the best actor of stage 1; patience counts in stage 3 alone.

    Parameters
    ----------
    hidden, dropout, l2, beta, anneal_steps
        Of the actor, as for :class:`MultVAE`.
    actor_epochs, critic_epochs : int
        The third stage has the epochs that are left.
    depth : int
        k of the NDCG@k that the critic learns.
    critic_rate, actor_rate : float
        Shares of the learning rate: of the critic, and of the actor in stage 3.
    advice : {"critic", "likelihood"}
        "likelihood" is a control of stage 3: the actor goes on with its likelihood, without KL
        term and without critic.
    """

    keeps_last_of_equals = True  # the critic learns while the ranking stands still

    def __init__(
        self,
        hidden: Sequence[int] = (600, 200),
        *,
        actor_epochs: int = 100,
        critic_epochs: int = 50,
        depth: int = 100,
        critic_rate: float = 0.1,
        actor_rate: float = 0.002,
        advice: Literal["critic", "likelihood"] = "critic",
        **options: Any,
    ) -> None:
        super().__init__(hidden, **options)
        self.actor_epochs = checks.whole("actor_epochs", actor_epochs, low=0)
        self.critic_epochs = checks.whole("critic_epochs", critic_epochs, low=0)
        self.depth, self.advice = checks.whole("depth", depth), advice
        self.critic_rate = checks.number("critic_rate", critic_rate)
        self.actor_rate = checks.number("actor_rate", actor_rate)
        if min(critic_rate, actor_rate) <= 0 or advice not in ("critic", "likelihood"):
            raise ValueError("rates must be positive, and advice is critic or likelihood")
        self._stage = "actor"

    def build(self, train: Interactions) -> None:
        super().build(train)
        self.critic = nn.Sequential(
            *(nn.Linear(3, 100), nn.ReLU(), nn.Linear(100, 100), nn.ReLU()),
            *(nn.Linear(100, 10), nn.ReLU(), nn.Linear(10, 1), nn.Sigmoid()),
        )

    @property
    def settled_after(self) -> int:
        return self.actor_epochs + self.critic_epochs

    def parts(self) -> dict[str, list[nn.Parameter]]:
        named = list(self.named_parameters())
        return {
            "actor": [p for name, p in named if not name.startswith("critic.")],
            "critic": [p for name, p in named if name.startswith("critic.")],
        }

    def rate(self, part: str) -> float:
        if part == "critic":
            return self.critic_rate
        return self.actor_rate if self._stage == "both" else 1.0

    def start_epoch(self, epoch: int) -> bool:
        self._stage = (
            "actor"
            if epoch <= self.actor_epochs
            else "critic"
            if epoch <= self.actor_epochs + self.critic_epochs
            else "both"
        )
        for name, parameter in self.named_parameters():
            is_critic = name.startswith("critic.")
            parameter.requires_grad_(
                self._stage == "both" or is_critic == (self._stage == "critic")
            )
        # The authors have an optimiser for each stage. What Adam remembers of the likelihood,
        # momentum and gradients a hundred times larger, does not suit the critic's advice.
        starts = (self.actor_epochs, self.actor_epochs + self.critic_epochs)
        return epoch > 1 and epoch - 1 in starts

    def loss(self, batch: Interactions) -> Tensor:
        """Of the present stage, mean over the users."""
        if self._stage == "actor":
            return super().loss(batch)
        corrupted = self.corrupt(batch)
        mu, logvar = self._contract(corrupted).chunk(2, dim=1)
        logits = self.decode(sample_normal(mu, logvar))
        if self._stage == "both" and self.advice == "likelihood":
            return self.likelihood(logits, batch) / batch.num_rows + self.penalty()
        seen = corrupted.values > 0
        features = self.features(logits, batch, seen)
        truth, defined = self.truth(logits, batch, seen)
        said = self.critic(features.detach())[:, 0]
        cost = ((said - truth).square() * defined).sum()
        if self._stage == "both":
            cost = cost - (self._as_constant(features)[:, 0] * defined).sum()
        return cost / batch.num_rows

    def features(self, logits: Tensor, batch: Interactions, seen: Tensor) -> Tensor:
        """What the critic knows of each row, [rows, 3]."""
        at = logits.logsumexp(1)[batch.row_ids] - logits.view(-1)[batch.cells]
        counts = batch.row_counts.clamp(min=1)
        cost = at.new_zeros(batch.num_rows).index_add(0, batch.row_ids, at) / counts
        shown = at.new_zeros(batch.num_rows).index_add(0, batch.row_ids, seen.to(at.dtype))
        return torch.stack([cost, shown.log1p(), (batch.row_counts - shown).log1p()], 1)

    def truth(self, logits: Tensor, batch: Interactions, seen: Tensor) -> tuple[Tensor, Tensor]:
        """NDCG of what was not seen, float32 [rows], and whether there was any."""
        ranked = logits.detach().clone()
        ranked.view(-1)[batch.cells[seen]] = -torch.inf
        hidden = torch.zeros_like(ranked, dtype=torch.bool)
        hidden.view(-1)[batch.cells[~seen]] = True
        depth = min(self.depth, batch.num_cols)
        hits = hidden.gather(1, ranked.topk(depth, 1).indices)
        ndcg = metrics.ndcg(hits, hidden.sum(1), depth)
        return ndcg.nan_to_num(0.0).float(), hidden.any(1)

    def _as_constant(self, features: Tensor) -> Tensor:
        """What the critic says, so that its gradient reaches the actor alone."""
        fixed = {name: p.detach() for name, p in self.critic.named_parameters()}
        return torch.func.functional_call(self.critic, fixed, (features,))
