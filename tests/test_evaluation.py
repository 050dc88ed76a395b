"""The evaluator, held against a loop over users that shares no code with it."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import ndcg_score

from reclib import evaluation, models, splits, training
from reclib.interactions import Interactions
from reclib.metrics import RANKING

ALL = [f"{name}@{k}" for name in RANKING for k in (1, 2, 3)]


class Fixed(models.Recommender):
    """Scores that were written down beforehand; a row is found by its rank among the batches."""

    predicts = "ratings"

    def __init__(self, scores, rows: str = "users") -> None:
        self.scores, self.rows, self.at = torch.as_tensor(scores).float(), rows, 0

    def fit(self, train):
        return self

    def score(self, fold_in):
        rows = slice(self.at, self.at + fold_in.num_rows)
        self.at = rows.stop % len(self.scores)
        return self.scores[rows].clone()


def as_test(fold_in: np.ndarray, held_out: np.ndarray) -> splits.Test:
    X = [
        Interactions.from_coo(*np.nonzero(part), part[np.nonzero(part)], shape=part.shape)
        for part in (fold_in, held_out)
    ]
    return splits.Test(*X, users=np.arange(len(fold_in)) + 100)


@st.composite
def cases(draw, ties: bool = True):
    """Scores, what is folded in, what is held out; users without either are among them."""
    users, items = draw(st.integers(1, 5)), draw(st.integers(4, 9))
    state = draw(hnp.arrays(np.int8, (users, items), elements=st.integers(0, 2)))
    state[0, draw(st.integers(0, items - 1))] = 2  # something must be held out
    if ties:
        scores = draw(hnp.arrays(np.float32, (users, items), elements=st.integers(-2, 2)))
    else:
        scores = np.array([draw(st.permutations(range(items))) for _ in range(users)], np.float32)
    return scores, state == 1, state == 2


def loop_top(scores, seen, k: int) -> list[int]:
    """Unseen columns, best first, lower column first among equals, -1 where there is none."""
    order = sorted((c for c in range(len(scores)) if not seen[c]), key=lambda c: (-scores[c], c))
    return (order + [-1] * k)[:k]


def loop_metric(name: str, top: list[int], relevant: set[int], k: int) -> float:
    """Every metric from its definition, for one user."""
    n, hit = len(relevant), [item in relevant for item in top[:k]]
    ranks = [rank for rank, h in enumerate(hit, 1) if h]
    if not n:
        return math.nan
    return {
        "hit_rate": lambda: float(bool(ranks)),
        "precision": lambda: len(ranks) / k,
        "recall": lambda: len(ranks) / n,
        "capped_recall": lambda: len(ranks) / min(k, n),
        "ndcg": lambda: (
            sum(1 / math.log2(r + 1) for r in ranks)
            / sum(1 / math.log2(r + 1) for r in range(1, min(k, n) + 1))
        ),
        "map": lambda: sum((i + 1) / r for i, r in enumerate(ranks)) / min(k, n),
        "mrr": lambda: 1 / ranks[0] if ranks else 0.0,
    }[name]()


# -- ranking -----------------------------------------------------------------------


@given(cases(), st.integers(1, 6))
def test_rank_equals_a_loop_over_users(device, case, batch_size):
    scores, seen, held = case
    model = Fixed(scores).to(device)
    result = evaluation.rank(model, as_test(seen, held), ALL, batch_size=batch_size)
    tops = [loop_top(s, f, 3) for s, f in zip(scores, seen, strict=True)]
    assert result.top.tolist() == tops
    for wanted in ALL:
        name, _, k = wanted.partition("@")
        expected = [
            loop_metric(name, top, set(np.flatnonzero(h)), int(k))
            for top, h in zip(tops, held, strict=True)
        ]
        np.testing.assert_allclose(result.per_user[wanted], expected, atol=1e-12, err_msg=wanted)


@given(cases())
def test_seen_items_are_never_recommended(case):
    scores, seen, held = case
    top = evaluation.rank(Fixed(scores + 10 * seen), as_test(seen, held), ["recall@4"]).top
    for row, recommended in zip(seen, top, strict=True):
        assert not row[recommended[recommended >= 0]].any()


def test_batch_size_does_not_matter(random_ratings):
    split = splits.hold_out(random_ratings(60, 40), test=0.3)
    model = models.Popularity()
    training.fit(model, split.train)
    results = [
        evaluation.rank(model, split.test, ALL, batch_size=size).per_user
        for size in (1, 7, 60, 999)
    ]
    for other in results[1:]:
        pd.testing.assert_frame_equal(results[0], other)


@given(cases(ties=False), st.data())
def test_renumbering_items_or_users_changes_no_value(case, data):
    scores, seen, held = case
    before = evaluation.rank(Fixed(scores), as_test(seen, held), ALL).per_user.to_numpy()
    items = data.draw(st.permutations(range(scores.shape[1])))
    users = data.draw(st.permutations(range(scores.shape[0])))
    for index, expected in (
        ((slice(None), items), before),
        ((users, slice(None)), before[users]),
    ):
        renumbered = as_test(seen[index], held[index])
        after = evaluation.rank(
            Fixed(np.ascontiguousarray(scores[index])), renumbered, ALL
        ).per_user.to_numpy()
        np.testing.assert_array_equal(after, expected)


@given(cases(ties=False))
def test_perfect_is_one_and_vicious_is_zero(case):
    _, seen, held = case
    test, wanted = as_test(seen, held), ["capped_recall@3", "ndcg@3", "map@3", "mrr@3"]
    counts = held.sum(1)
    perfect = evaluation.rank(Fixed(held * 2.0 + seen * 3.0), test, wanted).per_user
    np.testing.assert_array_equal(perfect[counts > 0], 1.0)
    # Vicious: unseen wrong items first. With three of them, nothing right is left in the list.
    enough = (counts > 0) & ((~held & ~seen).sum(1) >= 3)
    vicious = evaluation.rank(Fixed(1.0 - held), test, wanted).per_user
    np.testing.assert_array_equal(vicious[enough], 0.0)


def test_a_constant_scorer_recommends_in_column_order():
    seen, held = np.zeros((2, 200), bool), np.zeros((2, 200), bool)
    seen[0, :3] = held[:, 150] = True
    top = evaluation.rank(Fixed(np.ones((2, 200))), as_test(seen, held), ["mrr@100"]).top
    assert top[0].tolist() == list(range(3, 103))
    assert top[1].tolist() == list(range(100))


def test_ties_are_broken_by_column_at_the_cut_and_within(device):
    scores = torch.tensor([[1.0, 3, 2, 3, 2, 2], [0, 0, 0, 0, 0, 1]], device=device)
    assert evaluation.top_items(scores, 4).tolist() == [[1, 3, 2, 4], [5, 0, 1, 2]]
    # Large enough that an unstable top-k would show.
    tied = (torch.arange(5000, device=device) % 3).float()[None]
    expected = [*range(2, 5000, 3), *range(1, 5000, 3)][:2000]
    assert evaluation.top_items(tied, 2000)[0].tolist() == expected


def test_without_a_mask_scikit_learn_gives_another_number():
    """ELSA's issue 1: scikit-learn's NDCG on unmasked scores is not the NDCG of this field."""
    scores, seen, held = np.array([[3.0, 2, 1]]), np.array([[1, 0, 0]]), np.array([[0, 1, 0]])
    ours = evaluation.rank(Fixed(scores), as_test(seen, held), ["ndcg@2"]).per_user.iloc[0, 0]
    assert ours == 1
    assert ndcg_score(held, scores, k=2) == pytest.approx(1 / math.log2(3))
    assert ndcg_score(held, np.where(seen, -1, scores), k=2) == 1  # the mask is the difference


def test_a_user_with_nothing_held_out_is_left_out_of_means():
    held = np.array([[1, 0, 0], [0, 0, 0]])
    result = evaluation.rank(Fixed(np.ones((2, 3))), as_test(0 * held, held), ["mrr@2"])
    assert result.per_user["mrr@2"].isna().tolist() == [False, True]
    assert result.summary().loc["mrr@2", ["mean", "users"]].tolist() == [1, 1]


def test_a_user_who_has_seen_everything_gets_an_empty_list(device):
    seen, held = np.array([[1, 1, 1], [0, 0, 1]]), np.array([[0, 0, 0], [1, 0, 0]])
    model = Fixed(np.ones((2, 3))).to(device)
    result = evaluation.rank(model, as_test(seen, held), ["recall@3"])
    assert result.top.tolist() == [[-1, -1, -1], [0, 1, -1]]
    assert result.per_user["recall@3"].iloc[1] == 1


def test_beyond_the_catalogue_there_are_no_hits():
    seen, held = np.array([[1, 0, 0]]), np.array([[0, 0, 1]])
    wanted = ["precision@2", "precision@5", "ndcg@3", "ndcg@5"]
    result = evaluation.rank(Fixed(np.ones((1, 3))), as_test(seen, held), wanted)
    assert result.top.tolist() == [[1, 2, -1]]
    ndcg = 1 / math.log2(3)
    assert result.per_user.iloc[0].tolist() == pytest.approx([1 / 2, 1 / 5, ndcg, ndcg])
    # The list itself has no rank that the catalogue lacks.
    with pytest.raises(ValueError, match="number of columns 3"):
        evaluation.top_items(torch.ones(1, 3), 4)


def test_fewer_unseen_items_than_ranks_count_as_misses():
    seen, held = np.array([[0, 1, 1, 1]]), np.array([[1, 0, 0, 0]])
    result = evaluation.rank(Fixed(np.ones((1, 4))), as_test(seen, held), ["precision@4"])
    assert result.per_user.iloc[0, 0] == 1 / 4


@pytest.mark.parametrize("place", [0, 1, 2])
def test_nan_scores_are_refused_wherever_they_stand(place):
    scores = np.ones((2, 3))
    scores[1, place] = np.nan
    with pytest.raises(FloatingPointError, match="NaN"):
        evaluation.rank(Fixed(scores), as_test(np.zeros((2, 3)), np.eye(2, 3)), ["recall@1"])


@pytest.mark.parametrize(
    "wanted", ["ndcg", "ndcg@", "ndcg@0", "ndcg@x", "NDCG@3", "auc@3", "ndcg@-1"]
)
def test_an_unknown_metric_lists_the_known_ones(wanted):
    test = as_test(np.zeros((1, 3)), np.eye(1, 3))
    with pytest.raises(ValueError, match=f"no metric '{wanted}'.*capped_recall"):
        evaluation.rank(Fixed(np.ones((1, 3))), test, [wanted])


def test_a_model_of_items_cannot_rank():
    with pytest.raises(ValueError, match="Fixed reads items"):
        evaluation.rank(Fixed(np.ones((1, 3)), "items"), as_test(np.zeros((1, 3)), np.eye(1, 3)))


# -- scores from elsewhere -----------------------------------------------------------


@given(cases(), st.integers(1, 5))
def test_rank_scores_takes_blocks_of_any_size(case, size):
    scores, seen, held = case
    blocks = list(torch.tensor(scores).split(size))
    outside = evaluation.rank_scores(blocks, as_test(seen, held), ALL)
    inside = evaluation.rank(Fixed(scores), as_test(seen, held), ALL)
    pd.testing.assert_frame_equal(outside.per_user, inside.per_user)


@pytest.mark.parametrize(
    "rows",
    [
        1,
        pytest.param(3),
    ],
)
def test_rank_scores_counts_the_rows(rows):
    test = as_test(np.zeros((2, 3)), np.eye(2, 3))
    with pytest.raises(ValueError, match=f"scores have {rows} rows, the test has 2"):
        evaluation.rank_scores([torch.ones(rows, 3)], test, ["recall@1"])


@pytest.mark.parametrize("cols", [2, 4])
def test_rank_scores_counts_the_columns(cols):
    test = as_test(np.zeros((2, 3)), np.array([[1, 0, 0], [1, 0, 0]]))
    with pytest.raises(ValueError, match="column"):
        evaluation.rank_scores([torch.ones(2, cols)], test, ["recall@1"])


def test_rank_scores_takes_a_block_in_column_major_memory():
    test = as_test(np.eye(2, 3), np.array([[0, 0, 1], [0, 0, 1]]))
    block = torch.tensor([[9.0, 9], [1, 1], [2, 2]]).T
    result = evaluation.rank_scores([block], test, ["mrr@2"])
    assert result.top.tolist() == [[2, 1], [0, 2]]


# -- rating prediction ---------------------------------------------------------------


@given(cases(), st.sampled_from(["users", "items"]), st.integers(1, 6))
def test_predictions_come_in_the_order_of_the_held_out_ratings(device, case, rows, batch_size):
    scores, seen, held = case
    test = as_test(seen, held)
    model = Fixed(scores if rows == "users" else scores.T.copy(), rows)
    found = evaluation.predict(model.to(device), test, batch_size=batch_size)
    np.testing.assert_array_equal(found.cpu(), scores[held])  # row by row, column by column


def test_a_model_of_items_predicts_in_the_order_of_users():
    ratings = np.array([[0.0, 2, 3], [4, 5, 0]])
    test, model = as_test(0 * ratings, ratings), Fixed(ratings.T.copy(), "items")
    assert evaluation.predict(model, test).tolist() == [2, 3, 4, 5]
    assert test.held_out.T.values.tolist() == [4, 2, 5, 3]  # which is another order


def test_predictions_are_clipped_only_if_asked():
    test = as_test(np.zeros((1, 3)), np.array([[5.0, 1, 3]]))
    model = Fixed(np.array([[9.0, -2, 3]]))
    assert evaluation.predict(model, test).tolist() == [9, -2, 3]
    assert evaluation.predict(model, test, clip=(1, 5)).tolist() == [5, 1, 3]
    assert evaluation.rating_errors(model, test, clip=(1, 5)) == {
        "rmse": 0,
        "mae": 0,
        "user_rmse": 0,
    }


def test_rating_errors_are_over_ratings_and_not_over_users():
    test = as_test(np.zeros((2, 3)), np.array([[3.0, 3, 3], [5, 0, 0]]))
    found = evaluation.rating_errors(Fixed(np.full((2, 3), 4.0)), test)
    assert found == {"rmse": 1.0, "mae": 1.0, "user_rmse": 1.0}
    found = evaluation.rating_errors(Fixed(np.full((2, 3), 3.0)), test)
    # The second user has one rating, and half the weight in the mean over users.
    assert found == {
        "rmse": pytest.approx(1.0),
        "mae": pytest.approx(0.5),
        "user_rmse": pytest.approx(1.0),
    }


def test_the_mean_over_users_is_another_number_and_a_smaller_one():
    test = as_test(np.zeros((3, 3)), np.array([[3.0, 3, 3], [5, 0, 0], [0, 0, 0]]))
    found = evaluation.rating_errors(Fixed(np.full((3, 3), 3.0)), test)
    # Errors 0, 0, 0 and 2: over ratings sqrt(4 / 4), over the two users who have any (0 + 2) / 2;
    # with errors 0 and 2 for the second user, sqrt(4 / 5) and (0 + sqrt(2)) / 2.
    assert found["rmse"] == found["user_rmse"] == pytest.approx(1.0)
    test = as_test(np.zeros((2, 3)), np.array([[3.0, 3, 3], [5, 3, 0]]))
    found = evaluation.rating_errors(Fixed(np.full((2, 3), 3.0)), test)
    assert found["rmse"] == pytest.approx(np.sqrt(4 / 5))
    assert found["user_rmse"] == pytest.approx(np.sqrt(2) / 2)


def test_reconstruction_is_measured_on_what_the_model_is_shown():
    shown, hidden = np.array([[4.0, 0, 2]]), np.array([[0.0, 5, 0]])
    test, copies = as_test(shown, hidden), Fixed(np.array([[4.0, 1, 2]]))
    assert evaluation.seen_rmse(copies, test.fold_in) == 0
    assert evaluation.rating_errors(copies, test)["rmse"] == 4  # which says nothing of this
    assert evaluation.seen_rmse(Fixed(np.array([[9.0, 1, 2]])), test.fold_in, clip=(1, 5)) == (
        pytest.approx(np.sqrt(1 / 2))
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_predictions_that_are_no_numbers_are_refused(bad):
    with pytest.raises(FloatingPointError, match="Fixed predicted NaN or infinite"):
        evaluation.predict(Fixed([[bad, 1.0]]), as_test(np.zeros((1, 2)), np.array([[3.0, 0]])))


# -- summaries and comparisons ---------------------------------------------------------


def test_the_summary_is_mean_standard_error_and_interval():
    values = pd.DataFrame({"ndcg@1": [0.0, 0.5, 1.0, np.nan]})
    row = evaluation.Ranking(values, np.zeros((4, 1))).summary().loc["ndcg@1"]
    se = 0.5 / math.sqrt(3)
    expected = [0.5, se, 0.5 - 1.959964 * se, 0.5 + 1.959964 * se, 3]
    assert row[["mean", "se", "low", "high", "users"]].tolist() == pytest.approx(expected, rel=1e-6)
    narrow = evaluation.Ranking(values, np.zeros((4, 1))).summary(level=0.5).loc["ndcg@1"]
    assert row["low"] < narrow["low"] < narrow["high"] < row["high"]


class TestCompare:
    """The paired comparison, against its own computation."""

    rng = np.random.default_rng(0)
    ours: ClassVar = pd.Series(rng.random(200))
    theirs: ClassVar = ours - rng.normal(0.05, 0.2, 200)

    def test_equals_a_direct_computation(self):
        found = evaluation.compare(self.ours, self.theirs)
        difference = (self.ours - self.theirs).to_numpy()
        rng = np.random.default_rng(1)
        means = difference[rng.integers(200, size=(4000, 200))].mean(1)
        low, high = np.quantile(means, [0.025, 0.975])
        se = difference.std(ddof=1) / math.sqrt(200)
        assert found["difference"] == pytest.approx(difference.mean())
        assert found["low"] == pytest.approx(low, abs=0.2 * se)
        assert found["high"] == pytest.approx(high, abs=0.2 * se)
        assert found["p"] == pytest.approx(scipy.stats.ttest_rel(self.ours, self.theirs).pvalue)
        # Negative control: the unpaired interval is much wider.
        unpaired = 1.96 * math.hypot(self.ours.sem(), self.theirs.sem())
        assert found["high"] - found["low"] < 1.5 * unpaired

    def test_swapping_the_models_changes_the_sign(self):
        one = evaluation.compare(self.ours, self.theirs)
        two = evaluation.compare(self.theirs, self.ours)
        assert one["difference"] == pytest.approx(-two["difference"])
        assert one["p"] == pytest.approx(two["p"])

    def test_is_deterministic_and_narrower_at_a_lower_level(self):
        one = evaluation.compare(self.ours, self.theirs)
        pd.testing.assert_series_equal(one, evaluation.compare(self.ours, self.theirs))
        half = evaluation.compare(self.ours, self.theirs, level=0.5)
        assert one["low"] < half["low"] < half["high"] < one["high"]

    def test_leaves_users_without_a_value_out(self):
        ours = self.ours.copy()
        ours[3] = np.nan
        assert evaluation.compare(ours, self.theirs)["users"] == 199

    def test_refuses_other_users(self):
        with pytest.raises(ValueError, match="different users"):
            evaluation.compare(self.ours, self.theirs.iloc[1:])
        shuffled = self.theirs.sample(frac=1, random_state=0)
        found = evaluation.compare(self.ours, shuffled)  # the same users in another order
        pd.testing.assert_series_equal(found, evaluation.compare(self.ours, self.theirs))


class TestHolm:
    """Several comparisons, against the rule as it is stated: step by step."""

    p: ClassVar = pd.Series([0.047, 0.010, 0.030, 0.013], list("abcd"))

    def test_by_hand(self):
        found = evaluation.holm(self.p)
        assert list(found.index) == ["b", "d", "c", "a"]
        assert found.tolist() == pytest.approx([0.04, 0.04, 0.06, 0.06])
        # Negative control: Bonferroni's values are larger, but for the first.
        assert (4 * self.p.sort_values() > found + 0.01).sum() == 3

    @pytest.mark.parametrize("level", [0.01, 0.05, 0.3])
    def test_rejects_what_the_stepwise_rule_rejects(self, level):
        rng = np.random.default_rng(3)
        for _ in range(50):
            p = pd.Series(rng.beta(0.3, 2, 9))
            stepwise = set()
            for step, (name, value) in enumerate(p.sort_values().items()):
                if value > level / (len(p) - step):
                    break
                stepwise.add(name)
            found = evaluation.holm(p)
            assert set(found.index[found <= level]) == stepwise

    def test_refuses_what_is_no_probability(self):
        for bad in (np.nan, -0.1, 1.5):
            with pytest.raises(ValueError, match="between 0 and 1"):
                evaluation.holm(pd.Series([0.1, bad]))


# -- seen items left in the lists ------------------------------------------------------


def test_without_the_mask_seen_items_take_the_places(small):
    """Popularity puts what everybody has seen on top: unmasked, the lists start with it."""
    ratings = small.at_least(4).with_min_count(user=5)
    split = splits.held_out_users(ratings, num_users=100)
    model = models.Popularity()
    training.fit(model, split.train)
    masked = evaluation.rank(model, split.test, ["ndcg@20"]).per_user["ndcg@20"]
    unmasked = evaluation.rank(model, split.test, ["ndcg@20"], mask=False).per_user["ndcg@20"]
    top = loop_top(split.train.col_counts.numpy(), [False] * split.train.num_cols, 20)
    for row in range(100):
        held = set(split.test.held_out.rows(slice(row, row + 1)).indices.tolist())
        if held:
            assert unmasked.iloc[row] == pytest.approx(loop_metric("ndcg", top, held, 20))
    assert masked.mean() > unmasked.mean() + 0.01


# -- the anchor ----------------------------------------------------------------------


def test_popularity_on_the_embedded_data_is_this_number(small):
    """A deterministic model under a published protocol: any change of the evaluator shows."""
    ratings = small.at_least(4).with_min_count(user=5)
    split = splits.held_out_users(ratings, num_users=100)
    model = models.Popularity()
    training.fit(model, split.train)
    result = evaluation.rank(model, split.test)
    assert split.fingerprint() == "a10ae0cc10f7"
    assert result.per_user.mean().to_dict() == pytest.approx(
        {"capped_recall@20": 0.1523221, "capped_recall@50": 0.2108926, "ndcg@100": 0.1856438},
        abs=1e-7,
    )
    # The same from the table of ratings, user by user.
    counts = split.train.col_counts.numpy()
    ndcg = []
    for row in range(split.test.fold_in.num_rows):
        seen = set(split.test.fold_in.rows(slice(row, row + 1)).indices.tolist())
        held = set(split.test.held_out.rows(slice(row, row + 1)).indices.tolist())
        top = loop_top(counts, [c in seen for c in range(len(counts))], 100)
        ndcg.append(loop_metric("ndcg", top, held, 100))
    np.testing.assert_allclose(result.per_user["ndcg@100"], ndcg, atol=1e-12)
