"""``python -m reclib``: exit status and messages."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys

import pytest
from test_experiments import TINY, inline

from reclib import datasets, evidence, experiments
from reclib.__main__ import main


@pytest.fixture
def tiny(book_folder, monkeypatch):
    """The tiny experiment; measuring costs nothing."""
    published = "key,metric,value,read\nsome-key,rmse,1.05,yes\n"
    book_folder.write(TINY, published)
    book_folder.runs.mkdir()
    inline(
        monkeypatch,
        lambda settings, seed, device, threads: {
            "metrics": {"rmse": 1.05 + seed / 1e5, "mae": 0.5},
            "split": "f00",
            "seconds": 2.0,
            "peak_mb": 10,
            "hardware": device,
            "libraries": "l",
            "commit": "c",
        },
    )
    return book_folder


def test_data_list_says_what_is_here_and_what_is_not(book_folder, capsys):
    assert main(["data", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(datasets.DATASETS)
    assert lines[0].startswith("ml-latest-small")
    assert lines[0].endswith("ml-latest-small.zip")
    assert lines[2].endswith("not on this machine")


def test_data_check_reads_the_content(book_folder, capsys):
    assert main(["data", "check", "ml-latest-small"]) == 0
    assert "100,836 ratings, content is official" in capsys.readouterr().out


def test_data_fetch_takes_what_is_already_here(book_folder, capsys):
    assert main(["data", "fetch", "ml-latest-small"]) == 0
    assert "Downloading" not in capsys.readouterr().out


@pytest.mark.parametrize("action", ["fetch", "check"])
def test_data_that_cannot_be_had_is_exit_1_with_instructions(
    book_folder, capsys, monkeypatch, tmp_path, action
):
    def offline(*_, **__):
        raise OSError("no route to host")

    monkeypatch.setenv("RECLIB_DATA", str(tmp_path / "empty"))
    monkeypatch.setattr("urllib.request.urlopen", offline)
    assert main(["data", action, "ml-1m"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("reclib: ")
    assert "ml-1m.zip" in error
    assert "Traceback" not in error


def test_data_check_downloads_nothing(book_folder, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setenv("RECLIB_DATA", str(tmp_path / "empty"))
    monkeypatch.setattr("urllib.request.urlopen", lambda *a, **k: asked.append(a) or 1 / 0)
    with contextlib.suppress(ZeroDivisionError):
        main(["data", "check"])
    assert not asked


def test_run_measures_records_and_tells(tiny, capsys):
    assert main(["run", "tiny", "--seeds", "1", "--device", "cpu"]) == 0
    out = capsys.readouterr().out
    assert "tiny: A tiny experiment" in out
    assert "mean, seed 0: rmse 1.0500, mae 0.5000 (2 s)" in out
    assert (tiny.runs / "tiny.json").exists()
    assert main(["run", "--all"]) == 0
    assert "seed 0" not in capsys.readouterr().out  # is on record


def test_run_says_beforehand_how_long_it_will_take(tiny, capsys):
    main(["run", "tiny", "--seeds", "1"])
    first = capsys.readouterr().out.splitlines()[0]
    assert "2 trainings ahead, 1 at a time: about 0.0 processor hours" in first
    assert "an unknown time for tiny" in first
    main(["run", "tiny"])
    assert "unknown" not in capsys.readouterr().out.splitlines()[0]
    main(["run", "--all"])
    assert capsys.readouterr().out.startswith("0 trainings ahead")


def test_an_experiment_that_overflows_does_not_stop_the_next(tiny, capsys, monkeypatch):
    tiny.write(TINY + TINY.replace("tiny", "later").replace("GlobalMean", "ItemMean"))
    measure = experiments._measure_alone

    def overflow(settings, *arguments):
        if settings["model"]["name"] == "GlobalMean":
            raise FloatingPointError("the loss is inf")
        return measure(settings, *arguments)

    monkeypatch.setattr(experiments, "_measure_alone", overflow)
    assert main(["run", "--all"]) == 1
    printed = capsys.readouterr()
    assert printed.err == "reclib: tiny: mean, seed 0: the loss is inf (and 1 more failed)\n"
    assert (tiny.runs / "later.json").exists() and "AutoRec, seed 1" in printed.out


def test_what_nobody_can_download_is_left_out_of_all_and_said(tiny, capsys):
    tiny.write(TINY.replace('"ml-latest-small"', '"netflix-prize"'))
    assert main(["run", "--all"]) == 0
    out = capsys.readouterr().out
    assert "tiny: left out, for Netflix Prize, whole training set is not on this machine" in out
    assert "seed 0" not in out


def test_runs_can_be_repeated_apart_and_compared(tiny, capsys, tmp_path):
    again = str(tmp_path / "again")
    assert main(["report", "--repeated", again]) == 1
    assert "nothing is recorded in" in capsys.readouterr().err
    main(["run", "tiny"])
    book = (tiny.runs / "tiny.json").read_text()
    assert main(["run", "--all", "--into", again]) == 0
    assert (tiny.runs / "tiny.json").read_text() == book
    capsys.readouterr()
    assert main(["report", "--repeated", again]) == 0
    assert "8 of 8 repeated values lie in the recorded spread" in capsys.readouterr().out
    (tiny.runs / "tiny.json").write_text(book.replace("1.05", "1.15"))
    assert main(["report", "--repeated", again]) == 1


def test_report_prints_the_claims_and_what_the_untested_want(tiny, capsys):
    published = "key,metric,value,read\nsome-key,rmse,1.05,yes\n"
    claims = (
        "T-1,r,p,q,c,1.05,=,\"run('tiny', 'mean')\",.01,,,x,e\nT-2,r,p,q,c,1,=,,1,,the code,x,e\n"
    )
    tiny.write(TINY, published, claims)
    main(["run", "tiny"])
    capsys.readouterr()
    assert main(["report"]) == 0
    out = capsys.readouterr().out
    assert any("T-1" in line and "1.0500" in line for line in out.splitlines())
    assert "T-1: 2 of 5 splits" in out  # no word on fewer than five
    assert "T-2: the code" in out
    (tiny.runs / "tiny.json").unlink()
    main(["report"])
    assert "T-1: 0 of 2 seeds of mean, `tiny`" in capsys.readouterr().out


def test_the_counts_of_the_verdicts_are_printed_whole(capsys):
    main(["report"])
    lines = capsys.readouterr().out.splitlines()
    head = next(line for line in lines if line.startswith("verdict "))
    assert set(re.split(r"\s{2,}", head.strip())) >= set(evidence.claims()["verdict"])


def test_report_prints_published_measured_and_the_verdict(tiny, capsys):
    assert main(["report", "tiny"]) == 0
    assert evidence.NOT_TESTABLE in capsys.readouterr().out
    main(["run", "tiny"])
    capsys.readouterr()
    for arguments in (["report"], ["report", "tiny"]):
        assert main(arguments) == 0
        out = capsys.readouterr().out
        row = next(line for line in out.splitlines() if " mean " in line)
        assert "1.0500" in row
        assert "2 of 5 splits" in row
        assert "Recorded run `tiny`: 4 trainings over 2 seeds" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run"], "name an experiment, or --all"),
        (["run", "huge"], "no experiment 'huge'; there are: tiny"),
        (["report", "huge"], "no experiment 'huge'"),
        (["data", "check", "ml-2m"], "no data set 'ml-2m'; there are: ml-latest-small"),
        pytest.param(["run", "tiny", "--jobs", "0"], "jobs"),
    ],
)
def test_mistakes_are_exit_1_and_one_line(tiny, capsys, arguments, message):
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("reclib: ")
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["fly"], ["data", "burn"], ["run", "--seeds", "many"]])
def test_misuse_is_exit_2_with_the_usage(capsys, arguments):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "usage: python -m reclib" in capsys.readouterr().err


def test_the_module_can_be_run():
    done = subprocess.run(
        [sys.executable, "-m", "reclib", "data", "check", "ml-latest-small"],
        capture_output=True,
        text=True,
        cwd=datasets.data_folder().parent,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "content is official" in done.stdout
