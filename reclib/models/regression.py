"""Least squares and means over the stored cells of a matrix, which several models solve."""

from __future__ import annotations

import torch
from torch import Tensor

from reclib.interactions import Interactions

# A chunk of rows that is solved at a time holds about so many numbers.
CHUNK = 100_000_000


def ridge(
    X: Interactions,
    F: Tensor,
    penalty: Tensor,
    common: Tensor | float = 0.0,
    *,
    weighted: bool = False,
) -> Tensor:
    """Each row's values regressed on the rows of F that its columns name; [num_rows, k].

    Row r is ``argmin_w sum over entries (value - F[col] . w)^2 + w' common w + penalty_r |w|^2``,
    the half-step of every alternating least squares. If it is ``weighted``, the values are
    weights of a target 1: ``sum of value (1 - F[col] . w)^2``. F is [num_cols, k], ``penalty``
    [num_rows], ``common`` [k, k] if given. Time ``nnz k^2 + num_rows k^3``.
    """
    solved, size = [], max(1, CHUNK // F.shape[1] ** 2)
    for start in range(0, max(1, X.num_rows), size):
        rows = slice(start, start + size)
        part = X.rows(rows)
        observed = part if weighted else part.binary()
        gram = torch.stack([observed.matmul(F * f[:, None]) for f in F.T], 1) + common
        gram.diagonal(dim1=1, dim2=2).add_(penalty[rows, None])
        solved.append(torch.linalg.solve(gram, part.matmul(F)))
    return torch.cat(solved)


def column_means(X: Interactions, values: Tensor, empty: Tensor | float) -> Tensor:
    """Mean of ``values`` [nnz] in each column of X, ``empty`` where there is none; [num_cols]."""
    total = values.new_zeros(X.num_cols).index_add_(0, X.indices, values)
    return torch.where(X.col_counts > 0, total / X.col_counts.clamp(min=1), empty)


def row_sums(X: Interactions, values: Tensor) -> Tensor:
    """Sum of ``values`` [nnz] in each row of X; [num_rows]."""
    return values.new_zeros(X.num_rows).index_add_(0, X.row_ids, values)


def row_means(X: Interactions, values: Tensor, empty: Tensor | float) -> Tensor:
    """Mean of ``values`` [nnz] in each row of X, ``empty`` where there is none; [num_rows]."""
    total = row_sums(X, values)
    return torch.where(X.row_counts > 0, total / X.row_counts.clamp(min=1), empty)
