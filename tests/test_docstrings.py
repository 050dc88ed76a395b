"""The examples run, and the reference in ``book/api`` is of the library as it is."""

from __future__ import annotations

import ast
import doctest
import importlib
import re
from pathlib import Path

import pytest
import yaml

import execute
import reclib

ROOT = execute.ROOT
PACKAGE = Path(reclib.__file__).parent
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
DIRECTIVE = re.compile(r"^\.\. (?:auto|py:)(module|class|function|data):: (\S+)", re.M)
ROLE = re.compile(r"\{(?:mod|func|class|meth|data)\}`~?([\w.]+)`")


def listed(toc: dict) -> list[str]:
    """Every page about the library that the table of contents names."""
    return sorted(set(re.findall(r"book/(?:api/[\w-]+|coming-from)", yaml.dump(toc))))


PAGES = {
    page: (ROOT / f"{page}.md").read_text(encoding="utf-8")
    for page in listed(yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8")))
}
MODULES = sorted(
    ".".join(("reclib", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
    for path in PACKAGE.rglob("*.py")
)


def example_of(text: str, name: str) -> doctest.DocTest:
    """The examples of a page, one after the other, as one test."""
    code = "\n".join(re.findall(r"```pycon\n(.*?)```", text, re.S))
    return doctest.DocTestParser().get_doctest(code, {}, name, name, 0)


def run(tests: list[doctest.DocTest]) -> doctest.TestResults:
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    for test in tests:
        runner.run(test)
    return runner.summarize(verbose=False)


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_a_module(name):
    found = doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(name))
    assert run(found).failed == 0


@pytest.mark.parametrize("page", PAGES)
def test_examples_of_a_page(page):
    assert run([example_of(PAGES[page], page)]).failed == 0


def test_a_wrong_example_fails(capsys):
    text = "```pycon\n>>> 1 + 1\n3\n\n```\n"
    assert run([example_of(text, "wrong")]).failed == 1
    assert "Expected:" in capsys.readouterr().out


def test_examples_are_in_fences_that_are_run():
    """A prompt elsewhere on a page would be run by nobody."""
    for page, text in PAGES.items():
        rest = re.sub(r"```pycon\n.*?```", "", text, flags=re.S)
        assert ">>>" not in rest, page


# -- the reference ------------------------------------------------------------------


def resolve(name: str) -> object:
    """What a dotted name stands for; ImportError or AttributeError if nothing."""
    parts, found = name.split("."), None
    for at in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:at]))
        except ModuleNotFoundError:
            continue
        for part in parts[at:]:
            found = getattr(found, part)
        return found
    raise ImportError(name)


@pytest.mark.parametrize("page", PAGES)
def test_every_name_on_a_page_exists(page):
    text = PAGES[page]
    names = [name for _, name in DIRECTIVE.findall(text)] + ROLE.findall(text)
    for name in names:
        assert resolve(name) is not None, f"{page}: {name}"
    with pytest.raises((ImportError, AttributeError)):
        resolve("reclib.metrics.nothing_of_this_name")


def public_names(module: str) -> set[str]:
    """Classes and functions that a module defines, or offers in ``__all__``."""
    loaded = importlib.import_module(module)
    if offered := getattr(loaded, "__all__", None):
        return {name for name in offered if callable(getattr(loaded, name))}
    tree = ast.parse(Path(loaded.__file__).read_text(encoding="utf-8"))
    kinds = (ast.ClassDef, ast.FunctionDef)
    return {
        node.name for node in tree.body if isinstance(node, kinds) and not node.name.startswith("_")
    }


# Rooms that only other rooms use: what a user never calls needs no page.
INNER = {
    f"reclib.{name}" for name in ("naming", "checks", "tables", "checking", "workers", "encoding")
}
# A package offers what its files define.
ROOMS = [name for name in MODULES if name.count(".") == 1 and name not in INNER]


def documented() -> dict[str, str]:
    """Each public name that a page shows, with that page."""
    found = {}
    for page, text in PAGES.items():
        for kind, name in DIRECTIVE.findall(text):
            names = (
                [f"{name}.{each}" for each in public_names(name)] if kind == "module" else [name]
            )
            for each in names:
                assert each not in found, f"{each} is on {found[each]} and on {page}"
                found[each] = page
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_is_on_a_page(room):
    """For a new room write ``automodule`` on a page of ``book/api``, and the page in _toc.yml."""
    missing = {f"{room}.{name}" for name in public_names(room)} - set(documented())
    assert not missing, f"on no page of book/api that _toc.yml lists: {sorted(missing)}"


def examples(room: str) -> str:
    """The code of all examples of a room: of its docstrings and of its pages."""
    names = [name for name in MODULES if name == room or name.startswith(room + ".")]
    finder = doctest.DocTestFinder(exclude_empty=True)
    tests = [test for name in names for test in finder.find(importlib.import_module(name))]
    tests += [example_of(text, page) for page, text in PAGES.items() if room in text]
    return "\n".join(each.source for test in tests for each in test.examples)


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_has_an_example(room):
    code = examples(room)
    missing = [name for name in public_names(room) if not re.search(rf"\b{name}\b", code)]
    assert not missing, f"in no example of {room}: {sorted(missing)}"
