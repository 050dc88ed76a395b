"""Verdicts: computed from numbers, and gone when the numbers are gone."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import CLAIMS
from hypothesis import given
from hypothesis import strategies as st

from reclib import datasets, evidence, plots
from reclib.evidence import judge
from reclib.experiments import find, load_experiments
from reclib.intervals import Interval, exact

# -- one verdict ---------------------------------------------------------------------


def between(low: float, high: float, n: int = 5, kind: str = "seeds") -> Interval:
    return Interval((low + high) / 2, (high - low) / 4, low, high, n, kind)


@pytest.mark.parametrize(
    ("interval", "word"),
    [
        (between(0.830, 0.832), evidence.REPRODUCED),
        (between(0.850, 0.852), evidence.CONTRADICTED),
        (between(0.810, 0.812), evidence.CONTRADICTED),
        (between(0.80, 0.86), evidence.OPEN),
        (between(0.825, 0.836), evidence.OPEN),
        (between(0.830, 0.832, n=4), evidence.NOT_TESTABLE),
        (between(0.850, 0.852, n=4), evidence.NOT_TESTABLE),
        (between(np.nan, np.nan, n=0), evidence.NOT_TESTABLE),
    ],
)
def test_each_word_is_reached(interval, word):
    verdict = judge(interval, "=", 0.831, 0.005)
    assert verdict.word == word in evidence.WORDS
    assert verdict.n == interval.n


def test_five_words_and_no_other():
    assert len(set(evidence.WORDS)) == 5


@pytest.mark.parametrize("kind", ["seeds", "splits", "folds", "users and seeds"])
def test_below_five_the_page_says_how_many_there_are(kind):
    few, enough = (judge(between(1, 2, n, kind), ">", 0.0) for n in (4, 5))
    assert (few.word, few.because) == (evidence.NOT_TESTABLE, f"4 of 5 {kind}")
    assert (enough.word, enough.because) == (evidence.REPRODUCED, "")


def test_what_is_solved_or_counted_needs_no_seeds():
    assert judge(between(1, 2, 1, "users"), ">", 0.0).word == evidence.REPRODUCED
    assert judge(exact(4.0), "=", 4, 0.5).word == evidence.REPRODUCED
    assert judge(exact(4.0), "=", 5, 0.5).word == evidence.CONTRADICTED


@pytest.mark.parametrize(
    ("relation", "low", "high", "word"),
    [
        (">", 0.1, 0.2, evidence.REPRODUCED),
        (">", -0.1, 0.2, evidence.OPEN),
        (">", -0.2, -0.1, evidence.CONTRADICTED),
        (">", 0.0, 0.0, evidence.CONTRADICTED),  # not above
        ("<", -0.2, -0.1, evidence.REPRODUCED),
        ("<", -0.1, 0.2, evidence.OPEN),
        ("<", 0.1, 0.2, evidence.CONTRADICTED),
    ],
)
def test_an_order_is_judged_by_the_whole_interval(relation, low, high, word):
    assert judge(between(low, high), relation, 0.0).word == word


def test_an_interval_that_holds_zero_shows_no_equality():
    """Two one-sided tests: level within a margin, or open."""
    wide = between(-0.02, 0.03)
    assert judge(wide, "=", 0.0, 0.01).word == evidence.OPEN
    assert judge(between(-0.004, 0.008), "=", 0.0, 0.01).word == evidence.REPRODUCED
    with pytest.raises(ValueError, match="equality needs a margin"):
        judge(wide, "=", 0.0)


def test_an_order_may_have_a_margin():
    assert judge(between(0.02, 0.03), ">", 0.0, 0.01).word == evidence.REPRODUCED
    assert judge(between(0.02, 0.03), ">", 0.0, 0.05).word == evidence.CONTRADICTED


def test_a_reason_not_to_compare_comes_before_every_number():
    for interval in (between(0.8, 0.9), between(9, 10), between(np.nan, np.nan, n=0)):
        verdict = judge(interval, "=", 0.831, 0.005, "another split")
        assert (verdict.word, verdict.because) == (evidence.NOT_COMPARABLE, "another split")


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (1.5, evidence.REPRODUCED),  # the interval [1, 1] touches the border from within
        (1.5000001, evidence.CONTRADICTED),
        (0.5, evidence.REPRODUCED),
        (0.4999999, evidence.CONTRADICTED),
    ],
)
def test_the_border_belongs_to_the_margin(value, word):
    assert judge(between(1.0, 1.0), "=", value, 0.5).word == word


@given(st.floats(0.5, 1.5), st.floats(0, 0.5), st.floats(0.5, 1.5), st.floats(0.001, 0.5))
def test_the_words_exclude_each_other_and_a_wider_margin_never_turns_agreement_away(
    low, width, value, margin
):
    interval = between(low, low + width)
    word = judge(interval, "=", value, margin).word
    inside = value - margin <= interval.low and interval.high <= value + margin
    outside = interval.high < value - margin or interval.low > value + margin
    expected = {(True, False): evidence.REPRODUCED, (False, True): evidence.CONTRADICTED}
    assert word == expected.get((inside, outside), evidence.OPEN)
    if word == evidence.REPRODUCED:
        assert judge(interval, "=", value, 2 * margin).word == evidence.REPRODUCED


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("=", 1.0, -0.1), "margin of 0 or more"),
        (("=", np.nan, 0.1), "needs a value"),
        (("~", 1.0, 0.1), "one of > < ="),
    ],
)
def test_a_claim_that_says_nothing_is_refused(asked, message):
    with pytest.raises(ValueError, match=message):
        judge(between(1, 2), *asked)


def test_no_verdict_rests_on_a_number_that_is_none():
    with pytest.raises(ValueError, match="NaN"):
        judge(between(np.nan, 1.0), ">", 0.0)


def test_a_table_of_claims_says_who_says_it():
    table = evidence.verdicts(
        [
            ("a above b", "Paper (2020)", between(1, 2), ">", 0.0),
            ("a is 1", "this course", between(1, 2, n=3), "=", 1.0, 0.5),
        ]
    )
    assert table["verdict"].tolist() == ["reproduced", "not testable here: 3 of 5 seeds"]
    assert table["who says it"].tolist() == ["Paper (2020)", "this course"]


# -- tables ---------------------------------------------------------------------------

EXPERIMENTS = """
[e]
dataset = "ml-1m"
protocol = { name = "hold_out" }
model = { name = "GlobalMean" }
seeds = 5
tolerance = 0.005
points = [
  { label = "good", answers = "paper-good", model = { name = "ItemMean" } },
  { label = "bad", answers = "paper-bad" },
  { label = "other", answers = "paper-good", not_comparable = "another split" },
  { label = "ours alone" },
]
"""
PUBLISHED = "key,metric,value,read\npaper-good,rmse,0.831,yes\npaper-bad,rmse,0.7,no\n"


@pytest.fixture
def recorded(book_folder):
    """An experiment with five seeds of every point on record."""
    book_folder.write(EXPERIMENTS, PUBLISHED)
    book_folder.runs.mkdir()
    results = [
        {
            "label": point.label,
            "settings": point.settings,
            "seed": seed,
            "split": f"split{seed}",
            "metrics": {"rmse": 0.830 + seed / 2000},
            "seconds": 60.0,
            "peak_mb": 1000 + seed,
            "hardware": "abacus, 1 cores",
            "libraries": "torch 2",
            "commit": "abc",
        }
        for point in find("e").points
        for seed in range(5)
    ]
    book_folder.results = results
    book_folder.store = lambda kept: (book_folder.runs / "e.json").write_text(
        json.dumps({"experiment": "e", "results": kept}), encoding="utf-8"
    )
    book_folder.store(results)
    return book_folder


def test_the_table_holds_published_against_measured(recorded):
    table = evidence.table("e")
    assert table["verdict"].to_dict() == {
        "good": evidence.REPRODUCED,
        "bad": evidence.CONTRADICTED,
        "other": evidence.NOT_COMPARABLE,
        "ours alone": "",
    }
    assert table["because"].to_dict()["other"] == "another split"
    good = table.loc["good"]
    assert (good["published"], good["seeds"], good["metric"]) == (0.831, 5, "rmse")
    assert good["measured"] == pytest.approx(0.831)
    # Five random 90/10 splits: widened for what they share.
    alone = np.std([0.830, 0.8305, 0.831, 0.8315, 0.832], ddof=1) / math.sqrt(5)
    assert good["se"] == pytest.approx(alone * math.sqrt(1 + 5 * 0.1 / 0.9))
    assert pd.isna(table.loc["ours alone", "published"])
    assert table.loc["ours alone", "measured"] == pytest.approx(0.831)


def test_deleting_a_record_takes_its_verdict_away(recorded):
    recorded.store([r for r in recorded.results if r["label"] != "good"])
    table = evidence.table("e")
    assert table.loc["good", "verdict"] == evidence.NOT_TESTABLE
    assert table.loc["bad", "verdict"] == evidence.CONTRADICTED
    (recorded.runs / "e.json").unlink()
    assert evidence.table("e")["verdict"].tolist() == [
        evidence.NOT_TESTABLE,
        evidence.NOT_TESTABLE,
        evidence.NOT_COMPARABLE,
        "",
    ]


def test_a_changed_number_changes_its_verdict(recorded):
    for result in recorded.results:
        result["metrics"]["rmse"] += 0.02
    recorded.store(recorded.results)
    assert evidence.table("e").loc["good", "verdict"] == evidence.CONTRADICTED
    recorded.write(EXPERIMENTS, PUBLISHED.replace("0.831", "0.851"))
    assert evidence.table("e").loc["good", "verdict"] == evidence.REPRODUCED


def test_changed_settings_have_no_verdict_until_run_again(recorded):
    recorded.write(EXPERIMENTS.replace('"ItemMean"', '"UserMean"'), PUBLISHED)
    assert evidence.table("e").loc["good", "verdict"] == evidence.NOT_TESTABLE


def test_the_tolerance_of_the_experiment_is_used(recorded):
    recorded.write(EXPERIMENTS.replace("0.005", "0.0001"), PUBLISHED)
    assert evidence.table("e").loc["good", "verdict"] == evidence.OPEN


def test_an_answer_to_nothing_published_is_refused(recorded):
    recorded.write(EXPERIMENTS.replace('"paper-bad"', '"paper-x"'), PUBLISHED)
    with pytest.raises(ValueError, match=r"e: published\.csv has no key 'paper-x'"):
        evidence.table("e")


def test_a_published_metric_that_was_not_measured_is_explained(recorded):
    recorded.write(EXPERIMENTS, PUBLISHED.replace("paper-bad,rmse", "paper-bad,mae"))
    with pytest.raises(ValueError, match="mae"):
        evidence.table("e")


def test_provenance_names_hardware_versions_seconds_memory_and_splits(recorded):
    sentence = evidence.provenance("e")
    for part in (
        "`e`",
        "20 trainings over 5 seeds",
        "20 minutes",
        "1,004 MiB",
        "abacus",
        "torch 2",
        "abc",
        "split0, split1, split2, split3, split4",
    ):
        assert part in sentence
    (recorded.runs / "e.json").unlink()
    assert "python -m reclib run e" in evidence.provenance("e")


def test_every_seed_and_every_experiment_can_be_listed(recorded):
    seeds = evidence.per_seed("e")
    assert len(seeds) == 20
    assert {"label", "seed", "split", "rmse", "seconds"} <= set(seeds)
    assert "settings" not in seeds
    report = evidence.report()
    assert report.index.names == ["experiment", "label"]
    assert report.loc[("e", "good"), "verdict"] == evidence.REPRODUCED


def test_users_are_averaged_over_seeds(recorded):
    path = recorded.runs / "e.json"
    record = json.loads(path.read_text())
    values = [
        [0.1, None, 0.5],
        [0.3, None, 0.5],
        [0.2, None, 0.8],
        [0.2, None, 0.6],
        [0.2, None, 0.6],
    ]
    for result in record["results"]:
        if result["label"] == "good":
            result["per_user"] = {"ndcg@100": values[result["seed"]]}
    path.write_text(json.dumps(record))
    users = evidence.users("e")
    assert list(users) == ["good"]  # nobody asked for the users of the other points
    np.testing.assert_allclose(users["good"], [0.2, np.nan, 0.6])
    assert evidence.users("e", "recall@20").empty
    path.unlink()
    assert evidence.users("e").empty


def test_a_chapter_says_what_it_costs_once_that_was_measured(book_folder):
    book_folder.write(
        '[e]\nchapter = "01-ratings"\ndataset = "ml-1m"\n'
        'protocol.name = "hold_out"\nmodel.name = "GlobalMean"\n'
    )
    assert "make timings" in evidence.at_a_glance("01-ratings")
    (book_folder.path / "chapters.json").write_text(
        '{"hardware": "abacus", "01-ratings": {"seconds": 12.4, "peak_mb": 1234.5}}'
    )
    assert evidence.at_a_glance("01-ratings") == (
        "Runs in 12 s with 1,234 MiB of memory on abacus."
    )


# -- the register of claims ---------------------------------------------------------------


def claim(name: str, **changes) -> dict:
    """A row of the register; a sum that is true, unless something else is said."""
    row = dict.fromkeys(CLAIMS, "") | {"report": "r", "value": 4, "relation": "=", "test": "2 + 2"}
    return row | {"id": name, "tolerance": 0.5} | changes


@pytest.fixture
def judged(recorded):
    """A function that judges claims, given as rows: their verdicts by id."""

    def judge(*rows: dict, **changes) -> pd.Series:
        pd.DataFrame(rows).to_csv(recorded.path / "claims.csv", index=False)
        recorded.claims = evidence.claims(**changes)
        return recorded.claims["verdict"]

    recorded.judge = judge
    return recorded


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, evidence.REPRODUCED),
        ({"test": "ceil(4.4)"}, evidence.CONTRADICTED),
        ({"test": "ceil(4.4)", "tolerance": 1}, evidence.REPRODUCED),
        ({"relation": ">", "value": 3}, evidence.REPRODUCED),
        ({"relation": ">", "value": 3.5}, evidence.CONTRADICTED),  # not by more than .5
        ({"relation": "<", "value": 5}, evidence.REPRODUCED),
        ({"relation": "<", "value": 4}, evidence.CONTRADICTED),
        # Five splits gave .830 to .832: an interval of .831 +- .0012.
        ({"test": "run('e', 'good')", "value": 0.83, "tolerance": 0.004}, evidence.REPRODUCED),
        ({"test": "run('e', 'good')", "value": 0.83, "tolerance": 0.002}, evidence.OPEN),
        ({"test": "run('e', 'good')", "value": 0.85, "tolerance": 0.004}, evidence.CONTRADICTED),
        (
            {"test": "run('e', 'good') - published('paper-bad')", "value": 0.131},
            evidence.REPRODUCED,
        ),
        ({"not_comparable": "another split"}, evidence.NOT_COMPARABLE),
        ({"test": "", "needs": "the code"}, evidence.NOT_TESTABLE),
    ],
)
def test_a_claim_is_judged(judged, changes, verdict):
    assert judged.judge(claim("X-1", **changes)).tolist() == [verdict]


def test_the_register_shows_what_it_rests_on(judged):
    judged.judge(claim("X-1", test="run('e', 'good')", value=0.83), claim("X-2"))
    measured = judged.claims.loc["X-1"]
    assert measured["measured"] == pytest.approx(0.831)
    assert measured["low"] < 0.83 < measured["high"]
    assert judged.claims["n"].tolist() == [5, 1]
    assert judged.claims["kind"].tolist() == ["splits", "exact"]
    assert judged.claims.loc["X-2", ["se", "low", "high"]].tolist() == [0, 4, 4]


def test_another_tolerance_changes_the_verdict(judged):
    rows = claim("X-1", test="run('e', 'good')", value=0.83, tolerance=0.004), claim("X-2")
    assert set(judged.judge(*rows)) == {evidence.REPRODUCED}
    changed = judged.judge(*rows, X_1=0.0005)
    assert changed.tolist() == [evidence.OPEN, evidence.REPRODUCED]


def test_another_record_changes_the_verdict(judged):
    rows = claim("X-1", test="run('e', 'good')", value=0.83, tolerance=0.004)
    for result in judged.results:
        result["metrics"]["rmse"] += 0.1
    judged.store(judged.results)
    assert judged.judge(rows).tolist() == [evidence.CONTRADICTED]


def test_without_the_record_a_claim_is_not_testable_and_says_so(judged):
    rows = claim("X-1", test="run('e', 'good')", value=0.83), claim("X-2")
    rows += (claim("X-3", test="run('e', 'good')", needs="the whole prize"),)
    judged.judge(*rows)
    assert judged.claims["because"].tolist() == ["", "", ""]
    judged.store([r for r in judged.results if r["label"] != "good" or r["seed"] > 0])
    verdicts = judged.judge(*rows)
    assert verdicts.tolist() == [
        evidence.NOT_TESTABLE,
        evidence.REPRODUCED,
        evidence.NOT_TESTABLE,
    ]
    assert "4 of 5 seeds of good, `e`" in judged.claims.loc["X-1", "because"]
    assert judged.claims.loc["X-3", "because"] == "the whole prize"


def test_runs_of_another_folder_can_be_judged(judged, tmp_path):
    rows = claim("X-1", test="run('e', 'good')", value=0.83)
    assert judged.judge(rows, folder=tmp_path / "empty").tolist() == [evidence.NOT_TESTABLE]


def test_size_and_seconds_of_a_run_can_be_read(judged):
    row = claim("X-1", test="mean(run('e', 'good', 'seconds')) + run('e', 'bad', 'peak_mb')")
    judged.judge(row)
    assert judged.claims.loc["X-1", "measured"] == pytest.approx(60 + 1002)


def test_groups_of_users_can_be_read(judged):
    for result in judged.results:
        low = 0.9 + result["seed"] / 100
        result["groups"] = [{"users": 2, "seen": 3.0, "rmse": value} for value in (low, 0.8)]
    judged.store(judged.results)
    found = evidence.groups("e").loc["good"]
    assert found.to_dict() == pytest.approx({"group 1": 0.92, "group 2": 0.8})
    row = claim("X-1", test="run('e', 'good', 'group 1') - run('e', 'good', 'group 2')")
    judged.judge(row)
    assert judged.claims.loc["X-1", "measured"] == pytest.approx(0.12)


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ("run('x', 'good')", "experiment that does not exist: x"),
        ("run('e', 'x')", "point that does not exist: e, x"),
        ("mean(run('e', 'good'))", "must give a value for each seed"),
        ("sqrt(-1.0)", "claim X-1: a verdict needs numbers"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_claim_that_names_nothing_is_refused(judged, test, message):
    with pytest.raises(ValueError, match=message):
        judged.judge(claim("X-1", test=test))


def test_embedded_data_are_counted_and_others_have_published_counts(judged):
    judged.write(EXPERIMENTS, PUBLISHED + "big-users,count,943,yes\n")
    row = claim("X-1", test="stat('ml-latest-small').users + stat('big').users", value=610 + 943)
    assert judged.judge(row).tolist() == [evidence.REPRODUCED]


def test_the_registers_own_rows_are_whole():
    """Every claim of the book has all it takes, and each kind of verdict is reached."""
    register = evidence.claims()
    assert register.index.is_unique and len(register) >= 70
    assert (register["tolerance"] >= 0).all()
    assert (register.query("relation == '='")["tolerance"] > 0).all()
    assert (register[["report", "place", "claim", "chapter", "evidence"]] != "").all(axis=None)
    untested = register.query("test == ''")
    assert (untested[["needs", "not_comparable"]] != "").any(axis=1).all()
    # The five reports, and what James Le measured, whose table one of them prints.
    assert register["report"].nunique() == 6
    readings = register.index.str.endswith("r")
    assert (register["quote"] != "")[~readings].all()
    book = Path(__file__).parents[1] / "book"
    for chapter in register["chapter"].unique():
        assert (book / f"{chapter}.py").exists(), chapter
    assert not {"verdict", "measured"} & set(
        pd.read_csv(datasets.data_folder() / "claims.csv").columns
    )


def test_runs_that_were_repeated_are_held_against_the_spread(recorded, tmp_path):
    again = [dict(result, metrics=dict(result["metrics"])) for result in recorded.results[:3]]
    again[0]["metrics"]["rmse"] += 0.0004  # .8304: within
    again[2]["metrics"]["rmse"] += 0.0016  # .8326: beyond .832 and what rounding may add
    folder = tmp_path / "again"
    folder.mkdir()
    (folder / "e.json").write_text(json.dumps({"experiment": "e", "results": again}))
    table = evidence.repeated("e", folder)
    assert table["within"].tolist() == [True, True, False]
    assert table["low"].iloc[0] == pytest.approx(0.830)
    assert evidence.repeated("e", tmp_path).empty


def test_a_chapter_opens_with_what_it_reproduces(judged):
    judged.judge(claim("X-1", chapter="part/05-x"), claim("X-2", chapter="part/06-y"))
    columns = "key,metric,value,read,method,dataset\n"
    rows = "paper-good,rmse,0.831,yes,The good model,d\npaper-bad,rmse,0.7,no,bad,d\n"
    register = (judged.path / "claims.csv").read_text()
    judged.write(EXPERIMENTS.replace("[e]", '[e]\nchapter = "05-x"'), columns + rows)
    (judged.path / "claims.csv").write_text(register)
    box = evidence.at_a_glance("05-x")
    assert (
        "| The good model | reproduced | 0.8310 | 0.8310 ± 0.0004 | 5 | rmse, d (ours: ml-1m) |"
        in box
    )
    assert "| bad | contradicted | 0.7000 | 0.8310 ± 0.0004 | 5 | rmse, d (ours: ml-1m) |" in box
    assert "ours alone" not in box  # answers nothing
    assert "this chapter holds 1: 1 reproduced" in box
    other = evidence.at_a_glance("06-y")
    assert "Reproduction" not in other and "1 reproduced" in other
    (judged.path / "chapters.json").write_text(
        '{"07-z": {"seconds": 1, "peak_mb": 1}, "hardware": "h"}'
    )
    assert "|" not in evidence.at_a_glance("07-z")
    with pytest.raises(ValueError, match="no chapter '08'; there are: 05-x, 06-y, 07-z"):
        evidence.at_a_glance("08")


# -- the book's own numbers --------------------------------------------------------------


def test_every_published_number_has_a_source_and_says_whether_it_was_read():
    published = evidence.published()
    assert published.index.is_unique
    assert published["value"].notna().all()
    assert published["read"].isin(["yes", "no"]).all()
    assert published["source"].notna().all()


def test_the_books_report_can_be_computed():
    report = evidence.report()
    assert set(report["verdict"]) <= {*evidence.WORDS, ""}
    judged = report[report["verdict"].isin(evidence.WORDS[:3])]
    # Of models that are solved, measured on fixed users, one run has its error over users.
    solved = {(n, p.label) for n, e in load_experiments().items() for p in e.points if p.seeds == 1}
    assert all(
        seeds >= evidence.FEWEST or where in solved for where, seeds in judged["seeds"].items()
    )
    assert report.loc[report["published"].notna(), "verdict"].ne("").all()


# -- figures ----------------------------------------------------------------------------


def test_figures_show_the_numbers_of_the_table(recorded):
    plots.plt.switch_backend("agg")
    table = evidence.table("e").loc[["good", "bad"]]
    ax = plots.published_and_measured(table)
    shown = ax.collections[-1].get_offsets()[:, 0]
    assert shown.tolist() == [0.831, 0.7]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["good", "bad"]
    line = plots.curve(table, np.array([1, 2])).lines[0]
    assert line.get_ydata() == pytest.approx([0.831, 0.831])
    tail = plots.long_tail(np.array([1, 9, 4])).lines[0]
    assert tail.get_ydata().tolist() == [9, 4, 1]
    plots.plt.close("all")


def test_the_options_that_a_search_chose_stand_beside_their_ranges():
    found = evidence.options("topn-ml1m", "EASE")
    point = next(p for p in find("topn-ml1m").points if p.label == "EASE")
    assert found.loc["model.l2", "chosen"] == str(point.settings["model"]["l2"])
    assert set(found["place"]) <= {"inside", "one of the choices"}  # no search ends at an edge
