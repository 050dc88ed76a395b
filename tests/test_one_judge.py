"""There is one judge, ``reclib.evidence``: no chapter says a word by a rule of its own."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import jupytext
import pytest

from reclib import evidence

BOOK = Path(__file__).parents[1] / "book"
CHAPTERS = sorted(BOOK.glob("*/[0-9][0-9]-*.py"))
CHAPTERS = [path for path in CHAPTERS if path.parent.name != "coursework"]
# Words of verdicts, the five of today and those of former judges.
WORDS = {
    *evidence.WORDS,
    *("supported", "unsupported", "undecided", "inconclusive", "not reproduced", "not measured"),
    *("told apart", "not told apart", "equal within noise", "not shown", "decided", "level"),
}
JUDGES = re.compile(r"^_?(word|verdict|judge|decide)s?(_of)?$")
# Student's and the normal quantiles make intervals. Chapter 2 derives the theory of intervals,
# chapter 17 the power of a test.
QUANTILES = {"ppf", "interval", "ttest_1samp", "ttest_ind", "ttest_rel", "bootstrap"}
DERIVES = {"02-measuring": QUANTILES, "17-a-fair-comparison": {"ppf"}}


def code(path: Path) -> ast.AST:
    cells = jupytext.read(path).cells
    source = "\n\n".join(cell.source for cell in cells if cell.cell_type == "code")
    return ast.parse(source)


def offences(tree: ast.AST, allowed: set[str] = frozenset()) -> list[str]:
    """What in the code of a chapter looks like a second judge."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if node.value.strip().lower() in WORDS:
                found.append(f"says {node.value!r}")
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)) and JUDGES.match(node.name):
            found.append(f"defines {node.name}")
        elif isinstance(node, ast.Attribute) and node.attr in QUANTILES - set(allowed):
            base = ast.unparse(node.value)
            if node.attr != "interval" or base.startswith(("scipy", "stats")):
                found.append(f"uses {base}.{node.attr}")
        elif isinstance(node, ast.Compare) and _bound_against_number(node):
            found.append(f"compares {ast.unparse(node)}")
    return found


def _bound_against_number(node: ast.Compare) -> bool:
    """Whether the end of an interval is compared with 0: a verdict by hand."""
    sides = [node.left, *node.comparators]
    zero = any(isinstance(side, ast.Constant) and side.value == 0 for side in sides)
    return zero and any(_is_bound(side) for side in sides)


def _is_bound(node: ast.AST) -> bool:
    if isinstance(node, ast.Subscript):
        return any(
            isinstance(each, ast.Constant) and each.value in ("low", "high")
            for each in ast.walk(node.slice)
        )
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return name in ("low", "high")


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_no_chapter_has_a_judge_of_its_own(path):
    allowed = DERIVES.get(path.stem, set())
    assert offences(code(path), allowed) == []


@pytest.mark.parametrize(
    "source",
    [
        "word = 'supported' if low > 0.1 else 'open'",
        "def verdict_of(low, high):\n    return low",
        "half = scipy.stats.t.ppf(0.975, 4) * se",
        "assert gap['low'] > 0",
        "better = table.loc['a', 'low'] > 0",
        "better = 0 < found.low",
        "p = scipy.stats.ttest_rel(a, b).pvalue",
    ],
)
def test_a_second_judge_is_found(source):
    assert offences(ast.parse(source))


def test_the_library_has_one_place_that_says_a_word():
    for path in (Path(evidence.__file__).parents[1]).rglob("*.py"):
        if path.stem in ("judging", "__init__"):  # where they are, and where they are named
            continue
        said = [f for f in offences(ast.parse(path.read_text()), QUANTILES) if "says" in f]
        assert said == [], path.name


def test_the_two_closing_chapters_tell_one_story():
    """Chapters 16 and 17 take every pair of the closing table from the same family."""
    for slug in ("16-what-came-after", "17-a-fair-comparison"):
        (path,) = [path for path in CHAPTERS if path.stem == slug]
        source = ast.unparse(code(path))
        assert "evaluation.compare(users" not in source
        assert "evidence.pair(" in source
