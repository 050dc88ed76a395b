"""Interrupting ``python -m reclib run``: real processes, real signals, and what is kept."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reclib import datasets, workers
from reclib.workers import Worker, finished, undisturbed

# The means are measured in a moment; the networks would take hours.
SLOW = """
[slow]
dataset = "ml-latest-small"
protocol = { name = "hold_out", test = 0.1 }
seeds = 3
points = [
  { label = "mean", model = { name = "GlobalMean" } },
  { label = "net", model = { name = "AutoRec", hidden = 50 }, training = { epochs = 100000 } },
]
"""
PATIENCE = 300  # seconds for a machine under load; nothing here waits so long


def started(folder: Path) -> subprocess.Popen:
    """The command in a process group of its own, as a terminal starts it."""
    (folder / "slow.toml").write_text(SLOW, encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, "-m", "reclib", "run", str(folder / "slow.toml"), "--jobs", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=datasets.data_folder().parent,
        start_new_session=True,
        # Whoever started the tests in the background has made them deaf.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def until_recorded(process: subprocess.Popen, what: str) -> None:
    for line in process.stdout:
        if what in line:
            return
    raise AssertionError(f"the command ended without {what!r}: {process.stderr.read()}")


def group_is_gone(leader: int, patience: float = PATIENCE) -> bool:
    """Whether no process of the group is left, after so many seconds at most."""
    deadline = time.monotonic() + patience
    while True:
        try:
            os.killpg(leader, 0)
        except ProcessLookupError:
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)


def stored(folder: Path) -> list[tuple]:
    record = json.loads((folder / "runs" / "slow.json").read_text(encoding="utf-8"))
    return [(result["label"], result["seed"]) for result in record["results"]]


@pytest.mark.parametrize(("number", "to_all"), [(signal.SIGINT, True), (signal.SIGTERM, False)])
def test_a_run_stops_at_once_and_keeps_what_has_finished(tmp_path, number, to_all):
    """``to_all``: the terminal sends Ctrl-C to the workers as well, one of which has just begun."""
    process = started(tmp_path)
    try:
        until_recorded(process, "mean, seed 0")
        (os.killpg if to_all else os.kill)(process.pid, number)
        out, error = process.communicate(timeout=PATIENCE)
        assert process.returncode == 128 + number
        assert group_is_gone(process.pid)
    finally:
        if not group_is_gone(process.pid, 0):
            os.killpg(process.pid, signal.SIGKILL)
    kept = stored(tmp_path)
    assert {("mean", 0)} <= set(kept) <= {("mean", seed) for seed in range(3)}
    assert error.startswith(f"reclib: interrupted. {len(kept)} of 6 trainings of slow are recorded")
    assert "goes on from there" in error and error.count("\n") == 1  # so no traceback
    assert not list(tmp_path.rglob("*.part"))


def test_a_run_whose_parent_is_killed_leaves_no_process_behind(tmp_path):
    process = started(tmp_path)
    until_recorded(process, "mean, seed 0")
    process.kill()
    process.wait(timeout=PATIENCE)
    assert group_is_gone(process.pid)
    assert ("mean", 0) in stored(tmp_path)


# -- workers -------------------------------------------------------------------------


def heard() -> bool:
    """Whether Ctrl-C would reach this process."""
    return signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def failing() -> None:
    raise FloatingPointError("the loss is nan")


def result_of(function):
    worker = Worker(function)
    assert finished([worker]) == [worker] and worker.done()
    return worker.result()


def test_a_worker_returns_what_its_function_does_and_is_deaf():
    assert result_of(heard) is False
    assert heard()  # negative control: the block was for the start alone


def test_a_worker_raises_what_its_function_raises_with_the_place():
    with pytest.raises(FloatingPointError, match="the loss is nan") as raised:
        result_of(failing)
    assert "in failing" in raised.value.__notes__[0]


def test_a_worker_that_is_killed_is_reported():
    with pytest.raises(ChildProcessError, match="status -9; out of memory"):
        result_of(killed)


def test_a_worker_that_is_stopped_is_gone():
    worker = Worker(time.sleep, 1000)
    worker.stop()
    assert not worker._process.is_alive()


def test_an_interruption_waits_until_the_block_is_done():
    done = []
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), undisturbed():
            signal.raise_signal(signal.SIGINT)
            done.append("the rest of the block")
        with pytest.raises(KeyboardInterrupt):  # negative control
            signal.raise_signal(signal.SIGINT)
            done.append("never")
    finally:
        signal.signal(signal.SIGINT, before)
    assert done == ["the rest of the block"]


def test_another_thread_handles_no_signals():
    seen = []

    def record() -> None:
        with undisturbed():
            seen.append("inside")

    thread = workers.threading.Thread(target=record)
    thread.start()
    thread.join()
    assert seen == ["inside"]
