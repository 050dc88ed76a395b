"""The ratings table: what it refuses, and what its filters keep."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reclib.ratings import Ratings


def table(*rows, columns=("user", "item", "rating")) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(columns))


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (
            table((1, 2), columns=("user", "item")),
            r"column\(s\) rating missing; the table has user",
        ),
        (table((1,), columns=("userId",)), r"column\(s\) user, item, rating missing"),
        (table(), "no ratings left"),
        (table((1, 2, None)), "missing in some rows"),
        (table((1, None, 3.0)), "missing in some rows"),
        (
            table((1, 2, 5.5), (1, 3, 0.5), (1, 4, 3)),
            r"2 ratings lie outside the scale 1\.\.5.*5\.5",
        ),
        (table((1, 2, 3), (2, 2, 3), (1, 2, 4)), "1 ratings repeat.*user 1, item 2"),
    ],
)
def test_a_bad_table_is_refused_with_the_reason(frame, message):
    with pytest.raises(ValueError, match=f"^mine: .*{message}"):
        Ratings(frame, "mine")


def test_identifiers_that_are_not_whole_are_refused():
    with pytest.raises(ValueError, match="user|identifier|integer|whole"):
        Ratings(table((1.5, 2, 3.0)))


def test_the_table_is_sorted_typed_and_stripped_of_other_columns(random_ratings):
    ratings = random_ratings()
    assert ratings.table.equals(ratings.table.sort_values(["user", "item"], ignore_index=True))
    extra = Ratings(ratings.table.assign(genre="x", user=ratings.table["user"].astype(float)))
    assert list(extra.table) == ["user", "item", "rating", "timestamp"]
    assert extra.table["user"].dtype == np.int64


def test_the_callers_table_is_left_alone():
    frame = table((2, 1, 3), (1, 1, 4))
    before = frame.copy()
    Ratings(frame)
    pd.testing.assert_frame_equal(frame, before)


@given(st.randoms(use_true_random=False))
def test_fingerprint_does_not_depend_on_the_order_of_rows(random):
    rows = [(u, i, float(1 + (u * i) % 5)) for u in range(4) for i in range(3)]
    shuffled = random.sample(rows, len(rows))
    assert Ratings(table(*shuffled)).fingerprint() == Ratings(table(*rows)).fingerprint()


def test_fingerprint_changes_with_every_column():
    columns = ("user", "item", "rating", "timestamp")
    variants = [(1, 2, 3.0, 4), (9, 2, 3.0, 4), (1, 9, 3.0, 4), (1, 2, 5.0, 4), (1, 2, 3.0, 9)]
    prints = {Ratings(table(row, columns=columns)).fingerprint() for row in variants}
    assert len(prints) == 5
    assert Ratings(table(variants[0], columns=columns)).fingerprint() in prints


# -- filters -------------------------------------------------------------------


def brute_force_core(pairs: set, k: int) -> set:
    """Drop one offender at a time until there is none."""
    pairs = set(pairs)
    while True:
        users, items = Counter(u for u, _ in pairs), Counter(i for _, i in pairs)
        offender = next((p for p in pairs if users[p[0]] < k or items[p[1]] < k), None)
        if offender is None:
            return pairs
        pairs.remove(offender)


@given(st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)), min_size=1), st.integers(1, 4))
def test_k_core_equals_brute_force(pairs, k):
    ratings = Ratings(table(*[(u, i, 3.0) for u, i in pairs]))
    expected = brute_force_core(pairs, k)
    if expected:
        kept = ratings.k_core(k).table
        assert set(zip(kept["user"], kept["item"], strict=True)) == expected
    else:
        with pytest.raises(ValueError, match="no ratings left"):
            ratings.k_core(k)


def test_with_min_count_drops_items_first_and_passes_once():
    # Item 9 has one rating; without it user 2 has one. Users first would keep user 2.
    ratings = Ratings(table((1, 7, 3), (1, 8, 3), (2, 7, 3), (2, 9, 3), (3, 7, 3), (3, 8, 3)))
    kept = ratings.with_min_count(user=2, item=2)
    assert kept.users.tolist() == [1, 3]
    assert kept.items.tolist() == [7, 8]
    # One pass: dropping user 2 may leave an item below its minimum.
    ratings = Ratings(table((1, 7, 3), (1, 8, 3), (2, 9, 3), (3, 9, 3), (3, 7, 3), (3, 8, 3)))
    once = ratings.with_min_count(user=2, item=2)
    assert once.items.tolist() == [7, 8, 9]
    assert ratings.k_core(2).items.tolist() == [7, 8]


def test_filters_keep_name_scale_and_titles():
    titles = pd.Series({7: "Alien"})
    ratings = Ratings(table((1, 7, 0.5), (2, 7, 4.0)), "mine", (0.5, 5.0), titles)
    kept = ratings.at_least(4)
    assert (len(kept), kept.name, kept.scale, kept.titles[7]) == (1, "mine", (0.5, 5.0), "Alien")
    assert len(ratings.at_least(0.5)) == 2
    with pytest.raises(ValueError, match="mine: no ratings left"):
        ratings.at_least(4.5)


def test_statistics_by_hand():
    found = Ratings(table((1, 7, 1), (1, 8, 5), (2, 7, 3))).statistics()
    expected = [3, 2, 2, 0.75, 0.25, 3.0, np.sqrt(8 / 3), 1.5, 1.5]
    assert found.tolist() == pytest.approx(expected)
    assert found["density"] + found["sparsity"] == 1


# -- to a matrix ---------------------------------------------------------------


def test_the_matrix_holds_each_rating_in_the_row_of_its_user(random_ratings):
    ratings = random_ratings()
    dense = ratings.to_interactions().dense()
    for user, item, rating in ratings.table[["user", "item", "rating"]].itertuples(index=False):
        row, col = ratings.users.tolist().index(user), ratings.items.tolist().index(item)
        assert dense[row, col] == rating
    assert (dense > 0).sum() == len(ratings)


def test_a_part_of_the_matrix_keeps_its_shape(random_ratings):
    ratings = random_ratings()
    keep = np.zeros(len(ratings), dtype=bool)
    keep[3] = True
    part = ratings.matrix_of(keep)
    assert (part.nnz, part.shape) == (1, ratings.to_interactions().shape)
    assert float(part.values[0]) == ratings.table["rating"][3]


def test_the_embedded_data_set_is_what_its_readme_says(small):
    found = small.statistics()
    assert found[["ratings", "users", "items"]].tolist() == [100836, 610, 9724]
    assert small.titles[1] == "Toy Story (1995)"
