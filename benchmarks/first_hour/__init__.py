"""The fifteen tasks of the first hour, in reclib and in three other libraries: how many lines each.

``python -m benchmarks.first_hour`` counts what stands in the files. It imports none of the
others, so it runs with the standard library alone.
"""

from __future__ import annotations

import ast
from pathlib import Path

HERE = Path(__file__).parent
OURS = HERE.parents[1] / "tests" / "test_first_hour.py"
LIBRARIES = {
    "reclib": OURS,
    "RecTools": HERE / "with_rectools.py",
    "Cornac": HERE / "with_cornac.py",
    "implicit": HERE / "with_implicit.py",
}


def tasks() -> list[str]:
    """The names in ``TASKS`` of tests/test_first_hour.py, in their order."""
    for node in ast.parse(OURS.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "TASKS":
            return [name.id for name in node.value.elts]
    raise ValueError(f"{OURS.name} has no list TASKS")


def definitions(path: Path) -> dict[str, ast.stmt]:
    """The functions and classes of a file by their names."""
    body = ast.parse(path.read_text()).body
    return {node.name: node for node in body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}


def lines(path: Path, names: list[str]) -> dict[str, int | None]:
    """The lines of each task; None where it only says what the library does not have.

    Layout does not count, nor does the line with ``def``, as in the test. Another function of the
    file that a task calls is counted with it, once, whichever tasks call it besides.
    """
    found = definitions(path)
    helpers = {name: node for name, node in found.items() if name not in names}
    return {name: _lines(found[name], helpers) for name in names}


def table() -> str:
    """A Markdown table: tasks in rows, libraries in columns, their sums in the last row."""
    names = tasks()
    counts = {library: lines(path, names) for library, path in LIBRARIES.items()}
    rows = [["task", *LIBRARIES], ["---"] + ["---:"] * len(LIBRARIES)]
    rows += [[f"`{name}`", *(_cell(counts[one][name]) for one in LIBRARIES)] for name in names]
    rows += [["together", *(_cell(sum(n or 0 for n in counts[one].values())) for one in LIBRARIES)]]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _lines(node: ast.stmt, helpers: dict[str, ast.stmt]) -> int | None:
    if any(isinstance(part, ast.Raise) for part in node.body):
        return None
    called = {ast.unparse(part.func) for part in ast.walk(node) if isinstance(part, ast.Call)}
    own = [helper for name, helper in helpers.items() if name in called]
    return sum(_own_lines(one) for one in (node, *own))


def _own_lines(node: ast.stmt) -> int:
    return sum(bool(line.strip()) for line in ast.unparse(node).splitlines()[1:])


def _cell(count: int | None) -> str:
    return "-" if count is None else str(count)
