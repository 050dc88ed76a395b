"""SVAE: Sachdeva, Manco, Ritacco and Pudi (2019)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from reclib import checks, losses
from reclib.interactions import Interactions
from reclib.models.base import GradientRecommender, annealed, flag, sample_normal


class SVAE(GradientRecommender):
    """A variational autoencoder at every step of a user's history, with a recurrent encoder.

    ``h_t = GRU(x_1 .. x_t)``, ``q(z_t | x_1..t) = N(mu(h_t), diag sigma(h_t)^2)``, and the
    softmax of ``f(z_t)`` shall name the next ``horizon`` items (equations 5 to 9). The loss of a
    user is the mean over her steps of their negative log-likelihood and ``beta`` times the KL.

    **The values of the matrix are the order**: smaller ones came earlier, as
    ``splits.held_out_users(order="time")`` has them. A prediction is made from the last step.

    Parameters
    ----------
    embedding, recurrent, hidden, code : int
        Widths of the item vectors, the GRU's state, the layers around the code, the code.
    horizon : int
        k, the number of next items asked for at each step.
    beta, anneal_steps
        As for ``MultVAE``. The authors' program has, in the units of this loss and for a history
        of T events, about ``.08 / (T - 1)``.
    stochastic : bool
        Without it the code is its mean and there is no KL term: the same recurrent network as a
        plain predictor of the next items, for comparison.
    """

    def __init__(
        self,
        embedding: int = 256,
        recurrent: int = 200,
        hidden: int = 150,
        code: int = 64,
        *,
        horizon: int = 4,
        beta: float = 0.2,
        anneal_steps: int = 200_000,
        stochastic: bool = True,
    ) -> None:
        super().__init__()
        self.embedding = checks.whole("embedding", embedding)
        self.recurrent = checks.whole("recurrent", recurrent)
        self.hidden, self.code = checks.whole("hidden", hidden), checks.whole("code", code)
        self.horizon = checks.whole("horizon", horizon)
        self.beta = checks.number("beta", beta, low=0)
        self.anneal_steps = checks.whole("anneal_steps", anneal_steps, low=0)
        self.stochastic = flag("stochastic", stochastic)

    def build(self, train: Interactions) -> None:
        items = train.num_cols
        self.items = nn.Embedding(items + 1, self.embedding, padding_idx=items)
        self.gru = nn.GRU(self.embedding, self.recurrent, batch_first=True)
        self.encoder = nn.Sequential(nn.Linear(self.recurrent, self.hidden), nn.Tanh())
        # The mean of the code and, of a random one, its log variance.
        self.posterior = nn.Linear(self.hidden, (1 + self.stochastic) * self.code)
        self.decoder = nn.Sequential(
            nn.Linear(self.code, self.hidden), nn.Tanh(), nn.Linear(self.hidden, items)
        )
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def _states(self, X: Interactions) -> tuple[Tensor, Tensor, Tensor]:
        """States [rows, longest + 1, recurrent], the first 0; items in order; step of each."""
        order = X.values.argsort(stable=True)
        order = order[X.row_ids[order].argsort(stable=True)]
        items = X.indices[order].long()
        step = torch.arange(X.nnz, device=X.device) - X.indptr[X.row_ids]
        longest = max(1, int(X.row_counts.max()) if X.num_rows else 1)
        padded = items.new_full((X.num_rows, longest), X.num_cols)
        padded[X.row_ids, step] = items
        states, _ = self.gru(self.items(padded))
        return torch.cat([torch.zeros_like(states[:, :1]), states], 1), items, step

    def _targets(self, X: Interactions, items: Tensor) -> Interactions:
        """Row e: the items that follow entry e, each weighing one over the steps of the user."""
        entry = torch.arange(X.nnz, device=X.device)
        later = entry[:, None] + torch.arange(1, self.horizon + 1, device=X.device)
        last = (X.indptr[1:].long() - 1)[X.row_ids]
        inside = later <= last[:, None]
        cols = torch.where(inside, items[later.clamp(max=max(0, X.nnz - 1))], X.num_cols)
        cols = cols.sort(1).values  # those beyond the end come last
        kept = cols < X.num_cols
        indptr = torch.zeros(X.nnz + 1, dtype=torch.int32, device=X.device)
        indptr[1:] = kept.sum(1).cumsum(0)
        weight = 1.0 / (X.row_counts[X.row_ids] - 1).clamp(min=1)
        values = weight[:, None].expand(-1, self.horizon)[kept]
        return Interactions(indptr, cols[kept].int(), values, X.num_cols)

    def loss(self, batch: Interactions) -> Tensor:
        """The negative lower bound, averaged over a user's steps and over users."""
        states, items, step = self._states(batch)
        targets = self._targets(batch, items)
        used = targets.row_counts > 0  # after the last item there is nothing to predict
        said = self.posterior(self.encoder(states[batch.row_ids[used], step[used] + 1]))
        wanted = targets.rows(used.nonzero()[:, 0])
        if not self.stochastic:
            return losses.multinomial(self.decoder(said), wanted) / batch.num_rows
        mu, logvar = said.chunk(2, dim=1)
        cost = losses.multinomial(self.decoder(sample_normal(mu, logvar)), wanted)
        weight = 1.0 / (batch.row_counts[batch.row_ids[used]] - 1).clamp(min=1)
        kl = 0.5 * (logvar.exp() + mu.square() - 1 - logvar).sum(1)
        if self.training:
            self.steps += 1
        return (cost + self.current_beta() * weight @ kl) / batch.num_rows

    def current_beta(self) -> Tensor | float:
        """The weight of the KL term at the present step."""
        return annealed(self.steps, self.anneal_steps, self.beta)

    @torch.no_grad()
    def score(self, fold_in: Interactions) -> Tensor:
        states, _, _ = self._states(fold_in)
        rows = torch.arange(fold_in.num_rows, device=fold_in.device)
        h = self.encoder(states[rows, fold_in.row_counts])
        return self.decoder(self.posterior(h)[:, : self.code])
