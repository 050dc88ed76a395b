"""Tasks in processes of their own, which only who started them ends.

The terminal sends Ctrl-C to every process of a command at once. A worker must not hear it, even
while it starts: else it dies with a traceback of its own, while its starter is still deciding
what to keep. So a worker is deaf to it, and ends when it is stopped or when its starter is gone.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from multiprocessing import connection, resource_tracker
from typing import Any

from tqdm import tqdm

STOPS = (signal.SIGINT, signal.SIGTERM)
# Fork and the threads of torch do not mix.
SPAWN = multiprocessing.get_context("spawn")


class Worker:
    """``function(*arguments)`` in a new process, at once; both must be picklable."""

    def __init__(self, function: Callable, *arguments: Any) -> None:
        self._outcome = None
        self.channel, far_end = SPAWN.Pipe(duplex=False)
        self._process = SPAWN.Process(
            target=_work, args=(far_end, function, arguments), daemon=True
        )
        with _deaf():
            self._process.start()
        far_end.close()

    def done(self) -> bool:
        """Whether it has ended, well or badly."""
        return self._outcome is not None or self.channel.poll()

    def result(self) -> Any:
        """What the function returned, once it has; raises what it raised.

        ChildProcessError if the process ended without a word: something outside killed it.
        """
        if self._outcome is None:
            try:
                self._outcome = self.channel.recv()
            except EOFError:
                self._process.join()
                status = self._process.exitcode
                reason = "out of memory?" if status == -signal.SIGKILL else "see its last words"
                error = ChildProcessError(f"its process ended with status {status}; {reason}")
                self._outcome = None, error
            self._process.join()
        value, error = self._outcome
        if error is not None:
            raise error
        return value

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        self._process.kill()
        self._process.join()
        self.channel.close()


def finished(running: Iterable[Worker]) -> list[Worker]:
    """Wait until at least one of the workers has ended; those that have."""
    workers = {worker.channel: worker for worker in running}
    return [workers[channel] for channel in connection.wait(workers)]


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ctrl-C, and a request to end, wait until the block is done.

    Not in a thread other than the main one, where Python lets nobody handle signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    caught = []
    before = {number: signal.getsignal(number) for number in STOPS}
    for number in STOPS:
        signal.signal(number, lambda number, _: caught.append(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in caught[:1]:
            signal.raise_signal(number)


@contextmanager
def _deaf() -> Iterator[None]:
    """What is started in the block never hears Ctrl-C: a blocked signal is inherited."""
    resource_tracker.ensure_running()  # which unblocks the signal when it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(channel: connection.Connection, function: Callable, arguments: tuple) -> None:
    """In the new process: compute, and send (value, None) or (None, error)."""
    threading.Thread(target=_end_with_the_starter, daemon=True).start()
    # The bars' own lock is a semaphore of the system, which a killed process would leave behind.
    tqdm.set_lock(threading.RLock())
    try:
        outcome = function(*arguments), None
    except Exception as error:
        error.add_note(f"In the worker:\n{traceback.format_exc()}")
        outcome = None, error
    channel.send(outcome)


def _end_with_the_starter() -> None:
    multiprocessing.parent_process().join()
    os._exit(1)
