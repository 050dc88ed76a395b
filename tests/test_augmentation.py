"""Latent augmentation, and the theorem on equal numbers of updates for every n up to 2,000."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from reclib import augmentation
from reclib.augmentation import augment, equal_update_batch, equal_update_batches, latent_noise
from reclib.interactions import Interactions
from reclib.models import DeepAutoencoder

N = np.arange(1, 2001)
BATCHES = (1, 7, 10, 12, 16, 32, 128)
FRACTIONS = ((1, 20), (1, 10), (1, 5), (1, 2), (1, 1))  # numerator, denominator


def ceil_div(a, b):
    """The ceiling of a / b in integers, where no rounding can interfere."""
    return -(-a // b)


def setting(batch: int, fraction: tuple[int, int]):
    """For all n: rows with augmentation m, and updates without it B."""
    return N + N * fraction[0] // fraction[1], ceil_div(N, batch)


# -- the theorem -------------------------------------------------------------------


@pytest.mark.parametrize("fraction", FRACTIONS)
@pytest.mark.parametrize("batch", BATCHES)
def test_equal_updates_exactly_for_the_batch_sizes_of_the_theorem(batch, fraction):
    m, B = setting(batch, fraction)
    candidates = np.arange(1, m.max() + 1, dtype=np.int32)
    m, B = (each.astype(np.int32)[:, None] for each in (m, B))
    equal = ceil_div(m, candidates) == B  # the definition, for every n and every batch size
    theorem = (m <= candidates * B) & ((B == 1) | (candidates * (B - 1) < m))
    assert np.array_equal(equal, theorem)
    # A solution exists if and only if the smallest candidate is one.
    smallest = ceil_div(m, B)
    exists = (smallest * (B - 1) < m)[:, 0]
    assert np.array_equal(equal.any(axis=1), exists)
    assert np.array_equal(equal.argmax(axis=1)[exists] + 1, smallest[exists, 0])


@pytest.mark.parametrize("fraction", FRACTIONS)
def test_library_lists_the_batch_sizes_of_the_theorem(fraction):
    for batch in BATCHES:
        m, B = setting(batch, fraction)
        for rows, total, updates in zip(N.tolist(), m.tolist(), B.tolist(), strict=True):
            found = equal_update_batches(rows, batch, total - rows)
            stop = total if updates == 1 else ceil_div(total, updates - 1) - 1
            assert found.start == ceil_div(total, updates)
            assert found.stop - 1 == stop
            if found:
                assert ceil_div(total, found[0]) == ceil_div(total, found[-1]) == updates
                assert updates == 1 or ceil_div(total, found[-1] + 1) < updates
                assert found[0] == 1 or ceil_div(total, found[0] - 1) > updates


@pytest.mark.parametrize("fraction", FRACTIONS)
@pytest.mark.parametrize("batch", BATCHES)
def test_two_conditions_that_suffice(batch, fraction):
    m, B = setting(batch, fraction)
    smallest = ceil_div(m, B)
    solvable = ceil_div(m, smallest) == B
    assert solvable[m >= B * (B - 1)].all()
    numerator, denominator = fraction
    if batch * numerator % denominator == 0:
        grown = batch + batch * numerator // denominator
        assert (ceil_div(m, grown) == B).all()


def test_formula_of_the_report_fails_where_others_would_not():
    """The negative control: what the report states is not what the theorem states."""
    failed = unnecessarily = 0
    for batch in BATCHES:
        for numerator, denominator in FRACTIONS:
            m, B = setting(batch, (numerator, denominator))
            theirs = ceil_div(N * (denominator + numerator), denominator * B)
            fails = ceil_div(m, theirs) != B
            failed += fails.sum()
            unnecessarily += (fails & (ceil_div(m, ceil_div(m, B)) == B)).sum()
    assert failed > 1000
    assert 0 < unnecessarily < failed


def test_counter_example_of_the_report_itself():
    assert math.ceil(488 / 12) == 41
    assert equal_update_batch(488, 12, 0.1) == 14
    assert math.ceil((488 + 48) / 14) == 39
    assert len(equal_update_batches(488, 12, 48)) == 0
    assert list(equal_update_batches(488, 10, 48)) == [11]


@pytest.mark.parametrize("percent", [0, 5, 10, 20, 25, 29, 50, 70, 100])
@pytest.mark.parametrize("batch", BATCHES)
def test_formula_of_the_report_is_exact_for_every_size(batch, percent):
    """Also where the float of the fraction is a little more than what is written."""
    exact = ceil_div(N * (100 + percent), 100 * ceil_div(N, batch))
    found = [equal_update_batch(rows, batch, percent / 100) for rows in N.tolist()]
    assert np.array_equal(found, exact)


def test_formula_in_floating_point_is_one_off():
    """The negative control: what the ceiling makes of 1.1 times 50, and of a hundred others."""
    floats = np.array([math.ceil((1 + 0.1) * n / math.ceil(n / 10)) for n in N.tolist()])
    exact = np.array([equal_update_batch(n, 10, 0.1) for n in N.tolist()])
    assert (floats[49], exact[49]) == (12, 11)
    assert (floats != exact).sum() > 100


@pytest.mark.parametrize("percent", [1, 5, 10, 29, 57, 58])
def test_number_of_new_rows_is_exact(percent):
    """.29 times 100 is less than 29 in floating point, and its floor is 28."""
    small = Interactions.from_coo(range(100), [0] * 100, [1.0] * 100, shape=(100, 1))
    model = DeepAutoencoder([1])
    extended = augment(small, model, fraction=percent / 100, cells="copies")
    assert extended.num_rows == 100 + percent
    assert int(0.29 * 100) == 28


# -- the new rows ------------------------------------------------------------------


@pytest.fixture
def train(random_matrix) -> Interactions:
    return random_matrix(20, 9)


@pytest.fixture
def teacher(train) -> DeepAutoencoder:
    torch.manual_seed(3)
    model = DeepAutoencoder([6, 4], activation="sigmoid", last_linear=True, dropout=0.5)
    model.build(train)
    return model.train()  # its dropout must be switched off


def new_rows(extended: Interactions, train: Interactions) -> Interactions:
    return extended.rows(slice(train.num_rows, extended.num_rows))


@pytest.mark.parametrize("cells", augmentation.CELLS)
def test_old_rows_stay_and_the_right_number_is_added(train, teacher, cells):
    extended = augment(train, teacher, fraction=0.25, cells=cells)
    assert extended.shape == (25, 9)
    assert extended.rows(slice(0, 20)).fingerprint() == train.fingerprint()


def test_dense_rows_are_what_the_teacher_makes_of_its_codes(train, teacher):
    added = new_rows(augment(train, teacher, fraction=1.0, std=0.0, seed=4), train)
    assert added.nnz == 20 * 9
    order = torch.randperm(20, generator=torch.Generator().manual_seed(4))
    teacher.eval()
    expected = teacher.decode(teacher.encode(train.rows(order)))
    torch.testing.assert_close(added.dense(), expected)
    noisy = new_rows(augment(train, teacher, fraction=1.0, std=0.5, seed=4), train)
    assert not torch.allclose(noisy.dense(), expected, atol=1e-3)


def test_observed_rows_have_the_cells_and_copies_the_ratings_of_their_originals(train, teacher):
    order = torch.randperm(20, generator=torch.Generator().manual_seed(4))
    originals = train.rows(order[:10])
    copies, observed, dense = (
        new_rows(augment(train, teacher, fraction=0.5, cells=cells, seed=4), train)
        for cells in ("copies", "observed", "all")
    )
    assert copies.fingerprint() == originals.fingerprint()
    assert torch.equal(observed.cells, originals.cells)
    torch.testing.assert_close(observed.values, dense.dense().view(-1)[originals.cells])
    assert not torch.allclose(observed.values, originals.values, atol=0.1)


def test_same_seed_same_rows(train, teacher):
    first, again, other = (augment(train, teacher, fraction=0.5, seed=s) for s in (1, 1, 2))
    assert first.fingerprint() == again.fingerprint() != other.fingerprint()


def test_no_new_rows(train, teacher):
    assert augment(train, teacher, fraction=0.0).fingerprint() == train.fingerprint()


@pytest.mark.parametrize("noise", augmentation.NOISE)
@pytest.mark.parametrize("features", [0.0, 0.5, 1.0])
def test_noise_has_the_moments_that_its_name_promises(noise, features):
    drawn = latent_noise((2000, 20), 0.1, features, noise, torch.Generator().manual_seed(0))
    noisy = drawn != 0
    assert noisy.float().mean().item() == pytest.approx(features, abs=0.02)
    if not features:
        return
    mean, std = (0.0, 0.1) if noise == "gaussian" else (0.05, 0.1 / math.sqrt(12))
    assert drawn[noisy].mean().item() == pytest.approx(mean, abs=0.002)
    assert drawn[noisy].std().item() == pytest.approx(std, abs=0.002)
    if noise == "uniform":
        assert drawn.min() >= 0 and drawn.max() < 0.1


@pytest.mark.parametrize(
    "wrong", [{"fraction": 1.5}, {"features": -0.1}, {"noise": "laplace"}, {"cells": "none"}]
)
def test_arguments_that_have_no_meaning(train, teacher, wrong):
    with pytest.raises(ValueError):
        augment(train, teacher, **wrong)


def test_teacher_and_rows_may_live_on_a_device(train, device):
    teacher = DeepAutoencoder([4], activation="sigmoid", last_linear=True)
    teacher.build(train)
    extended = augment(train.to(device), teacher.to(device), fraction=0.5)
    assert extended.device.type == device
    assert extended.num_rows == 30
