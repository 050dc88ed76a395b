"""The user x item matrix as CSR, living on one device.

A rating matrix is mostly empty, so everything here costs time and memory in
proportion to the number of *ratings*, not of cells. What is stored is the
pattern (``indptr``, ``indices``) and the values; an explicit zero is a stored
rating like any other, so "observed" always means "stored", never "not zero".
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse
import torch
import torch.nn.functional as F  # noqa: N812, the name every torch program uses
from numpy.typing import ArrayLike
from torch import Tensor

# torch announces at first use that its CSR tensors are in beta; the tests cover what is used here.
warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")

# Below this density a sparse product beats the dense one on the CPUs tried;
# `python -m benchmarks --only crossing` measures where they cross.
SPARSE_BELOW = 0.10


def resolve_device(device: str | torch.device = "auto") -> torch.device:
    """Return the device named, or for ``"auto"`` the GPU if there is one, else the CPU."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(device)


@dataclass(frozen=True, eq=False)
class Interactions:
    """A rows x columns matrix in CSR form: users x items, or its transpose.

    Build one with :meth:`from_coo` or :meth:`from_scipy`, which check their input.

    Attributes
    ----------
    indptr : int32 tensor [num_rows + 1]
        Row ``r`` owns the entries ``indptr[r]`` to ``indptr[r + 1] - 1``.
    indices : int32 tensor [nnz]
        Column of each entry, increasing within a row.
    values : float32 tensor [nnz]
        Rating, or 1 for an event.
    num_cols : int
    """

    indptr: Tensor
    indices: Tensor
    values: Tensor
    num_cols: int

    @classmethod
    def from_coo(
        cls,
        rows: ArrayLike,
        cols: ArrayLike,
        values: ArrayLike | None = None,
        *,
        shape: tuple[int, int],
    ) -> Interactions:
        """Build from three parallel arrays [nnz]; ``values`` default to 1.

        Raises
        ------
        ValueError
            If the arrays differ in length, an index lies outside ``shape``, a
            value is not finite, or a (row, column) pair occurs twice.
        """
        rows, cols = np.asarray(rows, dtype=np.int64), np.asarray(cols, dtype=np.int64)
        values = np.ones(len(rows)) if values is None else np.asarray(values)
        with np.errstate(over="ignore"):  # too large for float32 is reported below
            values = values.astype(np.float32)
        if not len(rows) == len(cols) == len(values):
            raise ValueError(
                f"rows, cols and values differ in length: {len(rows)}, {len(cols)}, {len(values)}"
            )
        for name, index, size in (("row", rows, shape[0]), ("column", cols, shape[1])):
            if len(index) and (index.min() < 0 or index.max() >= size):
                raise ValueError(
                    f"{name} index {index.min()}..{index.max()} is outside 0..{size - 1}"
                )
        if not np.isfinite(values).all():
            raise ValueError("values must be finite; drop or fill missing ratings first")
        order = np.lexsort((cols, rows))
        rows, cols, values = rows[order], cols[order], values[order]
        twice = (np.diff(rows) == 0) & (np.diff(cols) == 0)
        if twice.any():
            at = int(np.flatnonzero(twice)[0])
            raise ValueError(
                f"{int(twice.sum())} (row, column) pairs occur more than once, the first is "
                f"({rows[at]}, {cols[at]}); aggregate them before building the matrix"
            )
        indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=shape[0]))])
        return cls(
            torch.as_tensor(indptr.astype(np.int32)),
            torch.as_tensor(cols.astype(np.int32)),
            torch.as_tensor(values),
            int(shape[1]),
        )

    @classmethod
    def from_scipy(cls, matrix: scipy.sparse.sparray | scipy.sparse.spmatrix) -> Interactions:
        """Build from any SciPy sparse matrix; stored zeros are kept as observed."""
        coo = matrix.tocoo()
        return cls.from_coo(coo.row, coo.col, coo.data, shape=coo.shape)

    # -- what it holds ---------------------------------------------------------

    @property
    def num_rows(self) -> int:
        return len(self.indptr) - 1

    @property
    def shape(self) -> tuple[int, int]:
        return self.num_rows, self.num_cols

    @property
    def nnz(self) -> int:
        """Number of stored entries."""
        return len(self.indices)

    @property
    def density(self) -> float:
        """Stored entries divided by cells; sparsity is one minus this."""
        return self.nnz / max(1, self.num_rows * self.num_cols)

    @property
    def device(self) -> torch.device:
        return self.indptr.device

    @cached_property
    def row_counts(self) -> Tensor:
        """Entries per row, int64 [num_rows]."""
        return self.indptr.diff().long()

    @cached_property
    def col_counts(self) -> Tensor:
        """Entries per column, int64 [num_cols]."""
        return torch.bincount(self.indices, minlength=self.num_cols)

    @cached_property
    def row_ids(self) -> Tensor:
        """Row of each entry, int64 [nnz]."""
        rows = torch.arange(self.num_rows, device=self.device)
        return rows.repeat_interleave(self.row_counts, output_size=self.nnz)

    @cached_property
    def cells(self) -> Tensor:
        """Position of each entry in the flattened dense matrix, int64 [nnz]."""
        return self.row_ids * self.num_cols + self.indices

    def fingerprint(self) -> str:
        """Twelve hexadecimal digits that change with any entry, value or dimension."""
        digest = hashlib.sha256(repr(self.shape).encode())
        for part in (self.indptr, self.indices, self.values):
            digest.update(part.cpu().numpy().tobytes())
        return digest.hexdigest()[:12]

    def __repr__(self) -> str:
        return (
            f"Interactions({self.num_rows:,} x {self.num_cols:,}, {self.nnz:,} entries, "
            f"density {self.density:.3%}, {self.device})"
        )

    # -- other views of the same entries ---------------------------------------

    def to(self, device: str | torch.device) -> Interactions:
        """Copy to a device (``"auto"`` allowed); itself if it is already there."""
        device = resolve_device(device)
        # "cuda" names the current GPU, whatever its number.
        if device.type == self.device.type and device.index in (None, self.device.index):
            return self
        moved = (part.to(device) for part in (self.indptr, self.indices, self.values))
        return Interactions(*moved, self.num_cols)

    def with_values(self, values: Tensor) -> Interactions:
        """The same pattern holding other values [nnz]."""
        if values.shape != self.indices.shape:
            raise ValueError(f"need {self.nnz} values, got shape {tuple(values.shape)}")
        return replace(self, values=values)

    def binary(self) -> Interactions:
        """The same pattern with every value 1."""
        return self.with_values(torch.ones_like(self.values))

    @cached_property
    def by_column(self) -> Tensor:
        """The entries in the order that they have in the transpose, int64 [nnz]."""
        return torch.argsort(self.indices, stable=True)

    @cached_property
    def T(self) -> Interactions:  # noqa: N802, the name every array library uses
        """The transpose, again as CSR."""
        order = self.by_column
        indptr = torch.zeros(self.num_cols + 1, dtype=torch.int32, device=self.device)
        indptr[1:] = self.col_counts.cumsum(0)
        return Interactions(
            indptr, self.row_ids[order].int(), self.values[order].contiguous(), self.num_rows
        )

    def dense(self, out: Tensor | None = None) -> Tensor:
        """The full matrix, float32 [num_rows, num_cols], zero where nothing is stored.

        Ask for it batch by batch. ``out`` is overwritten and returned, which
        spares large batches the cost of fresh memory.
        """
        if out is not None and out.shape != self.shape:
            raise ValueError(f"out has shape {tuple(out.shape)}, the matrix {self.shape}")
        out = self.values.new_zeros(self.shape) if out is None else out.zero_()
        out.view(-1)[self.cells] = self.values
        return out

    def csr(self) -> Tensor:
        """A torch sparse CSR tensor."""
        return torch.sparse_csr_tensor(
            self.indptr, self.indices, self.values, self.shape, check_invariants=False
        )

    def scipy(self) -> scipy.sparse.csr_array:
        """A SciPy CSR array on the CPU."""
        parts = (part.cpu().numpy() for part in (self.values, self.indices, self.indptr))
        return scipy.sparse.csr_array(tuple(parts), shape=self.shape)

    def gram(self) -> Tensor:
        """``X' X``, float32 [num_cols, num_cols] on the device of X.

        A sparse product, a thousand rows at a time and only from the diagonal on: a dense one
        costs as many steps for a row of two entries as for a full one.
        """
        X, out = self.scipy(), np.empty((self.num_cols, self.num_cols), dtype=np.float32)
        X_T = X.T.tocsr()
        for start in range(0, self.num_cols, 1000):
            stop = start + 1000
            out[start:stop, start:] = (X_T[start:stop] @ X[:, start:]).toarray()
            out[stop:, start:stop] = out[start:stop, stop:].T
        return torch.from_numpy(out).to(self.device)

    def missing(self, count: int) -> tuple[Tensor, Tensor]:
        """For each entry, ``count`` random columns, and whether its row lacks them.

        int64 and bool, both [nnz, count]. Drawn uniformly from torch's generator of the device;
        where the second is False the column must not be used.
        """
        cols = torch.randint(self.num_cols, (self.nnz, count), device=self.device)
        return cols, ~self.holds(self.row_ids[:, None] * self.num_cols + cols)

    def holds(self, cells: Tensor) -> Tensor:
        """Whether each of these positions in the flattened dense matrix is stored; bool."""
        if not self.nnz:
            return torch.zeros_like(cells, dtype=torch.bool)
        nearest = torch.searchsorted(self.cells, cells).clamp_(max=self.nnz - 1)
        return self.cells[nearest] == cells

    # -- batches of rows -------------------------------------------------------

    def rows(self, index: slice | Tensor) -> Interactions:
        """The rows of a slice, or of an int64 tensor in its order, cut on the device."""
        if isinstance(index, slice):
            start, stop, step = index.indices(self.num_rows)
            if step != 1:
                raise ValueError("a slice of rows must have step 1; pass a tensor instead")
            indptr = self.indptr[start : max(start, stop) + 1]
            entries = slice(int(indptr[0]), int(indptr[-1]))
            return Interactions(
                indptr - indptr[0], self.indices[entries], self.values[entries], self.num_cols
            )
        index = index.to(self.device)
        index = torch.where(index < 0, index + self.num_rows, index)  # as in any other index
        counts = self.row_counts[index]
        indptr = torch.zeros(len(index) + 1, dtype=torch.int32, device=self.device)
        indptr[1:] = counts.cumsum(0)
        # Entry e of the batch lies where its row starts, plus its place within the row.
        shift = self.indptr[index].long() - indptr[:-1]
        entries = shift.repeat_interleave(counts, output_size=int(indptr[-1]))
        entries += torch.arange(len(entries), device=self.device)
        return Interactions(indptr, self.indices[entries], self.values[entries], self.num_cols)

    def batches(
        self, size: int, *, generator: torch.Generator | None = None
    ) -> Iterator[Interactions]:
        """Yield all rows, ``size`` at a time; shuffled if a (CPU) generator is given."""
        if size < 1:
            raise ValueError(f"batch size must be at least 1, got {size}")
        if generator is None:
            for start in range(0, self.num_rows, size):
                yield self.rows(slice(start, start + size))
        elif size >= self.num_rows:
            yield self  # the order of rows within one batch changes nothing
        else:
            for index in torch.randperm(self.num_rows, generator=generator).split(size):
                yield self.rows(index)

    # -- differentiable products ----------------------------------------------

    def matmul(self, weight: Tensor) -> Tensor:
        """``self @ weight`` for dense ``weight`` [num_cols, k]; result [num_rows, k]."""
        if self.density < SPARSE_BELOW:
            return _SparseTimesDense.apply(self, weight)
        return self.dense() @ weight

    __matmul__ = matmul

    def matmul_sparse(self, other: Interactions) -> Tensor:
        """``self @ other`` for another sparse matrix, without gradients; dense, float32.

        A step for each pair of an entry here and one of the row it meets there.
        """
        if self.num_cols != other.num_rows:
            raise ValueError(f"cannot multiply {self.shape} by {other.shape}")
        met = other.rows(self.indices.long())  # a row for each entry
        cells = self.row_ids[met.row_ids] * other.num_cols + met.indices
        out = self.values.new_zeros(self.num_rows * other.num_cols)
        out.index_add_(0, cells, self.values[met.row_ids] * met.values)
        return out.view(self.num_rows, other.num_cols)

    def product_at(self, left: Tensor, right: Tensor) -> Tensor:
        """``(left @ right.T)`` at the stored cells only, in their order, [nnz].

        ``left`` is [num_rows, k], ``right`` [num_cols, k]. An autoencoder whose
        loss ignores missing ratings needs no other cell of its output.
        """
        if self.density < SPARSE_BELOW:
            return _ProductAtCells.apply(self, left, right)
        return (left @ right.T).view(-1)[self.cells]


def _product(X: Interactions, weight: Tensor) -> Tensor:
    """``X @ weight`` without gradients."""
    if weight.device.type != "cpu":
        return X.csr() @ weight
    # The same sums of rows of ``weight``, in a quarter of the time that the CSR product takes.
    return F.embedding_bag(
        X.indices,
        weight.contiguous(),
        X.indptr,
        mode="sum",
        per_sample_weights=X.values,
        include_last_offset=True,
    )


class _SparseTimesDense(torch.autograd.Function):
    """``Y = X @ W`` with constant sparse X, so ``dW = X.T @ dY``."""

    @staticmethod
    def forward(ctx: Any, X: Interactions, weight: Tensor) -> Tensor:
        ctx.X = X
        return _product(X, weight)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[None, Tensor]:
        return None, _product(ctx.X.T, grad)


class _ProductAtCells(torch.autograd.Function):
    """``y_e = left[row e] . right[col e]``; its gradients are sparse products too."""

    @staticmethod
    def forward(ctx: Any, X: Interactions, left: Tensor, right: Tensor) -> Tensor:
        ctx.X = X
        ctx.save_for_backward(left, right)
        # beta=0: the values of X are only its pattern here.
        return torch.sparse.sampled_addmm(X.csr(), left, right.T, beta=0.0).values()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[None, Tensor, Tensor]:
        left, right = ctx.saved_tensors
        G = ctx.X.with_values(grad.contiguous())
        G_T = ctx.X.T.with_values(grad[ctx.X.by_column])
        return None, _product(G, right), _product(G_T, left)
