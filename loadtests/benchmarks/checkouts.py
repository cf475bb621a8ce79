"""CPU time of a request in the servers of two checkouts of this repository, an older one and this one.

    git worktree add ../before COMMIT
    python -m loadtests.benchmarks.checkouts ../before            # a table for people, one JSON line last
    python -m loadtests.benchmarks.checkouts ../before --repository model_repository --model digits-cnn

Rule: both servers run side by side over the same models, and are asked by turns; what counts is the ratio in each turn.
"""

import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from loadtests.benchmarks.callers import Answer, ask_each, at_once, document, failures
from loadtests.benchmarks.dense_model import Dense, add_model
from loadtests.benchmarks.report import last_line, run_command, show, spread, table
from loadtests.benchmarks.server_process import ROOT, Server, ServerFailed, started
from loadtests.call import Call
from loadtests.inputs.calls import made_up
from loadtests.inputs.model import Learnt, from_documents
from loadtests.inputs.protocols import V2
from loadtests.inputs.wanted import Wanted

Microseconds = dict[str, list[float]]
"""By checkout, one value for each round."""


def main(
    before: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="A checkout to compare this one with.")],
    repository: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Models that both can serve; else a small one.")
    ] = None,
    model: Annotated[str, typer.Option(help="Which of them is asked; its inputs must be numbers.")] = "dense",
    connections: Annotated[
        list[int] | None, typer.Option(min=1, help="Callers at the same time; may be repeated; 1 and 32 unless given.")
    ] = None,
    requests: Annotated[int, typer.Option(min=10, help="Requests for each figure.")] = 3000,
    rounds: Annotated[int, typer.Option(min=1, help="How often each server is asked; they take turns.")] = 6,
) -> None:
    """CPU microseconds that a server process needs for each request: this checkout beside another.

    The packages of the Python that runs this are used for both. Make the other checkout with
    `git worktree add ../before COMMIT`.
    """
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        if repository is None:
            repository = Path(folder)
            add_model(repository, model, Dense(4, 1))
        servers = {
            name: running.enter_context(started(repository, code=code.resolve()))
            for name, code in (("before", before), ("now", ROOT))
        }
        told = from_documents(document(servers["now"].port, f"/v2/models/{model}"), {})
        [call] = made_up(V2, told, Wanted(count=1), Learnt())
        found = {n: take_turns(servers, call, n, requests, rounds) for n in connections or [1, 32]}
    show_all(found)
    last_line({f"{n} connections": figures(each) for n, each in found.items()})


def take_turns(servers: Mapping[str, Server], call: Call, connections: int, requests: int, rounds: int) -> Microseconds:
    for server in servers.values():
        cpu_us(server, call, connections, requests // 4)
    found: Microseconds = {name: [] for name in servers}
    for number in range(rounds):
        for name in sorted(servers, reverse=bool(number % 2)):  # whoever comes second has no advantage
            found[name].append(cpu_us(servers[name], call, connections, requests))
    return found


def cpu_us(server: Server, call: Call, connections: int, requests: int) -> float:
    """Raises `ServerFailed` where a request fails, whose time would say nothing."""
    each = max(1, requests // connections)
    asked = [partial(ask_each, server.port, [call] * each)] * connections
    before = server.cpu_seconds()
    answers: list[Answer] = at_once(asked)
    spent = server.cpu_seconds() - before
    if failed := failures(answers):
        raise ServerFailed(f"{failed} of {len(answers)} requests failed: {answers[0].body.decode(errors='replace')}")
    return spent / len(answers) * 1e6


def ratios(found: Microseconds) -> list[float]:
    """Now to before, turn by turn."""
    return [now / max(before, 1e-9) for before, now in zip(found["before"], found["now"], strict=True)]


def show_all(found: Mapping[int, Microseconds]) -> None:
    rows = [
        (str(n), show(spread(each["before"])), show(spread(each["now"])), show(spread(ratios(each)), 2))
        for n, each in found.items()
    ]
    table(("connections", "CPU us a request, before", "now", "now / before"), *rows)
    print()


def figures(found: Microseconds) -> dict[str, object]:
    return {
        "before_us": spread(found["before"]),
        "now_us": spread(found["now"]),
        "ratio": spread(ratios(found)),
    }


if __name__ == "__main__":
    run_command(main)
