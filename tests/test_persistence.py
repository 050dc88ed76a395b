"""Models that are written and read again: the same scores, and nothing else than data."""

from __future__ import annotations

import copy
import datetime
import hashlib
import json
import math
import os
import pickle
import subprocess
import sys
import uuid
import zoneinfo
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import torch
from test_models import OPTIONS
from torch import nn

import reclib
from reclib import training
from reclib.interactions import Interactions
from reclib.labels import Labels
from reclib.models import EASE, MODELS, GradientRecommender, MultVAE, Popularity, Recommender
from reclib.models.guards import NotFittedError
from reclib.persistence import load, save

USERS = np.array([f"user {u}" for u in range(20)], dtype=object)
ITEMS = np.arange(12) * 10 - 7
TITLES = pd.Series(["zehn Hüte", "鳥"], index=[-7, 103])


@pytest.fixture(scope="module")
def X(random_matrix) -> Interactions:
    bare = random_matrix(20, 12, seed=2)
    return Interactions(
        bare.indptr,
        bare.indices,
        bare.values,
        12,
        Labels(USERS, "user"),
        Labels(ITEMS, "item", TITLES),
        (1.0, 5.0),
    )


@pytest.fixture(scope="module")
def others(random_matrix) -> Interactions:
    """Rows that no model was fitted to; the first is empty."""
    few = random_matrix(7, 12, seed=5)
    rows, cols = few.row_ids + 1, few.indices
    return Interactions.from_coo(rows, cols, few.values, shape=(8, 12))


def fitted(name: str, X: Interactions, **options) -> Recommender:
    model = MODELS[name](**OPTIONS.get(name, {}) | options)
    training.fit(model, X, epochs=10, lr=0.2)
    return model


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# -- the same model --------------------------------------------------------------------


@pytest.mark.parametrize("history", [True, False])
@pytest.mark.parametrize("name", MODELS)
def test_a_loaded_model_scores_the_same_to_the_last_bit(X, others, tmp_path, name, history):
    model = fitted(name, X)
    before = torch.get_rng_state()
    loaded = load(save(model, tmp_path / "model", history=history))
    assert torch.equal(torch.get_rng_state(), before)  # nothing was drawn
    assert type(loaded) is type(model)
    for rows in (others, X):
        assert torch.equal(loaded.score(rows), model.score(rows))
        assert torch.equal(loaded.score_at(rows, rows), model.score_at(rows, rows))
    assert loaded.arguments == model.arguments
    assert loaded.num_parameters == model.num_parameters
    assert getattr(loaded, "training", False) is False
    assert getattr(loaded, "history", None) is None  # it tells how long an epoch took
    assert loaded.item_labels.ids.dtype == np.int64
    np.testing.assert_array_equal(loaded.item_labels.ids, ITEMS)
    wanted = ["zehn Hüte", *[None] * 10, "鳥"]
    assert loaded.item_labels.titles_of(np.arange(12)).tolist() == wanted
    assert loaded.train_matrix.scale == (1.0, 5.0)
    kept = loaded.train_matrix
    assert kept.shape == (X.shape if history else (0, 12))
    assert loaded.user_labels.ids.tolist() == (USERS.tolist() if history else [])
    if history:
        assert kept.fingerprint() == X.fingerprint()
        again = save(loaded, tmp_path / "again")
        assert contents(again) == contents(tmp_path / "model")
    else:
        with pytest.raises(ValueError, match="copy its folder"):
            save(loaded, tmp_path / "again")


def test_another_process_scores_the_same(X, others, tmp_path):
    expected = {}
    for name in MODELS:
        model = fitted(name, X)
        save(model, tmp_path / name)
        expected[name] = model.score(others)
        expected[f"{name} at"] = model.score_at(others, others)
    parts = {name: getattr(others, name) for name in ("indptr", "indices", "values")}
    safetensors.torch.save_file(parts, tmp_path / "others")
    program = f"""
from pathlib import Path
from safetensors.torch import load_file, save_file
from reclib.interactions import Interactions
from reclib.persistence import load
X = Interactions(**load_file("others"), num_cols=12)
scores = {{}}
for name in {list(MODELS)!r}:
    model = load(name)
    scores |= {{name: model.score(X), f"{{name}} at": model.score_at(X, X)}}
save_file(scores, "scores")
"""
    places = os.pathsep.join([str(Path(reclib.__file__).parents[1]), *sys.path])
    environment = os.environ | {"PYTHONPATH": places, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", program]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    found = safetensors.torch.load_file(tmp_path / "scores")
    assert found.keys() == expected.keys()
    assert [key for key in found if not torch.equal(found[key], expected[key])] == []


def test_numbers_keep_their_order_in_memory(X, tmp_path):
    model = fitted("InfiniteAE", X)
    assert not model.weights.is_contiguous()  # or the test shows nothing
    loaded = load(save(model, tmp_path / "model"))
    assert loaded.weights.stride() == model.weights.stride()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("AutoRec", {"rows": "items"}),
        ("DeepAutoencoder", {"rows": "items", "tied": True, "batch_norm": True}),
        ("RatingVAE", {"activation": "tanh", "scale": (0.5, 5.0), "dropout_on": "every"}),
        ("CDAE", {"tied": True}),
        ("CDAE", {"user_node": False, "loss_name": "square"}),
        ("RecVAE", {"composite": False, "dense": False, "beta": np.float64(0.25)}),
        ("SVAE", {"stochastic": False}),
        ("ImputedSVD", {"impute": "biases"}),
        ("PureSVD", {"binary": True, "rank": np.int64(2)}),
        ("LambdaNet", {"beta": 0.5, "negatives": 3}),
    ],
)
def test_options_come_back(X, tmp_path, name, options):
    model = fitted(name, X, **options)
    loaded = load(save(model, tmp_path / "model"))
    rows = training.oriented(X, model)
    assert torch.equal(loaded.score(rows), model.score(rows))
    assert loaded.rows == model.rows
    assert loaded.train_matrix.fingerprint() == rows.fingerprint()
    np.testing.assert_array_equal(loaded.item_labels.ids, ITEMS)
    assert loaded.user_labels.ids.tolist() == USERS.tolist()
    plain = (bool, int, float, str, tuple, type(None))
    settings = {k: v for k, v in vars(model).items() if isinstance(v, plain)}
    assert settings == {k: vars(loaded)[k] for k in settings}
    assert loaded.num_parameters == model.num_parameters


def test_tied_weights_stay_one_tensor_and_can_be_trained_on(X, tmp_path):
    loaded = load(save(fitted("CDAE", X, tied=True), tmp_path / "cdae"))
    assert loaded.W_out is loaded.W
    deep = load(save(fitted("DeepAutoencoder", X, tied=True), tmp_path / "deep"))
    assert deep.decoder[0] is deep.encoder[0]
    before = deep.encoder[0].detach().clone()
    deep.train()
    deep.loss(X).backward()
    torch.optim.SGD(deep.parameters(), lr=0.1).step()
    assert not torch.equal(deep.decoder[0], before)


def test_a_loaded_model_refuses_what_the_first_refused(X, random_matrix, tmp_path):
    model = fitted("EASE", X)
    labels = Labels(ITEMS[::-1].copy(), "item")
    strange = Interactions(X.indptr, X.indices, X.values, 12, None, labels)
    for history in (True, False):
        loaded = load(save(model, tmp_path / "model", history=history))
        for rows in (strange, random_matrix(3, 11), "rows"):
            with pytest.raises((ValueError, TypeError)) as first:
                model.score(rows)
            with pytest.raises(first.type) as second:
                loaded.score(rows)
            assert str(second.value) == str(first.value)


def test_a_model_without_labels_has_none_afterwards(random_matrix, tmp_path):
    loaded = load(save(fitted("EASE", random_matrix(20, 12)), tmp_path / "model"))
    assert loaded.item_labels is None
    assert loaded.user_labels is None
    assert loaded.train_matrix.scale is None


def test_a_model_goes_where_it_is_wanted(X, device, tmp_path):
    for name in ("EASE", "MultVAE"):
        loaded = load(save(fitted(name, X), tmp_path / name), device=device)
        assert loaded.device.type == torch.device(device).type
        assert loaded.score(X.to(device)).device.type == torch.device(device).type
        assert loaded.train_matrix.device.type == torch.device(device).type


def test_without_history_it_is_known_how_often_an_item_occurred(X, random_matrix, tmp_path):
    loaded = load(save(fitted("EASE", X), tmp_path / "model", history=False))
    assert loaded.item_labels.counts.tolist() == X.col_counts.tolist()
    bare = random_matrix(20, 12)
    loaded = load(save(fitted("EASE", bare), tmp_path / "bare", history=False))
    assert loaded.item_labels.counts.tolist() == bare.col_counts.tolist()
    assert loaded.item_labels.ids.tolist() == list(range(12))


def test_without_history_the_folder_names_no_user(X, tmp_path):
    folder = save(fitted("EASE", X), tmp_path / "model", history=False)
    assert not (folder / "history.safetensors").exists()
    assert not any(b"user 3" in content for content in contents(folder).values())
    full = save(fitted("EASE", X), tmp_path / "full")
    assert any(b"user 3" in content for content in contents(full).values())


# -- identifiers ---------------------------------------------------------------------------

MOMENT = datetime.datetime(2024, 2, 29, 12, 30, 5, 7)
KEPT = [
    ["a", "ü", "🙂", "", " a", '"', "\x00"],
    [3, "3", 2.5, 10**30, True, 0, -0.5],
    [uuid.UUID(int=n) for n in range(7)],
    [MOMENT + datetime.timedelta(n) for n in range(7)],
    [MOMENT.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=n))) for n in range(7)],
    [datetime.date(2024, 1, 1 + n) for n in range(7)],
    [pd.Timestamp(10**18 + n) for n in range(7)],
]


@pytest.mark.parametrize("ids", KEPT, ids=lambda ids: type(ids[0]).__name__)
def test_identifiers_come_back_as_what_they_were(random_matrix, tmp_path, ids):
    bare = random_matrix(20, 7)
    array = np.empty(7, dtype=object)
    array[:] = ids
    labels = Labels(array, "item", pd.Series(ids[::-1], index=pd.Index(array)))
    X = Interactions(bare.indptr, bare.indices, bare.values, 7, None, labels)
    found = load(save(Popularity().fit(X), tmp_path / "model")).item_labels
    assert [(type(i), i, repr(i)) for i in found.ids] == [(type(i), i, repr(i)) for i in ids]
    assert found.same_as(labels)
    assert found.positions(ids).tolist() == list(range(7))
    assert found.titles_of(np.arange(7)).tolist() == ids[::-1]


@pytest.mark.parametrize("dtype", ["int32", "uint8", "uint64", "U5", "float32"])
def test_arrays_of_any_simple_type_name_the_same_items(random_matrix, tmp_path, dtype):
    bare, labels = random_matrix(20, 7), Labels(np.arange(7).astype(dtype), "item")
    X = Interactions(bare.indptr, bare.indices, bare.values, 7, None, labels)
    found = load(save(Popularity().fit(X), tmp_path / "model")).item_labels
    assert found.positions(labels.ids).tolist() == list(range(7))


class Text(str):
    """Text of a class of its own."""


@pytest.mark.parametrize(
    "strange",
    [
        (1, 2),
        frozenset({1}),
        None,
        math.nan,
        math.inf,
        b"bytes",
        1j,
        pd.NaT,
        MOMENT.replace(tzinfo=zoneinfo.ZoneInfo("UTC")),
        datetime.timedelta(1),
        np.datetime64("2024-01-01"),
        Text("a"),
        "\ud83d",
    ],
    ids=repr,
)
def test_an_identifier_that_cannot_be_kept_exactly_is_named(random_matrix, tmp_path, strange):
    bare, array = random_matrix(20, 7), np.arange(7).astype(object)
    array[3] = strange
    labels = Labels(array, "item")
    X = Interactions(bare.indptr, bare.indices, bare.values, 7, None, labels)
    with pytest.raises(TypeError, match="^item .* cannot be kept exactly; numbers, text"):
        save(Popularity().fit(X), tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


# -- folders ---------------------------------------------------------------------------------


def test_the_same_model_makes_the_same_bytes(X, tmp_path):
    first, second = (contents(save(fitted("MultVAE", X), tmp_path / k)) for k in "ab")
    assert sorted(first) == [
        *("README.md", "history.safetensors", "model.json", "model.safetensors"),
        "vocabulary.json",
    ]
    assert first == second


def test_the_card_says_what_it_is(X, tmp_path):
    card = (save(fitted("MultVAE", X, beta=0.7), tmp_path / "m") / "README.md").read_text("utf-8")
    for text in ("# MultVAE", "20 users x 12 items", X.fingerprint(), "`beta`: `0.7`", "`noise`"):
        assert text in card
    assert "personal data" in card
    items = fitted("AutoRec", X, rows="items")
    assert "12 items x 20 users" in (save(items, tmp_path / "i") / "README.md").read_text("utf-8")


def test_a_saved_model_is_replaced_as_a_whole(X, others, tmp_path):
    folder = save(fitted("EASE", X), tmp_path / "deep" / "model")
    model = fitted("Popularity", X)
    assert save(model, folder, history=False) == folder
    assert torch.equal(load(folder).score(others), model.score(others))
    assert "history.safetensors" not in contents(folder)
    assert [path.name for path in folder.parent.iterdir()] == ["model"]
    (tmp_path / "empty").mkdir()
    save(model, tmp_path / "empty")


def test_nothing_but_a_saved_model_is_replaced(X, tmp_path):
    model = fitted("Popularity", X)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FileExistsError, match="is a file; name a folder"):
        save(model, tmp_path / "file")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "README.md").write_text("mine")
    with pytest.raises(FileExistsError, match=r"holds README\.md and is not a saved model"):
        save(model, folder)
    folder = save(model, tmp_path / "model")
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"holds notes\.txt"):
        save(model, folder)


@pytest.mark.parametrize("step", ["_write_tensors", "_card", "os.replace"])
def test_a_failure_leaves_the_old_model(X, tmp_path, monkeypatch, step):
    folder = save(fitted("EASE", X), tmp_path / "model")
    before, replace = contents(folder), os.replace

    def fail(*_arguments):
        raise OSError("disk full")

    def fail_for_the_new(source, target):
        if Path(source).name == "new":
            fail()
        replace(source, target)

    failing = fail_for_the_new if step == "os.replace" else fail
    monkeypatch.setattr(f"reclib.persistence.{step}", failing)
    with pytest.raises(OSError, match="disk full"):
        save(fitted("Popularity", X), folder)
    assert contents(folder) == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


# -- models of one's own -----------------------------------------------------------------------


class Mean(Recommender):
    """The mean of other models."""

    def __init__(self, *, names=("EASE", "MultDAE"), weights=None) -> None:
        self.names, self.weights = tuple(names), weights

    def fit(self, train: Interactions):
        self.parts = [fitted(name, train) for name in self.names]
        self.extra = {"top": np.arange(train.num_cols), 3: math.inf, "view": self.parts[0].B[:2]}
        return self

    def score(self, fold_in: Interactions):
        return sum(part.score(fold_in) for part in self.parts) / len(self.parts)


class Net(GradientRecommender):
    """One layer, and what fitting leaves beside it."""

    def __init__(self, width: int = 3, net=None) -> None:
        super().__init__()
        self.width, self.net = width, net

    def build(self, train: Interactions) -> None:
        self.layer = nn.Linear(self.width, train.num_cols)
        self.register_buffer("mean", train.values.mean(), persistent=False)
        self.counts = train.col_counts  # an attribute that is no buffer

    def loss(self, batch: Interactions):
        return (self.layer.weight**2).sum()

    def score(self, fold_in: Interactions):
        row = self.layer(self.mean.repeat(self.width)) * self.counts
        return row.repeat(fold_in.num_rows, 1)


def test_models_of_ones_own(X, others, tmp_path):
    mean = Mean(weights=[1, 2]).fit(X)
    folder = save(mean, tmp_path / "mean")
    loaded = load(folder, classes={"Mean": Mean})
    assert torch.equal(loaded.score(others), mean.score(others))
    assert loaded.parts[1].train_matrix is loaded.train_matrix
    assert loaded.extra["top"].tolist() == list(range(12))
    assert loaded.extra[3] == math.inf
    assert torch.equal(loaded.extra["view"], mean.parts[0].B[:2])
    net = Net()
    training.fit(net, X, epochs=1)
    loaded = load(save(net, tmp_path / "net"), classes={"Net": Net})
    assert torch.equal(loaded.score(others), net.score(others))
    with pytest.raises(ValueError, match=r"class 'Mean', which reclib does not have; .*classes="):
        load(folder)
    with pytest.raises(TypeError, match=r"classes\['Mean'\] must be a class of recommenders"):
        load(folder, classes={"Mean": dict})


class Peeks(Net):
    """Asks the matrix for a value while it is built."""

    def build(self, train: Interactions) -> None:
        super().build(train)
        self.top = train.values.max().item()


class Forgets(Net):
    """Makes a layer that its arguments do not tell of."""

    def build(self, train: Interactions) -> None:
        super().build(train)
        self.layer = nn.Linear(self.width, train.num_cols, bias=train.nnz > 1)


class Positional(Popularity):
    """Cannot be built by names."""

    def __init__(self, *widths: int) -> None:
        self.widths = widths


def own(model: Recommender, X: Interactions) -> Recommender:
    training.fit(model, X, epochs=1)
    return model


def patched(X: Interactions) -> Recommender:
    model = fitted("EASE", X)
    model.score = lambda fold_in: fold_in.dense()
    return model


def holding(X: Interactions, **attributes) -> Recommender:
    model = fitted("EASE", X)
    for name, value in attributes.items():
        setattr(model, name, value)
    return model


def submodule(X: Interactions, part: nn.Module) -> Recommender:
    model = own(Net(), X)
    model.layer.part = part
    return model


def hidden() -> nn.Module:
    part = nn.Tanh()
    part.secret = torch.ones(2)
    return part


CANNOT = {
    "not fitted": (lambda X: EASE(), NotFittedError, "this EASE is not fitted"),
    "no model": (lambda X: X, TypeError, "must be a Recommender, got Interactions"),
    "a class": (lambda X: EASE, TypeError, "must be a Recommender"),
    "compiled": (
        lambda X: torch.compile(fitted("MultVAE", X)),
        TypeError,
        "got OptimizedModule; its _orig_mod is the model",
    ),
    "a name that is taken": (
        lambda X: own(type("EASE", (Popularity,), {})(), X),
        ValueError,
        "EASE is another model of reclib",
    ),
    "a function": (
        lambda X: own(Net(net=len), X),
        TypeError,
        r"arguments\.net is a builtin|net is a builtin_function_or_method, which cannot",
    ),
    "an object": (lambda X: holding(X, other=object()), TypeError, "other is a object, which"),
    "complex": (lambda X: holding(X, other=[1j]), TypeError, r"other\.0 is a complex"),
    "sparse": (
        lambda X: holding(X, other=torch.eye(3).to_sparse()),
        TypeError,
        "other is a Tensor, which cannot",
    ),
    "text": (
        lambda X: holding(X, other=np.array(["a"])),
        TypeError,
        "other is a ndarray, which cannot",
    ),
    "a replaced method": (patched, TypeError, r"EASE\.score is a method that this model has"),
    "another matrix": (
        lambda X: holding(X, other=fitted("Popularity", X.binary())),
        TypeError,
        "other.: a Popularity that was fitted to another matrix",
    ),
    "values": (lambda X: own(Peeks(), X), TypeError, "Peeks cannot be kept: from its arguments"),
    "other tensors": (
        lambda X: own(Forgets(), X),
        TypeError,
        r"Forgets cannot be kept: built anew, it has another tensor layer\.bias, none for",
    ),
    "no names": (lambda X: own(Positional(1, 2), X), TypeError, "Positional cannot be kept"),
    "other precision": (
        lambda X: fitted("MultDAE", X).double(),
        TypeError,
        "built anew, it has another tensor",
    ),
    "a hidden tensor": (
        lambda X: submodule(X, hidden()),
        TypeError,
        r"layer\.part holds secret that torch's state_dict does not know",
    ),
    "a model within": (
        lambda X: submodule(X, MultVAE()),
        TypeError,
        r"layer\.part holds a model that",
    ),
}


@pytest.mark.parametrize("case", CANNOT)
def test_what_cannot_be_saved_is_refused_and_leaves_nothing(X, tmp_path, case):
    make, error, message = CANNOT[case]
    with pytest.raises(error, match=message):
        save(make(X), tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_a_model_of_items_needs_its_history(X, tmp_path):
    with pytest.raises(ValueError, match="reads items, and without history it could serve nobody"):
        save(fitted("AutoRec", X, rows="items"), tmp_path / "model", history=False)


# -- damaged and hostile folders -----------------------------------------------------------------


@pytest.fixture(scope="module")
def saved(X, tmp_path_factory):
    """Folders of three models, made once."""
    place = tmp_path_factory.mktemp("saved")
    return {name: save(fitted(name, X), place / name) for name in ("MultVAE", "EASE", "ItemKNN")}


@pytest.fixture
def broken(saved, tmp_path):
    """A copy of a saved folder, to be broken."""

    def copy_of(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for path in saved[name].iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
        return folder

    return copy_of


def rewrite(folder: Path, change) -> None:
    """Change the record and make all its checksums right: what an attacker would do."""
    record = json.loads((folder / "model.json").read_text("utf-8"))
    for name in record["files"]:
        if (folder / name).is_file():
            record["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    del record["checksum"]
    change(record)
    text = json.dumps(record, sort_keys=True)
    record["checksum"] = hashlib.sha256(text.encode()).hexdigest()
    (folder / "model.json").write_text(json.dumps(record), encoding="utf-8")


def test_rewriting_alone_breaks_nothing(broken, others):
    folder = broken("MultVAE")
    rewrite(folder, lambda record: None)
    assert load(folder).score(others).shape == (8, 12)


FILES = ("model.json", "model.safetensors", "vocabulary.json", "history.safetensors")


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(broken, name):
    folder = broken("EASE")
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"has no {name}"):
        load(folder)
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        load(folder / "nowhere")


@pytest.mark.parametrize("name", FILES)
def test_damage_is_found_wherever_it_is(broken, name):
    folder = broken("EASE")
    whole = (folder / name).read_bytes()
    for place in range(0, len(whole), max(1, len(whole) // 40)):
        flipped = bytearray(whole)
        flipped[place] ^= 1
        for content in (bytes(flipped), whole[:place], whole[:place] + b"\xff" + whole[place:]):
            (folder / name).write_bytes(content)
            with pytest.raises(ValueError, match=str(folder)):
                load(folder)
    (folder / name).write_bytes(whole)
    load(folder)


def nested(record: dict, *path, value) -> None:
    for key in path[:-1]:
        record = record[key]
    record[path[-1]] = value


HOSTILE = {
    "another format": ("EASE", ["format"], 2, "is of format 2; reclib .* reads format 1"),
    "a newer reclib": ("EASE", ["reclib"], "99.0.0", "saved by reclib 99.0.0, which is newer"),
    "a module": ("EASE", ["model", "class"], "os.system", "of a class 'os.system', which reclib"),
    "a base class": ("EASE", ["model", "class"], "Recommender", "of a class 'Recommender'"),
    "no text": ("EASE", ["model", "class"], ["EASE"], "no model that can be loaded"),
    "another class": ("EASE", ["model", "class"], "Popularity", "no model that can be loaded"),
    "no number": ("EASE", ["model", "arguments"], {"l2": "high"}, "cannot be built with its arg"),
    "no argument": ("EASE", ["model", "arguments"], {"l3": 1}, "cannot be built with its arg"),
    "a path": ("EASE", ["files", "../secret"], "0", "names other files than those of a saved"),
    "fewer files": ("EASE", ["files"], {}, "names other files"),
    "no files": ("EASE", ["files"], None, "names other files"),
    "no model": ("EASE", ["model"], None, "no model that can be loaded"),
    "no shape": ("EASE", ["model", "shape"], None, "no model that can be loaded"),
    "huge columns": ("EASE", ["model", "shape"], [20, 2**40], "is none that a model"),
    "huge rows": ("EASE", ["model", "shape"], [2**62, 12], "not the matrix that the model"),
    "huge network": ("MultVAE", ["model", "shape"], [20, 2**28], "has shape"),
    "huge layers": (
        *("MultVAE", ["model", "arguments", "hidden"], {"tuple": [2**40, 4]}),
        "has shape|cannot be built",
    ),
    "beyond int64": (
        *("MultVAE", ["model", "arguments", "hidden"], {"tuple": [2**70]}),
        "cannot be built",
    ),
    "negative": ("EASE", ["model", "shape"], [20, -1], "is none that a model"),
    "a method": ("EASE", ["model", "state", "score"], 1, "score is no attribute to be set"),
    "a property": ("EASE", ["model", "state", "arguments"], 1, "arguments is no attribute"),
    "dunder": ("EASE", ["model", "state", "__class__"], 1, "__class__ is no attribute"),
    "the matrix": ("EASE", ["model", "state", "train_matrix"], 1, "train_matrix is no attribute"),
    "hooks": ("MultVAE", ["model", "state", "_forward_hooks"], 1, "_forward_hooks is no attr"),
    "a parameter": ("MultVAE", ["model", "state", "steps"], 1, "steps is no attribute"),
    "an unknown kind": ("EASE", ["model", "state", "l2"], {"eval": "1"}, "no kind of value 'eval'"),
    "two kinds": ("EASE", ["model", "state", "l2"], {"tuple": [], "dict": []}, "no model that can"),
    "no tensor": ("EASE", ["model", "state", "B", "tensor", "name"], "../C", r"\.\./C is missing"),
    "other shape": ("EASE", ["model", "state", "B", "tensor", "shape"], [6, 24], "is float32"),
    "other type": ("EASE", ["model", "state", "B", "tensor", "dtype"], "int64", "and not int64"),
    "without B": ("EASE", ["model", "state"], {}, "nobody asks for the tensor B"),
    "without layers": ("MultVAE", ["model", "tensors"], {}, "has other tensors: decoder"),
    "a scale": ("EASE", ["scale"], {"tuple": [5, 1]}, "5 above 1"),
    "another matrix": ("EASE", ["fingerprint"], "000000000000", "is not the matrix that"),
    "a model within": ("EASE", ["model", "state", "l2"], {"model": {"class": "os"}}, "class 'os'"),
    "columns of KNN": ("ItemKNN", ["model", "state", "S", "matrix", "num_cols"], 3, "in CSR form"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_record_is_refused(broken, case):
    name, path, value, message = HOSTILE[case]
    folder = broken(name)
    rewrite(folder, lambda record: nested(record, *path, value=value))
    with pytest.raises(ValueError, match=message):
        load(folder)


def test_no_pickle_is_written_or_read(X, others, tmp_path, monkeypatch):
    def refuse(*_arguments, **_options):
        raise AssertionError("pickle")

    model = fitted("ItemKNN", X)
    for module in (pickle, torch):
        for name in ("load", "loads", "dump", "dumps", "save", "Pickler", "Unpickler"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, refuse)
    loaded = load(save(model, tmp_path / "model"))
    assert torch.equal(loaded.score(others), model.score(others))


def test_a_record_is_json_of_reasonable_depth(broken):
    folder = broken("EASE")
    for text in ("[" * 100_000, "[]", "null", '"format"', "{}", ""):
        (folder / "model.json").write_text(text)
        with pytest.raises(ValueError, match=r"model\.json (is damaged|describes no saved model)"):
            load(folder)


@pytest.mark.parametrize(
    ("name", "file", "change", "message"),
    [
        ("EASE", "history", {"indices": lambda t: t + 12}, "in CSR form"),
        ("EASE", "history", {"indices": lambda t: t.flip(0)}, "in CSR form"),
        ("EASE", "history", {"indices": lambda t: t.long()}, "in CSR form"),
        ("EASE", "history", {"indptr": lambda t: t.flip(0)}, "in CSR form"),
        ("EASE", "history", {"indptr": lambda t: t[:0]}, "in CSR form"),
        ("EASE", "history", {"indptr": lambda t: t[:-1]}, "in CSR form"),
        ("EASE", "history", {"values": lambda t: t / 0}, "in CSR form"),
        ("EASE", "history", {"values": lambda t: t + 1}, "is not the matrix"),
        ("EASE", "model", {"B": lambda t: t[:5]}, "the tensor B is float32"),
        ("EASE", "model", {"C": lambda t: torch.ones(3)}, "nobody asks for the tensor C"),
        ("MultVAE", "model", {"steps": lambda t: t.float()}, "the tensor steps is float32"),
        ("ItemKNN", "model", {"S.indices": lambda t: t - 5}, "in CSR form"),
    ],
)
def test_hostile_tensors_are_refused(broken, name, file, change, message):
    folder = broken(name)
    path = folder / f"{file}.safetensors"
    tensors = {key: t.clone() for key, t in safetensors.torch.load_file(path).items()}
    for key, alter in change.items():
        tensors[key] = alter(tensors.get(key)).contiguous()
    path.write_bytes(safetensors.torch.save(tensors))
    rewrite(folder, lambda record: None)
    with pytest.raises(ValueError, match=message):
        load(folder)


def test_a_model_that_scores_another_number_of_items_is_refused(X, broken, tmp_path):
    folder = save(fitted("Popularity", X), tmp_path / "model", history=False)
    safetensors.torch.save_file({"counts": torch.ones(9)}, folder / "model.safetensors")
    path = ["model", "state", "counts", "tensor", "shape"]
    rewrite(folder, lambda record: nested(record, *path, value=[9]))
    with pytest.raises(ValueError, match=r"must return the shape \(1, 12\), got \(1, 9\)"):
        load(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ids": list(range(11))}, "there are 11 items"),
        ({"ids": [1] * 12}, "one twice"),
        ({"ids": ["a", *range(11)]}, "no whole number"),
        ({"ids": [[], *range(11)]}, "an identifier is"),
        ({"ids": [{"os": "system"}, *range(11)]}, "it says no 'os'"),
        ({"ids": [{"uuid": "x"}, *range(11)], "dtype": "object"}, "badly formed"),
        ({"ids": None}, "no model that can be loaded"),
        ({"titles": ["a"]}, "no model that can be loaded"),
        ({"counts": [1, 2]}, r"there are \(2,\) counts of 12 items"),
    ],
)
def test_a_hostile_vocabulary_is_refused(broken, change, message):
    folder = broken("EASE")
    vocabulary = json.loads((folder / "vocabulary.json").read_text("utf-8"))
    vocabulary["cols"] |= change
    (folder / "vocabulary.json").write_text(json.dumps(vocabulary))
    rewrite(folder, lambda record: None)
    with pytest.raises(ValueError, match=message):
        load(folder)


# -- as users of torch expect ------------------------------------------------------------------

GRADIENT = [name for name, cls in MODELS.items() if issubclass(cls, GradientRecommender)]


@pytest.mark.parametrize("name", GRADIENT)
def test_a_state_dict_goes_into_a_model_that_was_only_built(X, others, name):
    model = fitted(name, X)
    fresh = type(model)(**model.arguments)
    fresh.build(X)
    assert not torch.equal(fresh.score(others), model.score(others))
    fresh.load_state_dict(model.state_dict())
    assert fresh.training
    assert torch.equal(fresh.score(others), model.score(others))  # without eval()
    assert torch.equal(fresh.score(others), model.score(others))  # and again
    assert fresh.training  # as it was


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_made_again_from_its_arguments(X, name):
    model = MODELS[name](**OPTIONS.get(name, {}))
    like = type(model)(**copy.deepcopy(model.arguments))
    assert like.arguments == model.arguments == OPTIONS.get(name, {})


@pytest.mark.parametrize("name", ["EASE", "MultVAE", "DeepAutoencoder", "BPR"])
def test_scoring_compiles(X, others, name):
    model = fitted(name, X)
    compiled = torch.compile(model.score, backend="eager")
    assert torch.equal(compiled(others), model.score(others))
