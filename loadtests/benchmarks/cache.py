"""What the response cache costs and saves: hits, misses, requests that it has no part in, and identical ones at once.

    python -m loadtests.benchmarks.cache                          # tables for people, one JSON line last
    python -m loadtests.benchmarks.cache --requests 5000 --rounds 8

Rule: the servers with and without a cache run side by side and take turns; what ran is what the server itself counted.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from itertools import count, islice, repeat
from pathlib import Path
from typing import Annotated, Any

import typer

from loadtests.benchmarks.callers import Answer, ask_each, at_once, document, failures, infer, latency_ms
from loadtests.benchmarks.dense_model import BATCHED, Dense, add_model
from loadtests.benchmarks.report import last_line, run_command, show, spread, table
from loadtests.benchmarks.server_process import Server, started
from loadtests.call import Call

KEPT, PLAIN = "kept", "plain"
CACHE = ("--response-cache-byte-size", "100000000")
SHARE = {"small": 1, "slow": 10}  # so many times fewer requests go to each model


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    has_cache: bool
    model: str  # its name's end
    repeats: bool


CASES = (
    Case("server without a cache", False, PLAIN, True),
    Case("not enabled for the model", True, PLAIN, True),
    Case("miss", True, KEPT, False),
    Case("hit", True, KEPT, True),
)


@dataclass(frozen=True, slots=True)
class Look:
    """Requests one after another: the server's CPU microseconds for each, and what callers see."""

    cpu_us: float
    p50_ms: float
    p99_ms: float
    failed: int


@dataclass(frozen=True, slots=True)
class Together:
    """Callers that send the same requests at the same time: how many rows ran, and in how many executions."""

    requests: int
    ran: int
    executions: int
    cpu_us: float
    failed: int


def main(
    requests: Annotated[int, typer.Option(min=20, help="Requests for each figure; a tenth to the slow model.")] = 2000,
    callers: Annotated[int, typer.Option(min=2, help="How many send identical requests at the same time.")] = 8,
    rounds: Annotated[int, typer.Option(min=1, help="How often everything is measured; all take turns.")] = 4,
    megabytes: Annotated[float, typer.Option(min=0.01, help="Weights of the slow model, in 10^6 bytes.")] = 100.0,
) -> None:
    """Costs of the response cache, for a model that takes no time and for one that takes some milliseconds.

    A hit is a request whose answer is in the cache; a miss one that was never asked. The other lines tell what the
    cache costs those who don't use it. Requests go one after another over one connection, four floats as JSON, and
    CPU is all that the server process uses. Then several callers send the same new requests at the same time: with the
    cache each of them runs once.
    """
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        write_models(Path(folder), {"small": Dense(4, 1), "slow": Dense.of_megabytes(megabytes, layers=6)})
        servers = {
            True: running.enter_context(started(Path(folder), *CACHE)),
            False: running.enter_context(started(Path(folder))),
        }
        fresh = map(float, count(1))  # never the same again
        looks = take_turns(servers, requests, rounds, fresh)
        together = {
            f"{size}-{end}": identical(
                servers[True], f"{size}-{end}", callers, max(2, requests // SHARE[size] // callers), fresh
            )
            for size in SHARE
            for end in (PLAIN, KEPT)
        }
    show_looks(looks)
    show_together(callers, together)
    last_line(
        {
            **{size: {name: figures(found) for name, found in cases.items()} for size, cases in looks.items()},
            "identical": {name: asdict(found) for name, found in together.items()},
        }
    )


def write_models(root: Path, sizes: Mapping[str, Dense]) -> None:
    for size, dense in sizes.items():
        add_model(root, f"{size}-{PLAIN}", dense)
        add_model(root, f"{size}-{KEPT}", dense, extra=f"{BATCHED} response_cache {{ enable: true }}")


def take_turns(
    servers: Mapping[bool, Server], requests: int, rounds: int, fresh: Iterator[float]
) -> dict[str, dict[str, list[Look]]]:
    """By size and case, what each round found."""
    found: dict[str, dict[str, list[Look]]] = {size: {case.name: [] for case in CASES} for size in SHARE}
    for size, cases in found.items():
        number = requests // SHARE[size]
        for _ in range(rounds):
            for case in CASES:
                model = f"{size}-{case.model}"
                numbers = repeat(0.5) if case.repeats else fresh
                ask_each(servers[case.has_cache].port, calls(model, numbers, number // 10))  # it is warm, and kept
                cases[case.name].append(look(servers[case.has_cache], calls(model, numbers, number)))
    return found


def calls(model: str, numbers: Iterable[float], count: int) -> list[Call]:
    return [infer(model, number, 2, 3, 4) for number in islice(numbers, count)]


def look(server: Server, calls: list[Call]) -> Look:
    cpu_us, answers = cpu_of(server, len(calls), partial(ask_each, server.port, calls))
    return Look(cpu_us, latency_ms(answers, 50), latency_ms(answers, 99), failures(answers))


def identical(server: Server, model: str, callers: int, distinct: int, fresh: Iterator[float]) -> Together:
    """Each caller sends the same requests in the same order; as they wait for the same answers, they stay together."""
    before = statistics(server, model)
    asked = [partial(ask_each, server.port, calls(model, fresh, distinct))] * callers
    cpu_us, answers = cpu_of(server, distinct * callers, partial(at_once, asked))
    after = statistics(server, model)
    ran, executions = (after[key] - before[key] for key in ("inference_count", "execution_count"))
    return Together(len(answers), ran, executions, cpu_us, failures(answers))


def cpu_of(server: Server, requests: int, act: Callable[[], list[Answer]]) -> tuple[float, list[Answer]]:
    """The server's CPU microseconds for each of the requests of `act`, and what they were answered."""
    before = server.cpu_seconds()
    answers = act()
    return round((server.cpu_seconds() - before) / requests * 1e6, 1), answers


def statistics(server: Server, model: str) -> Any:
    [found] = document(server.port, f"/v2/models/{model}/stats")["model_stats"]
    return found


def show_looks(looks: Mapping[str, Mapping[str, list[Look]]]) -> None:
    for size, cases in looks.items():
        rows = [
            (
                name,
                show(spread([it.cpu_us for it in found])),
                show(spread([it.p50_ms for it in found]), 2),
                show(spread([it.p99_ms for it in found]), 2),
            )
            for name, found in cases.items()
        ]
        table((f"{size} model", "CPU us a request", "p50 ms", "p99 ms"), *rows)
        print()


def show_together(callers: int, together: Mapping[str, Together]) -> None:
    rows = [
        (name, str(it.requests), str(it.ran), str(it.executions), f"{it.cpu_us:.0f}") for name, it in together.items()
    ]
    table((f"{callers} callers, identical requests", "requests", "ran", "executions", "CPU us a request"), *rows)
    print()


def figures(found: list[Look]) -> dict[str, object]:
    return {
        "cpu_us": spread([it.cpu_us for it in found]),
        "p50_ms": spread([it.p50_ms for it in found]),
        "p99_ms": spread([it.p99_ms for it in found]),
        "failed": sum(it.failed for it in found),
    }


if __name__ == "__main__":
    run_command(main)
