"""What a stranger does in the first hour with data of her own: fifteen tasks, six lines each.

Every task is written by the documentation alone. A test counts its lines, so that none of them
becomes longer than it has to be.
"""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

from benchmarks import first_hour
from reclib import comparing, datasets, evaluation, onnx, splits, training, tuning
from reclib.models import EASE, IALS, BiasedMF, ItemKNN, MultVAE, Popularity, Recommender
from reclib.persistence import load, save
from reclib.ratings import Ratings
from reclib.recommending import explain, recommend, similar_items

LONGEST = 6  # lines of a task, without its checks


@pytest.fixture(scope="module")
def log() -> pd.DataFrame:
    """A shop's log: text as identifiers, ISO dates, repeated pairs, titles."""
    table = datasets.load().at_least(4).k_core(20)
    titles, table = table.titles, table.table
    return pd.DataFrame(
        {
            "who": "u" + table["user"].astype(str),
            "what": "f" + table["item"].astype(str),
            "stars": table["rating"],
            "when": pd.to_datetime(table["timestamp"], unit="s").astype(str),
            "name": table["item"].map(titles),
        }
    ).pipe(lambda rows: pd.concat([rows, rows.head(20)], ignore_index=True))


@pytest.fixture(scope="module")
def ratings(log) -> Ratings:
    return Ratings.from_table(
        log,
        user="who",
        item="what",
        rating="stars",
        timestamp="when",
        title="name",
        duplicates="last",
    )


@pytest.fixture(scope="module")
def split(ratings) -> splits.Split:
    return splits.leave_n_out(ratings, 2, validation=2)


@pytest.fixture(scope="module")
def model(ratings) -> EASE:
    fitted = EASE(100.0)
    training.fit(fitted, ratings.to_interactions())
    return fitted


def own_csv(log, folder):
    log.to_csv(folder / "log.csv", index=False)
    names = dict(user="who", item="what", rating="stars", timestamp="when", title="name")
    return Ratings.from_table(folder / "log.csv", **names, duplicates="last")


def counts_as_confidence(log):
    plays = Ratings.from_table(log, user="who", item="what", duplicates="count")
    model = IALS(16, counts=True)
    training.fit(model, plays.to_interactions())
    return model


def four_splits(ratings):
    yield splits.leave_n_out(ratings)
    yield splits.at_date(ratings, "2010-01-01")
    yield from splits.rolling(ratings, ["2005-01-01", "2010-01-01", "2015-01-01"])
    yield splits.hold_out_per_user(ratings, test=0.2, validation=0.1)


def compared_models(split):
    models = {"EASE": EASE(100.0), "kNN": ItemKNN(20), "popularity": Popularity()}
    return comparing.compare_models(models, split, "ndcg@10", progress=False)


def for_known_users(model):
    return recommend(model, ["u1", "u6"], k=5, exclude=["f318"])


def for_new_users(model):
    return recommend(model, {"ann": ["f260", "f1196"], "bob": {"f1": 5.0}, "nobody": []}, k=5)


def item_page(model):
    return similar_items(model, ["f260"], k=5), explain(model, ["f260", "f2571"], "f1196")


def kept(model, folder):
    save(model, folder / "model")
    return load(folder / "model")


def tuned(split):
    space = {"model.l2": {"low": 10.0, "high": 1000.0, "log": True}}
    return tuning.tune(EASE, split, space, trials=4, metric="ndcg@10", progress=False)


def trained_to_the_plateau(split):
    def objective(model):
        return -evaluation.rank(model, split.validation, "ndcg@10").summary()["mean"].iloc[0]

    model = MultVAE((32,))
    return training.fit(model, split.train, epochs=6, validate=objective, patience=2), model


class MostRecent(Recommender):
    def fit(self, train):
        self.latest = torch.zeros(train.num_cols).index_put((train.indices.long(),), train.values)
        return self

    def score(self, fold_in):
        return self.latest.repeat(fold_in.num_rows, 1)


def stars_predicted(log):
    stars = Ratings.from_table(log, user="who", item="what", rating="stars", duplicates="last")
    split = splits.hold_out(stars, test=0.1)
    model = BiasedMF(8, 0.1)
    training.fit(model, split.train)
    return evaluation.rating_errors(model, split.test, clip=stars.scale)


def other_frames(log):
    names = dict(user="who", item="what", rating="stars", duplicates="last")
    yield Ratings.from_table(pl.from_pandas(log), **names)
    yield Ratings.from_table(log.convert_dtypes(dtype_backend="pyarrow"), **names)


def for_another_program(model, folder):
    onnx.to_onnx(model, folder / "ease.onnx")
    return folder / "ease.onnx"


def on_the_command_line():
    command = [sys.executable, "-m", "reclib", "--version"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


TASKS = [
    own_csv,
    counts_as_confidence,
    four_splits,
    compared_models,
    for_known_users,
    for_new_users,
    item_page,
    kept,
    tuned,
    trained_to_the_plateau,
    MostRecent,
    stars_predicted,
    other_frames,
    for_another_program,
    on_the_command_line,
]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.__name__)
def test_a_task_takes_at_most_six_lines(task):
    (node,) = ast.parse(inspect.getsource(task)).body
    assert sum(bool(line.strip()) for line in ast.unparse(node).splitlines()[1:]) <= LONGEST


def test_there_are_fifteen_tasks():
    assert len(TASKS) == 15


@pytest.mark.parametrize("library", ["RecTools", "Cornac", "implicit"])
def test_the_same_tasks_are_written_with_other_libraries(library):
    path, names = first_hour.LIBRARIES[library], [task.__name__ for task in TASKS]
    assert first_hour.tasks() == names
    public = [name for name in first_hour.definitions(path) if name in names]
    assert public == names  # all of them, in this order
    assert all(first_hour.lines(path, names).values())


def test_a_helper_is_counted_with_the_tasks_that_call_it(tmp_path):
    file = tmp_path / "with_one.py"
    file.write_text(
        "def helper():\n    a = 1\n    return a\n\n\n"
        "def task():\n    return helper() + helper()\n\n\n"
        "def alone(helper):\n    return helper\n\n\n"
        "def missing():\n    raise NotImplementedError('it has none')\n"
    )
    counted = first_hour.lines(file, ["task", "alone", "missing"])
    assert counted == {"task": 3, "alone": 1, "missing": None}


def test_the_table_of_the_benchmarks_is_the_one_that_is_counted():
    assert first_hour.table() in (first_hour.HERE.parent / "README.md").read_text()


def test_a_csv_becomes_ratings(log, ratings, tmp_path):
    read = own_csv(log, tmp_path)
    assert read.fingerprint() == ratings.fingerprint()
    assert read.titles["f260"] == "Star Wars: Episode IV - A New Hope (1977)"


def test_counts_weigh(log):
    model = counts_as_confidence(log)
    plain = IALS(16)
    training.fit(plain, model.train_matrix)
    row = model.train_matrix.rows([0])
    assert not torch.equal(model.score(row), plain.score(row))


def test_every_split_is_checked_and_named(ratings):
    prints = [split.fingerprint() for split in four_splits(ratings)]
    assert len(set(prints)) == 5


def test_models_are_compared_with_intervals(split):
    found = compared_models(split)
    assert found.table["mean"].is_monotonic_decreasing and len(found.pairs) == 3
    assert (found.pairs["low"] < found.pairs["high"]).all()


def test_lists_are_for_whom_they_are_asked(model):
    known = for_known_users(model)
    assert known["user"].tolist() == ["u1"] * 5 + ["u6"] * 5 and "f318" not in set(known["item"])
    new = for_new_users(model)
    assert new.groupby("user").size().to_dict() == {"ann": 5, "bob": 5, "nobody": 5}
    assert new.query("user == 'nobody'")["based_on"].unique().tolist() == ["nobody"]
    similar, reasons = item_page(model)
    assert similar["similar"][0] == "f1196"  # the next Star Wars
    assert reasons["moves"].is_monotonic_decreasing and len(reasons) == 2


def test_a_saved_model_gives_the_same_lists(model, tmp_path):
    again = kept(model, tmp_path)
    assert recommend(again, ["u1"]).equals(recommend(model, ["u1"]))


def test_a_search_and_a_training_end_at_their_best(split):
    found = tuned(split)
    assert len(found.trials) == 4 and found.trials["ndcg@10"].max() > 0
    history, model = trained_to_the_plateau(split)
    assert history.table["validation"].min() == history.table["validation"][history.best_epoch]
    assert model.score(split.test.fold_in).isfinite().all()


def test_a_model_of_ones_own_is_measured_like_every_other(split):
    mine = MostRecent()
    training.fit(mine, split.train)
    assert evaluation.rank(mine, split.test, "ndcg@10").summary()["mean"].between(0, 1).all()
    with pytest.raises(ValueError, match="MostRecent was fitted to"):
        mine.score(split.train.T)


def test_stars_are_predicted_on_their_scale(log):
    assert 0.2 < stars_predicted(log)["rmse"] < 0.6  # likes of 4 to 5 stars


def test_every_frame_is_the_same_data(log, ratings):
    for other in other_frames(log):
        assert other.table["item"].tolist() == ratings.table["item"].tolist()


def test_another_program_scores_the_same(model, tmp_path):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(for_another_program(model, tmp_path)))
    X = model.train_matrix.rows([0, 3])
    (scores,) = session.run(None, {session.get_inputs()[0].name: X.dense().numpy()})
    np.testing.assert_allclose(scores, model.score(X).numpy(), atol=1e-5)


def test_the_command_line_knows_its_version():
    import reclib

    assert reclib.__version__ in on_the_command_line()
    assert Path(sys.executable).exists()
