"""The house: who may import whom, how large it is, what importing it costs."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import reclib

PACKAGE = Path(reclib.__file__).parent
FLOORS = [
    {"naming", "workers"},
    {"checks", "labels", "tables", "interactions", "metrics", "losses", "ratings", "intervals"},
    {"datasets", "splits", "netflix", "models", "augmentation"},
    {"evaluation", "training", "tuning", "encoding", "persistence", "onnx"},
    {"measuring", "records", "recommending", "comparing"},
    {"checking"},
    {"experiments"},
    {"evidence", "plots"},
    {"__main__"},
]
# On the same floor, who builds on whom.
NEIGHBOURS = {
    ("interactions", "checks"),
    ("metrics", "checks"),
    ("interactions", "labels"),
    ("ratings", "checks"),
    ("tables", "labels"),
    ("ratings", "labels"),
    ("ratings", "tables"),
    ("ratings", "interactions"),
    ("losses", "interactions"),
    ("metrics", "checks"),
    ("evaluation", "training"),
    ("persistence", "encoding"),
    ("onnx", "encoding"),
    ("tuning", "training"),
    ("tuning", "evaluation"),
    ("augmentation", "models"),
    ("netflix", "splits"),
    ("datasets", "netflix"),
}
# A model of one paper may use another's only if the paper builds on it.
BUILDS_ON = {
    "svd": {"biases", "means"},
    "ratingknn": {"biases"},
    "ratingvae": {"deepae"},
    "warp": {"bpr"},
    "lambdanet": {"multvae"},
    "ract": {"multvae"},
}
SHARED = {"base", "guards", "regression"}
# What measures and judges for the book; whoever uses the library can do without.
LAB = {"measuring", "checking", "workers", "records", "experiments", "evidence", "intervals"}

FILES = sorted(PACKAGE.rglob("*.py"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}


def room(path: Path) -> str:
    """The first name below the package: ``models`` for every model."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported(tree: ast.AST) -> set[tuple[str, ...]]:
    """The modules of reclib that a file imports, as names below the package."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {tuple(alias.name.split(".")) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide what is imported"
            base = tuple(node.module.split("."))
            # `from reclib import x` imports a room, `from reclib.x import y` a name of it.
            found |= {(*base, alias.name) for alias in node.names} if len(base) == 1 else {base}
    return {names[1:] for names in found if names[0] == "reclib" and len(names) > 1}


def floor(name: str) -> int:
    return next(number for number, rooms in enumerate(FLOORS) if name in rooms)


def offences() -> list[str]:
    """Every import that goes up, or sideways without leave."""
    found = []
    for path, tree in TREES.items():
        if path == PACKAGE / "__init__.py":
            continue
        for names in imported(tree):
            here, there = room(path), names[0]
            if here == there:
                continue
            level = floor(here) == floor(there) and (here, there) not in NEIGHBOURS
            if floor(there) > floor(here) or level:
                found.append(f"{here} imports {there}")
    return found


def test_imports_run_one_way():
    assert offences() == []


def test_the_check_of_imports_finds_an_offence(monkeypatch):
    tree = ast.parse("from reclib.evaluation import rank\nimport reclib.experiments")
    monkeypatch.setitem(TREES, PACKAGE / "metrics.py", tree)
    assert sorted(offences()) == ["metrics imports evaluation", "metrics imports experiments"]


def test_every_room_has_a_floor():
    assert {room(path) for path in FILES} - {"__init__"} <= set.union(*FLOORS)


def test_importing_the_package_imports_no_room():
    assert not imported(TREES[PACKAGE / "__init__.py"])


def test_no_model_imports_another_papers_model_unless_it_builds_on_it():
    for path in (PACKAGE / "models").glob("[!_]*.py"):
        others = {names[1] for names in imported(TREES[path]) if names[0] == "models" and names[1:]}
        allowed = SHARED | BUILDS_ON.get(path.stem, set())
        assert others <= allowed, f"{path.stem} imports {others - allowed}"


def test_every_model_is_registered():
    from reclib import models

    for path in (PACKAGE / "models").glob("[!_]*.py"):
        for node in TREES[path].body:
            if isinstance(node, ast.ClassDef) and path.stem not in SHARED:
                assert node.name in models.MODELS or node.name.startswith("_")
    assert all(issubclass(model, models.Recommender) for model in models.MODELS.values())


def length(path: Path) -> int:
    """Lines of a file without the examples of its docstrings, which need not be read but run."""
    examples = re.compile(r'\n *Examples\n *--------\n.*?(?=\n *""")', re.S)
    return len(examples.sub("", path.read_text(encoding="utf-8")).splitlines())


def test_the_library_can_be_read_in_a_weekend():
    lines = {path: length(path) for path in FILES}
    # The reader of one old file format is long because it is fast and strict; nobody need read it.
    # A model is a paper, read one at a time; LAB makes and judges the book's own numbers, a
    # good part of it to find out in time what would be lost after hours.
    models = {path: n for path, n in lines.items() if room(path) == "models"}
    lab = {path: n for path, n in lines.items() if room(path) in LAB}
    rest = {path: n for path, n in lines.items() if path not in models | lab}
    assert sum(n for path, n in rest.items() if path.stem != "netflix") < 5800
    assert sum(lab.values()) < 2300
    papers = [n for path, n in models.items() if path.stem not in SHARED]
    assert max(papers) <= 220 and max(models.values()) <= 300


def public(tree: ast.AST, prefix: str = "", inherits: bool = False):
    """Every public class and function, and every method that is neither short nor overrides."""
    for node in tree.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and not node.name.startswith("_"):
            if not prefix or not inherits and node.end_lineno - node.lineno > 5:
                yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from public(node, f"{prefix}{node.name}.", bool(node.bases))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_everything_public_has_a_docstring(path):
    assert ast.get_docstring(TREES[path]), f"{path.name} does not say what it is"
    for name, node in public(TREES[path]):
        assert ast.get_docstring(node), f"{path.name}: {name} has no docstring"


def test_importing_reclib_is_quiet_offline_and_without_figures():
    """Everything but ``plots``, in a fresh process in which a socket is an error."""
    rooms = [
        ".".join(("reclib", *path.relative_to(PACKAGE).with_suffix("").parts))
        for path in FILES
        if path.stem not in ("__init__", "plots")
    ]
    program = f"""
import socket, sys
def refuse(*_, **__):
    raise AssertionError("importing opened a socket")
socket.socket.connect = socket.create_connection = refuse
import importlib
for name in {rooms!r}:
    importlib.import_module(name)
print([m for m in ("matplotlib", "seaborn", "IPython", "sklearn", "pytest") if m in sys.modules])
import reclib.plots
print("matplotlib" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=PACKAGE.parent,
        check=False,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("[]\nTrue\n", "", 0)
