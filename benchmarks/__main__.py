"""``python -m benchmarks``: measure, write results.json, and the tables of README.md from it."""

from __future__ import annotations

import argparse
import datetime
import functools
import json
import os
import platform
import re
import sys
import time
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
LIBRARIES = ("torch", "numpy", "scipy", "pandas", "recbole", "irspack", "cornac")
TOPN = ("multvae", "recvae", "cdae", "ease")
RECTOOLS = "0.19.0"  # as in requirements-rectools.txt; it lives in another environment
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "IRSPACK_NUM_THREADS_DEFAULT")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="turns of each contestant (7)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="all cores by default")
    parser.add_argument(
        "--only",
        choices=["evaluation", "autorec", "growth", "crossing", *TOPN],
        help="measure one part",
    )
    parser.add_argument(
        "--rectools-python",
        default=f"{sys.prefix}-rectools/bin/python",
        help="interpreter of the environment made from requirements-rectools.txt",
    )
    parser.add_argument("--tables", action="store_true", help="measure nothing, write the tables")
    options = parser.parse_args()
    results_file = HERE / "results.json"
    results = json.loads(results_file.read_text()) if results_file.exists() else {}
    if not options.tables:
        # Before torch is imported, here and in the contestants.
        os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(options.threads)))
        from benchmarks import autorec, evaluation, topn

        parts = {
            "evaluation": lambda n: evaluation.measure(n, os.path.abspath(options.rectools_python)),
            "autorec": autorec.measure,
            "growth": autorec.measure_growth,
            "crossing": autorec.measure_crossing,
            **{part: functools.partial(topn.measure, part) for part in TOPN},
        }
        for part, measure in parts.items():
            if options.only in (None, part):
                print(f"{part}:", file=sys.stderr)
                load, start = os.getloadavg()[1], time.perf_counter()
                rows = measure(options.rounds)
                seconds = round(time.perf_counter() - start)
                print(f"  took {seconds} s", file=sys.stderr)
                results[part] = {"machine": machine(options, load, seconds), "rows": rows}
                results_file.write_text(json.dumps(results, indent=1) + "\n")
    write_tables(results)


def machine(options: argparse.Namespace, load: float, seconds: int) -> dict:
    """What the figures depend on, and nothing that would name a computer."""
    cpu = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())[1].strip()
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "threads": options.threads,
        "rounds": options.rounds,
        "load": round(load, 1),
        "seconds": seconds,
        "date": datetime.date.today().isoformat(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in LIBRARIES} | {"rectools": RECTOOLS},
    }


# -- the tables of README.md ---------------------------------------------------------------------


def write_tables(results: dict) -> None:
    readme = HERE / "README.md"
    text = readme.read_text()
    for part, table in TABLES.items():
        if part in results:
            lines = [described(results[part]["machine"]), "", *table(results[part]["rows"])]
            block = f"<!-- {part}: written by the script -->\n\n" + "\n".join(lines)
            pattern = rf"<!-- {part}: written by the script -->.*?(?=\n\n<!-- end -->)"
            text, found = re.subn(pattern, lambda _, block=block: block, text, flags=re.DOTALL)
            assert found == 1, part
    readme.write_text(text)


def described(machine: dict) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    return (
        f"{machine['date']} · {machine['cpu']}, {machine['cores']} cores, {machine['threads']} "
        f"threads · {machine['rounds']} rounds · load of others when it began: {machine['load']} · "
        f"Python {machine['python']}, {versions}"
    )


def ratio(row: dict) -> str:
    return f"{row['ratio']:.2f} ({row['low']:.2f} – {row['high']:.2f})"


def table(header: list[str], lines: dict[str, list[str]]) -> list[str]:
    rule = ["---"] + ["---:"] * (len(header) - 1)
    rows = [header, rule, *([name, *cells] for name, cells in lines.items())]
    return ["| " + " | ".join(row) + " |" for row in rows]


def pivot(rows: list[dict], line, column, corner: str) -> list[str]:
    """Ratios, with a line and a column for each value of two functions of a row."""
    columns = list(dict.fromkeys(map(column, rows)))
    lines: dict[str, list[str]] = {}
    for row in rows:
        cells = lines.setdefault(line(row), [""] * len(columns))
        cells[columns.index(column(row))] = ratio(row)
    return table([corner, *columns], lines)


def networks(rows: list[dict]) -> list[str]:
    """A line for each shape and contestant: both NDCGs, and the ratio in three settings."""
    lines: dict[str, list[str]] = {}
    for row in rows:
        ndcg = [f"{each['ndcg']:.3f}" for each in (row["reclib"]["values"], row["values"])]
        lines.setdefault(f"{row['shape']}, {row['contestant']}", ndcg).append(ratio(row))
    precisions = ["both highest", "both medium", "reclib alone medium"]
    return table(["time, reclib = 1", "NDCG@100 of reclib", "theirs", *precisions], lines)


TABLES = {
    "evaluation": lambda rows: pivot(
        [row for row in rows if row["contestant"] != "reclib"],
        lambda row: row["contestant"],
        lambda row: f"{row['size'][0]:,} × {row['size'][1]:,}",
        "time, reclib = 1",
    ),
    "autorec": lambda rows: pivot(
        [row for row in rows if row["contestant"] != "reclib"],
        lambda row: f"{row['problem']}, {row['training']}, {row['precision']}",
        lambda row: row["contestant"],
        "time of an epoch, reclib = 1",
    ),
    "growth": lambda rows: pivot(
        rows,
        lambda row: f"{row['problem']}, {row['training']}",
        lambda row: f"{row['ratings']} ratings",
        "time of an epoch",
    ),
    "crossing": lambda rows: pivot(
        rows,
        lambda row: f"{row['density']:.2%}",
        lambda row: f"{row['rows']:,} × {row['columns']:,}, {row['precision']}",
        "density",
    ),
    **dict.fromkeys(TOPN[:3], networks),
    "ease": lambda rows: table(
        ["", "time, reclib = 1", "memory, GB", "of the whole process"],
        {
            f"{row['shape']}, {row['contestant']}": [
                ratio(row),
                *(f"{row['values'][name]:.2f}" for name in ("memory", "peak")),
            ]
            for row in rows
        },
    ),
}


if __name__ == "__main__":
    main()
