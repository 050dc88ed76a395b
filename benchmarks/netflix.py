"""``python -m benchmarks.netflix``: the Netflix Prize at its full size, on made-up ratings.

Writes ``combined_data_1.txt`` to ``combined_data_4.txt`` with as many users, movies and ratings as
the real ones have, spread about as unevenly, and measures what it takes to read, to split and to
train on them. Each task is a process of its own, so that its peak memory is nobody else's.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
USERS, MOVIES, RATINGS = 480_189, 17_770, 100_480_507
LAST_MOVIES = (4_499, 9_210, 13_367, 17_770)  # of each combined_data file
LARGEST_ID = 2_649_429  # of a user; most numbers below it belong to nobody
FIRST_DAY, DAYS = np.datetime64("1999-11-11"), 2_243  # to 2005-12-31
TASKS = {
    "import": "importing reclib",
    "read": "reading the files",
    "matrix": "reading, and the matrix",
    "quarter": "reading, and the time split of 3 months",
    "split": "reading, and the time split of all years",
    "epoch": "reading, the matrix, and an epoch of a deep autoencoder",
}


# -- made-up files -------------------------------------------------------------------------------


def write(folder: Path) -> None:
    """Write the four files, 2.1 GB."""
    rng = np.random.default_rng(0)
    sizes = movie_sizes(rng)
    users = draw_users(rng, sizes)
    ids = np.sort(rng.choice(LARGEST_ID, USERS, replace=False)) + 1
    # Each user and each day as signs; users are written without the zeros in front.
    user_signs = np.array([b"%07d" % i for i in ids]).view(np.uint8).reshape(USERS, 7)
    days = np.arange(FIRST_DAY, FIRST_DAY + DAYS).astype("S10").view(np.uint8).reshape(DAYS, 10)
    stops = sizes.cumsum()
    first = 0
    for number, last in enumerate(LAST_MOVIES, start=1):
        with open(folder / f"combined_data_{number}.txt", "wb") as file:
            for movie in range(first, last):
                part = users[stops[movie] - sizes[movie] : stops[movie]]
                lines = np.full((len(part), 21), ord(","), dtype=np.uint8)
                lines[:, :7] = user_signs[part]
                rating = rng.choice(5, len(part), p=[0.05, 0.1, 0.29, 0.33, 0.23])
                lines[:, 8] = ord("1") + rating
                lines[:, 10:20] = days[(DAYS * rng.beta(3, 1, len(part))).astype(int)]
                lines[:, 20] = ord("\n")
                written = np.ones(lines.shape, dtype=bool)
                written[:, :7] = np.maximum.accumulate(lines[:, :7] > ord("0"), axis=1)
                file.write(b"%d:\n" % (movie + 1) + lines[written].tobytes())
        first = last


def movie_sizes(rng: np.random.Generator) -> np.ndarray:
    """Ratings of each movie: 3 to 232,944, the mean ten times the median, as in the real data."""
    raw = rng.lognormal(sigma=np.sqrt(2 * np.log(10)), size=MOVIES)
    low, high = 0.0, 1e9
    while high - low > 1e-6 * high:
        scale = (low + high) / 2
        sizes = np.clip(raw * scale, 3, 232_944).astype(int)
        low, high = (scale, high) if sizes.sum() < RATINGS else (low, scale)
    sizes = np.clip(raw * low, 3, 232_944).astype(int)
    rest = RATINGS - sizes.sum()  # what rounding has taken away, less than one for each movie
    sizes[rng.permutation(np.flatnonzero(sizes < 200_000))[:rest]] += 1
    assert sizes.sum() == RATINGS
    return sizes


def draw_users(rng: np.random.Generator, sizes: np.ndarray) -> np.ndarray:
    """User of each rating, movie by movie; nobody twice in a movie, everybody at least once.

    Systematic sampling: users lie one after the other on a line, each as long as its chance
    (at most 1), and points at distance 1 pick them.
    """
    activity = rng.lognormal(sigma=np.sqrt(2 * np.log(209 / 96)), size=USERS)
    down = np.sort(activity)[::-1]
    rest = down[::-1].cumsum()[::-1]  # what all but the k most active make up
    users = np.empty(sizes.sum(), dtype=np.int32)
    stop = 0
    for size in sizes:
        certain = 0  # users whose chance is 1
        while (size - certain) * down[certain] > rest[certain]:
            certain += 1
        line = np.minimum(activity * (size - certain) / rest[certain], 1).cumsum()
        points = np.arange(size) + rng.uniform(0.001, 0.999)
        users[stop : stop + size] = rng.permutation(np.searchsorted(line, points))
        stop += size
    counts = np.bincount(users, minlength=USERS)
    idle = np.flatnonzero(counts == 0)
    given = rng.choice(len(users), 2 * len(idle) + 1000, replace=False)
    given = given[counts[users[given]] > 20][: len(idle)]
    users[given] = idle
    return users


# -- the tasks -----------------------------------------------------------------------------------


def run(task: str, folder: Path) -> dict:
    """Do one task; time of all and of its last step, and peak memory of this process."""
    start = step = clocks()
    from reclib import netflix

    if task != "import":
        prize = netflix.read(folder)
        assert prize.movies.shape == (MOVIES,) and len(prize) == RATINGS
    if task in ("matrix", "epoch"):
        step = clocks()
        X = prize.to_interactions()
        assert X.nnz == RATINGS and X.shape == (USERS, MOVIES)
    if task in ("quarter", "split"):
        step = clocks()
        split = netflix.time_split(prize, "3 months" if task == "quarter" else "full")
        print(split.train, split.validation.held_out, split.test.held_out, file=sys.stderr)
    if task == "epoch":
        del prize
        step = clocks()
        epoch(X)
    end = clocks()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # bytes; Linux counts in KiB
    return {"task": task, "all": end - start, "step": end - step, "peak": peak}


def clocks() -> np.ndarray:
    """Seconds of time, and of processor time: these do not grow when others use the machine."""
    return np.array([time.perf_counter(), time.process_time()])


def epoch(X) -> None:
    """One epoch of the network for 3 months of Kuchaiev and Ginsburg (2017)."""
    from reclib import training
    from reclib.models import DeepAutoencoder

    model = DeepAutoencoder(hidden=(128, 256, 256), dropout=0.65)
    history = training.fit(
        model,
        X,
        epochs=1,
        batch_size=128,
        optimizer="sgd",
        lr=1e-3,
        optimizer_options={"momentum": 0.9},
        device="cpu",
    )
    print(history.table.to_string(), file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.netflix", description=__doc__)
    parser.add_argument("--folder", type=Path, help="where the files are or shall be kept")
    parser.add_argument("--only", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--task", choices=["write", *TASKS], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.task == "write":
        write(options.folder)
    elif options.task:
        print(json.dumps(run(options.task, options.folder), default=np.ndarray.tolist))
    elif options.folder:
        measure(options.folder, options)
    else:
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder), options)


def measure(folder: Path, options: argparse.Namespace) -> None:
    """Every task in a process of its own; prints the table, and writes it to README.md."""

    def child(task: str) -> str:
        command = [sys.executable, "-m", "benchmarks.netflix", "--task", task]
        command += ["--folder", str(folder.resolve())]
        return subprocess.check_output(command, text=True, cwd=HERE.parent)

    if not list(folder.glob("combined_data_*.txt")):
        child("write")
    load = os.getloadavg()[1]
    results = [json.loads(child(task)) for task in options.only]
    size = sum(path.stat().st_size for path in folder.glob("*.txt"))
    threads = os.environ.get("OMP_NUM_THREADS", os.cpu_count())
    lines = [
        f"{datetime.date.today()} · {cpu()}, {os.cpu_count()} cores, {threads} threads · load of "
        f"others when it began: {load:.1f} · Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in ("torch", "numpy", "scipy", "pandas"))
        + f" · {size / 1e9:.1f} GB of text",
        "",
        "| | all: s (of processor) | its last step: s (of processor) | peak memory, GB |",
        "| --- | ---: | ---: | ---: |",
    ]
    for row in results:
        times = (f"{row[part][0]:.0f} ({row[part][1]:.0f})" for part in ("all", "step"))
        lines.append(f"| {TASKS[row['task']]} | {' | '.join(times)} | {row['peak'] / 1e9:.1f} |")
    print("\n".join(lines))
    readme = HERE / "README.md"
    mark = "<!-- netflix: written by the script -->"
    text, found = re.subn(
        f"{mark}.*?(?=\n\n<!-- end -->)",
        lambda _: "\n".join([mark, "", *lines]),
        readme.read_text(),
        flags=re.DOTALL,
    )
    assert found == 1
    readme.write_text(text)


def cpu() -> str:
    info = Path("/proc/cpuinfo")
    found = info.exists() and re.search(r"model name\s*: (.*)", info.read_text())
    return found[1].strip() if found else platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
