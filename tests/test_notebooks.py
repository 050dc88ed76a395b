"""The stored notebooks are executed, complete and clean, and book/_tools knows which are stale."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest

import execute

ROOT = execute.ROOT
CHAPTERS = execute.find_chapters()
MACHINE_PATH = re.compile(r"/(home|root|tmp|work|Users|private)/|[A-Z]:\\+Users|site-packages/")
MEMORY_ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]{6,}")


@pytest.fixture(scope="module", params=list(CHAPTERS))
def chapter(request) -> execute.Chapter:
    return CHAPTERS[request.param]


@pytest.fixture(scope="module")
def notebook(chapter) -> nbformat.NotebookNode:
    assert chapter.notebook.exists(), f"{chapter.slug} has no notebook: run make book"
    return execute.read_notebook(chapter)


def outputs(notebook):
    return [output for cell in execute.code_cells(notebook) for output in cell.outputs]


def images(cell) -> list[bytes]:
    data = [output.get("data", {}) for output in cell.outputs]
    return [base64.b64decode(d[mime]) for d in data for mime in d if mime.startswith("image/")]


def texts(notebook) -> list[str]:
    """All text a reader sees; images left out, whose letters are random."""
    shown = [cell.source for cell in notebook.cells]
    for output in outputs(notebook):
        data = output.get("data", {})
        shown += [str(data[mime]) for mime in data if not mime.startswith("image/")]
        shown.append(output.get("text", ""))
    return shown


def first_line(cell) -> str:
    return cell.source.partition("\n")[0]


# -- the stored notebooks ----------------------------------------------------------


def test_stored_chapters_have_sources_and_plain_names():
    assert CHAPTERS, "no chapters found"
    notebooks = {path.stem for path in ROOT.glob("book/*/*.ipynb") if path.parent.name[0] != "_"}
    assert notebooks == set(CHAPTERS)
    for chapter in CHAPTERS.values():
        name = chapter.source.relative_to(ROOT / "book").with_suffix("").as_posix()
        assert re.fullmatch(r"[a-z0-9-]+/\d\d-[a-z0-9-]+", name), f"{name}: use a-z, 0-9 and -"


def test_stored_notebook_is_its_source_and_bare_outputs(chapter, notebook):
    source = execute.read_source(chapter)
    cells = [[(c.cell_type, c.source, c.metadata) for c in nb.cells] for nb in (source, notebook)]
    assert cells[0] == cells[1], f"{chapter.slug} differs from its source: run make book"
    clean = execute.as_text(execute.with_outputs(source, notebook))
    stored = chapter.notebook.read_text(encoding="utf-8")
    assert stored == clean, "metadata, cell ids or layout were not written by make book"


def test_stored_notebook_survives_jupytext(notebook):
    text = jupytext.writes(notebook, fmt="py:percent")
    back = jupytext.reads(text, fmt="py:percent")
    assert [(c.cell_type, c.source) for c in back.cells] == [
        (c.cell_type, c.source) for c in notebook.cells
    ]


def test_stored_notebook_is_executed_in_order_without_errors(notebook):
    cells = execute.code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for output in outputs(notebook):
        assert output.output_type != "error", output.get("evalue")
        assert output.get("name") != "stderr", f"warnings are for the author: {output.text}"


def test_stored_notebook_shows_nothing_of_this_machine(notebook):
    for text in texts(notebook):
        assert not MACHINE_PATH.search(text), f"path of a machine: {text[:200]}"
        assert not MEMORY_ADDRESS.search(text), f"differs at each run: {text[:200]}"


def test_stored_cells_are_short_and_follow_prose(notebook):
    for before, cell in zip([None, *notebook.cells], notebook.cells, strict=False):
        if cell.cell_type == "code":
            assert len(cell.source.splitlines()) <= 30, f"over 30 lines: {first_line(cell)}"
            assert before is not None and before.cell_type == "markdown", (
                f"no prose above: {first_line(cell)}"
            )


def test_stored_notebook_has_one_parameters_cell(notebook):
    tagged = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    assert len(tagged) == 1, "papermill needs one cell tagged parameters"


def test_stored_images_are_small_and_described(notebook):
    for cell in execute.code_cells(notebook):
        for image in images(cell):
            assert len(image) <= 150_000, f"{len(image):,} bytes: {first_line(cell)}"
            alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
            assert len(alt) >= 20, f"say in mystnb.image.alt what is seen: {first_line(cell)}"


def test_stored_outputs_of_the_book_are_at_most_15_mb():
    notebooks = [execute.read_notebook(c) for c in CHAPTERS.values() if c.notebook.exists()]
    assert sum(len(json.dumps(outputs(notebook))) for notebook in notebooks) <= 15_000_000


# -- what is stale -----------------------------------------------------------------

CHAPTER = """\
# %% [markdown]
# # A chapter

# %% tags=["parameters"]
n = 3

# %% [markdown]
# Some prose.

# %%
for i in range(n):
    print(i, flush=True)
n
"""


@pytest.fixture
def tiny(tmp_path) -> execute.Chapter:
    """A book of one chapter, executed."""
    for file in ("reclib/metrics.py", "data/runs/one.json", "requirements.txt"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("")
    source = tmp_path / "book" / "part" / "01-tiny.py"
    source.parent.mkdir(parents=True)
    source.write_text(CHAPTER)
    chapter = execute.Chapter(source, tmp_path)
    assert run(chapter).error is None
    return chapter


def run(chapter: execute.Chapter) -> execute.Result:
    return execute.execute(chapter, execute.hash_surroundings(chapter.root))


def fresh(chapter: execute.Chapter) -> bool:
    return execute.is_fresh(chapter, execute.hash_surroundings(chapter.root))


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_executing_twice_gives_the_same_bytes(tiny):
    assert fresh(tiny)
    before = tiny.notebook.read_bytes()
    assert run(tiny).error is None
    assert tiny.notebook.read_bytes() == before


def test_new_prose_reaches_the_notebook_without_execution(tiny):
    edit(tiny.source, "Some prose.", "Better prose.")
    assert fresh(tiny)
    assert execute.refresh_prose(tiny)
    notebook = execute.read_notebook(tiny)
    assert notebook.cells[2].source == "Better prose."
    assert [output.get("text") for output in outputs(notebook)] == ["0\n1\n2\n", None]
    assert fresh(tiny)
    assert not execute.refresh_prose(tiny)


@pytest.mark.parametrize("file", ["reclib/metrics.py", "data/runs/one.json", "requirements.txt"])
def test_a_change_of_what_a_chapter_uses_makes_it_stale(tiny, file):
    (tiny.root / file).write_text("# changed")
    assert not fresh(tiny)


@pytest.mark.parametrize(
    ("old", "new"), [("range(n)", "range(n + 1)"), ("%%\nfor", '%% tags=["hide-input"]\nfor')]
)
def test_a_change_of_code_or_tags_makes_a_chapter_stale(tiny, old, new):
    edit(tiny.source, old, new)
    assert not fresh(tiny)


def test_a_stripped_or_missing_notebook_is_stale(tiny):
    notebook = execute.read_notebook(tiny)
    for cell in execute.code_cells(notebook):
        cell.outputs, cell.execution_count = [], None
    tiny.notebook.write_text(execute.as_text(notebook))
    assert not fresh(tiny)
    tiny.notebook.unlink()
    assert not fresh(tiny)


def test_a_tampered_output_is_stale_and_fails_nbval(tiny):
    command = [sys.executable, "-m", "pytest", "-q", "--nbval", "-c", ROOT / "pyproject.toml"]
    command += ["--rootdir", tiny.root, "-p", "no:cacheprovider", tiny.notebook]
    assert subprocess.run(command, capture_output=True).returncode == 0
    edit(tiny.notebook, r'"2\n"', r'"7\n"')
    assert not fresh(tiny)
    assert subprocess.run(command, capture_output=True).returncode == 1


def test_a_failing_chapter_is_named_and_writes_nothing(tiny, capsys):
    before = tiny.notebook.read_bytes()
    edit(tiny.source, "print(i, flush=True)", "print(1 / i)")
    [result] = execute.execute_all([tiny], execute.hash_surroundings(tiny.root), jobs=1)
    assert "cell 2" in result.error
    assert "print(1 / i)" in result.error
    assert "ZeroDivisionError" in result.error
    assert "FAILED in code cell 2" in capsys.readouterr().out
    assert tiny.notebook.read_bytes() == before
    assert not fresh(tiny)


# -- pytest --nbval ----------------------------------------------------------------


def test_nbval_collects_the_chapters_and_no_other_notebook():
    """Tests are left out here, only because importing them takes a while."""
    command = [sys.executable, "-m", "pytest", "--nbval", "--collect-only", "-q", "--noconftest"]
    command += ["-o", "python_files=none"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    collected = {line.partition("::")[0] for line in done.stdout.splitlines() if "::" in line}
    notebooks = {chapter.notebook.relative_to(ROOT).as_posix() for chapter in CHAPTERS.values()}
    assert collected == notebooks, done.stdout[-2000:]
