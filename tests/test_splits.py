"""The protocols: what they promise, and the published recipe line by line."""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reclib import splits
from reclib.interactions import Interactions
from reclib.ratings import Ratings

WEAK = {
    "hold_out": splits.hold_out,
    "hold_out_per_user": splits.hold_out_per_user,
    "temporal": splits.temporal,
    "k_fold": lambda ratings, test=0.2, **options: next(
        splits.k_fold(ratings, round(1 / test), **options)
    ),
}


def triples(X: Interactions, users, items) -> list[tuple]:
    """Sorted (user, item, rating) with the identifiers of the source."""
    rows, cols = users[X.row_ids.numpy()], items[X.indices.numpy()]
    return sorted(zip(rows.tolist(), cols.tolist(), X.values.tolist(), strict=True))


def parts_of(split) -> dict[str, list[tuple]]:
    parts = {"train": triples(split.train, split.train_users, split.items)}
    for name in ("test", "validation"):
        if getattr(split, name) is not None:
            test = getattr(split, name)
            parts[name] = triples(test.held_out, test.users, split.items)
    return parts


# -- weak generalisation ---------------------------------------------------------


@pytest.mark.parametrize("name", WEAK)
@given(seed=st.integers(0, 5), validation=st.sampled_from([0.0, 0.25]))
def test_parts_are_disjoint_not_empty_and_together_all(random_ratings, name, seed, validation):
    ratings = random_ratings(seed=seed)
    parts = parts_of(WEAK[name](ratings, test=0.2, validation=validation))
    assert all(parts.values())
    assert ("validation" in parts) == bool(validation)
    together = sorted(sum(parts.values(), []))
    assert together == list(ratings.table[["user", "item", "rating"]].itertuples(index=False))


@pytest.mark.parametrize("name", ["hold_out", "temporal"])
def test_fractions_are_of_all_and_then_of_the_rest(random_ratings, name):
    ratings = random_ratings()
    sizes = {n: len(p) for n, p in parts_of(WEAK[name](ratings, test=0.2, validation=0.1)).items()}
    assert sizes["test"] == round(0.2 * len(ratings))
    assert sizes["validation"] == round(0.1 * (len(ratings) - sizes["test"]))


@pytest.mark.parametrize("name", ["hold_out", "hold_out_per_user", "k_fold"])
def test_the_seed_decides_the_split(random_ratings, name):
    ratings = random_ratings()
    first, same, other = (
        WEAK[name](ratings, validation=0.1, seed=seed).fingerprint() for seed in (3, 3, 4)
    )
    assert first == same != other


@pytest.mark.parametrize("name", WEAK)
def test_the_order_of_rows_does_not_change_the_split(random_ratings, name):
    ratings = random_ratings()
    again = Ratings(ratings.table.sample(frac=1, random_state=1), "random")
    assert WEAK[name](ratings).fingerprint() == WEAK[name](again).fingerprint()


def test_temporal_trains_on_the_past_only(random_ratings):
    ratings = random_ratings()
    when = ratings.table.set_index(["user", "item"])["timestamp"].to_dict()
    parts = parts_of(splits.temporal(ratings, test=0.2, validation=0.2))
    times = {name: [when[u, i] for u, i, _ in part] for name, part in parts.items()}
    assert max(times["train"]) <= min(times["validation"])
    assert max(times["validation"]) <= min(times["test"])
    # Negative control: a random split does not.
    parts = parts_of(splits.hold_out(ratings, test=0.2))
    assert max(when[u, i] for u, i, _ in parts["train"]) > min(
        when[u, i] for u, i, _ in parts["test"]
    )


def test_temporal_orders_equal_times_as_in_the_table():
    table = pd.DataFrame({"user": 1, "item": range(10), "rating": 3.0, "timestamp": 5})
    parts = parts_of(splits.temporal(Ratings(table), test=0.3))
    assert [item for _, item, _ in parts["test"]] == [7, 8, 9]


def test_temporal_can_leave_out_whom_training_does_not_know(random_ratings):
    ratings = random_ratings(density=0.15)
    whole = splits.temporal(ratings, test=0.4, validation=0.2)
    known = splits.temporal(ratings, test=0.4, validation=0.2, known_only=True)
    assert known.train.fingerprint() == whole.train.fingerprint()
    seen = known.train.row_counts > 0, known.train.col_counts > 0
    for name in ("validation", "test"):
        part, all_of_it = getattr(known, name).held_out, getattr(whole, name).held_out
        kept = seen[0][all_of_it.row_ids] & seen[1][all_of_it.indices]
        assert part.cells.tolist() == all_of_it.cells[kept].tolist()
        assert part.nnz < all_of_it.nnz  # negative control: there was something to leave out


def test_temporal_needs_timestamps(random_ratings):
    with pytest.raises(ValueError, match="random has no timestamps"):
        splits.temporal(Ratings(random_ratings().table.drop(columns="timestamp"), "random"))


@pytest.mark.parametrize("k", [2, 3, 7])
def test_k_folds_partition_the_ratings(random_ratings, k):
    ratings = random_ratings()
    folds = list(splits.k_fold(ratings, k))
    tests = [parts_of(fold)["test"] for fold in folds]
    assert sorted(sum(tests, [])) == list(
        ratings.table[["user", "item", "rating"]].itertuples(index=False)
    )
    assert max(map(len, tests)) - min(map(len, tests)) <= 1
    for fold in folds:
        assert fold.train.nnz + fold.test.held_out.nnz == len(ratings)


def test_k_fold_refuses_one_fold_and_more_folds_than_ratings(random_ratings):
    for k in (1, 10_000):
        with pytest.raises(ValueError, match=f"k must be between 2.*got {k}"):
            next(splits.k_fold(random_ratings(), k))


def test_per_user_hold_out_takes_a_floor_of_each_users_share(random_ratings):
    ratings = random_ratings()
    split = splits.hold_out_per_user(ratings, test=0.2)
    counts = ratings.to_interactions().row_counts
    assert split.test.held_out.row_counts.tolist() == [int(0.2 * n) for n in counts.tolist()]


@pytest.mark.parametrize("name", ["hold_out", "hold_out_per_user", "temporal"])
@pytest.mark.parametrize("value", [0, 1, -0.1, 10])
def test_fractions_lie_between_0_and_1(random_ratings, name, value):
    with pytest.raises(ValueError, match=f"test must be a fraction.*got {value}"):
        WEAK[name](random_ratings(), test=value)
    with pytest.raises(ValueError, match="validation must be a fraction"):
        WEAK[name](random_ratings(), validation=1.5)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("hold_out", {"test": 0.1}, "nothing is held out"),
        ("hold_out", {"test": 0.9}, "training part is empty"),
        ("hold_out", {"test": 0.3, "validation": 0.1}, "nothing is held out|validation"),
        ("hold_out_per_user", {"test": 0.2}, "nothing is held out"),
    ],
)
def test_a_part_that_rounds_to_nothing_is_explained(name, options, message):
    ratings = Ratings(pd.DataFrame({"user": [1, 1, 1], "item": [1, 2, 3], "rating": 3.0}))
    with pytest.raises(ValueError, match=message):
        WEAK[name](ratings, **options)


# -- strong generalisation -------------------------------------------------------


def published_recipe(table: pd.DataFrame, n_heldout: int, seed: int):
    """The cells of dawenl/vae_cf VAE_ML20M_WWW2018.ipynb, one loop a line, plain pandas."""
    unique_uid = np.sort(table["user"].unique())
    np.random.seed(seed)
    idx_perm = np.random.permutation(unique_uid.size)
    unique_uid = unique_uid[idx_perm]
    n_users = unique_uid.size
    tr_users = unique_uid[: (n_users - n_heldout * 2)]
    vd_users = unique_uid[(n_users - n_heldout * 2) : (n_users - n_heldout)]
    te_users = unique_uid[(n_users - n_heldout) :]
    train_plays = table.loc[table["user"].isin(tr_users)]
    unique_sid = pd.unique(train_plays["item"])

    def split_train_test_proportion(users, test_prop=0.2):
        data = table.loc[table["user"].isin(users)]
        data = data.loc[data["item"].isin(unique_sid)]
        tr_list, te_list = [], []
        np.random.seed(seed)
        for _, group in data.groupby("user"):
            n_items_u = len(group)
            if n_items_u >= 5:
                idx = np.zeros(n_items_u, dtype="bool")
                size = int(test_prop * n_items_u)
                chosen = np.random.choice(n_items_u, size=size, replace=False)
                idx[chosen.astype("int64")] = True
                tr_list.append(group[np.logical_not(idx)])
                te_list.append(group[idx])
            else:
                tr_list.append(group)
        return pd.concat(tr_list), pd.concat(te_list)

    return train_plays, unique_sid, *map(split_train_test_proportion, (vd_users, te_users))


def rows_of(table: pd.DataFrame) -> list[tuple]:
    return sorted(table[["user", "item", "rating"]].itertuples(index=False, name=None))


@pytest.mark.parametrize("seed", [98765, 1])
def test_held_out_users_follow_the_published_recipe(small, seed):
    """Users, items, fold-in and held-out sets equal those of the notebook, one by one."""
    ratings = small.at_least(4).with_min_count(user=5)
    state = np.random.get_state()
    train, items, validation, test = published_recipe(ratings.table, 100, seed)
    np.random.set_state(state)
    split = splits.held_out_users(ratings, num_users=100, seed=seed)
    assert split.items.tolist() == sorted(items)
    assert triples(split.train, split.train_users, split.items) == rows_of(train)
    for mine, (fold_in, held_out) in ((split.validation, validation), (split.test, test)):
        assert triples(mine.fold_in, mine.users, split.items) == rows_of(fold_in)
        assert triples(mine.held_out, mine.users, split.items) == rows_of(held_out)
    # Negative control: another seed is another split.
    other = splits.held_out_users(ratings, num_users=100, seed=seed + 1)
    assert other.fingerprint() != split.fingerprint()


def test_held_out_users_can_hold_out_their_latest_ratings(random_ratings):
    """The same users and items; all that is folded in came before all that is held out."""
    ratings = random_ratings(40, 25, 0.5)
    split = splits.held_out_users(ratings, num_users=8, order="time")
    drawn = splits.held_out_users(ratings, num_users=8)
    assert split.test.users.tolist() == drawn.test.users.tolist()
    assert torch.equal(split.test.held_out.row_counts, drawn.test.held_out.row_counts)
    table = ratings.table.sort_values("timestamp", kind="stable")
    for test in (split.test, split.validation):
        for row, user in enumerate(test.users):
            known = table[(table["user"] == user) & table["item"].isin(split.items)]
            size = int(0.2 * len(known)) if len(known) >= 5 else 0
            early, late = (
                known["item"].iloc[: len(known) - size],
                known["item"].iloc[len(known) - size :],
            )
            fold_in, held_out = (
                part.rows(slice(row, row + 1)) for part in (test.fold_in, test.held_out)
            )
            in_order = fold_in.indices[fold_in.values.argsort()]
            assert split.items[in_order].tolist() == early.tolist()
            assert set(split.items[held_out.indices]) == set(late)
    # Negative control: a random fifth is another one.
    assert not torch.equal(split.test.held_out.indices, drawn.test.held_out.indices)
    first = split.train.values[split.train.indptr[:-1].long()[0] : split.train.indptr[1]]
    assert first.sort().values.tolist() == list(range(1, len(first) + 1))


def test_places_do_not_change_the_draw(random_ratings):
    ratings = random_ratings(40, 25, 0.5)
    plain = splits.held_out_users(ratings, num_users=8)
    placed = splits.held_out_users(ratings, num_users=8, places=True)
    latest = splits.held_out_users(ratings, num_users=8, order="time")
    for part in ("fold_in", "held_out"):
        mine, theirs = (getattr(split.test, part) for split in (placed, plain))
        assert torch.equal(mine.indices, theirs.indices)
        assert torch.equal(mine.indptr, theirs.indptr)
    assert torch.equal(placed.train.values, latest.train.values)
    # Negative control: without places the values are the stars.
    assert torch.equal(plain.train.indices, latest.train.indices)
    assert not torch.equal(plain.train.values, latest.train.values)


def test_a_user_s_share_may_be_rounded_up(random_ratings):
    """13 ratings: int(.2 * 13) = 2 are held out, or 13 - int(.8 * 13) = 3."""
    ratings = random_ratings(30, 20, 0.6)
    counts = ratings.table.groupby("user").size()
    down, up = (splits.hold_out_per_user(ratings, round_up=r) for r in (False, True))
    n = counts.to_numpy()
    assert down.test.held_out.row_counts.tolist() == [int(0.2 * x) for x in n]
    assert up.test.held_out.row_counts.tolist() == [x - int(0.8 * x) for x in n]
    assert (up.test.held_out.row_counts > down.test.held_out.row_counts).any()
    assert up.train.nnz + up.test.held_out.nnz == len(ratings)


@pytest.mark.parametrize("order", ["random", "time"])
def test_held_out_users_may_round_the_share_up(random_ratings, order):
    ratings = random_ratings(40, 25, 0.5)
    down, up = (
        splits.held_out_users(ratings, num_users=8, order=order, round_up=r) for r in (False, True)
    )
    for which in ("test", "validation"):
        less, more = getattr(down, which), getattr(up, which)
        n = (less.fold_in.row_counts + less.held_out.row_counts).tolist()
        assert less.held_out.row_counts.tolist() == [int(0.2 * x) if x >= 5 else 0 for x in n]
        assert more.held_out.row_counts.tolist() == [x - int(0.8 * x) if x >= 5 else 0 for x in n]
    assert up.test.held_out.nnz > down.test.held_out.nnz
    assert torch.equal(up.train.indices, down.train.indices)


def test_held_out_users_may_forget_the_order_and_nothing_else(random_ratings):
    ratings = random_ratings(40, 25, 0.5)
    make = partial(splits.held_out_users, ratings, num_users=8, order="time")
    plain, shuffled, other = make(), make(shuffle=0), make(shuffle=1)
    for part in (lambda s: s.train, lambda s: s.test.fold_in, lambda s: s.validation.fold_in):
        before, after = part(plain), part(shuffled)
        assert torch.equal(before.cells, after.cells)
        assert not torch.equal(before.values, after.values)
        assert not torch.equal(part(other).values, after.values)
        for row in range(before.num_rows):  # the same places, permuted within the row
            places = [X.rows(slice(row, row + 1)).values for X in (before, after)]
            assert torch.equal(*(each.sort().values for each in places))
    for which in ("test", "validation"):
        held_out = [getattr(split, which).held_out for split in (plain, shuffled)]
        assert held_out[0].fingerprint() == held_out[1].fingerprint()
    assert make(shuffle=0).fingerprint() == shuffled.fingerprint()


def test_a_shuffled_order_is_uniform():
    """Each of the six orders of three items comes about equally often."""
    X = Interactions.from_coo(
        np.repeat(range(6000), 3), [0, 1, 2] * 6000, [1, 2, 3] * 6000, shape=(6000, 3)
    )
    values = splits._permuted_values(X, 0).values.reshape(6000, 3)
    counts = torch.unique(values, dim=0, return_counts=True)[1]
    assert len(counts) == 6
    assert ((counts - 1000).abs() < 150).all()  # five standard deviations of a count


def test_held_out_users_in_time_need_timestamps(random_ratings):
    ratings = random_ratings()
    bare = dataclasses.replace(ratings, table=ratings.table.drop(columns="timestamp"))
    with pytest.raises(ValueError, match="no timestamps"):
        splits.held_out_users(bare, num_users=3, order="time")
    with pytest.raises(ValueError, match="no timestamps"):
        splits.held_out_users(bare, num_users=3, places=True)
    with pytest.raises(ValueError, match="'random' or 'time'"):
        splits.held_out_users(ratings, num_users=3, order="late")
    with pytest.raises(ValueError, match="permutes places"):
        splits.held_out_users(ratings, num_users=3, shuffle=0)


def test_held_out_users_leaves_the_global_generator_alone(random_ratings):
    before = np.random.get_state()[1].copy()
    splits.held_out_users(random_ratings(), num_users=5)
    assert np.array_equal(np.random.get_state()[1], before)


def test_held_out_users_are_strangers_and_columns_are_known(random_ratings):
    ratings = random_ratings(users=40, density=0.3)
    split = splits.held_out_users(ratings, num_users=8)
    train, validation, test = (
        set(part.tolist()) for part in (split.train_users, split.validation.users, split.test.users)
    )
    assert not train & validation | train & test | validation & test
    assert split.train.col_counts.gt(0).all()
    assert split.test.fold_in.num_cols == split.train.num_cols == len(split.items)


def test_a_user_with_fewer_than_five_ratings_is_folded_in_whole():
    counts = {user: 4 if user % 2 else 10 for user in range(40)}
    rows = [(user, item, 4.0) for user, n in counts.items() for item in range(n)]
    split = splits.held_out_users(
        Ratings(pd.DataFrame(rows, columns=["user", "item", "rating"])), num_users=8
    )
    for user, held, kept in zip(
        split.test.users,
        split.test.held_out.row_counts.tolist(),
        split.test.fold_in.row_counts.tolist(),
        strict=True,
    ):
        assert (held, kept) == ((0, 4) if user % 2 else (2, 8))


@pytest.mark.parametrize(
    ("num_users", "validation"), [(0, 0), (15, 15), (99, 99), (5, -1), (30, 0)]
)
def test_held_out_users_must_leave_some_to_train_on(random_ratings, num_users, validation):
    message = "below the 30 users, got|must be at least"
    with pytest.raises(ValueError, match=message):
        splits.held_out_users(random_ratings(), num_users=num_users, num_validation=validation)


def test_without_validation_users_the_test_users_are_the_same(random_ratings):
    ratings = random_ratings(users=40, density=0.5)
    both = splits.held_out_users(ratings, num_users=8)
    alone = splits.held_out_users(ratings, num_users=8, num_validation=0)
    assert alone.validation is None
    assert alone.test.users.tolist() == both.test.users.tolist()
    assert len(alone.train_users) == len(both.train_users) + len(both.validation.users)


# -- leaks -----------------------------------------------------------------------


def one(row: int, col: int, shape=(2, 3)) -> Interactions:
    return Interactions.from_coo([row], [col], shape=shape)


USERS, ITEMS = np.array([5, 9]), np.array([1, 2, 3])


def test_a_test_whose_answer_is_folded_in_is_refused():
    with pytest.raises(ValueError, match="leaks"):
        splits.Test(one(0, 1), one(0, 1), USERS)
    splits.Test(one(1, 1), one(0, 1), USERS)  # the same item of another user is none


def test_a_test_of_nothing_or_of_other_shapes_is_refused():
    with pytest.raises(ValueError, match="nothing is held out"):
        splits.Test(one(0, 1), Interactions.from_coo([], [], shape=(2, 3)), USERS)
    for fold_in, users in ((one(0, 0, (2, 4)), USERS), (one(0, 0), USERS[:1])):
        with pytest.raises(ValueError, match="the same rows and columns"):
            splits.Test(fold_in, one(0, 1), users)


def make_split(train=(0, 0), test=(0, 1), validation=(0, 2), test_users=USERS):
    empty = one(1, 0)
    return splits.Split(
        one(*train),
        splits.Test(empty, one(*test), test_users),
        splits.Test(empty, one(*validation), USERS),
        USERS,
        ITEMS,
    )


def test_a_split_that_leaks_is_refused():
    make_split()
    with pytest.raises(ValueError, match="test ratings are also in train"):
        make_split(test=(0, 0))
    with pytest.raises(ValueError, match="validation ratings are also in train"):
        make_split(validation=(0, 0))
    with pytest.raises(ValueError, match="validation and test share"):
        make_split(validation=(0, 1))


def test_leaks_are_found_by_user_and_not_by_row():
    make_split(test=(0, 0), test_users=np.array([7, 8]))  # row 0 is another user there
    with pytest.raises(ValueError, match="leaks"):
        make_split(train=(1, 0), test=(0, 0), test_users=np.array([9, 8]))


def test_a_split_without_training_ratings_is_refused():
    with pytest.raises(ValueError, match="training part is empty"):
        splits.Split(
            Interactions.from_coo([], [], shape=(2, 3)),
            splits.Test(one(1, 0), one(0, 1), USERS),
            None,
            USERS,
            ITEMS,
        )


def test_a_split_whose_parts_have_other_columns_is_refused():
    with pytest.raises(ValueError, match="column"):
        splits.Split(
            one(0, 0), splits.Test(one(1, 0, (2, 4)), one(0, 1, (2, 4)), USERS), None, USERS, ITEMS
        )


def test_the_fingerprint_covers_every_part():
    prints = {
        make_split().fingerprint(),
        make_split(train=(1, 1)).fingerprint(),
        make_split(test=(1, 1)).fingerprint(),
        make_split(validation=(1, 2)).fingerprint(),
    }
    assert len(prints) == 4


def test_a_test_moves_whole(device):
    moved = make_split().test.to(device)
    assert moved.fold_in.device.type == moved.held_out.device.type == device
    assert torch.equal(moved.held_out.cells.cpu(), one(0, 1).cells)


# -- a split that was published ---------------------------------------------------------------


def with_published_split(ratings):
    held_out = np.arange(len(ratings)) % 5 == 0
    return dataclasses.replace(ratings, table=ratings.table.assign(held_out=held_out))


def test_a_published_split_is_taken_as_it_is(random_ratings):
    ratings = with_published_split(random_ratings())
    split = splits.given(ratings)
    held_out = ratings.table["held_out"].to_numpy()
    assert split.train.fingerprint() == ratings.matrix_of(~held_out).fingerprint()
    assert split.test.held_out.fingerprint() == ratings.matrix_of(held_out).fingerprint()
    assert split.test.fold_in is split.train and split.validation is None


def test_validation_is_cut_from_the_training_part_and_masked_in_the_test(random_ratings):
    ratings = with_published_split(random_ratings(40, 30, 0.6))
    whole, split = splits.given(ratings), splits.given(ratings, validation=0.2)
    assert split.test.held_out.fingerprint() == whole.test.held_out.fingerprint()
    assert split.test.fold_in.fingerprint() == whole.train.fingerprint()
    assert split.train.nnz + split.validation.held_out.nnz == whole.train.nnz
    n = whole.train.row_counts
    assert torch.equal(split.validation.held_out.row_counts, (0.2 * n.double()).long())
    assert splits.given(ratings, validation=0.2, seed=1).fingerprint() != split.fingerprint()


def test_without_a_published_split_there_is_none(random_ratings):
    with pytest.raises(ValueError, match="published without a split"):
        splits.given(random_ratings())
    with pytest.raises(ValueError, match="fraction between 0 and 1"):
        splits.given(with_published_split(random_ratings()), validation=1.5)


# -- last ones, dates, rolling folds ---------------------------------------------------


def dated(*rows) -> Ratings:
    table = pd.DataFrame(list(rows), columns=["user", "item", "timestamp"])
    return Ratings(table.assign(rating=1.0))


LOG = dated(
    *((1, item, 10 * item) for item in (5, 3, 4, 1)),
    (2, 1, 7),
    (2, 2, 7),
    (2, 3, 7),
    (3, 1, 99),
)


def test_leave_n_out_takes_the_latest_of_each_user():
    split = splits.leave_n_out(LOG, validation=1)
    held = [set(split.items[row.indices.numpy()]) for row in split.test.held_out.batches(1)]
    assert held == [{5}, {3}, set()]  # of equal times the last in the table; one rating stays
    assert split.validation.held_out.dense().nonzero().tolist() == [[0, 3], [1, 1]]  # 4, and 2
    assert split.train.row_counts.tolist() == [2, 1, 1]
    two = splits.leave_n_out(LOG, 2)
    assert two.test.held_out.row_counts.tolist() == [2, 2, 0]
    drawn = [splits.leave_n_out(LOG, order="random", seed=s).fingerprint() for s in range(8)]
    assert len(set(drawn)) > 1  # at random it is another one each time


def test_at_date_trains_on_what_came_before():
    split = splits.at_date(LOG, 40, validation=30)
    assert split.train.nnz == 4 and split.validation.held_out.nnz == 1
    assert split.test.held_out.nnz == 3
    with pytest.raises(ValueError, match="nothing is held out"):  # 4 and 5 are new, and so is 3
        splits.at_date(LOG, 40, known_only=True)
    text = splits.at_date(LOG, "1970-01-01T00:00:40Z")
    assert text.test.held_out.nnz == 3
    zone = splits.at_date(LOG, pd.Timestamp("1970-01-01T01:00:40", tz="Europe/Berlin"))
    assert zone.fingerprint() == text.fingerprint()


def test_rolling_folds_never_look_ahead():
    folds = list(splits.rolling(LOG, [10, 45, 60]))
    assert [fold.train.nnz for fold in folds] == [3, 6]
    assert [fold.test.held_out.nnz for fold in folds] == [3, 1]


@pytest.mark.parametrize("make", ["hold_out", "hold_out_per_user", "temporal", "leave_n_out"])
def test_validation_items_are_left_out_of_the_tests_ranking(random_ratings, make):
    """A model that puts the validation items first must not lose the test by it."""
    share = 1 if make == "leave_n_out" else 0.2
    split = getattr(splits, make)(random_ratings(), validation=share)
    seen = split.test.seen
    assert seen.nnz == split.train.nnz + split.validation.held_out.nnz
    from reclib import evaluation

    scores = split.validation.held_out.dense() * 2 + split.test.held_out.dense()
    ranking = evaluation.rank_scores([scores.clone()], split.test, ["ndcg@5"])
    assert ranking.per_user["ndcg@5"].dropna().min() == 1.0
    bare = splits.Test(split.test.fold_in, split.test.held_out, split.test.users)
    without = evaluation.rank_scores([scores.clone()], bare, ["ndcg@5"])
    assert without.per_user["ndcg@5"].mean() < 0.99
    with pytest.raises(ValueError, match="held-out entries are masked"):
        splits.Test(split.test.fold_in, split.test.held_out, split.test.users, split.test.held_out)
