"""The deep autoencoder for ratings: Kuchaiev and Ginsburg (2017), and its common variants."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812, the name every torch program uses
from torch import Tensor, nn

from reclib import checks, losses
from reclib.interactions import Interactions
from reclib.models.base import (
    ACTIVATIONS,
    GradientRecommender,
    flag,
    known_activation,
    rating_scale,
    widths,
    xavier,
)


class DeepAutoencoder(GradientRecommender):
    """A mirrored stack of layers between the ratings of a user and their reconstruction.

    Each layer is ``f(W h + b)``; the loss is the masked mean squared error per rating
    (equation 1). The options compose, and none changes another's meaning.

    Parameters
    ----------
    hidden : sequence of int
        Widths of the encoder, the last is the code; the decoder mirrors them. One width
        is a single hidden layer.
    activation : str
        f, a name in ``ACTIVATIONS``.
    last_linear : bool
        Leave f out of the last layer. The authors apply it there too.
    dropout, dropout_on : float, str
        Share of units dropped, after the ``"code"`` alone (the authors), every layer of the
        ``"encoder"``, or ``"every"`` hidden layer.
    tied : bool
        The decoder uses the transposed weights of the encoder ("constrained").
    refeeds : int
        Dense re-feeding: so many more updates a batch, in which the last output, detached,
        is both input and target, with no cell missing; see :meth:`updates`.
    input_dropout : float
        Denoising (Vincent et al. 2008): share of the input's ratings that are masked out in
        training, while the loss still asks for them.
    batch_norm : bool
        Normalise every hidden layer before f (Ioffe and Szegedy 2015).
    l2 : float
        Penalty ``l2 * sum |W|^2``, added to the mean squared error.
    rows : {"users", "items"}
        What it reads: the row of a user, or the column of an item.
    scale : (float, float), optional
        Lowest and highest rating; predictions are clipped to it. By default the scale of the
        matrix that it is fitted to or, if that has none, the lowest and highest rating in it.
    """

    predicts = "ratings"
    SITES = ("code", "encoder", "every")

    def __init__(
        self,
        hidden: Sequence[int] = (128, 256, 256),
        *,
        activation: str = "selu",
        last_linear: bool = False,
        dropout: float = 0.0,
        dropout_on: Literal["code", "encoder", "every"] = "code",
        tied: bool = False,
        refeeds: int = 0,
        input_dropout: float = 0.0,
        batch_norm: bool = False,
        l2: float = 0.0,
        rows: Literal["users", "items"] = "users",
        scale: tuple[float, float] | None = None,
    ) -> None:
        super().__init__()
        if rows not in ("users", "items"):
            raise ValueError(f'rows must be "users" or "items", got {rows!r}')
        if dropout_on not in self.SITES:
            raise ValueError(f"dropout_on must be one of {self.SITES}, got {dropout_on!r}")
        self.dropout = checks.number("dropout", dropout)
        self.input_dropout = checks.number("input_dropout", input_dropout)
        if not (0 <= dropout < 1 and 0 <= input_dropout < 1):
            raise ValueError(f"dropout must lie in [0, 1), got {dropout} and {input_dropout}")
        self.hidden, self.activation = widths("hidden", hidden), known_activation(activation)
        self.last_linear, self.tied = flag("last_linear", last_linear), flag("tied", tied)
        self.batch_norm, self.dropout_on = flag("batch_norm", batch_norm), dropout_on
        self.refeeds = checks.whole("refeeds", refeeds, low=0)
        self.l2, self.rows = checks.number("l2", l2, low=0), rows
        self.scale = None if scale is None else checks.scale("scale", scale)

    def build(self, train: Interactions) -> None:
        self.register_buffer("limits", rating_scale(train, self.scale))
        sizes = list(pairwise((train.num_cols, *self.hidden)))
        # Both are stored [wide side, narrow side]: tied, they are the same tensors.
        self.encoder = nn.ParameterList(xavier(n, m) for n, m in sizes)
        self.decoder = self.encoder
        if not self.tied:
            self.decoder = nn.ParameterList(xavier(n, m) for n, m in sizes)
        self.encoder_bias = nn.ParameterList(nn.Parameter(torch.zeros(m)) for _, m in sizes)
        self.decoder_bias = nn.ParameterList(nn.Parameter(torch.zeros(n)) for n, _ in sizes)
        if self.batch_norm:
            self.norms = nn.ModuleDict(
                {f"encoder{k}": nn.BatchNorm1d(m) for k, (_, m) in enumerate(sizes)}
                | {f"decoder{k}": nn.BatchNorm1d(n) for k, (n, _) in enumerate(sizes) if k}
            )
        # The authors divide by the ratings of the batch. With their expected number in its place,
        # equally large batches count alike; a short last one counts as much as a full one.
        self.ratings_per_row = train.nnz / max(1, train.num_rows)
        self.register_buffer("known", train.col_counts > 0)
        self.register_buffer("mean", train.values.mean())

    # -- the network -------------------------------------------------------------------

    def encode(self, X: Interactions | Tensor) -> Tensor:
        """The code z of each row, [rows, hidden[-1]]; X may be sparse, or dense when re-fed."""
        return self._contract(X, len(self.hidden))

    def _contract(self, X: Interactions | Tensor, depth: int) -> Tensor:
        """The first ``depth`` layers of the encoder."""
        h = self.corrupt(X)
        for k in range(depth):
            drop = k == len(self.hidden) - 1 or self.dropout_on != "code"
            h = self._layer(f"encoder{k}", h @ self.encoder[k] + self.encoder_bias[k], drop)
        return h

    def corrupt(self, X: Interactions | Tensor) -> Interactions | Tensor:
        """In training, X with a share of its ratings set to zero and the others scaled up."""
        if not self.input_dropout or not self.training:
            return X
        if isinstance(X, Tensor):
            return F.dropout(X, self.input_dropout)
        return X.with_values(F.dropout(X.values, self.input_dropout))

    def decode(self, z: Tensor) -> Tensor:
        """Ratings of all columns from a code, not clipped; [rows, num_cols]."""
        return self._output(self._expand(z) @ self.decoder[0].T + self.decoder_bias[0])

    def decode_at(self, z: Tensor, wanted: Interactions) -> Tensor:
        """The same at the stored cells of ``wanted`` alone, [wanted.nnz]."""
        a = wanted.product_at(self._expand(z), self.decoder[0])
        return self._output(a + self.decoder_bias[0][wanted.indices])

    def _expand(self, z: Tensor) -> Tensor:
        """The decoder up to its last hidden layer, [rows, hidden[0]]."""
        for k in range(len(self.hidden) - 1, 0, -1):
            a = z @ self.decoder[k].T + self.decoder_bias[k]
            z = self._layer(f"decoder{k}", a, self.dropout_on == "every")
        return z

    def _layer(self, name: str, a: Tensor, drop: bool) -> Tensor:
        if self.batch_norm:
            a = self.norms[name](a)
        h = ACTIVATIONS[self.activation](a)
        return F.dropout(h, self.dropout, self.training) if drop else h

    def _output(self, a: Tensor) -> Tensor:
        return a if self.last_linear else ACTIVATIONS[self.activation](a)

    # -- training ------------------------------------------------------------------------

    def loss(self, batch: Interactions) -> Tensor:
        """Equation 1, the mean squared error of a rating, and the penalty."""
        error = losses.squared_error(self.decode_at(self.encode(batch), batch), batch.values)
        return error / (batch.num_rows * self.ratings_per_row) + self.penalty()

    def penalty(self) -> Tensor | float:
        """``l2 * sum |W|^2`` over the distinct weights."""
        weights = self.encoder if self.tied else [*self.encoder, *self.decoder]
        return self.l2 * losses.l2(weights) if self.l2 else 0.0

    def updates(self, batch: Interactions) -> Iterator[Callable[[], Tensor]]:
        """The update on the ratings, then the re-fed ones (section 2.4).

        ``y = f(x)`` is dense. It is fed again as a new example whose target is itself, which
        asks that ``f(y) = y``: a perfect reconstruction would be a fixed point of f.
        """
        x = batch
        for left in range(self.refeeds, -1, -1):
            loss = partial(self.loss if x is batch else self._dense_loss, x)
            if left:
                x = self._reconstruct(x)  # with the weights before the step, as the authors do
            yield loss

    @torch.no_grad()
    def _reconstruct(self, X: Interactions | Tensor) -> Tensor:
        return self.decode(self.encode(X))

    def _dense_loss(self, y: Tensor) -> Tensor:
        return losses.squared_error(self.decode(self.encode(y)), y) / y.numel() + self.penalty()

    # -- prediction ------------------------------------------------------------------------

    @torch.no_grad()
    def score(self, fold_in: Interactions) -> Tensor:
        X_hat = self.decode(self.encode(fold_in)).clamp_(*self.limits)
        # Nothing was learnt of a column that nobody rated.
        return X_hat.masked_fill_(~self.known, self.mean)

    @torch.no_grad()
    def score_at(self, fold_in: Interactions, wanted: Interactions) -> Tensor:
        predicted = self.decode_at(self.encode(fold_in), wanted).clamp_(*self.limits)
        return torch.where(self.known[wanted.indices], predicted, self.mean)
