"""The parts of a scenario, sent at once, with what happens meanwhile.

Rule: what was counted before Ctrl-C or a fault of one part is kept; nothing goes on when this returns.
"""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread

from loadtests.asking import CannotTest
from loadtests.result import Result
from loadtests.run import Plan, Progress, Target, run
from loadtests.scenarios.deeds import Deeds
from loadtests.scenarios.judging import Done
from loadtests.scenarios.scenario import Action, Deed
from loadtests.scenarios.server_state import NoMetrics, ServerState

_SAMPLES = 200
_FEWEST_SECONDS = 0.2  # between two samples
_LOOK = 0.05  # seconds


@dataclass(frozen=True, slots=True)
class Cast:
    """A part with everything that it needs to be sent."""

    name: str
    target: Target
    plan: Plan


@dataclass(slots=True)
class Played:
    """Grows while it plays. `begun` is when the first load's warm-up was over, by the monotonic clock."""

    results: list[Result] = field(default_factory=list)
    done: list[Done] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)
    begun: float = 0.0


def play(casts: Sequence[Cast], actions: Sequence[tuple[Action, str]], state: ServerState, deeds: Deeds) -> Played:
    """`actions` come with the model that each is done to. Raises `SenderDied`."""
    played, begun, over = Played(), Event(), Event()
    seconds = max(cast.plan.seconds for cast in casts)

    def watch(progress: Progress) -> bool:
        if progress.passed > 0 and not begun.is_set():
            played.begun = time.monotonic() - progress.passed
            begun.set()
        return over.is_set()

    beside = [
        Thread(target=_act, args=(actions, seconds, deeds, played, begun, over)),
        Thread(target=_sample, args=(state, seconds, played, begun, over)),
    ]
    with ThreadPoolExecutor(len(casts)) as pool:
        with _running(beside, begun, over):
            runs = [pool.submit(run, cast.target, cast.plan, watch) for cast in casts]
            _wait(runs, over)
        played.results.extend(each.result() for each in runs)
    return played


@contextmanager
def _running(threads: Sequence[Thread], begun: Event, over: Event) -> Iterator[None]:
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        begun.set()
        for thread in threads:
            thread.join()


def _wait(runs: Sequence[Future[Result]], over: Event) -> None:
    """Until all have ended; the first Ctrl-C, or a fault in one, ends them all."""
    while not all(each.done() for each in runs):
        try:
            time.sleep(_LOOK)
        except KeyboardInterrupt:
            over.set()
        if any(each.done() and each.exception() is not None for each in runs):
            over.set()


def _act(
    actions: Sequence[tuple[Action, str]], seconds: float, deeds: Deeds, played: Played, begun: Event, over: Event
) -> None:
    due = sorted(
        ((at, action.do, model) for action, model in actions for at in action.times(seconds)), key=lambda each: each[0]
    )
    begun.wait()
    for at, do, model in due:
        if over.wait(max(0.0, played.begun + at - time.monotonic())):
            return
        played.done.append(_done(at, do, model, deeds))


def _done(at: float, do: Deed, model: str, deeds: Deeds) -> Done:
    start, wrong = time.monotonic(), ""
    try:
        deeds.do(do, model)
    except CannotTest as error:
        wrong = str(error)
    return Done(f"{do} {model}", at, time.monotonic() - start, wrong)


def _sample(state: ServerState, seconds: float, played: Played, begun: Event, over: Event) -> None:
    begun.wait()
    while not over.wait(max(_FEWEST_SECONDS, seconds / _SAMPLES)):
        memory = state.memory()
        if memory is not None:
            played.memory.append((time.monotonic() - played.begun, memory))


def idle_after(state: ServerState, most: float) -> float | str | None:
    """Seconds until nothing waits or runs, None where that does not come within `most`, or why nobody can tell."""
    begun = time.monotonic()
    try:
        while state.at_work():
            if time.monotonic() - begun > most:
                return None
            time.sleep(_LOOK)
    except NoMetrics as error:
        return str(error)
    return time.monotonic() - begun
