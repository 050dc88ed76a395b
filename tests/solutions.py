"""What of the coursework's masters no student may see, and whether a file holds some of it."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import jupytext
from bs4 import BeautifulSoup

import coursework

MASTERS = coursework.find_masters()
SHORT = 40  # characters; shorter lines may stand anywhere by chance
# Lines of solutions that chapters, or other assignments, have for reasons of their own.
CHANCE = {
    "generator = torch.Generator().manual_seed(0)",
    "x = (rng.random((6, 20)) < 0.3).astype(float)",
    "discount = 1 / np.log2(np.arange(2, len(hits) + 2))",
    "chance = np.prod(np.where(kept, 1 - p, p))",
    "hits = np.take_along_axis(held_out, best, axis=1)",
}


@cache
def split(slug: str) -> tuple[set[str], set[str]]:
    """The lines of a master that students see, and those of its solutions, its hidden checks and
    the answers beside it.

    In a cell of a solution the code between the marks is secret, and all that a person writes.
    """
    public, state = set(), "public"
    secret = set(
        (coursework.MASTERS / "wrong" / f"{slug}.py").read_text(encoding="utf-8").splitlines()
    )
    for cell in jupytext.read(MASTERS[slug]).cells:
        if cell.cell_type == "raw":
            marks = {"# BEGIN SOLUTION": "solution", "# BEGIN TESTS": "tests"}
            state = marks.get(cell.source.strip().partition("\n")[0], "public")
            continue
        inside = (state == "solution" and cell.cell_type == "markdown") or (
            state == "tests" and "hidden: true" in cell.source
        )
        for line in cell.source.splitlines():
            inside |= "# BEGIN SOLUTION" in line
            (secret if inside or "# SOLUTION" in line else public).add(line)
            inside &= "# END SOLUTION" not in line
    return {plain(line) for line in public}, {plain(line) for line in secret}


@cache
def secret_lines(slug: str) -> set[str]:
    """Those that no assignment shows."""
    shown = set().union(*(split(each)[0] for each in MASTERS))
    return {line for line in split(slug)[1] - shown - CHANCE if len(line) >= SHORT}


def plain(text: str) -> str:
    """Without marks, indentation, or the way in which lines are broken."""
    return " ".join(re.sub(r"# (BEGIN |END )?SOLUTION", "", text).split()).removeprefix("# ")


def leaks(slug: str, text: str) -> list[str]:
    """The secret lines of an assignment that stand in a text."""
    text = plain(text)
    return [line for line in secret_lines(slug) if line in text]


def text_of(path: Path) -> str:
    """All that a reader or a program finds in a page or a notebook, metadata and outputs too."""
    raw = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        return "\n".join(strings(json.loads(raw)))
    return BeautifulSoup(raw, "html.parser").get_text() if path.suffix == ".html" else raw


def strings(value) -> list[str]:
    """Every string within the lists and objects of JSON; a cell is a list of its lines."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        if value and all(isinstance(each, str) for each in value):
            return ["".join(value)]
        return [found for each in value for found in strings(each)]
    return [value] if isinstance(value, str) else []
