"""An experiments file of one's own, over a table of one's own: the same path as the book's."""

from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest
from test_experiments import inline

from reclib import datasets, evidence, experiments, measuring
from reclib.__main__ import main
from reclib.ratings import Ratings

TOML = """
[mine]
title = "Our shop"
dataset = { path = "orders.csv", user = "customer", item = "sku", rating = "stars" }
protocol = { name = "hold_out", test = 0.2 }
measure = ["rmse"]
seeds = 2
points = [
  { label = "mean", model = { name = "GlobalMean" } },
  { label = "items", model = { name = "ItemMean" } },
]
"""


@pytest.fixture
def shop(tmp_path, monkeypatch, random_ratings):
    """A folder with orders.csv and mine.toml, away from the working directory."""

    def from_table(path, *, user, item, rating=None, **_):
        table = pd.read_csv(path).rename(columns={user: "user", item: "item", rating: "rating"})
        return Ratings(table, "orders.csv", (1.0, 5.0))

    monkeypatch.setattr(Ratings, "from_table", staticmethod(from_table), raising=False)
    folder = tmp_path / "shop"
    folder.mkdir()
    names = {"user": "customer", "item": "sku", "rating": "stars"}
    random_ratings().table.rename(columns=names).to_csv(folder / "orders.csv", index=False)
    (folder / "mine.toml").write_text(TOML, encoding="utf-8")
    inline(
        monkeypatch,
        lambda *given: (
            measuring.measure(*given[:3]) | dict.fromkeys(("hardware", "libraries", "commit"), "x")
        ),
    )
    return folder


def stored(folder) -> list[dict]:
    return json.loads((folder / "mine.json").read_text(encoding="utf-8"))["results"]


def test_it_runs_is_recorded_beside_the_file_and_reported(shop, capsys):
    file = str(shop / "mine.toml")
    assert main(["run", file, "--device", "cpu"]) == 0
    results = stored(shop / "runs")
    assert [(each["label"], each["seed"]) for each in results] == [
        *[("items", 0), ("items", 1), ("mean", 0), ("mean", 1)]
    ]
    described = results[0]["settings"]["dataset"]
    assert described == {
        **{"path": "orders.csv", "user": "customer", "item": "sku", "rating": "stars"},
        "fingerprint": datasets.fingerprint_of(shop / "orders.csv"),
    }
    (mine,) = experiments.choose([file])
    here = measuring.measure({**results[0]["settings"], "dataset": mine.data(mine.points[0])}, 0)
    assert here["metrics"] == results[0]["metrics"]
    capsys.readouterr()
    assert main(["list", file]) == 0
    assert "4 of 4 recorded" in capsys.readouterr().out
    assert main(["report", file]) == 0
    out = capsys.readouterr().out
    value = evidence.table(mine).loc["mean", "measured"]
    assert f"{value:.4f}" in out and "Recorded run `mine`: 4 trainings over 2 seeds" in out
    assert "claims" not in out  # which are of the book


def test_it_goes_on_where_it_stopped_wherever_the_folder_has_moved(shop, capsys):
    main(["run", str(shop / "mine.toml"), "--seeds", "1"])
    moved = shop.parent / "moved"
    shutil.move(shop, moved)
    capsys.readouterr()
    main(["run", str(moved / "mine.toml")])
    assert capsys.readouterr().out.startswith("2 trainings ahead")
    assert len(stored(moved / "runs")) == 4


def test_a_changed_table_is_noticed_and_measured_anew(shop, capsys):
    file = str(shop / "mine.toml")
    main(["run", file])
    before = {each["split"] for each in stored(shop / "runs")}
    text = (shop / "orders.csv").read_text(encoding="utf-8")
    (shop / "orders.csv").write_text(text[: text[:-1].rindex("\n") + 1], encoding="utf-8")
    capsys.readouterr()
    main(["run", file])
    out = capsys.readouterr().out
    assert out.startswith("4 trainings ahead")
    assert "4 recorded results are of settings, or of data, that have changed" in out
    assert len(stored(shop / "runs")) == 4
    assert before.isdisjoint(each["split"] for each in stored(shop / "runs"))


def test_a_table_that_changes_while_it_runs_is_refused(shop):
    (mine,) = experiments.choose([shop / "mine.toml"])
    (shop / "orders.csv").write_text("customer,sku,stars\n1,2,3\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"orders\.csv has changed since"):
        experiments.run(mine)


def test_records_may_lie_elsewhere_and_a_search_is_found_there(shop, tmp_path):
    searched = TOML.replace("seeds = 2", 'seeds = 1\non = "validation"')
    searched = searched.replace("test = 0.2", "test = 0.2, validation = 0.2").replace(
        "points = [",
        """points = [
  { label = "b", model = { name = "Biases", l2 = 5 }, space = { "model.l2" = [5, 6] } },
""",
    )
    final = """
[final]
dataset = "ml-latest-small"
protocol = { name = "hold_out" }
tuned_by = "mine"
seeds = 1
points = [{ label = "b" }]
"""
    (shop / "mine.toml").write_text(searched + final, encoding="utf-8")
    into = tmp_path / "into"
    assert main(["run", str(shop / "mine.toml"), "--into", str(into)]) == 0
    assert len(stored(into)) == 3 and not (shop / "runs").exists()
    final = json.loads((into / "final.json").read_text(encoding="utf-8"))
    assert final["results"][0]["settings"]["model"] == {"name": "Biases", "l2": 5}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('path = "orders.csv", ', "", "mean: dataset needs the path of a file"),
        ("orders.csv", "order.csv", r"mean: dataset: there is no file .*order\.csv"),
        ("customer", "custome", "'custome'"),
        ("user =", "usr =", "no entry of dataset 'usr'; .* did you mean 'user'"),
        ('"stars"', "5", "rating must be a text, got 5"),
    ],
)
def test_a_table_that_cannot_be_read_is_told_before_any_training(
    shop, capsys, monkeypatch, old, new, message
):
    def no_training(*_):
        raise AssertionError("a training began")

    inline(monkeypatch, no_training)
    (shop / "mine.toml").write_text(TOML.replace(old, new), encoding="utf-8")
    monkeypatch.setattr(
        Ratings,
        "from_table",
        staticmethod(lambda path, user, **_: (_ for _ in ()).throw(ValueError(f"no {user!r}"))),
    )
    assert main(["run", str(shop / "mine.toml")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("reclib: mine") and "mine" in error and error.count("\n") == 1
    assert pd.Series([error]).str.contains(message).all()
