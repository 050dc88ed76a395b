"""Every exercise has one solution, which folds, and the code of every solution runs.

The code of a chapter is executed once. Each of its solutions then starts from the names that the
chapter left, as if its reader had done no other exercise; only objects that another solution
changed in place stay changed.

To stay within four minutes, two things are shortened. A chapter in LONG_CHAPTERS trains for EPOCHS
epochs, and its assertions are left out: nbval executes it in full. A solution in LONG_SOLUTIONS
trains for EPOCHS epochs, too. Its code runs from the first line to the last, but shows other
numbers than those its text speaks of. So what such training decides is asserted in no solution.
All others run as they stand.
"""

from __future__ import annotations

import linecache
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import matplotlib.pyplot as plt
import pytest

import colab
import execute
from reclib import training
from reclib.interactions import Interactions
from reclib.models import IALS

CHAPTERS = execute.find_chapters()
PYTHON = "```python\n"
EPOCHS = 1
LONG_CHAPTERS = {
    "06-going-deep",
    "07-noise-and-variation",
    "08-latent-augmentation",
    "10-implicit-feedback",
    "11-cdae",
    "12-multinomial-autoencoders",
    "13-recvae",
    "14-ract",
    "15-svae",
    "19-mistakes-in-the-wild",
}
LONG_SOLUTIONS = {
    *("ex-autorec-3", "ex-autorec-4", "ex-deep-5", "ex-deep-6", "ex-noise-4", "ex-noise-5"),
    *("ex-implicit-5", "ex-implicit-6", "ex-cdae-3", "ex-cdae-4", "ex-cdae-5"),
    *("ex-multinomial-3", "ex-multinomial-5", "ex-svae-4", "ex-after-5"),
}


# -- exercises and solutions of a text -----------------------------------------------


@cache
def text_of(slug: str) -> str:
    cells = execute.read_source(CHAPTERS[slug]).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def blocks(text: str, kind: str) -> list[colab.Block]:
    return [block for block in colab.walk(colab.parse(text)) if block.kind == kind]


def code_of(solution: colab.Block) -> str:
    """The Python code of a solution without its fences; empty if it is prose alone."""
    code = [block.body.split("\n") for block in blocks(solution.body, "code")]
    return "\n".join(line for _, *lines, _ in code for line in lines)


def with_code() -> Iterator:
    """Each solution that has code, after the name of its chapter."""
    for slug in CHAPTERS:
        for solution in blocks(text_of(slug), "solution"):
            if code_of(solution):
                yield pytest.param(slug, solution, id=f"{slug}-{solution.title}")


def faults(text: str) -> list[str]:
    """What is missing or too much in the exercises of a chapter."""
    labels = Counter(block.options.get("label", "") for block in blocks(text, "exercise"))
    solutions = blocks(text, "solution")
    solved = Counter(solution.title for solution in solutions)
    found = [] if labels else ["no exercises"]
    found += [f"{label}: {n} exercises of this label" for label, n in labels.items() if n > 1]
    found += [f"{label}: {solved[label]} solutions" for label in labels if solved[label] != 1]
    found += [f"{label}: solves no exercise" for label in solved if label not in labels]
    for solution in solutions:
        if not solution.body.strip():
            found.append(f"{solution.title}: empty")
        if any(not block.body.startswith(PYTHON) for block in blocks(solution.body, "code")):
            found.append(f"{solution.title}: has code that is not run")
        if "dropdown" not in solution.options.get("class", "").split():
            found.append(f"{solution.title}: does not fold")
    return found


@pytest.mark.parametrize("slug", CHAPTERS)
def test_every_exercise_has_one_solution_that_folds(slug):
    assert faults(text_of(slug)) == []


EXERCISE = ":::{exercise} ◆ Count\n:label: ex-x\nHow many?\n:::\n"
SOLUTION = ":::{solution} ex-x\n:class: dropdown\nTwo.\n:::\n"
PLANTED = {
    "No exercise here.": "no exercises",
    EXERCISE: "ex-x: 0 solutions",
    EXERCISE + SOLUTION * 2: "ex-x: 2 solutions",
    EXERCISE * 2 + SOLUTION: "ex-x: 2 exercises of this label",
    EXERCISE + SOLUTION + SOLUTION.replace("ex-x", "ex-y"): "ex-y: solves no exercise",
    EXERCISE + SOLUTION.replace("Two.\n", ""): "ex-x: empty",
    EXERCISE + SOLUTION.replace("Two.", "```\n1 + 1\n```"): "ex-x: has code that is not run",
    EXERCISE + SOLUTION.replace(":class: dropdown\n", ""): "ex-x: does not fold",
}


def test_planted_faults_are_found():
    assert faults(EXERCISE + SOLUTION) == []
    for text, fault in PLANTED.items():
        assert faults(text) == [fault]


# -- the code of the solutions -------------------------------------------------------


def run(code: str, name: str, names: dict[str, object], assertions: bool = True) -> None:
    """Execute code, whose lines an error shows under ``name``."""
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    exec(compile(code, name, "exec", optimize=0 if assertions else 1), names)


@contextmanager
def shortened(apply: bool) -> Iterator[None]:
    """Let ``training.fit``, and iALS, end after EPOCHS epochs, if it is to apply."""
    fit, solve = training.fit, IALS.fit

    def short_fit(*arguments, epochs: int = 0, **options) -> training.History:
        return fit(*arguments, epochs=min(epochs, EPOCHS), **options)

    def short_solve(model: IALS, train: Interactions) -> IALS:
        model.iterations = min(model.iterations, EPOCHS)
        return solve(model, train)

    with pytest.MonkeyPatch.context() as patch:
        if apply:
            patch.setattr(training, "fit", short_fit)
            patch.setattr(IALS, "fit", short_solve)
        yield


@pytest.fixture(autouse=True, scope="module")
def figures_close_when_shown() -> Iterator[None]:
    """As in a notebook; nothing opens a window."""
    plt.switch_backend("agg")
    with plt.rc_context(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(plt, "show", lambda: plt.close("all"))
        yield


@pytest.fixture(scope="module")
def left_by_chapter(request) -> dict[str, object]:
    """The names that a chapter's code leaves."""
    names = {"__name__": "__main__", "display": lambda *shown: None}
    slug, is_long = request.param, request.param in LONG_CHAPTERS
    cells = execute.code_cells(execute.read_source(CHAPTERS[slug]))
    with shortened(is_long):
        for number, cell in enumerate(cells, start=1):
            run(cell.source, f"{slug}, code cell {number}", names, assertions=not is_long)
    plt.close("all")
    return names


@pytest.fixture
def names(left_by_chapter) -> Iterator[dict[str, object]]:
    """The chapter's own dictionary, in which its functions look names up, tidied up after use."""
    before = dict(left_by_chapter)
    yield left_by_chapter
    left_by_chapter.clear()
    left_by_chapter.update(before)
    plt.close("all")


@pytest.mark.parametrize(
    ("left_by_chapter", "solution"), list(with_code()), indirect=["left_by_chapter"], scope="module"
)
def test_solution_runs(left_by_chapter, solution, names):
    with shortened(solution.title in LONG_SOLUTIONS):
        run(code_of(solution), solution.title, names)


def test_what_is_shortened_exists():
    assert set(CHAPTERS) >= LONG_CHAPTERS
    assert {solution.values[1].title for solution in with_code()} >= LONG_SOLUTIONS


def test_a_wrong_solution_fails():
    [solution] = blocks(SOLUTION.replace("Two.", "```python\nassert 1 + 1 == 3\n```"), "solution")
    with pytest.raises(AssertionError):
        run(code_of(solution), solution.title, {})
