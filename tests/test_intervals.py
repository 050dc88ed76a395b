"""An interval holds the truth as often as it says, and the naive one does not.

Each test draws many worlds in which the truth is known. A nominal .95 has to be .93 at least; the
negative control is the interval of somebody who forgets how the values came about.
"""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from reclib import intervals

WORLDS, ENOUGH = 800, 0.93


def coverage(worlds, truth: float = 0.0) -> float:
    """Share of the worlds' intervals that hold the truth."""
    return np.mean([each.low <= truth <= each.high for each in worlds])


def random_splits(rng: np.random.Generator, size: int, test: float, splits: int) -> np.ndarray:
    """Mean error of one predictor on random test parts of one sample; the truth is 0."""
    errors = rng.standard_exponential(size) - 1
    held_out = round(test * size)
    return np.array([errors[rng.permutation(size)[:held_out]].mean() for _ in range(splits)])


@pytest.mark.parametrize(("test", "splits"), [(0.2, 5), (0.1, 5), (0.2, 20)])
def test_random_splits_are_covered_and_a_naive_interval_is_not(test, splits):
    rng = np.random.default_rng(0)
    worlds = [random_splits(rng, 500, test, splits) for _ in range(WORLDS)]
    assert coverage(intervals.of_splits(each, test) for each in worlds) >= ENOUGH
    assert coverage(intervals.of_seeds(each) for each in worlds) < ENOUGH


@pytest.mark.parametrize("k", [5, 10])
def test_folds_are_covered_and_a_naive_interval_is_not(k):
    """Values that are correlated by one in k, as the correction takes them to be."""
    rng = np.random.default_rng(0)
    common = rng.standard_normal((WORLDS, 1)) * np.sqrt(1 / k)
    worlds = common + rng.standard_normal((WORLDS, k)) * np.sqrt(1 - 1 / k)
    assert coverage(map(intervals.of_folds, worlds)) >= ENOUGH
    assert coverage(map(intervals.of_seeds, worlds)) < ENOUGH


def ranked(rng, users: int, seeds: int, of_user=1.0, of_seed=0.1, of_both=0.5) -> np.ndarray:
    """A metric [seeds, users] with all three sources of chance; the truth is 0."""
    shape = (seeds, users)
    parts = (
        of_user * rng.standard_normal((1, users)),
        of_seed * rng.standard_normal((seeds, 1)),
        of_both * rng.standard_normal(shape),
    )
    return sum(parts)


def test_users_and_seeds_are_covered_and_either_alone_is_not():
    rng = np.random.default_rng(0)
    worlds = [ranked(rng, 300, 5) for _ in range(WORLDS)]
    nothing = np.zeros(300)
    assert coverage(intervals.of_difference(each, nothing) for each in worlds) >= ENOUGH
    assert coverage(intervals.of_users(each.mean(0)) for each in worlds) < ENOUGH
    assert coverage(intervals.of_seeds(each.mean(1)) for each in worlds) < ENOUGH


def test_a_difference_of_two_trained_models_carries_the_seeds_of_both():
    rng = np.random.default_rng(0)
    worlds = []
    for _ in range(WORLDS):
        shared = rng.standard_normal((1, 300))  # users who are easy for both
        worlds.append(tuple(shared + ranked(rng, 300, 5, 0.5) for _ in range(2)))
    assert coverage(intervals.of_difference(*each) for each in worlds) >= ENOUGH
    naive = (intervals.of_users(a.mean(0) - b.mean(0)) for a, b in worlds)
    assert coverage(naive) < ENOUGH


def test_models_that_are_solved_have_the_error_over_users():
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 50))
    found = intervals.of_difference(a, b)
    expected = scipy.stats.ttest_rel(a, b).confidence_interval()
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert (found.kind, found.n) == ("users", 50)


def family(rng, trained: bool) -> dict[str, np.ndarray]:
    """Six equally good models on the same users, half of them trained."""
    shared = rng.standard_normal(150)
    seeds = [5 if trained and number % 2 else 1 for number in range(6)]
    made = [shared + ranked(rng, 150, n, 0.4, 0.03 * (n > 1), 0.2) for n in seeds]
    return {f"m{i}": each if len(each) > 1 else each[0] for i, each in enumerate(made)}


@pytest.mark.parametrize("trained", [False, True])
def test_all_pairs_are_covered_together_and_one_by_one_they_are_not(trained):
    rng, together, alone, best = np.random.default_rng(0), [], [], []
    for _ in range(600):
        models = family(rng, trained)
        table = intervals.of_pairs(models, draws=1000)
        together.append(((table["low"] <= 0) & (table["high"] >= 0)).all())
        each = [intervals.of_difference(models[a], models[b]) for a, b in table.index]
        alone.append(all(one.low <= 0 <= one.high for one in each))
        top = max(models, key=lambda name: np.mean(models[name]))
        with_it = [e for e, pair in zip(each, table.index, strict=True) if top in pair]
        best.append(all(e.low <= 0 <= e.high for e in with_it))
    assert np.mean(together) >= ENOUGH
    assert np.mean(alone) < ENOUGH
    assert np.mean(best) < ENOUGH  # the best was chosen on these very users


def test_pairs_on_random_splits_are_covered_together_and_one_by_one_they_are_not():
    rng, together, alone = np.random.default_rng(0), [], []
    for _ in range(WORLDS):
        errors = rng.standard_exponential((4, 300))
        parts = [rng.permutation(300)[:60] for _ in range(5)]
        models = {f"m{i}": [row[part].mean() for part in parts] for i, row in enumerate(errors)}
        table = intervals.of_split_pairs(models, 0.2)
        together.append(((table["low"] <= 0) & (table["high"] >= 0)).all())
        one = [intervals.of_splits(np.subtract(models[a], models[b]), 0.2) for a, b in table.index]
        alone.append(all(each.low <= 0 <= each.high for each in one))
    assert np.mean(together) >= ENOUGH
    assert np.mean(alone) < ENOUGH


def test_the_interval_of_seeds_is_students():
    values = [0.82, 0.84, 0.85]
    found = intervals.of_seeds(values)
    assert found.se == pytest.approx(scipy.stats.sem(values))
    expected = scipy.stats.t.interval(0.95, 2, loc=np.mean(values), scale=found.se)
    assert (found.low, found.high) == pytest.approx(expected)
    assert np.isnan(intervals.of_seeds([1.0]).low)


def test_the_factor_of_five_splits_with_a_fifth_held_out():
    values = [0.82, 0.84, 0.85, 0.83, 0.81]
    wide, naive = intervals.of_splits(values, 0.2), intervals.of_seeds(values)
    assert wide.se / naive.se == pytest.approx(1.5)
    assert intervals.of_folds(values).se / naive.se == pytest.approx(1.5)


def test_no_number_of_splits_brings_the_error_to_zero():
    rng = np.random.default_rng(0)
    widths = [
        np.mean([intervals.of_splits(rng.standard_normal(n), 0.2).se for _ in range(50)])
        for n in (10, 1000)
    ]
    assert widths[1] > 0.45  # the root of a quarter
    assert widths[0] < 2 * widths[1]


def test_users_without_a_value_are_left_out_everywhere():
    a = np.array([0.1, np.nan, 0.5, 0.7])
    b = np.array([[0.0, 0.3, 0.2, 0.1], [0.0, 0.3, 0.4, 0.1]])
    assert intervals.of_difference(a, b).mean == pytest.approx((0.1 + 0.2 + 0.6) / 3)
    table = intervals.of_pairs({"a": a, "b": b})
    assert table["mean"].iloc[0] == pytest.approx((0.1 + 0.2 + 0.6) / 3)


def test_different_users_are_refused():
    with pytest.raises(ValueError, match="different numbers of users"):
        intervals.of_difference(np.zeros(3), np.zeros(4))
    with pytest.raises(ValueError, match="share held out"):
        intervals.of_splits([1, 2], 1.5)
    with pytest.raises(ValueError, match="one value for each"):
        intervals.of_seeds(np.zeros((2, 3)))
