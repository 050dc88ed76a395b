"""Metrics against loops over users, against scikit-learn, and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import average_precision_score, mean_squared_error, ndcg_score

from reclib import metrics

# -- one user at a time, in plain Python, from the definitions ---------------------


def loop_hit_rate(hits, n, k):
    return float(any(hits[:k]))


def loop_precision(hits, n, k):
    return sum(hits[:k]) / k


def loop_recall(hits, n, k):
    return sum(hits[:k]) / n


def loop_capped_recall(hits, n, k):
    return sum(hits[:k]) / min(k, n)


def loop_ndcg(hits, n, k):
    gain = sum(1 / math.log2(rank + 1) for rank, hit in enumerate(hits[:k], 1) if hit)
    return gain / sum(1 / math.log2(rank + 1) for rank in range(1, min(k, n) + 1))


def loop_map(hits, n, k):
    found, total = 0, 0.0
    for rank, hit in enumerate(hits[:k], 1):
        if hit:
            found += 1
            total += found / rank
    return total / min(k, n)


def loop_mrr(hits, n, k):
    for rank, hit in enumerate(hits[:k], 1):
        if hit:
            return 1 / rank
    return 0.0


LOOPS = {name.removeprefix("loop_"): f for name, f in list(globals().items()) if "loop_" in name}


def test_every_ranking_metric_has_a_loop_to_be_held_against():
    assert LOOPS.keys() == metrics.RANKING.keys()


@st.composite
def hit_lists(draw):
    """Hits [users, depth], numbers of held-out items (at least the hits), and a cut-off."""
    users, depth = draw(st.integers(1, 4)), draw(st.integers(1, 8))
    hits = draw(hnp.arrays(bool, (users, depth)))
    missed = draw(hnp.arrays(np.int64, users, elements=st.integers(0, 9)))
    return hits, hits.sum(1) + missed, draw(st.integers(1, depth))


@pytest.mark.parametrize("name", list(LOOPS))
@settings(max_examples=100)
@given(hit_lists())
def test_metric_equals_a_loop_over_users(name, case):
    hits, counts, k = case
    values = metrics.RANKING[name](torch.as_tensor(hits), torch.as_tensor(counts), k)
    expected = [
        LOOPS[name](row.tolist(), n, k) if n else math.nan
        for row, n in zip(hits, counts.tolist(), strict=True)
    ]
    assert values.dtype == torch.float64
    np.testing.assert_allclose(values, expected, rtol=1e-12)
    assert ((values >= 0) & (values <= 1 + 1e-12) | values.isnan()).all()


def one_user(name: str, hits: list[int], n: int, k: int) -> float:
    return float(metrics.RANKING[name](torch.tensor([hits]).bool(), torch.tensor([n]), k))


def test_metrics_by_hand():
    # Hits at ranks 1 and 3 of 4; three items were held out.
    expected = {
        "hit_rate": 1,
        "precision": 2 / 4,
        "recall": 2 / 3,
        "capped_recall": 2 / 3,
        "ndcg": (1 + 1 / 2) / (1 + 1 / math.log2(3) + 1 / 2),
        "map": (1 + 2 / 3) / 3,
        "mrr": 1,
    }
    for name, value in expected.items():
        assert one_user(name, [1, 0, 1, 0], 3, 4) == pytest.approx(value), name
    # The same at a cut-off of 2: the denominators of the two recalls part.
    assert one_user("recall", [1, 0, 1, 0], 3, 2) == pytest.approx(1 / 3)
    assert one_user("capped_recall", [1, 0, 1, 0], 3, 2) == pytest.approx(1 / 2)
    assert one_user("map", [1, 0, 1, 0], 3, 2) == pytest.approx(1 / 2)
    assert one_user("mrr", [0, 1, 1, 0], 3, 2) == pytest.approx(1 / 2)


@pytest.mark.parametrize("name", LOOPS)
def test_perfect_and_worst_lists(name):
    attainable = {"recall": 5 / 8}.get(name, 1.0)  # five ranks cannot hold eight items
    assert one_user(name, [1] * 5, 8, 5) == pytest.approx(attainable)
    assert one_user(name, [0] * 5, 8, 5) == 0
    if name != "precision":  # two held-out items cannot fill five ranks
        assert one_user(name, [1, 1, 0, 0, 0], 2, 5) == pytest.approx(1)


@pytest.mark.parametrize("name", LOOPS)
def test_a_user_with_nothing_held_out_has_no_value_and_spoils_no_other(name):
    hits = torch.tensor([[False, False], [True, False]])
    values = metrics.RANKING[name](hits, torch.tensor([0, 1]), 2)
    assert values.isnan().tolist() == [True, False]


@pytest.mark.parametrize("name", LOOPS)
@pytest.mark.parametrize("k", [0, 4])
def test_a_cut_off_beyond_the_list_is_refused(name, k):
    with pytest.raises(ValueError, match=f"between 1 and the list's depth 3, got {k}"):
        metrics.RANKING[name](torch.zeros(2, 3).bool(), torch.tensor([1, 1]), k)


def test_a_negative_cut_off_of_ndcg_is_refused():
    with pytest.raises(ValueError, match="between 1 and the list's depth 2, got -1"):
        metrics.ndcg(torch.zeros(1, 2).bool(), torch.tensor([1]), -1)


# -- scikit-learn ------------------------------------------------------------------


@st.composite
def rankings(draw):
    """Relevance [users, items] with at least one relevant item each, and scores without ties."""
    users, items = draw(st.integers(1, 4)), draw(st.integers(2, 9))
    relevant = draw(hnp.arrays(bool, (users, items)))
    relevant[np.arange(users), draw(st.integers(0, items - 1))] = True
    scores = np.array([draw(st.permutations(range(items))) for _ in range(users)], dtype=float)
    return relevant, scores, draw(st.integers(1, items))


def hits_of(relevant, scores):
    order = np.argsort(-scores, axis=1, kind="stable")
    hits = np.take_along_axis(relevant, order, axis=1)
    return torch.as_tensor(hits), torch.as_tensor(relevant.sum(1))


@given(rankings())
def test_ndcg_equals_scikit_learn_where_the_definitions_agree(case):
    relevant, scores, k = case
    mine = metrics.ndcg(*hits_of(relevant, scores), k).mean()
    assert float(mine) == pytest.approx(ndcg_score(relevant, scores, k=k), abs=1e-12)


@given(rankings())
def test_average_precision_over_the_whole_list_equals_scikit_learn(case):
    relevant, scores, _ = case
    mine = metrics.average_precision(*hits_of(relevant, scores), relevant.shape[1])
    theirs = [average_precision_score(r, s) for r, s in zip(relevant, scores, strict=True)]
    np.testing.assert_allclose(mine, theirs, atol=1e-12)


def test_scikit_learn_differs_where_it_is_known_to():
    scores = np.array([[3.0, 2.0, 1.0]])
    # 1. Cut off: average_precision_score has no k; zeroing the tail keeps n as denominator.
    relevant = np.array([[1, 1, 1]])
    assert float(metrics.average_precision(*hits_of(relevant == 1, scores), 2)) == 1
    assert average_precision_score(relevant[0] * [1, 1, 0] + [0, 0, 1], [3, 2, 0]) == 1
    cut = np.array([1, 1, 0]) * relevant[0]
    assert average_precision_score(cut, scores[0]) == 1  # forgets the third held-out item
    # 2. Ties: ndcg_score averages over their orders, ours takes the lower column first.
    tied, first = np.ones((1, 2)), np.array([[1, 0]])
    assert float(metrics.ndcg(*hits_of(first == 1, tied), 1)) == 1
    assert ndcg_score(first, tied, k=1) == pytest.approx(0.5)
    # 3. Nothing held out: ndcg_score says 0 and drags the mean down, ours NaN.
    assert ndcg_score(np.array([[0, 0]]), np.array([[2.0, 1.0]])) == 0
    assert metrics.ndcg(torch.zeros(1, 2).bool(), torch.tensor([0]), 2).isnan().all()


def test_rmse_and_mae_are_over_ratings(device):
    predicted = torch.tensor([1.0, 2.0, 5.0], device=device)
    actual = torch.tensor([2.0, 2.0, 3.0], device=device)
    assert metrics.rmse(predicted, actual).item() == pytest.approx(math.sqrt(5 / 3))
    assert metrics.mae(predicted, actual).item() == pytest.approx(1.0)
    assert metrics.rmse(actual, actual).item() == 0


@given(hnp.arrays(np.float32, (2, 20), elements=st.floats(0.5, 5, width=32)))
def test_rmse_equals_scikit_learn(pair):
    mine = metrics.rmse(*map(torch.as_tensor, pair)).item()
    assert mine == pytest.approx(math.sqrt(mean_squared_error(*pair.astype(float))), abs=1e-9)


def test_rmse_does_not_lose_digits_in_float32():
    # A million errors of 1 beside one of 1000: float32 sums lose the small ones.
    predicted = torch.ones(1_000_000)
    predicted[0] = 1000.0
    exact = math.sqrt((999_999 + 1000.0**2) / 1_000_000)
    assert metrics.rmse(predicted, torch.zeros(1_000_000)).item() == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("metric", [metrics.rmse, metrics.mae])
def test_errors_of_nothing_or_of_other_lengths_are_refused(metric):
    for shapes in ((0, 0), (2, 3)):
        with pytest.raises(ValueError, match="equally long and not empty"):
            metric(*map(torch.zeros, shapes))
    with pytest.raises(ValueError, match="equally long"):  # would broadcast to 3 x 3
        metric(torch.zeros(3, 1), torch.zeros(3))


# -- beyond accuracy ---------------------------------------------------------------


def test_coverage_counts_items_once_and_no_empty_rank():
    top = torch.tensor([[0, 1], [1, -1], [-1, -1]])
    assert metrics.coverage(top, 4) == 2 / 4
    assert metrics.coverage(torch.full((2, 2), -1), 4) == 0


def test_novelty_by_hand():
    counts = torch.tensor([8, 2, 0])
    found = metrics.novelty(torch.tensor([[0, 1], [1, -1], [2, 1], [-1, -1]]), counts, 8)
    # 0 bits, 2 bits; an item nobody rated counts as rated by one of 8, 3 bits.
    np.testing.assert_allclose(found, [1.0, 2.0, 2.5, math.nan])


def test_popularity_lift_by_hand():
    """Items with 4, 2 and 1 raters; seen: 4, 4, 2 and 1; shown: 4, 4 and two empty ranks."""
    counts = torch.tensor([4, 2, 1])
    seen, top = torch.tensor([0, 0, 1, 2]), torch.tensor([[0, -1], [0, -1]])
    assert metrics.popularity_lift(top, seen, counts) == pytest.approx(4 / (11 / 4) - 1)
    assert metrics.popularity_lift(seen[None], seen, counts) == pytest.approx(0)
    assert metrics.popularity_lift(torch.tensor([[2]]), seen, counts) < 0
