"""What a stranger hands over by mistake: tables, matrices and splits, one line a case."""

from __future__ import annotations

import uuid

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
import torch

from reclib import splits, training
from reclib.interactions import Interactions
from reclib.labels import Labels
from reclib.models import (
    BPR,
    EASE,
    AutoRec,
    BiasedMF,
    GradientRecommender,
    ItemKNN,
    Popularity,
)
from reclib.ratings import Ratings

NAN, INF = float("nan"), float("inf")


def frame(**columns) -> pd.DataFrame:
    """Three ratings, with columns replaced."""
    good = {"user": [1, 1, 2], "item": [1, 2, 2], "rating": [1.0, 2.0, 3.0]}
    return pd.DataFrame(good | columns)


# -- tables ------------------------------------------------------------------------

TABLES = [
    ({"rating": ["4,5", "2", "3"]}, "rating in row 0 is '4,5', which is no number"),
    ({"rating": ["4", r"\N", "3"]}, r"rating in row 1 is '\\\\N', which is no number"),
    ({"rating": [1, None, 3]}, "rating is missing in some rows, 1 of 3; the first is row 1"),
    ({"rating": [1 + 1j, 2, 3]}, "rating must be real numbers"),
    ({"user": [1, None, 2]}, "user is missing in some rows, 1 of 3; the first is row 1"),
    ({"user": [1, INF, 2]}, "user identifiers must be whole numbers or text, row 1 has inf"),
    ({"user": [2**70, 1, 2]}, "user identifiers beyond 64 bits must be text"),
    ({"user": [1.5, 1, 2]}, "user identifiers must be whole numbers or text, row 0 has 1.5"),
    ({"user": [1, "x", 2]}, r"different kinds, int \(row 0: 1\) and str \(row 1: 'x'\)"),
    ({"timestamp": [1.0, NAN, 2.0]}, "timestamp is missing in some rows, 1 of 3"),
    ({"timestamp": pd.to_datetime(["2021-01-01", None, "2021-01-02"])}, "timestamp is missing"),
    ({"timestamp": ["yesterday", "x", "y"]}, "timestamp in row 0 is 'yesterday'.*ISO 8601"),
    ({"timestamp": ["2021-06-27", "27/06/2021", "2021-01-01"]}, "row 1 is '27/06/2021'"),
    ({"timestamp": [1624821229000, 1, 2]}, 'row 0 is 1624821229000.*say unit="ms"'),
    ({"timestamp": [1.5, 1.0, 2.0]}, "timestamp must be whole numbers, row 0 has 1.5"),
]


@pytest.mark.parametrize(("columns", "message"), TABLES)
def test_a_bad_cell_is_named_with_column_row_and_value(columns, message):
    with pytest.raises(ValueError, match=message):
        Ratings(frame(**columns))
    named = {name: name for name in columns if name in ("rating", "timestamp")}
    with pytest.raises(ValueError, match=message):
        Ratings.from_table(frame(**columns), **named)


def test_an_identifier_that_cannot_be_hashed_is_named():
    with pytest.raises(TypeError, match=r"user identifiers must be numbers, text.*row 0 has \[1\]"):
        Ratings(frame(user=[[1], [1], [2]]))


@pytest.mark.parametrize(
    "data",
    [
        None,
        {"user": [1]},
        [(1, 1, 3.0)],
        np.ones((2, 3)),
        "ratings.csv",
        pl.DataFrame({"user": [1], "item": [1], "rating": [3.0]}),
        pa.table({"user": [1], "item": [1], "rating": [3.0]}),
    ],
    ids=lambda data: type(data).__name__,
)
def test_another_container_is_told_of_from_table(data):
    with pytest.raises(TypeError, match=r"needs a pandas DataFrame.*from_table reads Polars"):
        Ratings(data)


@pytest.mark.parametrize("data", [None, {"user": [1]}, [(1, 1, 3.0)], np.ones((2, 3)), 5])
def test_from_table_says_what_a_table_is(data):
    with pytest.raises(TypeError, match="a table is a DataFrame of pandas or Polars"):
        Ratings.from_table(data)


def test_columns_that_are_missing_or_there_twice_are_named():
    with pytest.raises(ValueError, match="no column 'who'; its columns are user, item, rating"):
        Ratings.from_table(frame(), user="who")
    twice = pd.concat([frame(), frame()[["user"]]], axis=1)
    with pytest.raises(ValueError, match="two columns 'user'"):
        Ratings.from_table(twice)
    with pytest.raises(ValueError, match="a column occurs twice: user, item, rating, user"):
        Ratings(twice)
    with pytest.raises(ValueError, match="no ratings left; the table is empty"):
        Ratings(frame().iloc[:0])
    levels = frame()
    levels.columns = pd.MultiIndex.from_product([levels.columns, ["a"]])
    with pytest.raises(ValueError, match="plain names, not several levels"):
        Ratings(levels)


@pytest.mark.parametrize(
    ("scale", "error", "message"),
    [
        ((5, 1), ValueError, r"scale must be \(lowest, highest\), got 5 above 1"),
        ((NAN, 5), ValueError, r"scale\[0\] must be finite"),
        ((1, INF), ValueError, r"scale\[1\] must be finite"),
        (5, TypeError, r"scale must be \(lowest, highest\), got 5"),
        ((1, 2, 3), TypeError, r"scale must be \(lowest, highest\)"),
        (("1", "5"), TypeError, r"scale\[0\] must be a number, got '1'"),
    ],
)
def test_a_scale_is_two_finite_numbers_in_order(scale, error, message):
    with pytest.raises(error, match=message):
        Ratings(frame(), scale=scale)


@pytest.mark.parametrize("titles", [pd.Series(["A", "B"], index=[77, 78]), {"x": "A"}])
def test_titles_that_name_no_item_are_refused(titles):
    with pytest.raises(ValueError, match="titles must be indexed by item identifier.*such as 1"):
        Ratings(frame(), titles=titles)


def test_titles_may_be_a_dict():
    assert Ratings(frame(), titles={1: "A"}).titles[1] == "A"


def test_repeated_pairs_are_refused_or_united_as_asked():
    log = pd.DataFrame(
        {"u": ["a", "a", "a", "b"], "i": ["x", "x", "y", "x"], "r": [5.0, 1.0, 2.0, 4.0]}
    ).assign(t=[20, 10, 30, 40])
    names = {"user": "u", "item": "i", "rating": "r", "timestamp": "t"}
    with pytest.raises(ValueError, match="1 ratings repeat.*user a, item x.*duplicates="):
        Ratings.from_table(log, **names)
    expected = {"first": 1.0, "last": 5.0, "mean": 3.0, "sum": 6.0, "count": 2.0}
    for how, value in expected.items():
        table = Ratings.from_table(log, **names, duplicates=how).table
        assert table["rating"].iloc[0] == value, how
        assert table["timestamp"].iloc[0] == (10 if how == "first" else 20)
        assert len(table) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"duplicates": "lsat"}, "no rule for duplicates 'lsat'.*did you mean 'last'"),
        ({"duplicates": "mean"}, 'duplicates="mean" needs a rating column'),
        ({"unit": "ms"}, "unit='ms' is of timestamps, and no timestamp column is named"),
        ({"timestamp": "rating", "unit": "min"}, "no unit 'min'; there are: s, ms, us, ns"),
    ],
)
def test_an_option_without_meaning_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Ratings.from_table(frame(), **options)


# -- tables that are right -----------------------------------------------------------


@pytest.mark.parametrize(
    "ids",
    [
        ["b", "a", "c"],
        [uuid.UUID(int=2), uuid.UUID(int=1), uuid.UUID(int=3)],
        [2**62, 2**62 + 1, 5],
        np.array([2**63 + 7, 2**63 + 8, 2], dtype="uint64"),
        [("b", 1), ("a", 2), ("a", 1)],
        pd.Categorical(["b", "a", "c"]),
        pd.array([3, 1, 2], dtype="Int64"),
    ],
    ids=["text", "uuid", "int", "uint", "tuple", "category", "nullable"],
)
def test_identifiers_of_any_kind_come_back_as_they_were(ids):
    table = pd.DataFrame({"user": ids, "item": ids, "rating": [1.0, 2.0, 3.0]})
    ratings = Ratings(table)
    expected = sorted(pd.Series(ids).tolist())
    assert ratings.users.tolist() == expected and ratings.items.tolist() == expected
    X = ratings.to_interactions()
    for row, user in enumerate(expected):
        at = pd.Series(ids).tolist().index(user)
        assert X.dense()[row, row] == table["rating"][at]
    assert X.row_labels.positions(expected).tolist() == [0, 1, 2]
    test = splits.hold_out(ratings, test=0.34).test
    assert set(test.users) == set(expected)


def test_large_identifiers_have_fingerprints_of_their_own():
    one, other = ([2**60, 2**60 + 1], [2**60, 2**60 + 2])
    prints = {
        Ratings(pd.DataFrame({"user": ids, "item": [1, 1], "rating": 1.0})).fingerprint()
        for ids in (one, other)
    }
    assert len(prints) == 2
    text = [Ratings(frame(user=list(u))).fingerprint() for u in ("aab", "aac")]
    assert text[0] != text[1]


@pytest.mark.parametrize(
    "times",
    [
        ["2021-06-27T19:13:49Z", "2020-01-01", "2021-06-27T21:13:49+02:00"],
        pd.to_datetime(["2021-06-27T19:13:49", "2020-01-01T00:00:00", "2021-06-27T19:13:49"]),
        pd.to_datetime(
            ["2021-06-27T21:13:49", "2020-01-01T01:00:00", "2021-06-27T21:13:49"]
        ).tz_localize("Europe/Berlin"),
        [1624821229, 1577836800, 1624821229],
        [1624821229.0, 1577836800.0, 1624821229.0],
    ],
    ids=["iso", "naive", "zone", "seconds", "floats"],
)
def test_dates_in_any_form_are_the_same_seconds(times):
    table = Ratings(frame(timestamp=times)).table
    assert table["timestamp"].tolist() == [1624821229, 1577836800, 1624821229]
    assert table["timestamp"].dtype == np.int64


def test_milliseconds_are_read_as_such_where_they_are_named():
    log = frame(t=[1624821229000, 1577836800999, 1624821229000])
    table = Ratings.from_table(log, timestamp="t", unit="ms").table
    assert table["timestamp"].tolist() == [1624821229, 1577836800, 1624821229]
    with pytest.raises(ValueError, match='say unit="ms"'):
        Ratings.from_table(log, timestamp="t")


def test_frames_and_files_of_every_kind_give_the_same_ratings(tmp_path):
    log = pd.DataFrame(
        {
            "who": ["ann", "bob", "ann"],
            "what": ["007", "12", "12"],
            "stars": [4.5, 3.0, 2.0],
            "when": ["2021-06-27T19:13:49Z", "2020-01-01", "2020-01-02"],
            "name": ["Bond", "Twelve", "Twelve"],
        }
    )
    log.to_csv(tmp_path / "log.csv", index=False)
    log.to_csv(tmp_path / "log.tsv.gz", index=False, sep="\t")
    log.to_parquet(tmp_path / "log.parquet")
    names = dict(user="who", item="what", rating="stars", timestamp="when", title="name")
    kinds = {
        "pandas": log,
        "polars": pl.DataFrame(log.to_dict("list")),
        "arrow": pa.table(log.to_dict("list")),
        **{path.name: path for path in tmp_path.iterdir()},
    }
    found = {kind: Ratings.from_table(data, **names) for kind, data in kinds.items()}
    assert len({ratings.fingerprint() for ratings in found.values()}) == 1
    assert found["polars"].items.tolist() == ["007", "12"]  # leading zeros stay
    assert found["log.csv"].titles.to_dict() == {"007": "Bond", "12": "Twelve"}
    assert found["log.csv"].name == "log.csv" and found["arrow"].scale == (2.0, 4.5)
    assert found["log.parquet"].table["user"].tolist() == ["ann", "ann", "bob"]


def test_a_file_of_whole_numbers_keeps_them_as_numbers(tmp_path):
    frame().to_csv(tmp_path / "log.csv", index=False)
    read = Ratings.from_table(tmp_path / "log.csv", rating="rating")
    assert read.fingerprint() == Ratings(frame()).fingerprint()
    (tmp_path / "log.xlsx").write_text("")
    with pytest.raises(ValueError, match="neither .csv, .tsv nor .parquet"):
        Ratings.from_table(tmp_path / "log.xlsx")


def test_arrow_numbers_with_gaps_are_not_rounded():
    table = pa.table({"user": pa.array([2**60 + 1, None]), "item": [1, 2]})
    with pytest.raises(ValueError, match="user is missing in some rows, 1 of 2"):
        Ratings.from_table(table)
    whole = pa.table({"user": pa.array([2**60 + 1, 3]), "item": [1, 2]})
    assert Ratings.from_table(whole).users.tolist() == [3, 2**60 + 1]


def test_events_without_ratings_are_ones():
    ratings = Ratings.from_table(frame())
    assert ratings.table["rating"].tolist() == [1, 1, 1] and ratings.scale == (1, 1)


# -- filters -------------------------------------------------------------------------


def test_a_mask_of_the_source_is_refused_where_the_rows_were_sorted():
    source = frame(user=[2, 1, 1], item=[1, 2, 3])
    ratings = Ratings(source)
    with pytest.raises(ValueError, match="made of another table.*make it of ratings.table"):
        ratings.where(source["rating"] >= 2)
    kept = ratings.where(ratings.table["rating"] >= 2)
    assert (kept.table["rating"] >= 2).all() and len(kept) == 2
    in_order = frame()
    assert len(Ratings(in_order).where(in_order["rating"] >= 2)) == 2


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda r: r.where(pd.Series([True] * 3, index=[2, 1, 0])),
            ValueError,
            "another",
        ),
        (lambda r: r.where([True]), ValueError, r"a bool for each of 3 ratings.*shape \(1,\)"),
        (lambda r: r.where([0, 1]), ValueError, "a bool for each of 3 ratings, got int64"),
        (lambda r: r.where([1, 0, 1]), ValueError, "a bool for each of 3 ratings, got int64"),
        (lambda r: r.where([False] * 3), ValueError, "no ratings left; loosen the last filter"),
        (lambda r: r.at_least(NAN), ValueError, "rating must be finite"),
        (lambda r: r.at_least("4"), TypeError, "rating must be a number, got '4'"),
        (lambda r: r.with_min_count(user="a"), TypeError, "user must be a whole number"),
        (lambda r: r.with_min_count(item=1.5), TypeError, "item must be a whole number"),
        (lambda r: r.k_core(0), ValueError, "k must be at least 1"),
        (lambda r: r.matrix_of(np.ones(1, bool)), ValueError, "a bool for each of 3"),
        (lambda r: r.matrix_of([1, 0, 1]), ValueError, "a bool for each of 3 ratings, got int64"),
        (lambda r: r.matrix_of(pd.Series([True] * 3, index=[2, 1, 0])), ValueError, "another"),
    ],
)
def test_a_filter_says_what_it_needs(call, error, message):
    with pytest.raises(error, match=message):
        call(Ratings(frame()))


# -- matrices ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([0.7], [1.2]), TypeError, "row indices must be whole numbers, got float64"),
        ((["a"], [0]), TypeError, "row indices must be whole numbers"),
        (([[0]], [0]), ValueError, r"one dimension, their shape is \(1, 1\)"),
        ((0, 0), ValueError, r"one dimension, their shape is \(\)"),
        (([0], [2**33]), ValueError, "column index .* is outside 0..1"),
        (([0], [0], [1j]), TypeError, "values must be real numbers"),
        (([0], [0], ["x"]), TypeError, "values must be real numbers"),
        (([0], [0], [[1.0]]), ValueError, "values must have one dimension"),
        (([0], [0], [NAN]), ValueError, "values must be finite, number 0 is nan"),
        (([0], [0], [1e39]), ValueError, r"number 0 of the values, 1e\+39, is too large"),
    ],
)
def test_from_coo_refuses_what_is_no_matrix(arguments, error, message):
    with pytest.raises(error, match=message):
        Interactions.from_coo(*arguments, shape=(2, 2))


@pytest.mark.parametrize(
    ("shape", "error", "message"),
    [
        ((1, 2**34), ValueError, "the number of columns must be between 0 and"),
        ((2**41, 1), ValueError, "the number of rows must be between 0 and"),
        ((-1, 2), ValueError, "the number of rows must be between 0"),
        ((2.0, 2), TypeError, "the number of rows must be a whole number, got 2.0"),
        (5, TypeError, r"shape must be \(rows, columns\), got 5"),
    ],
)
def test_a_shape_is_two_whole_numbers_that_32_bits_count(shape, error, message):
    with pytest.raises(error, match=message):
        Interactions.from_coo([0], [0], shape=shape)


def test_labels_must_fit_the_matrix():
    with pytest.raises(ValueError, match="3 row_labels for 2 of the matrix"):
        Interactions.from_coo([0], [0], shape=(2, 2), row_labels=Labels(np.arange(3)))


@pytest.mark.parametrize(
    ("matrix", "error", "message"),
    [
        (np.eye(2), TypeError, "needs a SciPy sparse matrix, got ndarray.*csr_array"),
        (scipy.sparse.coo_array(np.ones(3)), ValueError, r"rows and columns, its shape is \(3,\)"),
        (scipy.sparse.csr_array(np.eye(2) * 1j), TypeError, "values must be real numbers"),
        (scipy.sparse.csr_array(np.full((1, 1), 1e39)), ValueError, "too large for float32"),
    ],
)
def test_from_scipy_refuses_what_is_no_matrix(matrix, error, message):
    with pytest.raises(error, match=message):
        Interactions.from_scipy(matrix)


@pytest.fixture
def X() -> Interactions:
    return Interactions.from_coo([0, 1, 2], [0, 2, 1], [1.0, 2.0, 3.0], shape=(3, 30))


def test_rows_are_named_by_positions_of_any_kind_or_a_mask(X):
    expected = X.dense()[[2, 0]]
    for index in ([2, 0], np.array([2, 0]), torch.tensor([2, 0]), (-1, 0)):
        assert torch.equal(X.rows(index).dense(), expected)
    mask = torch.tensor([True, False, True])
    assert torch.equal(X.rows(mask).dense(), X.dense()[mask])
    assert X.rows([]).num_rows == 0


@pytest.mark.parametrize(
    ("index", "error", "message"),
    [
        (1, TypeError, r"slice, positions or a mask, got 1; one row r is rows\(\[r\]\)"),
        ("1", TypeError, "slice, positions or a mask"),
        (torch.tensor([0.5]), TypeError, "whole numbers in one dimension, got torch.float32"),
        (torch.tensor([True]), ValueError, r"a mask of rows needs 3 entries, got shape \(1,\)"),
        (torch.zeros(1, 1, dtype=torch.int64), TypeError, "in one dimension"),
    ],
)
def test_rows_refuses_what_names_no_rows(X, index, error, message):
    with pytest.raises(error, match=message):
        X.rows(index)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda X: X @ torch.ones(50, 2), ValueError, r"cannot multiply \(3, 30\) by \(50, 2\)"),
        (lambda X: X @ torch.ones(5, 2), ValueError, r"cannot multiply \(3, 30\) by \(5, 2\)"),
        (lambda X: X @ torch.ones(30), ValueError, r"cannot multiply \(3, 30\) by \(30,\)"),
        (lambda X: X @ torch.ones(30, 2).double(), TypeError, "must be torch.float32"),
        (
            lambda X: X.product_at(torch.ones(3, 2), torch.ones(9, 2)),
            ValueError,
            r"need left \[3, k\] and right \[30, k\]",
        ),
        (lambda X: list(X.batches(0)), ValueError, "batch_size must be at least 1"),
        (lambda X: list(X.batches(2.5)), TypeError, "batch_size must be a whole number"),
    ],
)
def test_products_check_their_widths(X, call, error, message):
    with pytest.raises(error, match=message):
        call(X)


def test_labels_follow_every_cut_and_copy(random_ratings):
    X = random_ratings().to_interactions()
    users, items = X.row_labels.ids, X.col_labels.ids
    assert X.T.row_labels.ids is items and X.T.col_labels.ids is users
    assert X.rows(slice(2, 5)).row_labels.ids.tolist() == users[2:5].tolist()
    assert X.rows([3, 1]).row_labels.ids.tolist() == users[[3, 1]].tolist()
    for other in (X.binary(), X.to("cpu"), X.rows([3, 1])):
        assert other.col_labels.ids is items and other.scale == X.scale


# -- splits --------------------------------------------------------------------------

PROTOCOLS = {
    "hold_out": splits.hold_out,
    "temporal": splits.temporal,
    "hold_out_per_user": splits.hold_out_per_user,
}


@pytest.mark.parametrize("name", PROTOCOLS)
@pytest.mark.parametrize(
    ("test", "error"), [("0.1", TypeError), (None, TypeError), (NAN, ValueError), (1.5, ValueError)]
)
def test_a_test_share_is_a_fraction(random_ratings, name, test, error):
    with pytest.raises(error, match="test must be"):
        PROTOCOLS[name](random_ratings(), test=test)


@pytest.mark.parametrize(
    "split",
    [
        *PROTOCOLS.values(),
        lambda r: list(splits.k_fold(r)),
        lambda r: splits.held_out_users(r, num_users=5),
        splits.leave_n_out,
        lambda r: splits.at_date(r, "2020-01-01"),
        lambda r: list(splits.rolling(r, ["2020-01-01", "2020-02-01"])),
    ],
)
def test_a_split_is_made_of_ratings(random_ratings, split):
    ratings = random_ratings()
    for wrong in (ratings.table, ratings.to_interactions()):
        with pytest.raises(TypeError, match="a split is made of Ratings, got (DataFrame|Inter)"):
            split(wrong)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda r: splits.hold_out(r, seed="a"), TypeError, "seed must be a whole number"),
        (lambda r: list(splits.k_fold(r, 2.5)), TypeError, "k must be a whole number, got 2.5"),
        (lambda r: list(splits.k_fold(r, "5")), TypeError, "k must be a whole number"),
        (lambda r: splits.held_out_users(r, num_users=2.5), TypeError, "num_users must be a whole"),
        (lambda r: splits.held_out_users(r, num_users="5"), TypeError, "num_users must be a whole"),
        (lambda r: splits.held_out_users(r, num_users=None), TypeError, "num_users must be a"),
        (lambda r: splits.leave_n_out(r, 0), ValueError, "n must be at least 1"),
        (lambda r: splits.leave_n_out(r, order="date"), ValueError, "'time' or 'random'"),
        (lambda r: splits.at_date(r, "soon"), ValueError, "date is no date: 'soon'"),
        (lambda r: splits.at_date(r, None), ValueError, "date is no date"),
        (lambda r: splits.at_date(r, "2150-01-01"), ValueError, "cuts nothing off"),
        (
            lambda r: splits.at_date(r, 500, validation=600),
            ValueError,
            "validation must begin before 500, got 600",
        ),
        (lambda r: list(splits.rolling(r, ["2020-01-01"])), ValueError, "two or more"),
        (lambda r: list(splits.rolling(r, [9, 5])), ValueError, "each later than the one before"),
    ],
)
def test_the_options_of_a_split_are_checked(random_ratings, call, error, message):
    with pytest.raises(error, match=message):
        call(random_ratings())


def test_a_split_counts_its_labels():
    X = Interactions.from_coo([0, 1], [0, 1], shape=(2, 2))
    test = splits.Test(X, Interactions.from_coo([0], [1], shape=(2, 2)), np.array(["a", "b"]))
    names, items = np.array(["a", "b"]), np.array([5, 6])
    assert splits.Split(X, test, None, names, items).fingerprint()
    with pytest.raises(ValueError, match="99 items for 2 of the training matrix"):
        splits.Split(X, test, None, names, np.arange(99))
    with pytest.raises(ValueError, match="1 train_users for 2 of the training matrix"):
        splits.Split(X, test, None, names[:1], items)
    leak = splits.Test(
        Interactions.from_coo([], [], shape=(1, 2)),
        Interactions.from_coo([0], [1], shape=(1, 2)),
        np.array(["b"]),
    )
    with pytest.raises(ValueError, match="test ratings are also in train"):
        splits.Split(X, leak, None, names, items)


# -- a model and what it is asked ---------------------------------------------------


@pytest.fixture(scope="module")
def two_catalogues() -> tuple[splits.Split, splits.Split]:
    rng = np.random.default_rng(0)
    cells = np.unique(rng.integers(0, [40, 30], (400, 2)), axis=0)
    table = pd.DataFrame(cells, columns=["user", "item"]).assign(rating=1.0)
    ratings = Ratings(table.assign(item="item " + table["item"].astype(str)))
    fewer = ratings.where(ratings.table["item"] != "item 7")
    other = Ratings(ratings.table.replace({"item": {"item 7": "item 77"}}))
    return splits.hold_out(ratings), splits.hold_out(fewer), splits.hold_out(other)


@pytest.mark.parametrize("model", [EASE(), Popularity(), ItemKNN(), BPR(4)])
def test_a_model_refuses_other_items_by_name(two_catalogues, model):
    split, fewer, other = two_catalogues
    options = {} if type(model) in (EASE, Popularity, ItemKNN) else {"epochs": 1}
    training.fit(model, split.train, **options)
    assert model.score(split.test.fold_in).isfinite().all()
    name = type(model).__name__
    with pytest.raises(ValueError, match=f"{name} was fitted to 30 items.*1 missing .'item 7'."):
        model.score(fewer.test.fold_in)
    message = f"{name} was fitted to 30 items.*1 unknown .'item 77'. and 1 missing .'item 7'."
    with pytest.raises(ValueError, match=message):
        model.score(other.test.fold_in)
    bare = Interactions.from_coo([0], [0], shape=(1, 29))
    with pytest.raises(ValueError, match=f"{name} was fitted to 30 columns, this matrix has 29"):
        model.score(bare)
    assert model.score(Interactions.from_coo([0], [0], shape=(1, 30))).shape == (1, 30)


def test_a_model_of_items_refuses_a_row_of_users(two_catalogues):
    X = two_catalogues[0].train
    model = AutoRec(3)
    training.fit(model, X, epochs=1)
    with pytest.raises(ValueError, match="AutoRec was fitted to 40 users; this matrix has 30"):
        model.score(X)
    with pytest.raises(ValueError, match="a model of items cannot serve new users"):
        model.score(Interactions.from_coo([0], [0], shape=(1, 30)))


@pytest.mark.parametrize(
    ("wrong", "remedy"),
    [
        (lambda s: s, "its .train is one"),
        (lambda s: s.test, "its .fold_in is one"),
        (lambda s: s.train.scipy(), "Interactions.from_scipy"),
        (lambda s: pd.DataFrame(), "Ratings.from_table"),
        (lambda s: [1, 2], "Interactions.from_coo"),
    ],
)
def test_what_is_no_matrix_is_refused_with_the_remedy(two_catalogues, wrong, remedy):
    split = two_catalogues[0]
    model = EASE().fit(split.train)
    with pytest.raises(TypeError, match=f"fold_in must be an Interactions.*{remedy}"):
        model.score(wrong(split))
    with pytest.raises(TypeError, match=f"train must be an Interactions.*{remedy}"):
        EASE().fit(wrong(split))


def test_what_was_learnt_is_finite():
    """A rating of 1e30 has squares that float32 does not hold."""
    X = Interactions.from_coo([0, 0, 1, 2], [0, 1, 1, 2], [1e30, 3.0, 4.0, 2.0], shape=(3, 3))
    with pytest.raises(FloatingPointError, match="BiasedMF has learnt .* not finite"):
        BiasedMF(2).fit(X)


def test_a_class_that_forgets_the_constructor_of_its_base_works():
    class Forgetful(GradientRecommender):
        def __init__(self):
            self.w = torch.nn.Parameter(torch.zeros(2))

        def build(self, train):
            pass

        def loss(self, batch):
            return (self.w - 1).square().sum()

        def score(self, fold_in):
            return self.w.detach().repeat(fold_in.num_rows, 1)

    model = Forgetful()
    training.fit(model, Interactions.from_coo([0], [0], shape=(1, 2)), epochs=3, lr=0.1)
    assert (model.w > 0).all()
