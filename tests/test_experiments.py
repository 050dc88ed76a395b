"""Experiments: read, run, interrupted, resumed, recorded."""

from __future__ import annotations

import json

import numpy as np
import pytest

from reclib import datasets, evaluation, experiments, measuring, models, splits, training
from reclib.experiments import FailedError, Record

TINY = """
[tiny]
title = "A tiny experiment"
dataset = "ml-latest-small"
min_count = { user = 400, item = 20 }
protocol = { name = "hold_out", test = 0.1 }
measure = ["rmse", "mae"]
seeds = 2
tolerance = 0.01

[[tiny.points]]
label = "mean"
model = { name = "GlobalMean" }
answers = "some-key"

[[tiny.points]]
label = "AutoRec"
model = { name = "AutoRec", hidden = 3, l2 = 0.1 }
training = { epochs = 2, lr = 0.01 }
"""


class Inline:
    """In place of a worker in a process: each task runs at once, here."""

    def __init__(self, function, *arguments) -> None:
        try:
            value, error = function(*arguments), None
        except Exception as failed:
            value, error = None, failed
        self.outcome = value, error

    def done(self) -> bool:
        return True

    def result(self):
        value, error = self.outcome
        if error is not None:
            raise error
        return value

    def stop(self) -> None:
        raise AssertionError("a worker that is done is recorded, not stopped")


def inline(monkeypatch, measure) -> None:
    """Let ``measure(settings, seed, ...)`` stand for every training, in this process."""
    monkeypatch.setattr(experiments, "Worker", Inline)
    monkeypatch.setattr(experiments, "finished", lambda running: list(running)[:1])
    monkeypatch.setattr(experiments, "_measure_alone", measure)


@pytest.fixture
def tiny(book_folder, monkeypatch):
    """The tiny experiment with a measurement that costs nothing; ``tiny.measured`` counts them."""
    book_folder.write(TINY)
    book_folder.runs.mkdir()
    book_folder.measured = []

    def measure(settings, seed, *_):
        book_folder.measured.append((settings["model"]["name"], seed))
        return {"metrics": {"rmse": 1 + seed / 10, "mae": 0.5}, "seconds": 0.1}

    inline(monkeypatch, measure)
    return book_folder


def stored(folder) -> list[tuple]:
    """Label and seed of everything on disk, which must be whole."""
    record = json.loads((folder.runs / "tiny.json").read_text(encoding="utf-8"))
    assert record["experiment"] == "tiny"
    return [(result["label"], result["seed"]) for result in record["results"]]


# -- reading ----------------------------------------------------------------------


def test_points_inherit_and_override_table_by_table(book_folder):
    book_folder.write(
        """
        [e]
        dataset = "ml-1m"
        protocol = { name = "hold_out", test = 0.1 }
        model = { name = "AutoRec", hidden = 500, l2 = 1.0 }
        training = { epochs = 9 }
        points = [{ label = 1, model = { hidden = 10 } }, { training = { lr = 0.1 } }]
        """
    )
    one, two = experiments.find("e").points
    assert one.settings["model"] == {"name": "AutoRec", "hidden": 10, "l2": 1.0}
    assert one.settings["training"] == {"epochs": 9}
    assert two.settings["training"] == {"epochs": 9, "lr": 0.1}
    assert two.settings["model"]["hidden"] == 500
    assert (one.label, two.label) == ("1", "e")


def test_a_point_with_another_model_inherits_none_of_its_options(book_folder):
    book_folder.write(
        """
[two]
dataset = "ml-latest-small"
protocol = { name = "hold_out" }
model = { name = "AutoRec", hidden = 7 }
points = [
  { label = "same", model = { l2 = 1.0 } },
  { label = "named", model = { name = "AutoRec", l2 = 1.0 } },
  { label = "other", model = { name = "Biases" } },
]
"""
    )
    same, named, other = (point.settings["model"] for point in experiments.find("two").points)
    assert same == named == {"name": "AutoRec", "hidden": 7, "l2": 1.0}
    assert other == {"name": "Biases"}


def test_an_experiment_without_points_is_one_point(book_folder):
    book_folder.write(
        '[e]\ndataset = "ml-1m"\nprotocol.name = "temporal"\nmodel.name = "GlobalMean"\n'
    )
    experiment = experiments.find("e")
    assert [point.label for point in experiment.points] == ["e"]
    assert (experiment.title, experiment.seeds) == ("e", 5)


@pytest.mark.parametrize("text", ["modle = 1", "points = [{ label = 'x', modle = 1 }]"])
def test_an_unknown_key_is_refused_by_name(book_folder, text):
    book_folder.write(f"[e]\ndataset = 'ml-1m'\n{text}\n")
    with pytest.raises(
        ValueError, match="experiment e: .*no setting 'modle'; .* did you mean 'model'"
    ):
        experiments.load_experiments()


def test_an_unknown_experiment_lists_the_known_ones(tiny):
    with pytest.raises(ValueError, match="no experiment 'huge'; there are: tiny"):
        experiments.find("huge")


def test_two_points_of_the_same_label_are_refused(book_folder):
    book_folder.write(TINY.replace('"AutoRec"\nmodel', '"mean"\nmodel'))
    with pytest.raises(ValueError, match="mean"):
        experiments.find("tiny")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('name = "hold_out"', 'name = "holdout"'),
        ('name = "GlobalMean"', 'name = "Mean"'),
        ('measure = ["rmse", "mae"]', 'measure = ["rsme"]'),
        ("seeds = 2", 'on = "valdation"'),
        ("tolerance = 0.01", ""),  # while a point answers a published number
    ],
)
def test_a_setting_without_meaning_is_refused_before_anything_runs(book_folder, old, new):
    assert old in TINY
    book_folder.write(TINY.replace(old, new))
    with pytest.raises(ValueError, match="tiny"):
        experiments.find("tiny")


SEARCH = """
[search]
dataset = "ml-latest-small"
protocol = { name = "hold_out", validation = 0.1, seed = 0 }
on = "validation"
measure = ["rmse"]
seeds = 3

[[search.points]]
label = "AutoRec"
model = { name = "AutoRec", l2 = 1.0 }
training = { epochs = 9, lr = 0.01, patience = 3 }
space = { "model.l2" = { low = 0.1, high = 10.0, log = true } }

[[search.points]]
label = "biases"
model = { name = "Biases", l2 = 5.0 }
space = { "model.l2" = { low = 1.0, high = 9.0 } }

[final]
dataset = "ml-latest-small"
protocol = { name = "hold_out" }
tuned_by = "search"
seeds = 1
points = [
  { label = "mean", model = { name = "GlobalMean" } },
  { label = "AutoRec", training = { epochs = "best" } },
  { label = "biases" },
]
"""


@pytest.fixture
def searched(book_folder, monkeypatch):
    """A search whose result depends on the penalty alone; ``searched.seen`` has the settings."""
    book_folder.write(SEARCH)
    book_folder.seen = []

    def measure(settings, seed, *_):
        book_folder.seen.append((settings, seed))
        return {"metrics": {"rmse": abs(settings["model"].get("l2", 9) - 3)}, "epochs": 4}

    inline(monkeypatch, measure)
    return book_folder


def test_a_search_tries_settings_one_after_the_other(searched):
    results = list(experiments.run(experiments.find("search")))
    assert [(r["label"], r["seed"]) for r in results if r["label"] == "biases"] == [
        ("biases", 0),
        ("biases", 1),
        ("biases", 2),
    ]
    tried = [r["trial"]["model.l2"] for r in results if r["label"] == "AutoRec"]
    assert tried[0] == 1.0 and len(set(tried)) == 3  # the point itself, then proposals
    assert {seed for _, seed in searched.seen} == {0}  # trials differ by settings alone
    assert all("space" not in settings for settings, _ in searched.seen)
    assert not list(experiments.run(experiments.find("search")))  # all is on record


def test_a_tuned_experiment_has_the_options_of_the_best_trial(searched):
    with pytest.raises(ValueError, match="AutoRec come from a search that is not complete; run se"):
        list(experiments.run(experiments.find("final")))
    assert searched.seen == []  # and nothing was begun
    trials = list(experiments.run(experiments.find("search")))
    mean, autorec, biases = experiments.find("final").points
    best = {}
    for label in ("AutoRec", "biases"):
        each = [trial for trial in trials if trial["label"] == label]
        best[label] = min(each, key=lambda r: r["metrics"]["rmse"])["trial"]["model.l2"]
        assert max(r["metrics"]["rmse"] for r in each) > min(r["metrics"]["rmse"] for r in each)
    assert autorec.settings["model"] == {"name": "AutoRec", "l2": best["AutoRec"]}
    assert autorec.settings["training"] == {"epochs": 4, "lr": 0.01}  # those that it liked
    assert biases.settings["model"] == {"name": "Biases", "l2": best["biases"]}
    assert mean.settings["model"] == {"name": "GlobalMean"}
    assert len(list(experiments.run(experiments.find("final")))) == 3


def test_another_winner_of_the_search_makes_the_final_run_stale(searched):
    list(experiments.run(experiments.find("search")))
    list(experiments.run(experiments.find("final")))
    path = searched.runs / "search.json"
    record = json.loads(path.read_text())
    for result in record["results"]:
        result["metrics"]["rmse"] *= -1
    path.write_text(json.dumps(record))
    assert {point.label for point, _ in experiments.missing(experiments.find("final"))} == {
        "AutoRec",
        "biases",
    }


def test_a_search_that_is_not_there_is_named(searched):
    searched.write(SEARCH.replace('tuned_by = "search"', 'tuned_by = "quest"'))
    with pytest.raises(ValueError, match="final: no search 'quest' stands above it"):
        experiments.find("search")


def test_a_space_without_a_beginning_is_refused(searched):
    searched.write(SEARCH.replace('"model.l2" = { low = 0.1', '"model.rank" = { low = 0.1'))
    with pytest.raises(ValueError, match="search: AutoRec: the space varies model.rank"):
        experiments.find("search")


def test_runs_can_be_kept_apart(tiny, tmp_path):
    experiment = experiments.find("tiny")
    assert len(list(experiments.run(experiment, folder=tmp_path / "again"))) == 4
    assert not (tiny.runs / "tiny.json").exists()
    assert len(experiments.missing(experiment)) == 4
    assert not experiments.missing(experiment, folder=tmp_path / "again")


def test_the_time_ahead_is_judged_by_the_record(tiny):
    experiment = experiments.find("tiny")
    tasks = experiments.missing(experiment)
    assert np.isnan(sum(experiments.expected_seconds(experiment, tasks)))
    list(experiments.run(experiment, seeds=1))
    assert sum(experiments.expected_seconds(experiment, tasks)) == pytest.approx(0.4)
    left = experiments.missing(experiment)
    assert sum(experiments.expected_seconds(experiment, left)) == pytest.approx(0.2)


def test_the_books_own_experiments_are_valid():
    found = experiments.load_experiments()
    assert found
    for experiment in found.values():
        labels = [point.label for point in experiment.points]
        assert len(set(labels)) == len(labels), experiment.name
        for point in experiment.points:
            if experiment.tuned_by is None:
                assert point.settings["model"]["name"] in models.MODELS
            assert point.settings["protocol"]["name"] in measuring.PROTOCOLS


# -- measuring ----------------------------------------------------------------------


def settings(**changes) -> dict:
    return {
        "dataset": "ml-latest-small",
        "min_count": {"user": 300, "item": 20},
        "protocol": {"name": "hold_out", "test": 0.1},
        "model": {"name": "ItemMean"},
    } | changes


def test_measure_gives_the_metrics_and_what_they_were_measured_on():
    result = measuring.measure(settings(measure=["mae", "rmse"]), seed=0)
    assert list(result["metrics"]) == ["mae", "rmse"]
    assert 0.4 < result["metrics"]["mae"] < result["metrics"]["rmse"] < 1.2
    assert len(result["split"]) == 12
    assert result["seconds"] >= 0 and result["cpu_seconds"] >= 0
    assert 50 < result["peak_mb"] < 50_000
    json.dumps(result)


def test_the_seed_draws_the_split():
    one, same, other = (measuring.measure(settings(), seed=s) for s in (1, 1, 2))
    assert one["metrics"] == same["metrics"] != other["metrics"]
    assert one["split"] == same["split"] != other["split"]


def test_on_validation_measures_another_part_of_the_same_split():
    protocol = {"name": "hold_out", "test": 0.1, "validation": 0.1}
    test = measuring.measure(settings(protocol=protocol), seed=0)
    validation = measuring.measure(settings(protocol=protocol, on="validation"), seed=0)
    assert test["split"] == validation["split"]
    assert test["metrics"] != validation["metrics"]


def test_a_search_reports_the_best_epoch_on_the_validation_part():
    protocol = {"name": "hold_out", "test": 0.1, "validation": 0.1}
    options = {"epochs": 6, "lr": 0.1}
    model = {"name": "AutoRec", "hidden": 5, "l2": 0.1}
    found = measuring.measure(
        settings(protocol=protocol, model=model, training=options, on="validation"), seed=3
    )
    ratings = datasets.load().with_min_count(user=300, item=20)
    split = splits.hold_out(ratings, test=0.1, validation=0.1, seed=3)
    autorec = models.AutoRec(hidden=5, l2=0.1)

    def validate(model) -> float:
        return evaluation.rating_errors(model, split.validation, clip=ratings.scale)["rmse"]

    table = training.fit(autorec, split.train, validate=validate, seed=3, **options).table
    assert found["split"] == split.fingerprint()
    assert found["metrics"]["rmse"] == pytest.approx(table["validation"].min())
    assert found["epochs"] == table["validation"].idxmin()
    # Negative control: the epochs differ, and the other part gives another number.
    assert table["validation"].max() > table["validation"].min() + 0.01
    test = evaluation.rating_errors(autorec, split.test, clip=ratings.scale)["rmse"]
    assert found["metrics"]["rmse"] != pytest.approx(test)


def test_with_a_validation_part_the_test_is_of_the_best_epoch():
    protocol = {"name": "hold_out", "test": 0.1, "validation": 0.1}
    options = {"epochs": 10, "lr": 0.02}
    model = {
        "name": "DeepAutoencoder",
        "hidden": [50],
        "activation": "tanh",
        "last_linear": True,
    }
    given = settings(protocol=protocol, model=model, training=options)
    chosen = measuring.measure(given, seed=3)
    searched = measuring.measure(given | {"on": "validation"}, seed=3)
    assert chosen["epochs"] == searched["epochs"] < 10  # the same epoch, and not the last
    short = options | {"epochs": chosen["epochs"]}
    again = measuring.measure(settings(protocol=protocol, model=model, training=short), seed=3)
    assert again["metrics"] == chosen["metrics"] != searched["metrics"]


def test_a_curve_has_the_metrics_after_every_epoch():
    options = {"epochs": 3, "lr": 0.05}
    given = settings(
        model={"name": "DeepAutoencoder", "hidden": [5]},
        training=options,
        measure=["rmse", "seen_rmse"],
    )
    found = measuring.measure(given | {"curve": True}, seed=0)
    assert [len(found["curve"][name]) for name in ("rmse", "seen_rmse")] == [3, 3]
    for name, values in found["curve"].items():
        assert values[-1] == pytest.approx(found["metrics"][name], abs=1e-5)
    assert found["curve"]["rmse"] != found["curve"]["seen_rmse"]
    plain = measuring.measure(given, seed=0)
    assert plain["metrics"] == found["metrics"]
    assert "curve" not in plain


def ranking(**changes) -> dict:
    protocol = {"name": "held_out_users", "num_users": 60}
    wanted = ["ndcg@100", "recall@20"]
    few = {"min_count": {"user": 50}, "protocol": protocol, "measure": wanted}
    return settings(model={"name": "Popularity"}, **few) | changes


def test_per_user_results_have_the_metrics_as_their_means():
    found = measuring.measure(ranking(per_user=True), seed=0)
    for name, values in found["per_user"].items():
        defined = [value for value in values if value is not None]
        assert len(values) == 60 and len(set(defined)) > 10
        assert np.mean(defined) == pytest.approx(found["metrics"][name], abs=1e-5)
    json.dumps(found, allow_nan=False)
    assert "per_user" not in measuring.measure(ranking(), seed=0)


def test_folds_are_the_seeds_of_a_cross_validation():
    protocol = {"name": "k_fold", "k": 4}
    folds = [measuring.measure(settings(protocol=protocol), seed=fold) for fold in range(4)]
    assert len({fold["split"] for fold in folds}) == 4
    assert len({fold["ratings"] for fold in folds}) == 1


def test_the_size_of_the_data_is_that_after_the_filters():
    found = measuring.measure(settings(), seed=0)
    ratings = datasets.load().with_min_count(user=300, item=20)
    assert (found["users"], found["items"], found["ratings"]) == (
        len(ratings.users),
        len(ratings.items),
        len(ratings),
    )


def test_groups_of_users_are_equally_large_and_add_up_to_the_whole():
    found = measuring.measure(ranking(groups=5), seed=0)
    groups = found["groups"]
    assert [group["users"] for group in groups] == [12] * 5
    seen = [group["seen"] for group in groups]
    assert seen == sorted(seen) and seen[0] < seen[-1] / 2
    values = [group["ndcg@100"] for group in groups]
    assert np.mean(values) == pytest.approx(found["metrics"]["ndcg@100"])
    assert len(set(values)) == 5
    json.dumps(found, allow_nan=False)


def test_errors_of_the_fold_in_and_of_the_training_ratings_are_two():
    """With unseen users the two are of different users; under a random split they are one."""
    wanted = {"measure": ["rmse", "seen_rmse", "train_rmse"], "model": {"name": "Biases"}}
    unseen = {"name": "held_out_users", "num_users": 20, "num_validation": 0}
    found = measuring.measure(settings(**wanted, protocol=unseen), seed=0)["metrics"]
    assert found["train_rmse"] != pytest.approx(found["seen_rmse"], abs=1e-4)
    found = measuring.measure(settings(**wanted), seed=0)["metrics"]
    assert found["train_rmse"] == pytest.approx(found["seen_rmse"])
    assert found["train_rmse"] < found["rmse"]


def test_groups_of_ratings_add_up_by_their_squares():
    found = measuring.measure(settings(groups=3), seed=0)
    values = [group["rmse"] for group in found["groups"]]
    assert min(values) < found["metrics"]["rmse"] < max(values)


def test_lists_have_a_coverage_a_novelty_and_a_popularity_lift():
    wanted = ["ndcg@100", "coverage@20", "novelty@20", "popularity_lift@20"]
    popular = measuring.measure(ranking(measure=wanted), seed=0)["metrics"]
    model = {"name": "EASE", "l2": 50.0}
    ease = measuring.measure(ranking(measure=wanted, model=model), seed=0)["metrics"]
    assert popular["coverage@20"] < ease["coverage@20"] <= 1
    assert popular["novelty@20"] < ease["novelty@20"]
    assert popular["popularity_lift@20"] > ease["popularity_lift@20"] > 0


def test_the_mask_can_be_switched_off():
    """Popularity shows every user what she has seen already; both results must say so."""
    masked, unmasked = (
        measuring.measure(ranking(per_user=True, **how), seed=0) for how in ({}, {"mask": False})
    )
    assert masked["split"] == unmasked["split"]
    assert masked["metrics"]["ndcg@100"] > unmasked["metrics"]["ndcg@100"] + 0.01
    values = [value for value in unmasked["per_user"]["ndcg@100"] if value is not None]
    assert np.mean(values) == pytest.approx(unmasked["metrics"]["ndcg@100"], abs=1e-5)


def test_ratings_can_be_cut_to_events_and_to_the_most_popular_items():
    def parts(**changes) -> list[float]:
        found = measuring.measure(ranking(model={"name": "EASE"}, **changes), seed=0)
        return [found["split"], found["metrics"]["ndcg@100"]]

    everything, liked, small = parts(), parts(at_least=4), parts(top_items=150)
    assert len({each[0] for each in (everything, liked, small)}) == 3
    # Fewer items are fewer ways to be wrong.
    assert small[1] > everything[1] + 0.05


def test_students_learn_from_what_their_teacher_extends(monkeypatch):
    fitted, fit = [], measuring.training.fit

    def spy(model, train, **options):
        fitted.append((train, options))
        return fit(model, train, **options)

    monkeypatch.setattr(measuring.training, "fit", spy)
    students = {
        "same": {"fraction": 0.0},
        "extended": {"fraction": 0.5, "batch_size": "equal", "epochs": 3},
        "warm": {"fraction": 0.0, "keep_optimizer": True},
    }
    given = settings(
        protocol={"name": "held_out_users", "num_users": 5, "num_validation": 0, "seed": "each"},
        model={"name": "DeepAutoencoder", "hidden": [5]},
        training={"epochs": 2, "lr": 0.05, "batch_size": 8},
        students=students,
    )
    found = measuring.measure(given, seed=1)
    (train, _), _, (extended, changed), (_, warm) = fitted
    assert found["students"]["same"]["metrics"] == found["metrics"]
    assert found["students"]["extended"]["metrics"] != found["metrics"]
    assert found["students"]["warm"]["metrics"] != found["metrics"]
    assert extended.num_rows == train.num_rows + int(0.5 * train.num_rows)
    expected = measuring.augmentation.equal_update_batch(train.num_rows, 8, 0.5)
    assert (changed["batch_size"], changed["epochs"]) == (expected, 3)
    assert warm["optimizer_state"] is not None
    json.dumps(found)


def test_a_protocol_can_ask_for_the_seed_of_each_run():
    protocol = {"name": "held_out_users", "num_users": 5, "seed": "each"}
    ratings = datasets.load().with_min_count(user=300, item=20)
    for seed in (1, 2):
        found = measuring.measure(settings(protocol=protocol), seed=seed)["split"]
        assert found == splits.held_out_users(ratings, num_users=5, seed=seed).fingerprint()


def test_a_search_for_a_ranking_keeps_the_highest_value():
    options = {"epochs": 6, "lr": 0.1}
    given = settings(
        protocol={"name": "held_out_users", "num_users": 10},
        model={"name": "AutoRec", "hidden": 20, "l2": 0.1, "rows": "users"},
        training=options,
        measure=["ndcg@10"],
        on="validation",
    )
    ratings = datasets.load().with_min_count(user=300, item=20)
    split = splits.held_out_users(ratings, num_users=10)
    found = []

    def validate(model) -> float:
        found.append(evaluation.rank(model, split.validation, ["ndcg@10"]).per_user.mean().iloc[0])
        return 0.0

    autorec = models.AutoRec(hidden=20, l2=0.1, rows="users")
    training.fit(autorec, split.train, validate=validate, **options)
    assert min(found) < max(found) - 0.01
    assert measuring.measure(given, seed=0)["metrics"]["ndcg@10"] == pytest.approx(max(found))


def test_a_seed_that_a_protocol_names_is_kept_or_refused():
    given = settings(protocol={"name": "hold_out", "test": 0.1, "seed": 7})
    try:
        found = measuring.measure(given, seed=0)["split"]
    except ValueError:
        return
    ratings = datasets.load().with_min_count(user=300, item=20)
    assert found == splits.hold_out(ratings, test=0.1, seed=7).fingerprint()


def test_protocols_with_one_split_keep_it_for_every_seed():
    protocol = {"name": "held_out_users", "num_users": 5}
    given = settings(protocol=protocol, model={"name": "Popularity"}, measure=["ndcg@10"])
    one, two = (measuring.measure(given, seed=seed) for seed in (1, 2))
    assert (one["split"], one["metrics"]) == (two["split"], two["metrics"])


def test_a_search_without_a_validation_part_is_explained():
    with pytest.raises(ValueError, match="validation"):
        measuring.measure(settings(on="validation"), seed=0)


@pytest.mark.parametrize(
    "protocol",
    [
        {"name": "temporal", "test": 0.1},
        {"name": "hold_out_per_user", "test": 0.2},
        {"name": "held_out_users", "num_users": 5},
    ],
)
def test_every_protocol_can_be_measured(protocol):
    wanted = ["ndcg@10", "recall@5"]
    found = measuring.measure(
        settings(protocol=protocol, model={"name": "Popularity"}, measure=wanted), seed=0
    )
    assert list(found["metrics"]) == wanted
    assert 0 < found["metrics"]["ndcg@10"] < 1


# -- recording ----------------------------------------------------------------------


def test_end_to_end_in_processes_of_their_own(book_folder):
    book_folder.write(TINY)
    book_folder.runs.mkdir()
    results = list(experiments.run(experiments.find("tiny"), seeds=1, device="cpu", jobs=2))
    assert {result["label"] for result in results} == {"mean", "AutoRec"}
    assert stored(book_folder) == [("AutoRec", 0), ("mean", 0)]
    rmse = {result["label"]: result["metrics"]["rmse"] for result in results}
    assert rmse["mean"] == pytest.approx(0.9, abs=0.2)
    assert results[0]["split"] == results[1]["split"]
    for key in ("hardware", "libraries", "commit", "threads", "seconds", "peak_mb"):
        assert key in results[0]
    # A process gives what measure gives here.
    point = experiments.find("tiny").points[0]
    here = measuring.measure(point.settings, 0, "cpu")
    assert here["metrics"]["rmse"] == pytest.approx(rmse["mean"])


def test_the_folder_of_records_is_made_if_it_is_missing(tiny):
    tiny.runs.rmdir()
    list(experiments.run(experiments.find("tiny")))
    assert len(stored(tiny)) == 4


def test_resuming_measures_only_what_is_missing(tiny):
    list(experiments.run(experiments.find("tiny"), seeds=1))
    assert len(tiny.measured) == 2
    list(experiments.run(experiments.find("tiny")))
    assert sorted(tiny.measured) == [
        ("AutoRec", 0),
        ("AutoRec", 1),
        ("GlobalMean", 0),
        ("GlobalMean", 1),
    ]
    list(experiments.run(experiments.find("tiny")))
    assert len(tiny.measured) == 4


def test_a_point_may_have_fewer_seeds(tiny):
    tiny.write(TINY.replace('answers = "some-key"', "seeds = 1"))
    list(experiments.run(experiments.find("tiny")))
    assert stored(tiny) == [("AutoRec", 0), ("AutoRec", 1), ("mean", 0)]
    list(experiments.run(experiments.find("tiny"), seeds=1))
    assert len(tiny.measured) == 3


def test_the_file_is_whole_after_each_result(tiny):
    for count, result in enumerate(experiments.run(experiments.find("tiny")), 1):
        assert (result["label"], result["seed"]) in stored(tiny)
        assert len(stored(tiny)) == count
        assert [path.name for path in tiny.runs.iterdir()] == ["tiny.json"]


def test_what_was_measured_before_an_interruption_is_kept(tiny):
    running = experiments.run(experiments.find("tiny"))
    first = next(running)
    running.close()
    assert stored(tiny) == [(first["label"], first["seed"])]
    rest = list(experiments.run(experiments.find("tiny")))
    assert len(rest) == 3


def test_one_failing_point_does_not_cost_the_others(tiny, monkeypatch):
    measure = experiments._measure_alone

    def failing(settings, seed, *rest):
        if settings["model"]["name"] == "GlobalMean":
            raise FloatingPointError("the loss is nan")
        return measure(settings, seed, *rest)

    monkeypatch.setattr(experiments, "_measure_alone", failing)
    with pytest.raises(FailedError, match=r"mean, seed 0: the loss is nan \(and 1 more failed\)"):
        list(experiments.run(experiments.find("tiny")))
    assert stored(tiny) == [("AutoRec", 0), ("AutoRec", 1)]


def test_changed_settings_are_measured_anew_and_the_old_result_goes(tiny):
    list(experiments.run(experiments.find("tiny")))
    tiny.measured.clear()
    tiny.write(TINY.replace("hidden = 3", "hidden = 4"))
    experiment = experiments.find("tiny")
    assert Record.read(experiment).find(experiment.points[1], 0) is None
    list(experiments.run(experiment))
    assert tiny.measured == [("AutoRec", 0), ("AutoRec", 1)]
    assert len(stored(tiny)) == 4


def test_what_is_not_a_setting_may_change_without_a_new_measurement(tiny):
    list(experiments.run(experiments.find("tiny")))
    tiny.measured.clear()
    tiny.write(
        TINY.replace('answers = "some-key"', "").replace("tolerance = 0.01", "tolerance = 1")
    )
    list(experiments.run(experiments.find("tiny")))
    assert tiny.measured == []


def test_a_record_is_ordered_whatever_finished_first(tiny):
    list(experiments.run(experiments.find("tiny")))
    assert stored(tiny) == [("AutoRec", 0), ("AutoRec", 1), ("mean", 0), ("mean", 1)]
    experiment = experiments.find("tiny")
    seeds = [result["seed"] for result in Record.read(experiment).of(experiment.points[0])]
    assert seeds == [0, 1]


def test_a_full_disk_loses_nothing_that_was_recorded(tiny, monkeypatch):
    list(experiments.run(experiments.find("tiny")))
    record = Record.read(experiments.find("tiny"))
    before = record.path.read_text(encoding="utf-8")

    def full(path, text, **_):
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    with pytest.raises(OSError, match="cannot be written .No space left.*the 4 results before"):
        record.add(record.results[0] | {"seed": 77})
    assert record.path.read_text(encoding="utf-8") == before
    assert list(record.path.parent.glob("*.part")) == []
