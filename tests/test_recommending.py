"""Lists by identifier: whom they are for, what they leave out, and why an item is there."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from reclib import comparing, datasets, evaluation, splits, training
from reclib.interactions import Interactions
from reclib.models import (
    EASE,
    MODELS,
    AutoRec,
    GradientRecommender,
    ItemKNN,
    MultVAE,
    Popularity,
    PureSVD,
)
from reclib.models.guards import NotFittedError
from reclib.ratings import Ratings
from reclib.recommending import explain, recommend, similar_items


@pytest.fixture(scope="module")
def ratings() -> Ratings:
    """Text identifiers, each item with a title; item "rare" has one user."""
    rng = np.random.default_rng(1)
    cells = np.unique(rng.integers(0, [60, 25], (700, 2)), axis=0)
    table = pd.DataFrame(cells, columns=["user", "item"]).astype(str)
    table = pd.concat([table, pd.DataFrame({"user": ["0"], "item": ["rare"]})])
    return Ratings.from_table(table.assign(name="The " + table["item"]), title="name")


@pytest.fixture(scope="module")
def model(ratings) -> EASE:
    fitted = EASE(20.0)
    training.fit(fitted, ratings.to_interactions())
    return fitted


def test_known_users_get_what_a_ranking_by_hand_gives(model, ratings):
    X = ratings.to_interactions()
    found = recommend(model, ["7", "3"], 4)
    assert found["user"].tolist() == ["7"] * 4 + ["3"] * 4
    assert found["rank"].tolist() == [1, 2, 3, 4] * 2
    for user, rows in found.groupby("user"):
        row = list(ratings.users).index(user)
        scores = model.score(X)[row]
        scores[X.dense()[row] > 0] = -torch.inf
        best = scores.argsort(descending=True)[:4]
        assert rows["item"].tolist() == ratings.items[best].tolist()
        np.testing.assert_allclose(rows["score"], scores[best])
    assert (found["title"] == "The " + found["item"]).all()
    assert (found["based_on"] == "history").all()


def test_a_new_user_with_the_items_of_a_known_one_gets_the_same_list(model, ratings):
    has = ratings.table.query("user == '7'")["item"].tolist()
    known, new = recommend(model, ["7"], 5), recommend(model, {"somebody": has}, 5)
    assert known["item"].tolist() == new["item"].tolist()
    assert new["user"].unique().tolist() == ["somebody"]
    assert not set(new["item"]) & set(has)
    other = recommend(model, {"somebody": has[:1]}, 5)
    assert other["item"].tolist() != new["item"].tolist()


def test_ratings_of_a_new_user_are_read_as_ratings():
    stars = datasets.load().k_core(40)
    model = PureSVD(5)
    training.fit(model, stars.to_interactions())
    first, second = stars.items[:2]
    low, high = (
        recommend(model, {"x": {first: 0.5, second: value}}, 1)["score"][0] for value in (0.5, 5.0)
    )
    assert low != high


@pytest.mark.parametrize("name", ["EASE", "ItemKNN", "SLIM", "PureSVD", "IALS", "Popularity"])
def test_nobody_gets_the_popular_items_and_is_named(ratings, name):
    model = MODELS[name]()
    if name == "PureSVD":
        model = MODELS[name](5)
    training.fit(model, ratings.to_interactions())
    counts = ratings.table.groupby("item").size().sort_values(ascending=False, kind="stable")
    found = recommend(model, {"nobody": []}, 3)
    assert (found["based_on"] == "nobody").all()
    assert counts[found["item"]].tolist() == counts.iloc[:3].tolist()
    assert found["item"].tolist() != ratings.items[:3].tolist()  # not the first columns


def test_a_tie_goes_to_the_more_popular_item(ratings):
    model = ItemKNN(1, shrink=0.0)
    training.fit(model, ratings.to_interactions())
    found = recommend(model, {"x": ["3"]}, 25)
    tied = found[found["score"] == 0]
    counts = ratings.table.groupby("item").size()[tied["item"]]
    assert len(tied) > 5 and (np.diff(counts) <= 0).all()


def test_what_is_excluded_or_no_candidate_is_never_shown(model):
    everything = recommend(model, ["7"], 100)
    first = everything["item"][0]
    assert first not in recommend(model, ["7"], 100, exclude=[first])["item"].tolist()
    some = everything["item"].tolist()[3:6]
    assert recommend(model, ["7"], 100, candidates=some)["item"].tolist() == some
    assert len(everything) < 100  # shorter where fewer are left


def test_unknown_identifiers_are_refused_by_name_or_ignored_if_said(model):
    for call, message in (
        (lambda: recommend(model, ["7", "lost"]), "1 users are not in the history, such as 'lost'"),
        (lambda: recommend(model, {"x": ["3", "fig"]}), "user 'x': .* 1 items, such as 'fig'"),
        (lambda: recommend(model, ["7"], exclude=["fig"]), "exclude: .* such as 'fig'"),
        (lambda: recommend(model, ["7"], candidates=["fig"]), "candidates: .*'fig'"),
        (lambda: similar_items(model, ["fig"]), "such as 'fig'"),
        (lambda: explain(model, "7", "fig"), "item: .*'fig'"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    ignored = recommend(model, ["lost"], 2, unknown="ignore")
    assert (ignored["based_on"] == "nobody").all()
    same = recommend(model, {"x": ["3", "fig"]}, 2, unknown="ignore")
    assert same["item"].tolist() == recommend(model, {"x": ["3"]}, 2)["item"].tolist()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: recommend(m, ["7"], 0), ValueError, "k must be at least 1"),
        (lambda m: recommend(m, {"x": "fig"}), TypeError, "user 'x' has 'fig'; give a list"),
        (lambda m: recommend(m, {"x": 3}), TypeError, "user 'x' has 3; give a list"),
        (lambda m: recommend(EASE(), ["7"]), NotFittedError, "EASE is not fitted"),
        (lambda m: recommend(m, ["7"], unknown="skip"), ValueError, '"refuse" or "ignore"'),
        (lambda m: recommend(m, [[1, 2]]), TypeError, "no identifiers of users: unhashable"),
        (lambda m: recommend(m, 5), ValueError, "not in the history, such as 5"),
        (
            lambda m: recommend(m, ["7"], candidates=5),
            ValueError,
            "does not know 1 items, such as 5",
        ),
        (lambda m: similar_items(m, 9999), ValueError, "such as 9999"),
        (
            lambda m: recommend(m, ["7"], history=pd.DataFrame()),
            TypeError,
            "history must be an Inter",
        ),
        (lambda m: recommend(pd.DataFrame(), ["7"]), TypeError, "DataFrame"),
    ],
)
def test_bad_requests_are_explained(model, call, error, message):
    with pytest.raises(error, match=message):
        call(model)


def test_a_model_of_items_serves_known_users_only(ratings):
    model = AutoRec(4)
    X = ratings.to_interactions()
    training.fit(model, X, epochs=3)
    found = recommend(model, ["9", "2", "9"], 3)
    assert found["user"].tolist() == ["9"] * 3 + ["2"] * 3 + ["9"] * 3
    scores = model.score(X.T).T[list(ratings.users).index("2")]
    mine = found[found["user"] == "2"]
    np.testing.assert_allclose(mine["score"], scores[ratings.item_labels.positions(mine["item"])])
    assert not set(mine["item"]) & set(ratings.table.query("user == '2'")["item"])
    with pytest.raises(TypeError, match="model of items and cannot serve new users"):
        recommend(model, {"x": ["3"]})
    with pytest.raises(ValueError, match="not in the history"):
        recommend(model, ["lost"], unknown="ignore")


def test_a_history_of_ones_own_takes_the_place_of_the_training_matrix(model, ratings):
    later = Ratings.from_table(pd.DataFrame({"user": ["new"] * 2, "item": ["3", "4"]}))
    columns = ratings.item_labels.positions(later.table["item"])
    history = Interactions.from_coo(
        [0, 0], columns, shape=(1, 26), row_labels=later.user_labels, col_labels=ratings.item_labels
    )
    found = recommend(model, ["new"], 3, history=history)
    assert found["item"].tolist() == recommend(model, {"new": ["3", "4"]}, 3)["item"].tolist()


def test_similar_items_are_what_one_item_alone_recommends(model, ratings):
    found = similar_items(model, ["3"], 4)
    assert found["item"].unique().tolist() == ["3"] and "3" not in found["similar"].tolist()
    row = model.B[list(ratings.items).index("3")]
    best = row.argsort(descending=True)[:4]
    assert found["similar"].tolist() == ratings.items[best].tolist()


@pytest.mark.parametrize("name", [name for name, model in MODELS.items() if model.linear])
def test_an_explanation_adds_up_to_the_score(ratings, name):
    model = MODELS[name](5) if name in ("PureSVD", "ItemKNN") else MODELS[name]()
    training.fit(model, ratings.to_interactions())
    found = recommend(model, ["7"], 1)
    parts = explain(model, "7", found["item"][0])
    assert parts["moves"].sum() == pytest.approx(found["score"][0], rel=1e-4)
    assert set(parts["item"]) == set(ratings.table.query("user == '7'")["item"])
    assert parts["moves"].is_monotonic_decreasing and parts["title"].notna().all()
    fewer = explain(model, parts["item"].tolist()[1:], found["item"][0])
    assert fewer["moves"].sum() != pytest.approx(found["score"][0], rel=1e-4)


def test_linear_models_are_all_marked_and_no_other_is(ratings):
    """Whether scores of single items add up tells who is linear; the mark must agree."""
    X = ratings.to_interactions()
    row = X.rows([0])
    each = Interactions.from_coo(range(row.nnz), row.indices, shape=(row.nnz, X.num_cols))
    for name in ("EASE", "SLIM", "ItemKNN", "IALS", "Popularity", "GlobalMean"):
        fitted = MODELS[name]()
        training.fit(fitted, X)
        total = fitted.score(each).sum(0)
        adds_up = torch.allclose(total, fitted.score(row)[0], rtol=1e-3, atol=1e-5)
        assert adds_up == fitted.linear, name


def test_a_model_that_is_not_linear_has_no_explanation(ratings):
    model = MultVAE((8,))
    training.fit(model, ratings.to_interactions(), epochs=1)
    with pytest.raises(TypeError, match="MultVAE is not linear"):
        explain(model, "7", "3")


# -- comparing -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def split() -> splits.Split:
    stars = datasets.load().at_least(4).k_core(15)
    return splits.hold_out_per_user(stars, test=0.2, validation=0.1)


def test_a_comparison_is_that_of_its_parts(split):
    models = {
        "EASE": EASE(200.0),
        "popularity": Popularity(),
        "Mult-VAE": (MultVAE((16,)), {"epochs": 2}),
    }
    found = comparing.compare_models(models, split, "ndcg@20", seeds=2, progress=False)
    alone = EASE(200.0)
    training.fit(alone, split.train)
    per_user = evaluation.rank(alone, split.test, ["ndcg@20"]).per_user["ndcg@20"]
    assert found.table.loc["EASE", "mean"] == pytest.approx(per_user.mean())
    assert found.table["mean"].is_monotonic_decreasing
    assert found.table["fits"].to_dict() == {"EASE": 1, "popularity": 1, "Mult-VAE": 2}
    assert (found.table["low"] < found.table["mean"]).all()
    assert len(found.pairs) == 3 and found.per_user["Mult-VAE"].shape[0] == 2
    first, second = found.per_user["Mult-VAE"]
    assert not np.array_equal(first, second)  # two seeds are two fits
    assert models["EASE"].train_matrix is None  # the models that were given stay unfitted
    assert found.models["EASE"].train_matrix is split.train


def test_a_comparison_needs_two_models_and_a_metric(split):
    with pytest.raises(ValueError, match="at least two models"):
        comparing.compare_models({"EASE": EASE()}, split)
    with pytest.raises(ValueError, match="no metric 'auc'"):
        comparing.compare_models({"a": EASE(), "b": Popularity()}, split, "auc")


# -- every model -----------------------------------------------------------------------

SMALL = {
    "PureSVD": {"rank": 5},
    "ImputedSVD": {"rank": 5},
    "MultDAE": {"hidden": (8,)},
    "MultVAE": {"hidden": (8,)},
    "LambdaNet": {"hidden": (8,), "warm_up": 0},
    "RaCT": {"hidden": (8,), "actor_epochs": 1, "critic_epochs": 0},
    "CDAE": {"hidden": 8, "user_node": False},
    "AutoRec": {"hidden": 8, "rows": "users"},
    "DeepAutoencoder": {"hidden": (8,)},
    "RatingVAE": {"hidden": (8, 4)},
    "SVAE": {"embedding": 8, "recurrent": 8, "hidden": 8, "code": 4},
}


@pytest.fixture(scope="module", params=MODELS)
def any_model(request, ratings):
    """Each model of the library, fitted for an epoch to the same labelled matrix."""
    model = MODELS[request.param](**SMALL.get(request.param, {}))
    solved = not isinstance(model, GradientRecommender)
    training.fit(model, ratings.to_interactions(), **({} if solved else {"epochs": 1}))
    return model


def test_every_model_refuses_other_widths_and_other_names(any_model, ratings):
    X = ratings.to_interactions()
    with pytest.raises(ValueError, match=r"was fitted to 26 (items|columns)"):
        any_model.score(Interactions.from_coo([0], [0], shape=(1, 25)))
    renamed = ratings.where(ratings.table["item"] != "rare").to_interactions()
    with pytest.raises(ValueError, match=r"1 missing \('rare'\)"):
        any_model.score(renamed)
    order = np.arange(26)[::-1]
    swapped = Interactions.from_coo(
        X.row_ids, order[X.indices], shape=X.shape, col_labels=X.col_labels.take(order)
    )
    with pytest.raises(ValueError, match="the same 26 items in another order"):
        any_model.score(swapped)
    assert any_model.score(X.rows([0])).shape == (1, 26)


def test_every_model_serves_known_new_empty_and_unknown_users(any_model, ratings):
    has = set(ratings.table.query("user == '7'")["item"])
    known = recommend(any_model, ["7"], 5)
    assert not set(known["item"]) & has and known["score"].notna().all()
    users = {"new": ["3", "5"], "nobody": [], "lost": ["fig"]}
    found = recommend(any_model, users, 4, unknown="ignore").set_index("user")
    assert found["based_on"].groupby(level=0).first().to_dict() == {
        "lost": "nobody",
        "new": "history",
        "nobody": "nobody",
    }
    assert np.isfinite(found["score"]).all() and not {"3", "5"} & set(found.loc["new", "item"])
    # Who is unknown and who has nothing get the same list, whatever the columns are.
    assert found.loc["lost", "item"].tolist() == found.loc["nobody", "item"].tolist()
    with pytest.raises(ValueError, match="'fig'"):
        recommend(any_model, users)
