"""Models as ONNX: the same scores from another engine, or a reason why not."""

from __future__ import annotations

import json
import sys

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
import torch
from test_models import OPTIONS

from reclib import training
from reclib.interactions import Interactions
from reclib.labels import Labels
from reclib.models import EASE, MODELS, Popularity, Recommender
from reclib.models.guards import NotFittedError
from reclib.onnx import to_onnx

REFUSED = {
    "Biases": "it solves for the bias of each user",
    "BiasedMF": "it solves a regression",
    "RatingKNN": "it looks for the nearest",
    "IALS": "it solves a regression",
    "CDAE": "it looks for the node of the user; with user_node=False it does not",
    "SVAE": "it reads the items in their order",
    "InfiniteAE": "it compares a row with those of all training users",
}
EXPORTED = [
    *((name, {}) for name in MODELS if name not in REFUSED),
    ("CDAE", {"user_node": False}),
    ("CDAE", {"user_node": False, "dropout": 0.3, "activation": "lrelu", "tied": True}),
    ("PureSVD", {"binary": True}),
    ("AutoRec", {"output_activation": "sigmoid", "hidden_activation": "identity"}),
    ("DeepAutoencoder", {"batch_norm": True, "activation": "tanh", "last_linear": True}),
    ("RecVAE", {"dense": False}),
    ("ItemKNN", {"normalise": True}),
]
ITEMS = Labels(np.array([f"item {i}" for i in range(12)], dtype=object), "item")


@pytest.fixture(scope="module")
def X(random_matrix) -> Interactions:
    bare = random_matrix(20, 12, seed=2)
    unrated = bare.indices == 7  # a column that nobody rated
    return Interactions.from_coo(
        bare.row_ids[~unrated],
        bare.indices[~unrated],
        bare.values[~unrated],
        shape=bare.shape,
        col_labels=ITEMS,
    )


def fitted(name: str, X: Interactions, **options) -> Recommender:
    model = MODELS[name](**OPTIONS.get(name, {}) | options)
    training.fit(model, X, epochs=10, lr=0.2)
    return model


def run(path, rows: torch.Tensor) -> np.ndarray:
    session = onnxruntime.InferenceSession(path)
    (scores,) = session.run(["scores"], {"ratings": rows.numpy()})
    return scores


@pytest.mark.parametrize(("name", "options"), EXPORTED)
def test_another_engine_gives_the_scores(X, random_matrix, tmp_path, name, options):
    model = fitted(name, X, **options)
    path = to_onnx(model, tmp_path / "model.onnx")
    assert [each.name for each in tmp_path.iterdir()] == ["model.onnx"]
    seven = random_matrix(7, 12, seed=3)
    batches = [seven, seven.rows([4]), Interactions.from_coo([], [], shape=(1, 12)), X]
    for rows in batches:
        expected = model.score(rows).numpy()
        found = run(path, rows.dense())
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    if name not in ("GlobalMean", "UserMean"):
        assert np.ptp(expected) > 1e-3  # a constant would pass otherwise


def test_the_file_says_what_it_is_and_not_who_wrote_it(X, tmp_path):
    titles = pd.Series(["Fünf"], index=["item 5"])
    labels = Labels(ITEMS.ids, "item", titles)
    labelled = Interactions(X.indptr, X.indices, X.values, 12, None, labels)
    model = fitted("EASE", labelled)
    found = onnx.load(to_onnx(model, tmp_path / "model.onnx"))
    said = {each.key: each.value for each in found.metadata_props}
    assert said["model"] == "EASE"
    assert said["fingerprint"] == X.fingerprint()
    items = json.loads(said["items"])
    assert items["ids"] == ITEMS.ids.tolist()
    assert items["titles"][5] == "Fünf"
    shapes = [
        [each.dim_param or each.dim_value for each in value.type.tensor_type.shape.dim]
        for value in (*found.graph.input, *found.graph.output)
    ]
    assert shapes == [["batch", 12], ["batch", 12]]
    assert ".py" not in str(found)


def test_weights_that_are_too_large_for_one_file_lie_beside(X, tmp_path, monkeypatch):
    model = fitted("EASE", X)
    monkeypatch.setattr("reclib.onnx.ONE_FILE", 100)
    path = to_onnx(model, tmp_path / "model.onnx")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["model.onnx", "model.onnx.data"]
    np.testing.assert_allclose(run(path, X.dense()), model.score(X).numpy(), atol=1e-5)


def test_the_model_stays_as_it_was(X, device, tmp_path):
    model = fitted("MultVAE", X).to(device)
    before = model.score(X.to(device)).cpu()
    model.train()
    to_onnx(model, tmp_path / "model.onnx")
    assert model.training
    assert model.device.type == torch.device(device).type
    assert torch.equal(model.score(X.to(device)).cpu(), before)


@pytest.mark.parametrize("name", REFUSED)
def test_a_model_that_does_more_is_refused_with_the_reason(X, tmp_path, name):
    with pytest.raises(TypeError, match=f"^{name} cannot be written as ONNX: {REFUSED[name]}"):
        to_onnx(fitted(name, X), tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


class Entries(Popularity):
    """Asks for the entries themselves."""

    def score(self, fold_in: Interactions):
        return self.counts.repeat(fold_in.num_rows, 1) + len(fold_in.indptr)


class Missing(Popularity):
    """Adds something for each entry, also where the value is 0."""

    def score(self, fold_in: Interactions):
        extra = self.counts.new_zeros(fold_in.num_rows)
        extra.index_add_(0, fold_in.row_ids, fold_in.values + 1)
        return self.counts + extra[:, None]


class Fixed(Popularity):
    """Has as many rows as there were when it was written."""

    def score(self, fold_in: Interactions):
        return self.counts.repeat(len(fold_in.dense()), 1)


class Twice(Popularity):
    """Has all that ONNX needs."""

    def score(self, fold_in: Interactions):
        return 2 * self.counts + fold_in.dense()


def test_models_of_ones_own_are_tried(X, tmp_path):
    path = tmp_path / "model.onnx"
    with pytest.raises(TypeError, match="^Entries cannot .* needs more than dense rows .*indptr"):
        to_onnx(Entries().fit(X), path)
    with pytest.raises(TypeError, match="^Missing cannot .* dense rows give it other scores"):
        to_onnx(Missing().fit(X), path)
    with pytest.raises(TypeError, match="^Fixed cannot .* not made for any number of rows"):
        to_onnx(Fixed().fit(X), path)
    assert not path.exists()
    model = Twice().fit(X)
    to_onnx(model, path)
    np.testing.assert_array_equal(run(path, X.dense()), model.score(X).numpy())


def test_what_cannot_be_exported_is_refused(X, tmp_path):
    path = tmp_path / "model.onnx"
    with pytest.raises(TypeError, match="^model must be a Recommender, got Interactions"):
        to_onnx(X, path)
    with pytest.raises(NotFittedError, match="this EASE is not fitted"):
        to_onnx(EASE(), path)
    with pytest.raises(TypeError, match="reads the column of an item, not the row of a user"):
        to_onnx(fitted("AutoRec", X, rows="items"), path)
    zeros = X.with_values(X.values - X.values.min())
    with pytest.raises(ValueError, match="was fitted to stored zeros"):
        to_onnx(fitted("EASE", zeros), path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("package", ["onnx", "onnxscript"])
def test_a_missing_package_is_named(X, tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=r"to_onnx needs .*pip install reclib\[onnx\]"):
        to_onnx(fitted("EASE", X), tmp_path / "model.onnx")
