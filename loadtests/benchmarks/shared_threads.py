"""Threads and processor time of a server with many ONNX models, whose sessions have a pool each, or one for all.

    python -m loadtests.benchmarks.shared_threads                 # a table for people, one JSON line last
    python -m loadtests.benchmarks.shared_threads --models 20 --callers 4

Rule: the servers that are compared run side by side, and are idle and under load by turns.
"""

import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from loadtests.benchmarks.callers import Answer, ask_each, at_once, failures, infer, latency_ms
from loadtests.benchmarks.dense_model import BATCHED, Dense, add_model
from loadtests.benchmarks.report import last_line, run_command, show, spread, table
from loadtests.benchmarks.server_process import Server, started
from loadtests.call import Call

T = TypeVar("T")

SIZE = Dense(512, 4)
ONE_THREAD = f"""{BATCHED} parameters {{ key: "intra_op_thread_count" value {{ string_value: "1" }} }}"""
SHARED = ("--backend-config", "onnxruntime,enable-global-threadpool=1")
ALTERNATIVES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "a pool for each model": (BATCHED, ()),
    "one pool for all": (BATCHED, SHARED),
    "intra_op_thread_count: 1": (ONE_THREAD, ()),
}
"""What the models' configs say, and the server's options; the first is the default."""


@dataclass(frozen=True, slots=True)
class Found:
    """`idle` and `busy` in percent of a core, `p50` and `p99` in milliseconds under load; one value for each round."""

    threads: int
    idle: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)

    def add(self, idle: float, busy: float, answers: list[Answer]) -> None:
        self.idle.append(idle)
        self.busy.append(busy)
        self.p50.append(latency_ms(answers, 50))
        self.p99.append(latency_ms(answers, 99))


def main(
    models: Annotated[int, typer.Option(min=1, help="How many models are loaded; callers ask them in turn.")] = 10,
    callers: Annotated[int, typer.Option(min=1, help="How many send requests at the same time.")] = 2,
    period: Annotated[float, typer.Option(min=0.1, help="Milliseconds between two requests of a caller.")] = 5.0,
    seconds: Annotated[float, typer.Option(min=0.1, help="How long each look takes.")] = 3.0,
    rounds: Annotated[int, typer.Option(min=1, help="How often each server is looked at; all take turns.")] = 4,
) -> None:
    """Threads, processor time and latency of servers of the same ONNX models, with different thread pools.

    By default each model has a pool of as many threads as the process has cores, less the one that runs it, and they
    sleep while there is nothing to do. `--backend-config onnxruntime,enable-global-threadpool=1` gives all models
    one pool, whose threads spin for a while after each run. `intra_op_thread_count: 1` in a config gives a model none.
    Processor time is in percent of one core; requests leave at even times, and latency counts from then.
    """
    calls = [infer(f"m{number}", 1, 2, 3, 4) for number in range(models)]
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        servers = {}
        for name, (extra, options) in ALTERNATIVES.items():
            repository = Path(folder) / name
            for number in range(models):
                add_model(repository, f"m{number}", SIZE, extra=extra)
            servers[name] = running.enter_context(started(repository, *options))
        failed, found = take_turns(servers, calls, callers, period / 1e3, seconds, rounds)
    show_all(found)
    last_line(
        {
            "models": models,
            "callers": callers,
            "period_ms": period,
            "failed": failed,
            **{name: figures(each) for name, each in found.items()},
        }
    )


def take_turns(
    servers: Mapping[str, Server], calls: list[Call], callers: int, period: float, seconds: float, rounds: int
) -> tuple[int, dict[str, Found]]:
    """Failed requests, and what was found of each server."""
    for server in servers.values():
        load(server, calls, callers, period, seconds / 3)
    found = {name: Found(server.threads()) for name, server in servers.items()}
    failed = 0
    for _ in range(rounds):
        for name, server in servers.items():
            idle, _ = percent_of_a_core(server, partial(time.sleep, seconds))
            busy, answers = percent_of_a_core(server, partial(load, server, calls, callers, period, seconds))
            found[name].add(idle, busy, answers)
            failed += failures(answers)
    return failed, found


def load(server: Server, calls: list[Call], callers: int, period: float, seconds: float) -> list[Answer]:
    """Each caller begins with another model."""
    count = max(1, round(seconds / period))
    return at_once(
        [
            partial(ask_each, server.port, list(islice(cycle(calls), first, first + count)), period)
            for first in range(callers)
        ]
    )


def percent_of_a_core(server: Server, act: Callable[[], T]) -> tuple[float, T]:
    """What the server used while `act` ran, and what that returned."""
    before, start = server.cpu_seconds(), time.perf_counter()
    returned = act()
    return (server.cpu_seconds() - before) / (time.perf_counter() - start) * 100, returned


def show_all(found: Mapping[str, Found]) -> None:
    rows = [
        (name, str(it.threads), *(show(spread(values), 1) for values in (it.idle, it.busy, it.p50, it.p99)))
        for name, it in found.items()
    ]
    table(("", "threads", "idle, % of a core", "under load, % of a core", "p50 ms", "p99 ms"), *rows)
    print()


def figures(found: Found) -> dict[str, object]:
    return {
        "threads": found.threads,
        "idle_percent": spread(found.idle),
        "busy_percent": spread(found.busy),
        "p50_ms": spread(found.p50),
        "p99_ms": spread(found.p99),
    }


if __name__ == "__main__":
    run_command(main)
