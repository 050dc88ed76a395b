"""Bad input to the command line, experiments, records, the tuner, data sets and augmentation.

Each case is told in one sentence, before anything is computed: what, where, and what to do.
"""

from __future__ import annotations

import io
import json
import math
import re
import zipfile

import numpy as np
import pytest
import torch
from test_experiments import TINY, inline

import reclib
from reclib import augmentation, datasets, evidence, experiments, intervals, models, netflix, tuning
from reclib.__main__ import main
from reclib.records import Record


@pytest.fixture
def tiny(book_folder, monkeypatch):
    """The tiny experiment, of which no training may begin."""

    def measure(*_):
        raise AssertionError("a training began")

    book_folder.write(TINY)
    inline(monkeypatch, measure)
    return book_folder


# -- the command line --------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seeds", "0"], "seeds must be a whole number, at least 1, got 0"),
        (["--seeds", "-3"], "seeds must be a whole number, at least 1, got -3"),
        (["--jobs", "0"], "jobs must be a whole number, at least 1, got 0"),
        (["--device", "tpu9"], "no device 'tpu9'; there are: auto, cpu"),
        (["--device", "cuda:99"], "no device 'cuda:99'; there are: auto, cpu"),
        (["--device", "meta"], "no device 'meta'; there are: auto, cpu"),
        (["--into", "/proc/nope"], "no record can be written in /proc/nope"),
        (["--into", __file__], f"no record can be written in {__file__}"),
    ],
)
def test_what_run_cannot_do_is_told_before_any_training(tiny, capsys, arguments, message):
    assert main(["run", "tiny", *arguments]) == 1
    error = capsys.readouterr().err
    assert error.startswith("reclib: ") and error.count("\n") == 1
    assert message in error


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_told(tiny, capsys):
    assert main(["run", "tiny", "--device", "cuda"]) == 1
    assert "no device 'cuda'; there are: auto, cpu" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": 0}, "seeds must be .* at least 1, got 0"),
        ({"seeds": "two"}, "seeds must be .* got 'two'"),
        ({"jobs": 1.5}, "jobs must be .* got 1.5"),
        ({"device": "tpu9"}, "no device 'tpu9'"),
        ({"device": None}, "no device None"),
        ({"folder": "/proc/nope"}, "no record can be written in /proc/nope"),
    ],
)
def test_run_of_experiments_tells_the_same_when_it_is_called(tiny, options, message):
    with pytest.raises(ValueError, match=message):
        experiments.run(experiments.find("tiny"), **options)


def test_a_folder_may_be_text(book_folder, monkeypatch, tmp_path):
    book_folder.write(TINY)
    inline(monkeypatch, lambda *_: {"metrics": {"rmse": 1.0}})
    assert len(list(experiments.run(experiments.find("tiny"), folder=str(tmp_path / "x")))) == 4
    assert (tmp_path / "x" / "tiny.json").exists()


@pytest.fixture
def offline(tiny, monkeypatch, tmp_path):
    """The tiny experiment on MovieLens 1M, which is neither here nor to be had."""

    def refuse(*_, **__):
        tiny.asked.append(1)
        raise OSError("no route to host")

    tiny.asked = []
    tiny.write(TINY.replace("ml-latest-small", "ml-1m"))
    monkeypatch.setenv("RECLIB_DATA", str(tmp_path / "empty"))
    monkeypatch.setattr("urllib.request.urlopen", refuse)
    return tiny


@pytest.mark.parametrize("arguments", [["tiny"], ["--all"]])
def test_data_that_cannot_be_had_are_asked_for_once_and_told(offline, capsys, arguments):
    assert main(["run", *arguments]) == 1
    error = capsys.readouterr().err
    assert "could not be downloaded" in error and "Put ml-1m.zip" in error
    assert error.count("\n") == 1 and len(offline.asked) == 1


def test_version_and_list_and_dry_run(tiny, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"reclib {reclib.__version__}\n"
    assert main(["list"]) == 0
    assert re.fullmatch(r"tiny +0 of 4 recorded +A tiny experiment\n", capsys.readouterr().out)
    assert main(["run", "tiny", "--dry-run", "--seeds", "1"]) == 0
    out = capsys.readouterr().out
    assert "mean, seed 0: an unknown time" in out and "seed 1" not in out
    assert not tiny.runs.exists()


def test_a_dry_run_says_how_long_the_recorded_ones_took(book_folder, monkeypatch, capsys):
    book_folder.write(TINY)
    inline(monkeypatch, lambda *_: {"metrics": {"rmse": 1.0}, "seconds": 9.0, "cpu_seconds": 12.0})
    list(experiments.run(experiments.find("tiny"), seeds=1))
    main(["run", "tiny", "--dry-run"])
    assert "  mean, seed 1: about 12 s\n" in capsys.readouterr().out


def test_a_training_that_fails_is_named(tiny, capsys, monkeypatch):
    def measure(settings, seed, *_):
        raise (KeyError if seed else ValueError)("no such thing")

    inline(monkeypatch, measure)
    assert main(["run", "tiny", "--seeds", "1"]) == 1
    expected = "reclib: tiny: mean, seed 0: no such thing (and 1 more failed)\n"
    assert capsys.readouterr().err == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "tinny"], "no experiment 'tinny'; there are: tiny; did you mean 'tiny'?"),
        (["run", "nope.toml"], "there is no experiments file nope.toml"),
        (["list", "nope.toml"], "there is no experiments file nope.toml"),
        (["report", "tinny"], "did you mean 'tiny'?"),
        (["data", "check", "ml1m"], "did you mean 'ml-1m'?"),
    ],
)
def test_unknown_names_are_exit_1_with_the_nearest(tiny, capsys, arguments, message):
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("reclib: ") and message in error and error.count("\n") == 1


# -- an experiments file -------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("hidden = 3", "hiden = 3", "AutoRec: no option of AutoRec 'hiden'; .* mean 'hidden'"),
        ("hidden = 3", "hidden = 3, rows = 'x'", "AutoRec: AutoRec: rows must be"),
        ("test = 0.1", "tset = 0.1", "mean: no option of hold_out 'tset'; .* mean 'test'"),
        ("hold_out", "holdout", "mean: no protocol 'holdout'; .* mean 'hold_out'"),
        (
            "hold_out",
            "held_out_users",
            "mean: no option of held_out_users|held_out_users needs num",
        ),
        ("epochs = 2", "epoch = 2", "AutoRec: no option of training 'epoch'; .* mean 'epochs'"),
        ("epochs = 2", 'optimizer = "adamw"', "AutoRec: no optimizer 'adamw'; .* mean 'adam'"),
        ("epochs = 2", 'epochs = "best"', "AutoRec: epochs = .best. needs the search"),
        ("GlobalMean", "globalmean", "mean: no model 'globalmean'; .* mean 'GlobalMean'"),
        ("ml-latest-small", "ml-latest", "mean: no dataset 'ml-latest'; .* 'ml-latest-small'"),
        ('"rmse", "mae"', '"rsme"', "mean: no metric 'rsme'"),
        ('"rmse", "mae"', '"rmse", "ndcg@10"', "mean: rmse is an error of ratings"),
        ('"rmse", "mae"', "", "measure names no metric"),
        ("user = 400", "users = 400", "mean: no min_count 'users'; .* mean 'user'"),
        ("seeds = 2", "seeds = 'x'", "seeds must be a whole number, got 'x'"),
        ("seeds = 2", "seeds = 0", "seeds must be above 0, got 0"),
        ("seeds = 2", "seeds = true", "seeds must be a whole number, got True"),
        ("seeds = 2", "seed = 2", "no setting 'seed'; .* mean 'seeds'"),
        ("seeds = 2", "on = 'valdation'", "no on 'valdation'; .* mean 'validation'"),
        ("seeds = 2", "top_items = 1.5", "top_items must be a whole number, got 1.5"),
        ("seeds = 2", "tuned_by = 'nope'", "no search 'nope' stands above it"),
        ("seeds = 2", "students = { a = { fractoin = 0.1 } }", "did you mean 'fraction'"),
        ("l2 = 0.1 }", "l2 = 0.1 }\nspace = { 'model.hidden' = [3, 4] }", "must not see the test"),
        ("seeds = 2", "students = { a = 1 }", "the student a must be a table, got 1"),
        ('label = "mean"', "label = []", "label must be a text"),
        ("tolerance = 0.01", "", "mean answers a published number, so a tolerance is needed"),
        ('title = "A tiny experiment"', "title = 7", "title must be a text, got 7"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_when_it_is_read(tiny, old, new, message):
    assert old in TINY
    tiny.write(TINY.replace(old, new))
    with pytest.raises(ValueError, match=message) as raised:
        experiments.load_experiments()
    assert "experiments.toml" in str(raised.value)
    if "not a TOML" not in str(raised.value):
        assert "experiment tiny: " in str(raised.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"[a\nb = 1", "is not a TOML file: Expected ']'"),
        (b"\xff\xfe[\x00a\x00", "is not a TOML file: 'utf-8' codec"),
        (b"seeds = 3", "experiment seeds: it must be a table"),
        (b"['../../etc']\n", "experiment ../../etc: its name must do for a file"),
        (b"[a]\npoints = [1]", "experiment a: points must be tables"),
        (b"[a]\npoints = []", "experiment a: points must be tables, and at least one"),
        (b"[a]\ndataset = 'ml-1m'", "experiment a: a: no protocol None"),
        (b"[a]\nmodel.name = 'EASE'", "experiment a: a: no dataset None"),
    ],
)
def test_a_file_that_is_no_experiments_file_is_named(tmp_path, text, message):
    path = tmp_path / "own.toml"
    path.write_bytes(text)
    with pytest.raises(ValueError, match=re.escape(message)) as raised:
        experiments.load_experiments(str(path))
    assert "own.toml" in str(raised.value)


def test_a_missing_file_is_told_and_an_empty_one_has_no_experiments(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no experiments file /nope.toml"):
        experiments.load_experiments("/nope.toml")
    (tmp_path / "empty.toml").write_text("", encoding="utf-8")
    assert experiments.load_experiments(tmp_path / "empty.toml") == {}


def test_reading_experiments_draws_no_random_number():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    assert experiments.load_experiments()
    assert torch.equal(before, torch.get_rng_state())


# -- a record ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"experiment": "tiny", "results": [{"label', "is no whole record"),
        ("", "is no whole record"),
        ("[1, 2]", "holds something else than a record"),
        ('{"experiment": "tiny"}', "holds something else than a record"),
        ('{"experiment": "tiny", "results": [{"label": "mean"}]}', "holds something else"),
        ('{"experiment": "other", "results": []}', "is a record of 'other', not of 'tiny'"),
    ],
)
def test_a_damaged_or_foreign_record_is_named(tiny, capsys, text, message):
    tiny.runs.mkdir()
    (tiny.runs / "tiny.json").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=rf"runs/tiny\.json {message}"):
        Record.read(experiments.find("tiny"))
    assert main(["run", "tiny"]) == 1
    assert message in capsys.readouterr().err
    assert (tiny.runs / "tiny.json").read_text(encoding="utf-8") == text  # nothing is lost


# -- the tuner -----------------------------------------------------------------------

START = {"model": {"l2": 5.0, "hidden": [200]}, "space": {"model.l2": {"low": 1.0, "high": 9.0}}}


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (None, "there is no space"),
        ({}, "there is no space"),
        ({"model.l3": {"low": 1.0, "high": 9.0}}, "varies model.l3, .* where to begin"),
        ({"model.l2": {"low": 0, "high": 9, "log": True}}, "a logarithmic range begins above 0"),
        ({"model.l2": {"lo": 1.0, "high": 9.0}}, "no bound 'lo'; .* did you mean 'low'"),
        ({"model.l2": {"low": 1.0}}, "model.l2 has no high"),
        ({"model.l2": {"low": 9.0, "high": 1.0}}, "a low of 9.0, which is not below"),
        ({"model.l2": {"low": math.nan, "high": 9.0}}, "must lie between two numbers, got nan"),
        ({"model.l2": {"low": "1", "high": 9.0}}, "must lie between two numbers, got '1'"),
        ({"model.l2": {"low": 1.0, "high": 9.0, "log": "yes"}}, "has log = 'yes'"),
        ({"model.l2": []}, "model.l2 has no choices"),
        ({"model.l2": [{"a": 1}]}, "choices that are no plain values"),
        ({"model.l2": 5.0}, "must be a list of choices, or a table"),
        ({"model.hidden": {"low": 1, "high": 9}}, r"begins at \[200\], which is no number"),
    ],
)
def test_a_space_without_meaning_is_told_at_once(space, message):
    settings = START | {"space": space}
    assert re.search(message, tuning.problem(settings))
    with pytest.raises(ValueError, match=message):
        tuning.suggest(settings, [])


@pytest.mark.parametrize(
    ("tried", "message"),
    [
        ([({"model.l2": 5.0}, math.nan)], "objective of trial 0 must be a finite number, got nan"),
        ([({"model.l2": 5.0}, None)], "objective of trial 0 must be a finite number, got None"),
        ([({"model.l2": 100.0}, 1.0)], "trial 0 .*: model.l2 was 100.0, outside of 1.0 to 9.0"),
        ([({"model.l1": 5.0}, 1.0)], "trial 0 varies model.l1, and the space model.l2"),
    ],
)
def test_a_trial_that_cannot_be_used_is_told(tried, message):
    with pytest.raises(ValueError, match=message):
        tuning.suggest(START, tried)


# -- data sets -------------------------------------------------------------------------


def copied(tmp_path, monkeypatch, change) -> None:
    """ml-latest-small with one member changed, where the library looks for it."""
    path = datasets.find("ml-latest-small").path()
    folder = tmp_path / "copy"
    folder.mkdir()
    with (
        zipfile.ZipFile(path) as old,
        zipfile.ZipFile(folder / path.name, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, change(name.rpartition("/")[2], old.read(name)))
    monkeypatch.setattr(datasets, "data_folder", lambda: tmp_path / "nowhere")
    monkeypatch.setenv("RECLIB_DATA", str(folder))


def in_ratings(old: bytes, new: bytes):
    return lambda name, text: text.replace(old, new, 1) if name == "ratings.csv" else text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (in_ratings(b"\n1,3,", b"\nabc,3,"), "ratings.csv has 'abc' in row 2, .* of the user"),
        (in_ratings(b",964982703", b",yesterday"), "has 'yesterday' in row 1, .* timestamp"),
        (in_ratings(b"userId", b"\xff\xfe\x00"), "ratings.csv is no table of numbers .*utf-8"),
        (lambda name, text: b"" if name == "ratings.csv" else text, "ratings.csv is empty"),
        (
            lambda name, text: text.split(b"\n")[0] if name == "ratings.csv" else text,
            "ratings.csv is empty",
        ),
        (
            lambda name, text: (
                text.replace(b"Toy Story", b"Boy Story") if "movies" in name else text
            ),
            "does not hold the titles of the official MovieLens latest-small",
        ),
    ],
    ids=["text", "time", "binary", "nothing", "no rows", "title"],
)
def test_an_archive_with_other_content_is_named_with_its_file(
    tmp_path, monkeypatch, change, message
):
    copied(tmp_path, monkeypatch, change)
    with pytest.raises(ValueError, match=rf"copy/ml-latest-small\.zip .*{message}"):
        datasets.load()


def test_a_copy_without_a_change_is_official(tmp_path, monkeypatch):
    copied(tmp_path, monkeypatch, lambda name, text: text)
    assert len(datasets.load()) == 100_836


@pytest.mark.parametrize("name", [["ml-1m"], None, 7, "ml-2m"])
def test_a_data_set_that_is_no_name_is_told(name):
    with pytest.raises(ValueError, match="no data set .*; there are: ml-latest-small"):
        datasets.load(name)


# -- evidence, intervals ------------------------------------------------------------------


def test_a_chapter_that_does_not_exist_is_told():
    with pytest.raises(ValueError, match="no chapter '05-autorek'; .* mean '05-autorec'"):
        evidence.at_a_glance("05-autorek")
    assert "Runs in" in evidence.at_a_glance("05-autorec")


@pytest.mark.parametrize("level", [95, 0, 1, -0.5, math.nan])
def test_a_level_in_percent_is_refused(level):
    values = np.arange(5.0)
    for make in (intervals.of_seeds, intervals.of_folds, intervals.of_users):
        with pytest.raises(ValueError, match="level must be a probability"):
            make(values, level=level)
    for make in (intervals.of_pairs, lambda x, level: intervals.of_split_pairs(x, 0.1, level)):
        with pytest.raises(ValueError, match="level must be a probability"):
            make({"a": values, "b": values**2}, level=level)


def test_pairs_of_one_model_are_refused():
    with pytest.raises(ValueError, match="a pair needs two models, got 1: a"):
        intervals.of_pairs({"a": np.arange(5.0)})


# -- augmentation, netflix ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"teacher": models.EASE()}, TypeError, "teacher must be a DeepAutoencoder, got EASE"),
        ({"teacher": models.DeepAutoencoder((3,))}, ValueError, "teacher is not fitted"),
        ({"train": "frame"}, TypeError, "train must be Interactions, got str"),
        ({"std": math.nan}, ValueError, "std must be a finite number, at least 0, got nan"),
        ({"std": -1.0}, ValueError, "std must be a finite number, at least 0, got -1"),
        ({"noise": "gausian"}, ValueError, "no noise 'gausian'; .* did you mean 'gaussian'"),
        ({"cells": "al"}, ValueError, "no cells 'al'; .* did you mean 'all'"),
    ],
)
def test_what_cannot_augment_is_told(random_matrix, changes, error, message):
    given = {"train": random_matrix(20, 10), "teacher": None, "fraction": 0.5} | changes
    with pytest.raises(error, match=message):
        augmentation.augment(**given)


def test_a_day_that_is_no_day_and_a_window_that_is_no_window_are_told():
    prize = netflix.parse([("a.txt", io.BytesIO(b"3:\n7,5,2005-09-06\n"))])
    assert len(prize.between("2005-09-01", "2005-09-30")) == 1
    for day in ("2005", "06/09/2005", None):
        with pytest.raises(ValueError, match=f"a day is written YYYY-MM-DD, got {day!r}"):
            prize.between(day, "2005-09-30")
    with pytest.raises(ValueError, match="no window '3 month'; .* did you mean '3 months'"):
        netflix.time_split(prize, "3 month")


def test_the_books_own_records_are_whole():
    for path in (datasets.data_folder() / "runs").glob("*.json"):
        assert json.loads(path.read_text(encoding="utf-8"))["experiment"] == path.stem
