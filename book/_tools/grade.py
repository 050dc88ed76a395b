"""Grade a folder of submissions into one CSV: student, assignment, question, points, note.

A submission is a notebook, or the zip that the last cell of the student's notebook makes. Each is
graded by ``otter run`` in a process of its own, with limits of time and memory; whatever it does
there, the others are graded. Questions graded by hand stand in the CSV without points.

What is isolated. Every submission has its own process, working folder and limits (wall time,
address space, size of a file it writes), and is killed with the processes it started. The checks
are the grader's own copies; those that came with the notebook are never read, nor are results of
checks that the notebook ran itself: every check runs once, after the last cell. The points that
come back are read as JSON; a number that the question cannot give counts as zero.

What is not. The checks run in the process of the submission, as in every grader of this kind.
Code that looks for them can read the hidden checks and could forge its own points; a cell that
speaks of the grader's internals is therefore named in the column ``note``, for a person to read.
The network and the files of whoever grades are open to the submission, and a process that starts
a session of its own outlives it. The limit of memory holds on Linux only. Grade strangers' code in
a container or a virtual machine.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import csv
import json
import multiprocessing
import os
import re
import resource
import shutil
import signal
import stat
import sys
import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import psutil

ROOT = Path(__file__).resolve().parents[2]
GRADERS = ROOT / "_build" / "coursework" / "grader"
RESERVE = 500  # megabytes for the checks, beyond what a submission may take
COLUMNS = [
    "student",
    "name",
    "assignment",
    "question",
    "points",
    "possible",
    "note",
]
# Loaded once; each submission's process begins as a copy of the one that holds them.
PRELOAD = [
    "otter.run",
    "torch",
    "pandas",
    "matplotlib.pyplot",
    "IPython",
    "reclib.evaluation",
]
INTERNALS = re.compile(
    r"\botter\.|\bChecker\b|test_files|autograder|__subclasses__|_exit\b"
)
GENERATED = re.compile(  # whole cells: what follows in one is the student's
    r"# Initialize Otter\nimport otter\s+grader = otter\.Notebook\([^()\n]*\)( +#.*)?"
    r"|grader\.check(_all)?\([^()\n]*\)"
    r"|# Save your notebook first.*\ngrader\.export\([^()\n]*\)"
)
SET_UP = "# @title Set up"  # of a notebook for Colab: here all is installed


@dataclass
class Report:
    """What grading one submission gave; ``error`` if it gave nothing."""

    assignment: str = "unknown"
    name: str = ""
    points: dict[str, float] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    error: str = ""


# -- in the submission's own process -----------------------------------------------


class InProcess:
    """Stands in for nbconvert's ExecutePreprocessor: runs the cells here, not in a kernel.

    A kernel would be one more process to limit and to kill, and takes seconds to start.
    """

    first_error = ""

    def __init__(self, config=None):
        from IPython.core.interactiveshell import InteractiveShell

        self.shell = InteractiveShell.instance()

    def preprocess(self, notebook):
        from otter.execute import Checker

        *cells, checks = [
            cell.source for cell in notebook.cells if cell.cell_type == "code"
        ]
        for source in cells:
            self.run(source.partition("# set up Otter's logging")[0])
        open_reserve()  # who took all of it must still be graded
        Checker.clear_results()  # only the checks that now follow count
        self.shell.run_cell(checks)
        return notebook, {}

    def run(self, source: str) -> None:
        done = self.shell.run_cell(source)
        error = done.error_before_exec or done.error_in_exec
        if error and not InProcess.first_error:
            line = next(
                (line for line in source.splitlines() if line.strip()), ""
            )
            said = f"{type(error).__name__}: {error}".partition("\n")[0]
            InProcess.first_error = (
                f"the cell `{line[:50]}` stopped with {said[:150]}"
            )


def work(notebook: Path, bundle: Path, folder: Path, megabytes: int) -> None:
    """Grade in this process, and leave ``report.json`` in ``folder``."""
    os.setsid()
    os.chdir(folder)
    log = os.open("log.txt", os.O_WRONLY | os.O_CREAT)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.environ.update(MPLBACKEND="Agg", OMP_NUM_THREADS="1")
    limit(megabytes)
    import nbconvert.preprocessors
    import torch

    torch.set_num_threads(1)  # loaded already, it has read the variable
    from otter.run import main as run

    nbconvert.preprocessors.ExecutePreprocessor = InProcess
    results = run(
        str(notebook), autograder=str(bundle), output_dir=None, no_logo=True
    )
    report = {
        "points": {name: test.score for name, test in results.results.items()},
        "notes": {
            name: failures(test) for name, test in results.results.items()
        },
        "first_error": InProcess.first_error,
    }
    Path("report.json").write_text(json.dumps(report), encoding="utf-8")
    os._exit(0)  # without waiting for threads


def failures(test) -> str:
    """The checks of a question that failed, each with the last line of its message."""
    failed = [
        (n, done)
        for n, done in enumerate(test.test_case_results, 1)
        if not done.passed
    ]
    lines = [(n, done.message.strip().splitlines()[-1]) for n, done in failed]
    return "; ".join(f"check {n}: {line[:100]}" for n, line in lines)


def limit(megabytes: int) -> None:
    """Bound what this process may take on top of what the libraries have mapped already.

    RESERVE megabytes more can be had later, by :func:`open_reserve`.
    """
    mapped = psutil.Process().memory_info().vms
    most = mapped + megabytes * 2**20
    for what, soft, hard in (
        (resource.RLIMIT_AS, most, most + RESERVE * 2**20),
        (resource.RLIMIT_FSIZE, 100 * 2**20, 100 * 2**20),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        with contextlib.suppress(ValueError, OSError):  # no such limit here
            resource.setrlimit(what, (soft, hard))


def open_reserve() -> None:
    """Let the checks have memory, however much the submission has taken."""
    with contextlib.suppress(ValueError, OSError):
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


# -- outside it --------------------------------------------------------------------


def grade(
    submission: Path,
    graders: Path = GRADERS,
    seconds: float = 300,
    megabytes: int = 4000,
) -> Report:
    """Grade one submission in a process of its own; a failure is a line, never an exception."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        try:
            notebook = unpack(submission, Path(folder))
            report = Report(*look_into(notebook, graders))
            notebook = label(notebook, report.assignment)
        except Exception as error:  # whatever was handed in
            known = isinstance(error, ValueError)
            return Report(error=str(error) if known else repr(error)[:150])
        bundle = graders / report.assignment / "autograder.zip"
        arguments = (notebook, bundle, Path(folder), megabytes)
        report.error = wait(work, arguments, seconds)
        if not report.error:
            read_report(report, Path(folder, "report.json"), bundle)
        explain(report, notebook, bundle)
    return report


def unpack(submission: Path, folder: Path) -> Path:
    """The notebook, alone in a folder: nothing else that was handed in is used."""
    target = folder / "submission.ipynb"
    if submission.suffix == ".ipynb":
        shutil.copy(submission, target)
        return target
    try:
        with zipfile.ZipFile(submission) as archive:
            names = [
                name for name in archive.namelist() if name.endswith(".ipynb")
            ]
            if len(names) != 1:
                raise ValueError(
                    f"the zip holds {len(names)} notebooks, not one"
                )
            if archive.getinfo(names[0]).file_size > 50e6:
                raise ValueError("the notebook in the zip is larger than 50 MB")
            target.write_bytes(archive.read(names[0]))
    except zipfile.BadZipFile:
        raise ValueError("no zip file, although its name says so") from None
    return target


def read(notebook: Path) -> nbformat.NotebookNode:
    try:
        return nbformat.read(notebook, as_version=4)
    except Exception as error:
        said = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise ValueError(
            f"not a notebook that can be read ({said[:100]})"
        ) from None


def look_into(notebook: Path, graders: Path) -> tuple[str, str]:
    """The assignment and the name that the submission states."""
    content = read(notebook)
    metadata = content.metadata
    language = metadata.get("kernelspec", {}).get("language") or metadata.get(
        "language_info", {}
    ).get("name", "python")
    if language.lower() != "python":
        raise ValueError(f"its kernel is for {language}, not for Python")
    text = "\n".join(code(content))
    # Where a program has dropped the metadata on the way, the first cell still has the name.
    started = re.search(r"otter\.Notebook\(.*?([\w-]+)\.ipynb", text)
    assignment = metadata.get("otter", {}).get("assignment_name")
    assignment = assignment or (started and started[1])
    known = [bundle.parent.name for bundle in graders.glob("*/autograder.zip")]
    if assignment not in known:
        raise ValueError(f"of an assignment that is not known: {assignment}")
    named = re.findall(r"^student = (['\"])(.+?)\1", text, re.M)
    return assignment, named[-1][1] if named else ""


def label(notebook: Path, assignment: str) -> Path:
    """Write it anew as otter expects it: with the name that its first cell asks for, and in the
    metadata the assignment alone. Editors may drop metadata, and students may change them.
    """
    content = read(notebook)
    content.cells = [
        cell for cell in content.cells if not cell.source.startswith(SET_UP)
    ]
    content.metadata["otter"] = {
        "OK_FORMAT": False,
        "assignment_name": assignment,
        # Those of the bundle count; but without any here, otter looks for a folder of tests.
        "tests": {"q0": ""},
    }
    target = notebook.with_name(f"{assignment}.ipynb")
    nbformat.write(content, target)
    return target


def code(notebook: nbformat.NotebookNode) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def wait(target, arguments: tuple, seconds: float) -> str:
    """Run ``target`` in a new process; what went wrong, or an empty string."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    process = context.Process(target=target, args=arguments)
    process.start()
    process.join(seconds)
    late = process.is_alive()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # with all that it started
    process.kill()
    process.join()
    if late:
        return f"stopped after {seconds:g} s: an endless loop?"
    if process.exitcode:
        return f"its process ended before it was graded (exit code {process.exitcode})"
    return ""


def read_report(report: Report, path: Path, bundle: Path) -> None:
    """Take over what the submission's process wrote, and believe as little as possible."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise ValueError("no file")
        found = json.loads(path.read_text(encoding="utf-8"))
        for question, possible in worth(bundle).items():
            points = float(found["points"][question])
            in_range = 0 <= points <= possible
            report.points[question] = points if in_range else 0.0
            report.notes[question] = str(found["notes"][question])[:1000]
        if found["first_error"]:
            report.notes["all"] = str(found["first_error"])[:300]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        report.points.clear()
        report.error = "its process ended without results: an exit in its code?"


def questions(bundle: Path) -> list[dict]:
    return json.loads(
        bundle.with_name("questions.json").read_text(encoding="utf-8")
    )


def worth(bundle: Path) -> dict[str, int]:
    return {
        each["name"]: each["points"]
        for each in questions(bundle)
        if not each["manual"]
    }


def explain(report: Report, notebook: Path, bundle: Path) -> None:
    """Add notes on names that no cell defines, and on cells that speak of the grader."""
    cells = code(read(notebook))
    defined = set(
        re.findall(r"^(?:def |class )?(\w+)(?: *[=(:])", "\n".join(cells), re.M)
    )
    for question, names in wanted(bundle).items():
        missing = sorted(names - defined)
        if missing:
            note = f"no cell defines {', '.join(missing)}"
            report.notes[question] = "; ".join(
                filter(None, [note, report.notes.get(question)])
            )
    own = [
        source for source in cells if not GENERATED.fullmatch(source.strip())
    ]
    if any(INTERNALS.search(source) for source in own):
        note = "READ THIS ONE: a cell speaks of the grader's internals"
        report.notes["all"] = "; ".join(
            filter(None, [note, report.notes.get("all")])
        )


def checks(bundle: Path) -> dict[str, ast.Module]:
    """The checks of each question, parsed."""
    with zipfile.ZipFile(bundle) as archive:
        return {
            Path(name).stem: ast.parse(archive.read(name))
            for name in archive.namelist()
            if re.fullmatch(r"tests/\w+\.py", name)
        }


def wanted(bundle: Path) -> dict[str, set[str]]:
    """The names that the checks of each question ask for."""
    return {
        question: {
            argument.arg
            for function in tree.body
            if isinstance(function, ast.FunctionDef)
            for argument in function.args.args
        }
        - {"env"}
        for question, tree in checks(bundle).items()
    }


def rows(student: str, report: Report, graders: Path) -> list[dict]:
    """The lines of the CSV for one submission."""
    shared = {
        "student": student,
        "name": report.name,
        "assignment": report.assignment,
    }
    if report.assignment == "unknown":
        return [shared | {"question": "all", "points": 0, "note": report.error}]
    lines = []
    for each in questions(graders / report.assignment / "autograder.zip"):
        line = shared | {"question": each["name"], "possible": each["points"]}
        if each["manual"]:
            lines.append(line | {"note": "by hand"})
        else:
            points = report.points.get(each["name"], 0)
            lines.append(
                line
                | {"points": points, "note": report.notes.get(each["name"], "")}
            )
    note = "; ".join(filter(None, [report.error, report.notes.get("all")]))
    total, possible = (
        sum(line.get(c, 0) for line in lines) for c in ("points", "possible")
    )
    return [
        *lines,
        shared
        | dict(question="all", points=total, possible=possible, note=note),
    ]


def plain(value):
    """Text that no spreadsheet takes for a formula."""
    return value.lstrip("=+-@\t\r ") if isinstance(value, str) else value


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "submissions", type=Path, help="folder of notebooks and otter's zips"
    )
    parser.add_argument("--graders", type=Path, default=GRADERS)
    parser.add_argument(
        "--csv",
        type=Path,
        default=ROOT / "_build" / "coursework" / "grades.csv",
    )
    parser.add_argument(
        "--seconds", type=float, default=300, help="for one submission (300)"
    )
    parser.add_argument(
        "--megabytes", type=int, default=4000, help="for one submission (4000)"
    )
    options = parser.parse_args(arguments)
    files = [
        p
        for p in sorted(options.submissions.rglob("*"))
        if p.suffix in (".ipynb", ".zip")
    ]
    if not files:
        parser.error(f"no .ipynb and no .zip in {options.submissions}")
    with options.csv.open("w", newline="", encoding="utf-8") as target:
        table = csv.DictWriter(target, COLUMNS)
        table.writeheader()
        for path in files:
            report = grade(
                path, options.graders, options.seconds, options.megabytes
            )
            student = (
                path.relative_to(options.submissions).with_suffix("").as_posix()
            )
            lines = rows(student, report, options.graders)
            for line in lines:
                table.writerow({key: plain(line[key]) for key in line})
            target.flush()
            print(
                f"{student}: {lines[-1]['points']:g} points. {lines[-1]['note']}",
                flush=True,
            )
    print(f"{len(files)} submissions: {options.csv}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
