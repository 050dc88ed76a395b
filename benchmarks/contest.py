"""Contestants take turns: each is a process of its own, and in every round each runs once.

Two programs in one process would share an allocator, and whoever comes second finds warm memory;
two measured one after the other would see another load of the machine. So a figure is always a
ratio of two times of the same round, and what is reported is its median and its range.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


class Contestant:
    """A process that runs ``python -m benchmarks.<module> argument ...`` in ``folder``."""

    def __init__(self, name: str, module: str, *arguments, folder: Path, python: str = ""):
        self.name, self.folder = name, folder
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115, read if something goes wrong
        root = Path(__file__).resolve().parents[1]
        self.process = subprocess.Popen(
            [python or sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(root)},
        )
        self._read()  # ready

    def turn(self) -> dict:
        """Let it run once; returns ``seconds`` and the ``values`` that it computed."""
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return self._read()

    def _read(self) -> dict:
        line = self.process.stdout.readline()
        if not line:
            self.log.seek(0)
            raise RuntimeError(f"{self.name} stopped:\n{self.log.read()[-3000:]}")
        return json.loads(line)

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


class Turns:
    """The contestant's side: ``wait`` for the turn, work, ``stop`` the clock, say ``done``."""

    def __init__(self) -> None:
        # Some libraries print; what they print must not be read as a result.
        self.out = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)
        self.times = 0.0, 0.0

    def wait(self) -> None:
        """Return when it is this process's turn; leave the program after the last one."""
        if not sys.stdin.readline():
            sys.exit()
        self.times = -time.perf_counter(), -time.process_time()

    def stop(self) -> None:
        """Stop the clocks; what follows until ``done`` is not counted."""
        wall, cpu = self.times
        self.times = wall + time.perf_counter(), cpu + time.process_time()

    def done(self, **values: float) -> None:
        """End the turn; the first time, before any turn, it says that all is prepared."""
        answer = {"seconds": self.times[0], "cpu": self.times[1], "values": values}
        self.out.write(json.dumps(answer) + "\n")
        self.out.flush()

    def play(self, run) -> None:
        """Take turns with a function that returns its values."""
        self.done()
        while True:
            self.wait()
            values = run()
            self.stop()
            self.done(**values)


def compete(contestants: list[Contestant], rounds: int, clock: str = "seconds") -> dict[str, dict]:
    """One untimed round, then ``rounds`` timed ones.

    Returns for every contestant its ``seconds`` in each round, its ``values``, and its time over
    that of the first contestant: ``ratio``, the median over rounds, ``low`` and ``high``.
    ``clock="cpu"`` counts processor time in place of time.
    """
    results = {c.name: {"seconds": [], "values": c.turn()["values"]} for c in contestants}
    for number in range(1, rounds + 1):
        for contestant in contestants:
            result, answer = results[contestant.name], contestant.turn()
            result["seconds"].append(answer[clock])
            result["values"] = answer["values"]
        print(f"    round {number} of {rounds}", end="\r", file=sys.stderr, flush=True)
    for contestant in contestants:
        contestant.close()
    first = results[contestants[0].name]["seconds"]
    for result in results.values():
        pairs = zip(result["seconds"], first, strict=True)
        result.update(summary([theirs / ours for theirs, ours in pairs]))
    return results


def summary(ratios: list[float]) -> dict[str, float]:
    return {"ratio": statistics.median(ratios), "low": min(ratios), "high": max(ratios)}
