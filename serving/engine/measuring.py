"""Runs a model as its instances would, all at once, and takes the time.

Rule: what other programs do meanwhile makes a run longer and never shorter; so settings take turns, rounds are short,
what a thread waited for a core is left out, and of each setting's turns the quickest counts.
"""

import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from serving.backends.backend import ModelInstance
from serving.core.requests import Arrays
from serving.scheduling.tuning import Measured, Setting, is_settled

_ROUND = 0.002  # seconds of one, or of one batch that takes longer
_SLICE = 0.02  # seconds that a setting gets at a time
_MUCH = 0.1
_SCHEDSTAT = "/proc/thread-self/schedstat"  # Linux: nanoseconds that the thread ran, and that it waited for a core


@dataclass(frozen=True, slots=True)
class Measurement:
    """`disturbed` is the share of the time in which threads that could run had no core, 0 where it can't be told."""

    measured: tuple[Measured, ...]
    disturbed: float = 0.0

    @property
    def is_disturbed(self) -> bool:
        """Whether that is worth a word."""
        return self.disturbed > _MUCH


def measure(
    instances: Mapping[int, ModelInstance],
    settings: Sequence[Setting],
    batches: Mapping[int, Arrays],
    cores: int,
    seconds: float,
    stops_early: bool,
    told: Callable[[float], object] = lambda _: None,
) -> Measurement:
    """Every setting at every batch, for about `seconds`; if it `stops_early` and other programs don't disturb it, only
    until more would change nothing.

    `instances` are by their number of threads, `batches` by their rows. `told` gets the share of the time that went by.
    """
    started = time.perf_counter()
    laps: defaultdict[tuple[Setting, int], list[_Lap]] = defaultdict(list)
    passes = 0
    while True:
        passes += 1
        before = _measured(laps)
        for setting, rows in [(setting, rows) for rows in batches for setting in settings]:
            spent = (time.perf_counter() - started) / seconds
            known = laps[setting, rows]
            if spent >= 1 and known:
                break
            told(min(1.0, spent))
            runs = max(1, int(_ROUND / _typical(known))) if known else 1
            known.append(_Lap(instances[setting.threads], batches[rows], setting, runs, is_alone(setting, cores)))
        found = Measurement(_measured(laps), _disturbed(laps))
        is_quiet = stops_early and not found.is_disturbed
        if spent >= 1 or (is_quiet and is_settled(passes, before, found.measured)):
            return found


def is_alone(setting: Setting, cores: int) -> bool:
    """Whether a thread that waits for a core waits for other programs, and nobody works for it meanwhile."""
    return setting.threads == 1 and setting.cores <= cores


def _measured(laps: "Mapping[tuple[Setting, int], list[_Lap]]") -> tuple[Measured, ...]:
    return tuple(Measured(setting, rows, _typical(each)) for (setting, rows), each in laps.items())


def _disturbed(laps: "Mapping[tuple[Setting, int], list[_Lap]]") -> float:
    every = [lap for each in laps.values() for lap in each]
    return sum(lap.waited for lap in every) / sum(lap.spent for lap in every)


def _typical(laps: "Sequence[_Lap]") -> float:
    """Of the lap that was disturbed least; in it the median, since the quickest round is lucky."""
    return min(sorted(lap.rounds)[(len(lap.rounds) - 1) // 2] for lap in laps)


class _Lap:
    """Rounds in which each of a setting's instances runs some batches."""

    def __init__(
        self, instance: ModelInstance, inputs: Arrays, setting: Setting, runs: int, leave_out_waiting: bool
    ) -> None:
        self._run = partial(instance.run, inputs)
        self._runs = runs
        self._leave_out_waiting = leave_out_waiting
        self._barrier = threading.Barrier(setting.instances)
        self._took = [(0.0, 0.0)] * setting.instances
        self._until = time.perf_counter() + _SLICE
        self._is_over = False
        self.rounds: list[float] = []
        """Seconds of a batch."""
        self.spent = self.waited = 0.0
        """Seconds of all threads, and those of them without a core."""
        with ThreadPoolExecutor(setting.instances, "measuring") as pool:
            working = [pool.submit(self._work, number) for number in range(setting.instances)]
            failures = [failure for each in working if (failure := each.exception()) is not None]
        for failure in sorted(failures, key=lambda it: isinstance(it, threading.BrokenBarrierError)):
            raise failure

    def _work(self, number: int) -> None:
        try:
            with _waited_for_a_core() as waited:
                while not self._is_over:
                    self._barrier.wait()
                    self._took[number] = self._timed(waited)
                    if self._barrier.wait() == 0:  # one of them
                        self._note()
                    self._barrier.wait()
        except BaseException:
            self._barrier.abort()  # the others would wait for ever
            raise

    def _timed(self, waited: Callable[[], float]) -> tuple[float, float]:
        started, before = time.perf_counter(), waited()
        for _ in range(self._runs):
            self._run()
        wait = waited() - before
        return time.perf_counter() - started, wait

    def _note(self) -> None:
        slowest = max(spent - wait if self._leave_out_waiting else spent for spent, wait in self._took)
        self.rounds.append(slowest / self._runs)
        self.spent += sum(spent for spent, _ in self._took)
        self.waited += sum(wait for _, wait in self._took)
        self._is_over = time.perf_counter() >= self._until


@contextmanager
def _waited_for_a_core() -> Iterator[Callable[[], float]]:
    """Gives what tells how many seconds the calling thread did so far; always 0 where the system does not say."""
    try:
        file = os.open(_SCHEDSTAT, os.O_RDONLY)
    except OSError:
        yield lambda: 0.0
        return
    try:
        yield lambda: int(os.pread(file, 100, 0).split()[1]) / 1e9
    finally:
        os.close(file)
