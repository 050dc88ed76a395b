"""The example of a web service, asked over HTTP."""

from __future__ import annotations

import importlib.util
import uuid
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient

from reclib.models import EASE, PureSVD
from reclib.persistence import save
from reclib.ratings import Ratings
from reclib.recommending import recommend, similar_items

SOURCE = Path(__file__).parents[1] / "book" / "practice" / "serving.py"


@pytest.fixture(scope="module")
def serving():
    spec = importlib.util.spec_from_file_location("serving", SOURCE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def ratings(name_of_item=str) -> Ratings:
    rng = np.random.default_rng(1)
    cells = np.unique(rng.integers(0, [60, 25], (700, 2)), axis=0)
    table = pd.DataFrame(cells, columns=["user", "item"])
    table["item"] = [name_of_item(item) for item in table["item"].tolist()]
    table["rating"] = rng.integers(1, 6, len(table))
    table["name"] = [f"Nº {item}" for item in cells[:, 1]]
    table.loc[cells[:, 1] == 3, "name"] = None
    return Ratings.from_table(table, title="name")


@pytest.fixture(scope="module")
def model():
    return EASE(20.0).fit(ratings().to_interactions())


@pytest.fixture(scope="module")
def client(serving, model, tmp_path_factory) -> TestClient:
    return TestClient(serving.app(save(model, tmp_path_factory.mktemp("serving") / "model")))


def test_a_known_user_gets_the_list_of_the_library(client, model):
    found = client.get("/recommend/7", params={"k": 4})
    assert found.status_code == 200
    expected = recommend(model, [7], 4)
    assert [each["item"] for each in found.json()] == expected["item"].tolist()
    assert [each["score"] for each in found.json()] == pytest.approx(expected["score"].tolist())
    assert found.json()[0]["title"] == f"Nº {found.json()[0]['item']}"
    everything = client.get("/recommend/7", params={"k": 100}).json()
    assert [each["title"] for each in everything if each["item"] == "3"] in ([], [None])


@pytest.mark.parametrize("user", ["1000", "x", "7.0", "", "../7"])
def test_an_unknown_user_is_not_found(client, user):
    assert client.get(f"/recommend/{user}").status_code in (404, 405)


def test_a_new_user_is_served_and_unknown_items_are_named(client, model):
    found = client.post("/recommend", params={"k": 3}, json=["1", 2, "nothing", 99]).json()
    assert found["unknown"] == ["nothing", 99]
    expected = recommend(model, {"you": ["1", "2"]}, 3)
    assert [each["item"] for each in found["items"]] == expected["item"].tolist()
    nobody = client.post("/recommend", json=["nothing"]).json()["items"]
    assert {each["based_on"] for each in nobody} == {"nobody"}


def test_ratings_of_a_new_user_count(serving, tmp_path):
    model = PureSVD(3).fit(ratings().to_interactions())
    client = TestClient(serving.app(save(model, tmp_path / "model", history=False)))
    given = {"1": 5.0, "2": 1.0}
    found = client.post("/recommend", json=given).json()["items"]
    assert [each["item"] for each in found] == recommend(model, {"you": given})["item"].tolist()
    other = client.post("/recommend", json={"1": 1.0, "2": 5.0}).json()["items"]
    assert other != found
    gone = client.get("/recommend/7")  # the folder holds no histories
    assert gone.status_code == 404
    assert "POST their items" in gone.json()["detail"]


def test_without_history_a_tie_is_settled_as_with_it(serving, model, tmp_path):
    client = TestClient(serving.app(save(model, tmp_path / "model", history=False)))
    found = client.post("/recommend", params={"k": 25}, json=[]).json()["items"]
    assert len({each["score"] for each in found}) == 1  # nothing is known but what is frequent
    expected = recommend(model, {"you": []}, 25)["item"].tolist()
    assert [each["item"] for each in found] == expected
    assert expected != model.item_labels.ids.tolist()


def test_similar_items(client, model):
    found = client.get("/similar/1", params={"k": 5}).json()
    assert [each["similar"] for each in found] == similar_items(model, ["1"], 5)["similar"].tolist()
    assert client.get("/similar/nothing").status_code == 404


@pytest.mark.parametrize("k", ["0", "-1", "101", "many"])
def test_the_length_of_a_list_is_limited(client, k):
    assert client.get("/recommend/7", params={"k": k}).status_code == 422
    assert client.post("/recommend", params={"k": k}, json=[]).status_code == 422


@pytest.mark.parametrize("body", [None, "1", 5, [[1]], {"1": "good"}, [None]])
def test_what_is_no_list_of_items_is_refused(client, body):
    assert client.post("/recommend", json=body).status_code == 422


@pytest.mark.parametrize("name", [lambda i: f"shelf/{i}", lambda i: uuid.UUID(int=i), int])
def test_items_of_any_kind_have_an_address(serving, tmp_path, name):
    model = EASE(20.0).fit(ratings(name).to_interactions())
    client = TestClient(serving.app(save(model, tmp_path / "model")))
    found = client.get(f"/similar/{name(1)}", params={"k": 3}).json()
    expected = similar_items(model, [name(1)], 3)["similar"]
    assert [each["similar"] for each in found] == [
        each if isinstance(each, int) else str(each) for each in expected.tolist()
    ]
