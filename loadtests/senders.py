"""The processes that send a load, seen from the one that counts.

Rule: they start together when all are there, and none outlives the block.
"""

import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from loadtests.sender_process import Errand, News, run

_HEAD_START = 0.05  # seconds from telling when to start until then


class SenderDied(Exception):
    """A sending process ended before it told all."""


class Senders:
    """`news` gives what they tell, until all have told all."""

    def __init__(self, pipes: list[Connection], start: float, pids: Sequence[int]) -> None:
        self.start = start
        """Seconds of the monotonic clock at which the load begins, after its warm-up."""
        self.pids = pids
        self._pipes = pipes

    def stop(self) -> None:
        """What is under way is waited for."""
        for pipe in self._pipes:
            pipe.send(None)

    def news(self, every: float) -> Iterator[News | None]:
        """None at the latest after so many seconds without any, so that the caller can look at the time."""
        while self._pipes:
            ready = wait(self._pipes, every)
            if not ready:
                yield None
            for pipe in ready:
                assert isinstance(pipe, Connection)
                news = _received(pipe)
                if news is None:
                    self._pipes.remove(pipe)
                else:
                    yield news


@contextmanager
def started(errand: Errand, processes: int) -> Iterator[Senders]:
    """Raises `SenderDied`."""
    context = get_context("spawn")
    running: list[SpawnProcess] = []
    pipes: list[Connection] = []
    try:
        for index in range(processes):
            own, theirs = context.Pipe()
            share = replace(errand.share, index=index, of=processes)
            process = context.Process(target=run, args=(replace(errand, share=share), theirs), daemon=True)
            with _unheard_interrupts():
                process.start()
            theirs.close()
            running.append(process)
            pipes.append(own)
        pids = [process.pid for process in running if process.pid is not None]
        yield Senders(pipes, _start_together(pipes, errand.warm_up), pids)
    finally:
        for process in running:
            process.join(0.0 if pipes else 1.0)  # without pipes all was told
            process.kill()


@contextmanager
def _unheard_interrupts() -> Iterator[None]:
    """What is started here never hears of Ctrl-C, which a terminal tells every process: the one that counts decides."""
    if sys.platform == "win32":
        yield
        return
    resource_tracker.ensure_running()  # it would let signals through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_together(pipes: Sequence[Connection], warm_up: float) -> float:
    for pipe in pipes:
        _received(pipe)
    start = time.monotonic() + _HEAD_START + warm_up
    for pipe in pipes:
        pipe.send(start)
    return start


def _received(pipe: Connection) -> News | None:
    try:
        news: News | None = pipe.recv()
    except (EOFError, ConnectionError):
        raise SenderDied("a process that sends requests died; its last words are above") from None
    return news
