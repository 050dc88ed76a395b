"""Execute the chapters that need it: ``book/<part>/<nn-slug>.py`` gives the ``.ipynb`` beside it.

The ``.py`` is the source. A chapter is stale, and executed again, if its code or tags, reclib,
the data or requirements.txt changed since its last execution, or if the outputs in its notebook
are not those that this execution left. If only its prose changed, the prose is put into the
notebook and the outputs stay. What was executed with what is noted in ``_build/executed``.

A notebook is written from its source and the bare outputs, so that nothing of the machine it ran
on, no timing and no mark of papermill can be in it, and executing twice gives the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import jupytext
import nbformat
import papermill
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError

ROOT = Path(__file__).resolve().parents[2]
METADATA = {
    "kernelspec": {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python", "pygments_lexer": "ipython3"},
}
CELL_TIMEOUT = 600  # seconds: a chapter that hangs must fail, not wait for ever


@dataclass(frozen=True)
class Chapter:
    """The files that belong to one chapter."""

    source: Path
    root: Path = ROOT

    @property
    def slug(self) -> str:
        return self.source.stem

    @property
    def notebook(self) -> Path:
        return self.source.with_suffix(".ipynb")

    @property
    def stamp(self) -> Path:
        return self.root / "_build" / "executed" / f"{self.slug}.json"


@dataclass(frozen=True)
class Result:
    """How an execution went; ``error`` is None if it went well."""

    slug: str
    seconds: float
    peak_mb: float
    error: str | None = None


def find_chapters(root: Path = ROOT) -> dict[str, Chapter]:
    """All chapters by slug, in the order of their numbers."""
    sources = sorted(
        root.glob("book/*/[0-9]*.py"), key=lambda source: source.stem
    )
    return {
        source.stem: Chapter(source, root)
        for source in sources
        if source.parent.name != "coursework"  # made by coursework.py
    }


# -- notebooks ---------------------------------------------------------------------


def read_source(chapter: Chapter) -> NotebookNode:
    """The chapter as a notebook without outputs, with cell ids that depend on the text alone."""
    notebook = jupytext.reads(
        chapter.source.read_text(encoding="utf-8"), fmt="py:percent"
    )
    repeats = Counter()
    for cell in notebook.cells:
        metadata = {
            key: cell.metadata[key]
            for key in ("tags", "mystnb")
            if key in cell.metadata
        }
        cell.metadata = nbformat.from_dict(metadata)
        digest = _hash([cell.cell_type, cell.source])[:8]
        cell.id = f"{digest}-{repeats[digest]}" if repeats[digest] else digest
        repeats[digest] += 1
    return nbformat.v4.new_notebook(cells=notebook.cells, metadata=METADATA)


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def with_outputs(source: NotebookNode, executed: NotebookNode) -> NotebookNode:
    """``source`` with the outputs of ``executed``, which has the same code cells."""
    for cell, done in zip(
        code_cells(source), code_cells(executed), strict=True
    ):
        cell.execution_count = done.execution_count
        cell.outputs = merge_streams(done.outputs)
    return source


def merge_streams(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Join what was printed in one go: into how many pieces it comes is a matter of chance."""
    merged = []
    for output in outputs:
        previous = merged[-1] if merged else {}
        if (
            output.output_type == "stream"
            and previous.get("name") == output.name
        ):
            previous.text += output.text
        else:
            merged.append(output)
    return merged


def write_if_changed(path: Path, text: str) -> bool:
    """Replace a file as a whole: whoever reads it meanwhile sees the old or the new text."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.write_text(text, encoding="utf-8")
    new.replace(path)
    return True


def as_text(notebook: NotebookNode) -> str:
    return nbformat.writes(notebook) + "\n"


# -- fresh or stale ----------------------------------------------------------------


def _hash(value: object) -> str:
    return hashlib.sha256(
        json.dumps(value, sort_keys=True).encode()
    ).hexdigest()


def hash_surroundings(root: Path = ROOT) -> str:
    """Hash of all that a chapter can use besides its own code: the library, the data, the lock."""
    files = [
        *root.glob("reclib/**/*.py"),
        *root.glob("data/**/*"),
        root / "requirements.txt",
    ]
    files = sorted(
        file
        for file in files
        if file.is_file() and not file.name.startswith(".")
    )
    return _hash(
        {
            file.relative_to(root).as_posix(): hashlib.sha256(
                file.read_bytes()
            ).hexdigest()
            for file in files
        }
    )


def hash_inputs(source: NotebookNode, surroundings: str) -> str:
    code = [
        (cell.source, cell.metadata.get("tags", []))
        for cell in code_cells(source)
    ]
    return _hash([code, surroundings])


def hash_results(notebook: NotebookNode) -> str:
    return _hash(
        [(c.source, c.execution_count, c.outputs) for c in code_cells(notebook)]
    )


def read_notebook(chapter: Chapter) -> NotebookNode:
    return nbformat.read(chapter.notebook, as_version=4)


def is_fresh(chapter: Chapter, surroundings: str) -> bool:
    """Whether the notebook holds the outputs that executing the chapter now would give."""
    if not (chapter.stamp.exists() and chapter.notebook.exists()):
        return False
    stamp = json.loads(chapter.stamp.read_text(encoding="utf-8"))
    inputs = hash_inputs(read_source(chapter), surroundings)
    return stamp == {
        "inputs": inputs,
        "results": hash_results(read_notebook(chapter)),
    }


def refresh_prose(chapter: Chapter) -> bool:
    """Put the source's prose into the notebook of a fresh chapter; False if it is there already."""
    refreshed = with_outputs(read_source(chapter), read_notebook(chapter))
    return write_if_changed(chapter.notebook, as_text(refreshed))


# -- execution ---------------------------------------------------------------------


def execute(chapter: Chapter, surroundings: str) -> Result:
    """Execute one chapter; its notebook is written only if every cell went well."""
    print(f"{chapter.slug}: executing", flush=True)
    source, started, error = read_source(chapter), time.perf_counter(), None
    try:
        write_executed(
            chapter,
            source,
            surroundings,
            run_with_papermill(source, chapter.root),
        )
    except PapermillExecutionError as failure:
        traceback = re.sub(r"\x1b\[[\d;]*m", "", "\n".join(failure.traceback))
        error = f"code cell {failure.exec_count}:\n\n{failure.source}\n\n{traceback}"
    except (
        Exception
    ) as failure:  # a kernel that died or hung must not stop the other chapters
        error = f"{type(failure).__name__}: {failure}"
    return Result(
        chapter.slug, time.perf_counter() - started, children_peak_mb(), error
    )


def run_with_papermill(source: NotebookNode, root: Path) -> NotebookNode:
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder, "chapter.ipynb")
        bare.write_text(as_text(source), encoding="utf-8")
        return papermill.execute_notebook(
            bare,
            None,
            cwd=root,
            progress_bar=False,
            execution_timeout=CELL_TIMEOUT,
            # The kernel remarks on its transport at each start, and on its end; neither is news.
            extra_arguments=["--log-level=CRITICAL"],
        )


def write_executed(
    chapter: Chapter,
    source: NotebookNode,
    surroundings: str,
    executed: NotebookNode,
) -> None:
    notebook = with_outputs(source, executed)
    write_if_changed(chapter.notebook, as_text(notebook))
    stamp = {
        "inputs": hash_inputs(source, surroundings),
        "results": hash_results(notebook),
    }
    write_if_changed(chapter.stamp, json.dumps(stamp))


def children_peak_mb() -> float:
    """Peak memory of the largest process started from this one: here, the kernel, in MiB.

    0 on Windows, which does not say.
    """
    try:
        import resource
    except ModuleNotFoundError:  # Windows has none
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def execute_all(
    chapters: list[Chapter], surroundings: str, jobs: int
) -> list[Result]:
    """Execute chapters side by side, each in a process of its own, and say how each went."""
    results = []
    # One thread each: the cores are kept busy by several chapters at a time, and a sum that is
    # cut into as many pieces as the machine has cores would end in other digits elsewhere.
    os.environ["OMP_NUM_THREADS"] = "1"
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        jobs, mp_context=context, max_tasks_per_child=1
    ) as pool:
        running = [
            pool.submit(execute, chapter, surroundings) for chapter in chapters
        ]
        for done in as_completed(running):
            result = done.result()
            results.append(result)
            how = f"FAILED in {result.error}\n" if result.error else "done"
            print(f"{result.slug}: {result.seconds:.0f} s, {how}", flush=True)
    return results


def record_timings(results: Iterable[Result], root: Path = ROOT) -> None:
    """Note in ``data/chapters.json`` what each chapter took; the chapters show it."""
    from reclib.experiments import (
        environment,
    )  # here, since it takes seconds to import

    path = root / "data" / "chapters.json"
    timings = (
        json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    )
    for result in results:
        timings[result.slug] = {
            "seconds": round(result.seconds),
            "peak_mb": round(result.peak_mb),
        }
    timings["hardware"] = f"one thread of {environment('cpu')['hardware']}"
    timings["date"] = date.today().isoformat()
    write_if_changed(path, json.dumps(timings, indent=1, sort_keys=True) + "\n")


# -- command line ------------------------------------------------------------------


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "chapters",
        nargs="*",
        help="slugs, like 05-autorec; all if none is named",
    )
    parser.add_argument(
        "-j", "--jobs", type=int, default=2, help="chapters at a time (2)"
    )
    parser.add_argument(
        "--all", action="store_true", help="execute fresh chapters as well"
    )
    parser.add_argument(
        "--timings",
        action="store_true",
        help="execute one at a time, fresh ones as well, and write data/chapters.json",
    )
    options = parser.parse_args(arguments)
    if unknown := set(options.chapters) - set(find_chapters()):
        parser.error(
            f"no chapter {', '.join(sorted(unknown))}; there are {', '.join(find_chapters())}"
        )
    return options


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    everything, surroundings = find_chapters(), hash_surroundings()
    chosen = [everything[slug] for slug in options.chapters or everything]
    force = options.all or options.timings
    stale = [
        chapter
        for chapter in chosen
        if force or not is_fresh(chapter, surroundings)
    ]
    for chapter in chosen:
        if chapter not in stale:
            state = "prose updated" if refresh_prose(chapter) else "up to date"
            print(f"{chapter.slug}: {state}")
    results = execute_all(
        stale, surroundings, 1 if options.timings else options.jobs
    )
    failed = [result.slug for result in results if result.error]
    if failed:
        print(
            f"Failed: {', '.join(sorted(failed))}. Their notebooks are as they were."
        )
    elif options.timings:
        record_timings(results)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
