"""Every assignment: what is right gets its points, what is wrong does not, nothing leaks.

Notebooks are assembled from the student's version and ``book/coursework/wrong`` and graded by
``book/_tools/grade.py``, the instructor's own command. The n-th wrong solutions of all questions
share one notebook; no question needs the answer to another.
"""

from __future__ import annotations

import ast
import re
from itertools import zip_longest
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("otter", reason="needs book/coursework/requirements.txt: make test-coursework")

import solutions

import colab
import coursework
import grade

MASTERS = coursework.find_masters()


def alone(slug: str, *more: str):
    """Parameters of a test; those of one assignment go to one process, which grades it once."""
    return pytest.param(slug, *more, marks=pytest.mark.xdist_group(slug))


EACH = [alone(slug) for slug in MASTERS]
CODED = [
    alone(slug, each["name"])
    for slug, master in MASTERS.items()
    for each in coursework.questions(master)
    if not each["manual"]
]


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Path:
    """Everything that `make coursework` makes."""
    target = tmp_path_factory.mktemp("coursework")
    for master in MASTERS.values():
        coursework.make(master, target)
    return target


def student_version(made: Path, slug: str, edition: str = "student") -> nbformat.NotebookNode:
    folder = made / "student" / slug if edition == "student" else made / edition
    return nbformat.read(folder / f"{slug}.ipynb", as_version=4)


def variants(slug: str) -> dict[str, dict[str, str]]:
    """For each question the code of its variants, by what the heading says of them."""
    text = (coursework.MASTERS / "wrong" / f"{slug}.py").read_text(encoding="utf-8")
    preamble, *cells = re.split(r"^# %% ", text, flags=re.M)
    imports = preamble.split('"""', 2)[2]  # after the docstring of the file
    found = {}
    for cell in cells:
        heading, _, body = cell.partition("\n")
        question, _, what = heading.partition(": ")
        found.setdefault(question, {})[what] = imports + body
    return found


def wrong(slug: str, question: str) -> dict[str, str]:
    return {what: code for what, code in variants(slug)[question].items() if what != "RIGHT"}


def defines(source: str) -> set[str]:
    """Names of functions and variables that code defines at its top level."""
    names = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            inside = [each for target in node.targets for each in ast.walk(target)]
            stored = [each for each in inside if isinstance(getattr(each, "ctx", None), ast.Store)]
            names |= {each.id for each in stored if isinstance(each, ast.Name)}
    return names


def assemble(
    made: Path, slug: str, answers: list[str], target: Path, edition: str = "student"
) -> Path:
    """The student's notebook with these answers in the cells that define the same names."""
    notebook = student_version(made, slug, edition)
    cells = [c for c in notebook.cells if "otter_answer_cell" in c.metadata.get("tags", [])]
    cells = [cell for cell in cells if cell.cell_type == "code"]
    for answer in answers:
        (cell,) = [cell for cell in cells if defines(cell.source) <= defines(answer)]
        cell.source = answer
    nbformat.write(notebook, target)
    return target


@pytest.fixture(scope="session")
def graded(made, tmp_path_factory):
    """Grade a notebook of these answers; each kind once in a session."""
    known = {}

    def run(slug: str, key: str, answers: list[str]) -> grade.Report:
        if (slug, key) not in known:
            path = tmp_path_factory.mktemp("submission") / "submission.ipynb"
            assemble(made, slug, answers, path)
            # Of the clock, which a busy machine stretches; an endless loop has a test of its own.
            known[slug, key] = grade.grade(path, made / "grader", seconds=600)
        return known[slug, key]

    return run


def worth(made: Path, slug: str) -> dict[str, int]:
    return grade.worth(made / "grader" / slug / "autograder.zip")


# -- points --------------------------------------------------------------------------


@pytest.mark.parametrize("slug", EACH)
def test_the_solution_gets_full_marks(made, slug):
    report = grade.grade(made / "instructor" / slug / f"{slug}.ipynb", made / "grader")
    assert (report.error, report.points) == ("", worth(made, slug)), report.notes


@pytest.mark.parametrize("slug", EACH)
def test_the_untouched_version_gets_nothing(graded, made, slug):
    report = graded(slug, "untouched", [])
    assert (report.error, report.points) == ("", dict.fromkeys(worth(made, slug), 0))


@pytest.mark.parametrize(("slug", "question"), CODED)
def test_a_right_solution_in_another_style_gets_full_marks(graded, made, slug, question):
    report = graded(slug, "right", [each["RIGHT"] for each in variants(slug).values()])
    assert not report.error
    assert report.points[question] == worth(made, slug)[question], report.notes


@pytest.mark.parametrize(("slug", "question"), CODED)
def test_wrong_solutions_lose_points(graded, made, slug, question):
    assert len(wrong(slug, question)) >= 5
    rounds = list(zip_longest(*(wrong(slug, name).values() for name in variants(slug))))
    passed = []
    for number, what in enumerate(wrong(slug, question)):
        answers = [answer for answer in rounds[number] if answer]
        report = graded(slug, f"wrong {number}", answers)
        assert not report.error
        if report.points[question] == worth(made, slug)[question]:
            passed.append(what)
    assert not passed


@pytest.mark.parametrize("slug", EACH)
def test_points_of_checks_and_headings_agree(made, slug, graded):
    possible = worth(made, slug)
    assert variants(slug).keys() == possible.keys()
    for name, trees in grade.checks(made / "grader" / slug / "autograder.zip").items():
        tests = [node for node in trees.body if isinstance(node, ast.FunctionDef)]
        options = [
            {k.arg: ast.literal_eval(k.value) for k in test.decorator_list[0].keywords}
            for test in tests
        ]
        assert sum(each["points"] for each in options) == possible[name]
        assert any(each["hidden"] for each in options), "hidden checks decide the points"
        assert not all(each["hidden"] for each in options), "visible checks give hints"


# -- what students see ---------------------------------------------------------------


@pytest.mark.parametrize("slug", EACH)
def test_no_solution_reaches_the_student(made, slug):
    """Neither in a cell nor in the metadata, where the visible checks are."""
    instructors = made / "instructor" / slug / f"{slug}.ipynb"
    assert len(solutions.leaks(slug, solutions.text_of(instructors))) > 50
    for path in (made / "student" / slug / f"{slug}.ipynb", made / "colab" / f"{slug}.ipynb"):
        for each in MASTERS:
            assert not solutions.leaks(each, solutions.text_of(path))
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"hidden=True|[Rr]ubric|SOLUTION|PROMPT", text)


@pytest.mark.parametrize("slug", EACH)
def test_the_colab_version_is_the_student_version(made, slug):
    """With a set-up that writes the same checks to files, and without the cells that make a zip."""
    plain, ours = (student_version(made, slug, edition).cells for edition in ("student", "colab"))
    answers = [[c.source for c in cells if c.metadata.get("tags")] for cells in (plain, ours)]
    assert answers[0] == answers[1] and len(answers[0]) >= len(coursework.questions(MASTERS[slug]))
    checks = nbformat.read(made / "student" / slug / f"{slug}.ipynb", 4).metadata.otter.tests
    (written,) = re.findall(r"^CHECKS = (\{.*?^\})$", ours[1].source, re.M | re.S)
    assert ast.literal_eval(written) == checks
    text = "".join(cell.source for cell in ours)
    assert "grader.check_all()" in text and "grader.export" not in text
    assert not any(colab.find_leftovers(c.source) for c in ours if c.cell_type == "markdown")


def test_a_submission_from_colab_is_graded(made, tmp_path):
    """What Colab's own menu downloads, and without a word on the grader's internals."""
    slug = "04-masked-loss-and-autorec"
    answers = [each["RIGHT"] for each in variants(slug).values()]
    path = assemble(made, slug, answers, tmp_path / "downloaded.ipynb", edition="colab")
    report = grade.grade(path, made / "grader", seconds=600)
    assert (report.error, report.points) == ("", worth(made, slug))
    assert "READ THIS ONE" not in note(report)


@pytest.mark.parametrize("slug", EACH)
def test_the_student_version_has_no_outputs(made, slug):
    cells = [cell for cell in student_version(made, slug).cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in cells)


# -- submissions that misbehave ------------------------------------------------------

SLUG = next(iter(MASTERS))
FAULTS = {
    "endless loop": ("while True: pass", "endless loop"),
    "exit": ("import sys; sys.exit()", "SystemExit"),
    "hard exit": ("import os; os._exit(0)", "without results"),
    "crash": ("import os; os.abort()", "ended before"),
    "memory": ("hog = []\nwhile True: hog.append(bytearray(10**7))", "MemoryError"),
    "a pipe for results": (
        "import os; os.mkfifo('report.json'); os._exit(0)",
        "without results",
    ),
    "syntax": ("def (", "SyntaxError"),
    "error": ("1 / 0", "ZeroDivisionError"),
}


def submit(path: Path, notebook: nbformat.NotebookNode, graders: Path, **limits) -> grade.Report:
    nbformat.write(notebook, path)
    return grade.grade(path, graders, **limits)


def note(report: grade.Report) -> str:
    return f"{report.error} {report.notes.get('all', '')}"


def solved(made: Path, cell: str = "") -> nbformat.NotebookNode:
    """The solution, with one more cell at its start."""
    notebook = nbformat.read(made / "instructor" / SLUG / f"{SLUG}.ipynb", as_version=4)
    if cell:
        notebook.cells.insert(0, nbformat.v4.new_code_cell(cell))
    return notebook


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_gets_a_clear_line(made, tmp_path, fault):
    cell, line = FAULTS[fault]
    # Short where the end is awaited; a busy machine may take long over the others.
    limits = {"seconds": 8 if fault == "endless loop" else 200, "megabytes": 1000}
    report = submit(tmp_path / "a.ipynb", solved(made, cell), made / "grader", **limits)
    assert line in note(report)
    full = sum(worth(made, SLUG).values())
    if fault in ("exit", "syntax", "error"):  # the other cells are graded
        assert sum(report.points.values()) == full
    elif fault == "memory":  # as far as memory is left
        assert sum(report.points.values()) < full
    else:
        assert not report.points


@pytest.mark.parametrize("slug", EACH)
def test_the_numbers_come_from_the_name(made, tmp_path, slug):
    """With any name the solution is right; the answers for one name are wrong for others."""
    notebook = nbformat.read(made / "instructor" / slug / f"{slug}.ipynb", as_version=4)
    (cell,) = [cell for cell in notebook.cells if cell.source.startswith("student = ")]
    notebook.cells.append(nbformat.v4.new_code_cell(""))
    totals = set()
    for number in range(2):
        cell.source = f'student = "Student {number}"'
        notebook.cells[-1].source = ""
        report = submit(tmp_path / "a.ipynb", notebook, made / "grader")
        assert report.name == f"Student {number}" and report.points == worth(made, slug)
        notebook.cells[-1].source = 'student = "Another"'
        report = submit(tmp_path / "a.ipynb", notebook, made / "grader")
        totals.add(sum(report.points.values()))
    assert min(totals) < sum(worth(made, slug).values())


def test_tampered_checks_are_not_used(made, tmp_path):
    notebook = student_version(made, SLUG)
    for name in notebook.metadata.otter.tests:
        notebook.metadata.otter.tests[name] = f'OK_FORMAT = False\nname = "{name}"\npoints = 9\n'
    fake = "class Grader:\n    def check(self, *_):\n        return 'passed'\n\ngrader = Grader()"
    notebook.cells.insert(1, nbformat.v4.new_code_cell(fake))
    report = submit(tmp_path / "a.ipynb", notebook, made / "grader")
    assert not report.error and sum(report.points.values()) == 0


def test_a_cell_that_speaks_of_the_grader_is_named(made, tmp_path):
    forged = (
        "from otter.test_files import ExceptionTestFile\n"
        "ExceptionTestFile.score = property(lambda self: 1000)"
    )
    notebook = student_version(made, SLUG)
    notebook.cells.insert(1, nbformat.v4.new_code_cell(forged))
    report = submit(tmp_path / "a.ipynb", notebook, made / "grader")
    assert "READ THIS ONE" in note(report)
    assert all(report.points[name] <= most for name, most in worth(made, SLUG).items())


def test_missing_cells_are_named(made, tmp_path):
    notebook = solved(made)
    notebook.cells = [cell for cell in notebook.cells if "def to_csr" not in cell.source]
    report = submit(tmp_path / "a.ipynb", notebook, made / "grader")
    assert "no cell defines to_csr" in report.notes["q2"]
    assert report.points == worth(made, SLUG) | {"q2": 0}


def test_lost_metadata_cost_nothing(made, tmp_path):
    notebook = solved(made)
    notebook.metadata = nbformat.from_dict({})
    report = submit(tmp_path / "a.ipynb", notebook, made / "grader")
    assert (report.error, report.points) == ("", worth(made, SLUG))


def test_another_kernel_is_named(made, tmp_path):
    notebook = solved(made)
    notebook.metadata.kernelspec = {"name": "ir", "display_name": "R", "language": "R"}
    assert "for R" in submit(tmp_path / "a.ipynb", notebook, made / "grader").error


def test_one_command_grades_a_folder(made, tmp_path, capsys):
    folder = tmp_path / "class"
    folder.mkdir()
    nbformat.write(solved(made), folder / "ada.ipynb")
    (folder / "broken.ipynb").write_text("{")
    (folder / "no.zip").write_text("no zip")
    nbformat.write(solved(made, "import os; os._exit(0)"), folder / "gone.ipynb")
    target = tmp_path / "grades.csv"
    options = ["--graders", str(made / "grader"), "--csv", str(target)]
    assert grade.main([str(folder), *options]) == 0
    with target.open(encoding="utf-8") as lines:
        total = {r["student"]: r for r in grade.csv.DictReader(lines) if r["question"] == "all"}
    assert list(total) == ["ada", "broken", "gone", "no"]
    assert float(total["ada"]["points"]) == sum(worth(made, SLUG).values())
    assert "without results" in total["gone"]["note"]
    assert "notebook" in total["broken"]["note"] and "zip" in total["no"]["note"]
