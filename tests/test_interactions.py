"""The matrix: every operation against the same one on a dense array."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from reclib import interactions
from reclib.interactions import Interactions

# -- building ------------------------------------------------------------------


@st.composite
def matrices(draw) -> tuple[Interactions, np.ndarray]:
    """A matrix and the same one dense, NaN where nothing is stored; zeros may be stored."""
    shape = draw(st.tuples(st.integers(1, 7), st.integers(1, 7)))
    values = draw(hnp.arrays(np.float32, shape, elements=st.sampled_from([0, 1, 2.5, 5])))
    values[~draw(hnp.arrays(bool, shape))] = np.nan
    rows, cols = np.nonzero(~np.isnan(values))
    shuffled = draw(st.permutations(range(len(rows))))
    rows, cols = rows[shuffled], cols[shuffled]
    return Interactions.from_coo(rows, cols, values[rows, cols], shape=shape), values


def dense_of(X: Interactions) -> np.ndarray:
    """X with NaN where nothing is stored, read entry by entry from the CSR arrays."""
    out = np.full(X.shape, np.nan, dtype=np.float32)
    for row in range(X.num_rows):
        for entry in range(int(X.indptr[row]), int(X.indptr[row + 1])):
            out[row, int(X.indices[entry])] = float(X.values[entry])
    return out


@given(matrices())
def test_from_coo_keeps_every_entry_whatever_the_order(pair):
    X, dense = pair
    np.testing.assert_array_equal(dense_of(X), dense)
    assert X.nnz == (~np.isnan(dense)).sum()
    assert X.density == pytest.approx(X.nnz / dense.size)
    for row in range(X.num_rows):  # columns increase within a row
        assert X.indices[X.indptr[row] : X.indptr[row + 1]].diff().gt(0).all()


@pytest.mark.parametrize(
    ("rows", "cols", "values", "message"),
    [
        ([0, 1], [0], None, "differ in length: 2, 1"),
        ([0], [0], [1.0, 2.0], "differ in length: 1, 1, 2"),
        ([0, 3], [0, 0], None, r"row index 0\.\.3 is outside 0\.\.2"),
        ([-1], [0], None, r"row index -1\.\.-1 is outside 0\.\.2"),
        ([0], [4], None, r"column index 4\.\.4 is outside 0\.\.3"),
        ([0], [0], [np.nan], "must be finite"),
        ([0], [0], [np.inf], "must be finite"),
        ([2, 1, 1, 2], [1, 0, 0, 1], None, r"2 \(row, column\) pairs.*first is \(1, 0\)"),
    ],
)
def test_from_coo_says_what_is_wrong(rows, cols, values, message):
    with pytest.raises(ValueError, match=message):
        Interactions.from_coo(rows, cols, values, shape=(3, 4))


def test_a_value_too_large_for_float32_is_not_finite():
    with pytest.raises(ValueError, match="float32"):
        Interactions.from_coo([0], [0], [1e300], shape=(1, 1))


def test_explicit_zeros_stay_observed():
    X = Interactions.from_coo([0, 0, 1], [0, 2, 1], [0.0, 3.0, 0.0], shape=(2, 3))
    assert X.nnz == 3
    assert X.row_counts.tolist() == [2, 1]
    assert X.col_counts.tolist() == [1, 1, 1]
    for same in (X.T.T, X.rows(slice(0, 2)), Interactions.from_scipy(X.scipy())):
        np.testing.assert_array_equal(dense_of(same), dense_of(X))


def test_from_scipy_takes_any_format_and_keeps_zeros():
    for make in (scipy.sparse.coo_array, scipy.sparse.csc_matrix):
        matrix = make((np.array([0.0, 2.0]), (np.array([1, 0]), np.array([0, 2]))), shape=(2, 3))
        X = Interactions.from_scipy(matrix)
        assert (X.nnz, X.shape) == (2, (2, 3))
        np.testing.assert_array_equal(X.dense().numpy(), matrix.toarray())


def test_values_default_to_one():
    assert Interactions.from_coo([0], [1], shape=(1, 2)).values.tolist() == [1.0]


# -- views ---------------------------------------------------------------------


@given(matrices())
def test_transpose_equals_dense_and_twice_is_identity(pair):
    X, dense = pair
    np.testing.assert_array_equal(dense_of(X.T), dense.T)
    for mine, twice in zip(
        (X.indptr, X.indices, X.values), (X.T.T.indptr, X.T.T.indices, X.T.T.values), strict=True
    ):
        assert mine.dtype == twice.dtype
        assert torch.equal(mine, twice)


@given(matrices())
def test_cells_and_row_ids_locate_every_entry(pair):
    X, dense = pair
    flat = torch.as_tensor(dense).view(-1)
    assert torch.equal(flat[X.cells], X.values)
    assert X.cells.diff().gt(0).all()  # in order, none twice
    assert torch.equal(X.row_ids, X.cells // X.num_cols)
    assert X.row_counts.tolist() == (~np.isnan(dense)).sum(1).tolist()
    assert X.col_counts.tolist() == (~np.isnan(dense)).sum(0).tolist()


@given(matrices())
def test_dense_is_zero_where_nothing_is_stored(pair):
    X, dense = pair
    np.testing.assert_array_equal(X.dense().numpy(), np.nan_to_num(dense))


def test_dense_overwrites_out_and_returns_it(random_matrix):
    X = random_matrix(4, 5)
    out = torch.full((4, 5), 9.0)
    assert X.dense(out) is out
    assert torch.equal(out, X.dense())


def test_dense_refuses_out_of_another_shape(random_matrix):
    with pytest.raises((ValueError, RuntimeError)):
        random_matrix(4, 5).dense(torch.zeros(6, 5))


@given(matrices(), st.integers(-9, 9), st.integers(-9, 9))
def test_rows_of_a_slice(pair, start, stop):
    X, dense = pair
    np.testing.assert_array_equal(
        dense_of(X.rows(slice(start, max(start, stop)))), dense[start : max(start, stop)]
    )


def test_rows_of_a_reversed_slice_are_none(random_matrix):
    assert random_matrix(6, 4).rows(slice(4, 2)).shape == (0, 4)


def test_rows_of_a_slice_with_a_step_are_refused(random_matrix):
    with pytest.raises(ValueError, match="step 1"):
        random_matrix(6, 4).rows(slice(0, 6, 2))


@given(matrices(), st.data())
def test_rows_of_a_tensor_repeated_and_out_of_order(pair, data):
    X, dense = pair
    index = data.draw(st.lists(st.integers(0, X.num_rows - 1), max_size=10))
    batch = X.rows(torch.tensor(index, dtype=torch.int64))
    np.testing.assert_array_equal(dense_of(batch), dense[np.array(index, dtype=int)])
    assert batch.num_cols == X.num_cols
    assert batch.indptr.dtype == torch.int32


@pytest.mark.parametrize(
    "index",
    [
        pytest.param([-2]),
        [6],
    ],
)
def test_rows_outside_the_matrix_are_never_silently_wrong(random_matrix, index):
    X = random_matrix(6, 4, seed=3)
    try:
        batch = X.rows(torch.tensor(index))
    except (IndexError, ValueError):
        return
    np.testing.assert_array_equal(dense_of(batch), dense_of(X)[index])


def test_batches_give_every_row_once(random_matrix):
    X = random_matrix(11, 6)
    stacked = np.concatenate([dense_of(batch) for batch in X.batches(4)])
    np.testing.assert_array_equal(stacked, dense_of(X))
    assert [batch.num_rows for batch in X.batches(4)] == [4, 4, 3]


def test_shuffled_batches_are_a_permutation_that_the_generator_decides(random_matrix):
    X = random_matrix(40, 30, density=0.5)

    def shuffled(seed: int) -> np.ndarray:
        generator = torch.Generator().manual_seed(seed)
        return np.concatenate([dense_of(b) for b in X.batches(7, generator=generator)])

    def as_set(rows: np.ndarray) -> list:
        return sorted(np.nan_to_num(rows, nan=-1).tolist())

    assert as_set(shuffled(1)) == as_set(dense_of(X))
    np.testing.assert_array_equal(shuffled(1), shuffled(1))
    assert not np.array_equal(shuffled(1), shuffled(2), equal_nan=True)
    assert not np.array_equal(shuffled(1), dense_of(X), equal_nan=True)


def test_one_batch_of_all_rows_and_no_batch_of_none(random_matrix):
    X = random_matrix(5, 5)
    assert [b.num_rows for b in X.batches(99)] == [5]
    assert [b.num_rows for b in X.batches(99, generator=torch.Generator())] == [5]
    with pytest.raises(ValueError, match="at least 1"):
        next(X.batches(0))


def test_with_values_keeps_the_pattern_and_checks_the_length(random_matrix):
    X = random_matrix(5, 5)
    assert X.binary().values.eq(1).all()
    assert torch.equal(X.binary().cells, X.cells)
    with pytest.raises(ValueError, match=f"need {X.nnz} values"):
        X.with_values(torch.ones(X.nnz + 1))


def test_a_matrix_already_on_the_device_is_not_copied(random_matrix, device):
    X = random_matrix(5, 5).to(device)
    assert X.device.type == device
    assert X.to(device) is X


# -- fingerprints --------------------------------------------------------------


def test_fingerprint_is_of_the_content():
    def make(rows=(0, 1), cols=(1, 2), values=(4.0, 3.0), shape=(2, 3)):
        return Interactions.from_coo(rows, cols, values, shape=shape).fingerprint()

    assert make() == make(rows=(1, 0), cols=(2, 1), values=(3.0, 4.0))
    others = [
        make(values=(4.0, 3.5)),
        make(cols=(0, 2)),
        make(rows=(0, 0)),
        make(shape=(3, 3)),
        make(shape=(2, 4)),
        make(rows=(0, 1, 1), cols=(1, 0, 2), values=(4.0, 0.0, 3.0)),  # a stored zero more
        make(rows=(1, 2), cols=(0, 1), shape=(3, 2)),
    ]
    assert len({make(), *others}) == 8


# -- products ------------------------------------------------------------------


@pytest.fixture(params=["sparse", "dense"])
def side(request, monkeypatch) -> str:
    """Which of the two implementations computes the products."""
    monkeypatch.setattr(interactions, "SPARSE_BELOW", {"sparse": 2.0, "dense": 0.0}[request.param])
    return request.param


@pytest.mark.parametrize("shape", [(6, 9), (9, 6), (1, 5), (5, 1)])
def test_matmul_and_its_gradient_equal_the_dense_ones(random_matrix, side, device, shape):
    X = random_matrix(*shape, seed=5).to(device)
    weight = torch.randn(shape[1], 3, device=device)
    mine, reference = (weight.clone().requires_grad_() for _ in range(2))
    upstream = torch.randn(shape[0], 3, device=device)
    (X.matmul(mine) * upstream).sum().backward()
    (X.dense() @ reference * upstream).sum().backward()
    torch.testing.assert_close(X @ weight, X.dense() @ weight)
    torch.testing.assert_close(mine.grad, reference.grad)
    # Negative control: the values count, not only the pattern.
    assert X.values.unique().numel() == 1 or not torch.allclose(
        X @ weight, X.binary().dense() @ weight
    )


@pytest.mark.parametrize("shape", [(6, 9), (9, 6), (1, 5), (5, 1)])
def test_product_at_and_its_gradients_equal_the_dense_ones(random_matrix, side, device, shape):
    X = random_matrix(*shape, seed=6).to(device)
    leaves = [torch.randn(n, 3, device=device) for n in shape]
    left, right = (leaf.clone().requires_grad_() for leaf in leaves)
    dense_left, dense_right = (leaf.clone().requires_grad_() for leaf in leaves)
    upstream = torch.randn(X.nnz, device=device)
    mine = X.product_at(left, right)
    reference = (dense_left @ dense_right.T)[X.row_ids, X.indices.long()]
    torch.testing.assert_close(mine, reference)
    (mine * upstream).sum().backward()
    (reference * upstream).sum().backward()
    torch.testing.assert_close(left.grad, dense_left.grad)
    torch.testing.assert_close(right.grad, dense_right.grad)
    # Negative control: gradients of a product at *all* cells are others.
    full = torch.autograd.grad((dense_left @ dense_right.T).sum(), dense_left)[0]
    assert not torch.allclose(left.grad, full)


def test_product_at_ignores_the_values_stored(random_matrix, side):
    X = random_matrix(6, 5)
    left, right = torch.randn(6, 2), torch.randn(5, 2)
    assert torch.equal(X.product_at(left, right), X.binary().product_at(left, right))


def test_products_of_a_matrix_without_entries(side):
    X = Interactions.from_coo([], [], shape=(3, 4))
    weight = torch.randn(4, 2, requires_grad=True)
    (X @ weight).sum().backward()
    assert torch.equal(weight.grad, torch.zeros(4, 2))
    assert X.product_at(torch.randn(3, 2), weight).shape == (0,)


def test_density_decides_which_product_is_computed(random_matrix):
    weight = torch.randn(40, 2, requires_grad=True)
    sparse, dense = random_matrix(50, 40, 0.05), random_matrix(50, 40, 0.5)
    assert sparse.density < interactions.SPARSE_BELOW < dense.density
    assert "_SparseTimesDense" in (sparse @ weight).grad_fn.name()
    assert "_SparseTimesDense" not in (dense @ weight).grad_fn.name()


def test_cost_grows_with_the_entries_and_not_with_the_cells():
    size, nnz = 200_000, 1_000  # dense: 160 GB
    rng = np.random.default_rng(0)
    X = Interactions.from_coo(
        rng.choice(size, nnz, replace=False), rng.integers(size, size=nnz), shape=(size, size)
    )
    assert X.density < 1e-6
    assert int(X.cells.max()) > 2**31  # positions do not overflow
    assert X.T.T.fingerprint() == X.fingerprint()
    assert X.rows(torch.arange(0, size, 2)).num_rows == size // 2
    assert sum(batch.nnz for batch in X.batches(50_000)) == nnz
    weight = torch.ones(size, 2, requires_grad=True)
    (X @ weight).sum().backward()
    assert float(weight.grad.sum()) == 2 * nnz
    torch.testing.assert_close(X.product_at(weight, weight), torch.full((nnz,), 2.0))
    assert X.scipy().sum() == nnz
    assert "200,000 x 200,000, 1,000 entries" in repr(X)


def test_a_product_of_two_sparse_matrices_is_that_of_the_dense_ones(random_matrix, device):
    left, right = random_matrix(9, 7).to(device), random_matrix(7, 11, seed=1).to(device)
    torch.testing.assert_close(left.matmul_sparse(right), left.dense() @ right.dense())
    empty = Interactions.from_coo([], [], shape=(2, 7)).to(device)
    assert not empty.matmul_sparse(right).any()
    with pytest.raises(ValueError, match=r"cannot multiply \(9, 7\) by \(9, 7\)"):
        left.matmul_sparse(left)
