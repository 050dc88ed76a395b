"""Run notebooks of the Colab edition as Colab would; ``make colab-test`` makes the environment.

Each notebook is copied into an empty folder and executed in an environment without reclib and
without the book's tools, in a shell that gives itself out as Colab's. Its set-up cell installs
reclib from this repository as it was last committed. Afterwards no version may have changed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat

import colab
import coursework
import execute

# otter asks the shell for its name; Colab's notebooks are not in the working folder.
STARTUP = 'get_ipython().__class__.__module__ = "google.colab._shell"\n'
ENVIRONMENT = execute.ROOT / "_build" / "colab-env"


def run(*command, **options) -> subprocess.CompletedProcess:
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, **options)


def versions(environment: Path) -> dict[str, str]:
    done = run(environment / "bin" / "pip", "list", "--format", "json")
    return {package["name"]: package["version"] for package in json.loads(done.stdout)}


def try_notebook(notebook: Path, environment: Path) -> tuple[bool, str]:
    """Whether the notebook runs there and no version changes; and what happened, in words."""
    pip = environment / "bin" / "pip"
    run(pip, "uninstall", "--yes", "reclib")
    before = versions(environment)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    with tempfile.TemporaryDirectory() as home:
        Path(home, "profile_default", "startup").mkdir(parents=True)
        Path(home, "profile_default", "startup", "colab.py").write_text(STARTUP)
        Path(home, "content").mkdir()
        shutil.copy(notebook, home)
        command = [environment / "bin" / "jupyter-execute", "--inplace", "--timeout=900"]
        where = {"cwd": Path(home, "content"), "env": clean | {"IPYTHONDIR": home}}
        done = run(*command, f"../{notebook.name}", **where)
        warned = warnings_in(Path(home, notebook.name))
    after = versions(environment)
    came = sorted(after.keys() - before.keys())
    run(pip, "uninstall", "--yes", *came)  # the next notebook finds what this one found
    changed = {name: after.get(name) for name in before if before[name] != after.get(name)}
    if done.returncode:
        return False, "fails:\n" + re.sub(r"\x1b\[[\d;]*m", "", done.stderr)[-3000:]
    if changed or "reclib" not in came:
        return False, f"changed: {changed}, came: {came}"
    return True, f"runs, no version changed, came: {', '.join(came)}{warned}"


def warnings_in(notebook: Path) -> str:
    """What the cells wrote to the error stream; nothing of it fails a notebook."""
    outputs = [o for c in execute.code_cells(nbformat.read(notebook, 4)) for o in c.outputs]
    said = [o.text for o in outputs if o.get("name") == "stderr"]
    return "".join(f"\n  {line}" for text in said for line in text.strip().split("\n"))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("notebooks", nargs="*", help="names without .ipynb; all if none is named")
    parser.add_argument("--environment", type=Path, default=ENVIRONMENT)
    options = parser.parse_args(arguments)
    environment = options.environment.resolve()
    commit = run("git", "-C", execute.ROOT, "rev-parse", "HEAD").stdout.strip()
    if run("git", "-C", execute.ROOT, "status", "--porcelain", "reclib", "data").stdout:
        print("careful: reclib or data has changes that are not committed; they are not tried")
    with tempfile.TemporaryDirectory() as folder:
        here = colab.Repository(f"file://{execute.ROOT}", commit)
        made = colab.make(here, Path(folder))
        for master in coursework.find_masters().values():
            coursework.make(master, Path(folder, "made"), here)
        made += sorted(Path(folder, "made", "colab").iterdir())
        chosen = [path for path in made if path.stem in options.notebooks or not options.notebooks]
        failed = []
        for path in chosen:
            started = time.perf_counter()
            good, words = try_notebook(path, environment)
            print(f"{path.stem}: {time.perf_counter() - started:.0f} s, {words}", flush=True)
            failed += [] if good else [path.stem]
    print(f"{len(chosen) - len(failed)} of {len(chosen)} notebooks run as in Colab")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
