"""The pages for instructors and students say what the masters and the grader do, and no more."""

from __future__ import annotations

import json
import re

import nbformat
import pytest
import solutions

import colab
import coursework
import execute
import grade
from launch import Repository

ROOT, MASTERS = execute.ROOT, coursework.find_masters()
GRADER = (ROOT / "book" / "_tools" / "grade.py").read_text(encoding="utf-8")
PAGES = {name: ROOT / "book" / f"{name}.md" for name in ("instructors", "students")}
TEXT = {name: path.read_text(encoding="utf-8") for name, path in PAGES.items()}


def section(heading: str, page: str = "instructors") -> str:
    """The text under a heading, up to the next one of its level or above."""
    (body,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", TEXT[page], re.M | re.S)
    return body


def table(text: str, first: str) -> list[list[str]]:
    """The rows of the table whose header begins with ``first``."""
    lines = text[text.index(f"| {first} |") :].partition("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


ROWS = {
    name.strip("`"): [int(number) for number in numbers]
    for name, *numbers in table(section("The assignments"), "assignment")
}
MINUTES = {slug[:2]: row[-1] for slug, row in ROWS.items()}


# -- assignments ---------------------------------------------------------------------


def test_every_master_has_its_row():
    assert list(ROWS) == list(MASTERS) and len(MASTERS) >= 10


@pytest.mark.parametrize("slug", MASTERS)
def test_the_table_agrees_with_the_master(slug):
    found = coursework.questions(MASTERS[slug])
    by_hand = [each["points"] for each in found if each["manual"]]
    levels = [sum(len(each["level"]) == level for each in found) for level in (1, 2, 3)]
    points = sum(each["points"] for each in found)
    assert ROWS[slug][:-1] == [len(found), points, len(by_hand), sum(by_hand), *levels]


def test_the_totals_agree_with_the_table():
    number, points, by_hand = (sum(row[i] for row in ROWS.values()) for i in range(3))
    text = " ".join(section("What you get").split())
    assert f"{number} graded questions, {points} points" in text
    assert f"{number - by_hand} of the questions, a person {by_hand}" in text


@pytest.mark.parametrize("length", ["Twelve weeks", "Six weeks"])
def test_the_hours_of_a_syllabus_add_up(length):
    """Three hours a chapter and the assignment's minutes, to half an hour; in sum unrounded."""
    text, exact = section(length), 0.0
    for week, chapters, assignment, hours in table(text, "week"):
        spent = 3 * chapters.count("{doc}") + MINUTES[assignment] / 60
        assert float(hours) == round(2 * spent) / 2, f"week {week}"
        exact += spent
    said = float(re.search(r"In sum (\S+) hours", text)[1])
    assert abs(said - exact) <= 0.5


def test_the_long_syllabus_has_everything_once():
    rows = table(section("Twelve weeks"), "week")
    chapters = re.findall(r"</(book/\S+)>`", " ".join(row[1] for row in rows))
    every = [c.source.relative_to(ROOT).with_suffix("") for c in execute.find_chapters().values()]
    assert sorted(chapters) == sorted(path.as_posix() for path in every)
    assert [row[2] for row in rows] == [slug[:2] for slug in MASTERS]


def test_every_assignment_serves_an_objective():
    named = " ".join(
        row[2] for row in table(section("Objectives"), "after the course a student can")
    )
    assert set(re.findall(r"\d\d", named)) == set(MINUTES)


def test_the_project_rubric_has_the_points_of_its_questions():
    rows = table(TEXT["instructors"], "part")
    said = {int(re.search(r"question (\d)", row[0])[1]): int(row[1]) for row in rows}
    project = coursework.questions(MASTERS["12-final-project"])
    found = {n: each["points"] for n, each in enumerate(project, 1) if each["manual"]}
    assert said == found


# -- commands and the grader ---------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_make_is_there(page):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.M))
    used = set(re.findall(r"(?:`|^)make ([a-z-]+)", TEXT[page], re.M))
    assert used <= targets
    assert page == "students" or {"coursework", "grade", "test-coursework", "clean"} <= used


@pytest.mark.parametrize("page", PAGES)
def test_paths_and_pages_exist(page):
    for path in re.findall(r"</?(book/[\w/-]+)>`|\{doc\}`/(book/[\w/-]+)`", TEXT[page]):
        path = "".join(path)
        assert any((ROOT / f"{path}{kind}").is_file() for kind in (".md", ".py")), path
    for path in re.findall(r"\b(?:book/_tools|reclib|data)/\w+\.\w+", TEXT[page]):
        assert (ROOT / path).is_file(), path


def test_the_columns_are_those_of_the_grader():
    said = [row[0].strip("`") for row in table(TEXT["instructors"], "column")]
    assert said == grade.COLUMNS


def test_the_limits_are_those_of_the_grader():
    code, text = GRADER, section("Grade a folder")
    for option, unit in (("seconds", "seconds"), ("megabytes", "MB")):
        (default,) = re.findall(rf'"--{option}", type=\w+, default=(\d+)', " ".join(code.split()))
        assert f"{default} {unit}" in text and f"--{option} " in text


def test_notes_are_quoted_as_the_grader_writes_them():
    rows = table(TEXT["instructors"], "submission")
    quoted = [part for row in rows for part in re.split(r"…|; |MemoryError|300 s|\(in the", row[1])]
    own = {"question's line)", "none needed: they are not used"}
    missing = {part.strip() for part in quoted if part.strip() not in GRADER} - own
    assert len(quoted) > 12 and not missing


def test_the_version_of_otter_is_the_one_that_grades():
    wanted = (coursework.MASTERS / "requirements.txt").read_text(encoding="utf-8")
    (version,) = re.findall(r"^otter-grader==\S+", wanted, re.M)
    assert set(re.findall(r"otter-grader==\S+", TEXT["students"])) == {version}


# -- nothing of the solutions --------------------------------------------------------


@pytest.mark.parametrize("slug", MASTERS)
def test_the_search_for_solutions_finds_them(slug):
    """In the master itself, and in a notebook that shows a line of one among other things."""
    master = MASTERS[slug].read_text(encoding="utf-8").replace("\n# ", "\n")
    assert len(solutions.leaks(slug, master)) > 50
    line = sorted(solutions.secret_lines(slug))[0]
    assert solutions.leaks(slug, f"Some text.\n\n    {line}\n") == [line]


@pytest.mark.parametrize("slug", MASTERS)
def test_no_solution_stands_in_a_chapter_or_its_colab_edition(slug, editions):
    for page, text in editions.items():
        assert not solutions.leaks(slug, text), page


@pytest.fixture(scope="module")
def editions() -> dict[str, str]:
    """What stands in each notebook of the Colab edition, and in the notebook that it is made of."""
    found = {}
    for chapter in execute.find_chapters().values():
        made = nbformat.writes(colab.convert(chapter, Repository()))
        found[f"Colab edition of {chapter.slug}"] = "\n".join(solutions.strings(json.loads(made)))
        found[chapter.slug] = solutions.text_of(chapter.notebook)
    return found
