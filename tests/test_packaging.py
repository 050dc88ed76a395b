"""What is built, what it holds, where it can be installed and imported."""

from __future__ import annotations

import doctest
import email
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import execute
import reclib

ROOT = execute.ROOT
README = ROOT / "reclib" / "README.md"


def build(kind: str, folder: Path, source: Path = ROOT) -> Path:
    """A wheel or a source distribution, without a network."""
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", folder],
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    return build("wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory) -> Path:
    return build("sdist", tmp_path_factory.mktemp("sdist"))


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_the_library_and_what_it_reads(wheel):
    names = names_in(wheel)
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "reclib").rglob("*.py")}
    assert modules <= names
    data = (
        "ml-latest-small/ml-latest-small.zip",
        "experiments.toml",
        "published.csv",
        "claims.csv",
    )
    assert {"reclib/py.typed", *(f"reclib/data/{name}" for name in data)} <= names
    runs = {f"reclib/data/runs/{path.name}" for path in (ROOT / "data" / "runs").glob("*.json")}
    assert runs and runs <= names


def test_the_wheel_holds_nothing_else(wheel):
    """No tests, no book, and no ratings but those that may be passed on."""
    tops = {name.split("/")[0] for name in names_in(wheel)}
    assert tops == {"reclib", f"reclib-{reclib.__version__}.dist-info"}
    archives = {name for name in names_in(wheel) if re.search(r"\.(zip|gz|tar|dat)$", name)}
    assert archives == {"reclib/data/ml-latest-small/ml-latest-small.zip"}
    assert not any("__pycache__" in name or ".ipynb" in name for name in names_in(wheel))


def test_a_wheel_of_the_source_distribution_is_the_same(wheel, sdist, tmp_path):
    """What `python -m build` does: the wheel is made of what the source distribution holds."""
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    assert {"CHANGELOG.md", "LICENSE", "pyproject.toml"} <= {path.name for path in source.iterdir()}
    again = build("wheel", tmp_path / "again", source)
    assert names_in(again) == names_in(wheel)


def test_the_version_is_that_of_the_library_and_stands_once(wheel):
    with zipfile.ZipFile(wheel) as archive:
        name = f"reclib-{reclib.__version__}.dist-info/METADATA"
        metadata = email.message_from_bytes(archive.read(name))
    assert metadata["Version"] == reclib.__version__
    assert set(metadata.get_all("Provides-Extra")) == {"tune", "parquet", "onnx", "serve"}
    assert "narwhals" in str(metadata.get_all("Requires-Dist"))
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert not re.search(r"^version\s*=", project, re.M)
    released = re.match(r"\d+\.\d+\.\d+", reclib.__version__)[0]
    heads = re.findall(r"^## (\S+),", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert heads[0] == released, "the newest part of CHANGELOG.md is of another version"


def test_the_page_for_an_index_leads_to_no_file():
    """A package index shows it without the repository: a relative address would be broken there."""
    text = README.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)]+)\)|(?:src|href)=\"([^\"]+)\"", text)
    assert all("".join(each).startswith("https://") for each in targets)
    found = doctest.DocTestParser().get_doctest(text, {}, "README", str(README), 0)
    assert found.examples and doctest.DocTestRunner().run(found).failed == 0


def test_links_of_the_readme_exist():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = [t for t in re.findall(r"\]\(([^)#]+)", text) if not t.startswith("http")]
    assert len(targets) > 5
    for target in targets:
        assert (ROOT / target).exists(), target


# -- without make, without POSIX --------------------------------------------------------


def test_the_page_says_what_make_runs():
    """Each program that `make book` and `make test` start is on the page for those without make."""
    page = (ROOT / "book" / "how-to-use.md").read_text(encoding="utf-8")
    page = page[page.index("(without-make)=") :]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    makefile = makefile.replace("$(BUILD)", re.search(r"^BUILD\s*:= (.+)", makefile, re.M)[1])
    for target in ("book", "test", "lint"):
        body = re.search(rf"^{target}: \S.*\n((?:\t.*\n)+)", makefile, re.M)[1]
        commands = re.findall(r"\$\(BIN\)/(?:python )?(.+)", body)
        assert commands
        for command in commands:
            assert command in page, f"make {target} runs {command}"


def test_the_library_can_be_imported_where_posix_is_missing():
    """As on Windows: no `resource`, `fcntl`, `pwd`, `grp` or `termios`, and no fork."""
    program = """
import os, sys
sys.modules.update(dict.fromkeys(["resource", "fcntl", "pwd", "grp", "termios"]))
del os.fork
import importlib, pkgutil, reclib
for module in pkgutil.walk_packages(reclib.__path__, "reclib."):
    importlib.import_module(module.name)
from reclib import measuring
settings = {
    "dataset": "ml-latest-small",
    "protocol": {"name": "hold_out", "test": 0.1},
    "model": {"name": "ItemMean"},
}
print(measuring.measure(settings, seed=0, device="cpu")["peak_mb"])
import execute
print(execute.children_peak_mb())
try:
    import resource
except ModuleNotFoundError:
    print("hidden")
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT / "book" / "_tools",
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "0\n0.0\nhidden\n"), done.stderr[-2000:]
