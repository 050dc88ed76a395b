"""Turn every assignment's master into what students, grader and instructor get.

    book/coursework/NN-slug.py ->  _build/coursework/student/NN-slug/     the notebook to fill in
                                   _build/coursework/colab/               the same for Colab
                                   _build/coursework/grader/NN-slug/      its checks, hidden ones too
                                   _build/coursework/instructor/NN-slug/  the notebook with solutions

``otter assign`` does the work; a master is written in its format (raw cells begin and end
questions, solutions and tests). Only the heading of a question is ours: ``## Question 2 · ◆◆ ·
implement · 5 points``, from which the list of questions beside the checks is made.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path

import jupytext
import nbformat
import yaml

import colab
from launch import Repository, read_setting

ROOT = Path(__file__).resolve().parents[2]
MASTERS = ROOT / "book" / "coursework"
TARGET = ROOT / "_build" / "coursework"
HEADING = re.compile(
    r"^## Question \d+ · (?P<level>◆{1,3}) · (?P<kind>[a-z ,]+) · (?P<points>\d+) points",
    re.M,
)


def find_masters(folder: Path = MASTERS) -> dict[str, Path]:
    return {path.stem: path for path in sorted(folder.glob("[0-9][0-9]-*.py"))}


def questions(master: Path) -> list[dict]:
    """Name, points, level and kind of every question, and whether it is graded by hand."""
    found, config = [], None
    for cell in jupytext.read(master).cells:
        if cell.cell_type == "raw" and cell.source.startswith(
            "# BEGIN QUESTION"
        ):
            config = yaml.safe_load(cell.source)
        elif config and cell.cell_type == "markdown":
            heading = HEADING.search(cell.source)
            if not heading:
                raise ValueError(
                    f"{master.name}: question {config['name']} has no proper heading"
                )
            found.append({"manual": False} | config | heading.groupdict())
            config = None
    for question in found:
        question["points"] = int(question["points"])
    return found


def make(
    master: Path, target: Path = TARGET, repository: Repository | None = None
) -> None:
    """Write the four versions of one assignment."""
    from otter.assign import (
        main as assign,  # the book's own environment has none
    )

    slug, repository = master.stem, repository or read_setting(ROOT)
    with tempfile.TemporaryDirectory() as folder:
        notebook = jupytext.read(master)
        notebook.metadata.pop("jupytext", None)
        path, made = Path(folder, f"{slug}.ipynb"), Path(folder, "made")
        jupytext.write(notebook, path)
        assign(str(path), str(made), no_run_tests=True, no_pdfs=True)
        (bundle,) = made.glob("autograder/*.zip")
        files = {
            f"student/{slug}/{slug}.ipynb": made / "student" / path.name,
            f"grader/{slug}/autograder.zip": bundle,
            f"instructor/{slug}/{slug}.ipynb": made / "autograder" / path.name,
        }
        for name, file in files.items():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target / name)
        student = nbformat.read(made / "student" / path.name, as_version=4)
        (target / "colab").mkdir(exist_ok=True)
        nbformat.write(
            for_colab(student, slug, repository),
            target / "colab" / f"{slug}.ipynb",
        )
    listed = json.dumps(questions(master), indent=1, ensure_ascii=False)
    (target / "grader" / slug / "questions.json").write_text(
        listed + "\n", encoding="utf-8"
    )


CHECKS = """

CHECKS = {checks}

from pathlib import Path

Path("tests").mkdir(exist_ok=True)
for name, text in CHECKS.items():
    Path("tests", f"{{name}}.py").write_text(text, encoding="utf-8")"""


def for_colab(
    notebook: nbformat.NotebookNode, slug: str, repository: Repository
) -> nbformat.NotebookNode:
    """The student's notebook with a cell that sets up.

    On Colab no program can read the notebook that it belongs to. So otter finds the visible checks
    not in its metadata, but in files that the set-up writes; and cannot make a zip of it.
    """
    page = f"book/coursework/{slug}"
    about = (
        f"*An assignment of {colab.the_book(repository, 'book/students')}. Save a copy in your "
        "Drive, and begin with the next cell: it installs what is missing and writes the checks. "
        "When you are done: File, Download, Download .ipynb.*"
    )
    wanted = requirement("otter-grader")
    about, set_up = colab.opening(about, page, repository, [wanted])
    checks = json.dumps(
        notebook.metadata.otter.tests, indent=1, ensure_ascii=False
    )
    set_up.source += CHECKS.format(checks=checks)
    start = next(c for c in notebook.cells if "otter.Notebook(" in c.source)
    start.source = (
        "# Initialize Otter\nimport otter\n\n"
        f'grader = otter.Notebook(tests_dir="tests")  # {slug}.ipynb'
    )
    at = next(
        n for n, c in enumerate(notebook.cells) if "## Submission" in c.source
    )
    cells = [about, set_up, *notebook.cells[:at]]
    made = nbformat.v4.new_notebook(cells=cells, metadata=notebook.metadata)
    made.metadata.colab = {"name": f"{slug}.ipynb", "provenance": []}
    return made


def requirement(name: str) -> str:
    """The line of requirements.txt that pins a package."""
    lines = (MASTERS / "requirements.txt").read_text(encoding="utf-8")
    return re.search(rf"^{name}==\S+", lines, re.M)[0]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--into", type=Path, default=TARGET, help="where to write"
    )
    options = parser.parse_args(arguments)
    for slug, master in find_masters().items():
        make(master, options.into)
        total = sum(question["points"] for question in questions(master))
        print(
            f"{slug}: {len(questions(master))} questions, {total} points",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
