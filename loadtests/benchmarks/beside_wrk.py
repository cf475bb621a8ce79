"""The load test beside wrk: the same requests over as many connections, on the same server, in turns.

Rule: what they differ in is what each takes from the machine, and how late it looks at its clock.

    python -m loadtests.benchmarks.beside_wrk
"""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from loadtests.benchmarks.callers import infer_binary
from loadtests.benchmarks.closed_loop import Generate, Load, by_wrk
from loadtests.benchmarks.dense_model import FEATURES, Dense, add_model
from loadtests.benchmarks.report import Figures, last_line, run_command, show, spread, table
from loadtests.benchmarks.server_process import ServerFailed, started
from loadtests.call import Call
from loadtests.load import Closed
from loadtests.run import Plan, Target, run

_FIGURES = ("requests_per_s", "p50_ms", "p99_ms")


def main(
    connections: Annotated[int, typer.Option(min=1, help="Of either.")] = 16,
    seconds: Annotated[int, typer.Option(min=1, help="Of each turn.")] = 5,
    rounds: Annotated[int, typer.Option(min=1, help="Turns of each.")] = 5,
) -> None:
    """Compare what `slipway loadtest` tells of a server with what wrk tells, and what either costs."""
    if not (wrk := shutil.which("wrk")):
        raise ServerFailed("wrk is not installed")
    call = infer_binary("dense", *[0.5] * FEATURES)
    generators: dict[str, Generate] = {"wrk": partial(by_wrk, wrk), "slipway loadtest": _ours}
    turns: dict[str, list[Load]] = {name: [] for name in generators}
    with tempfile.TemporaryDirectory() as folder:
        add_model(Path(folder), "dense", Dense.of_megabytes(0.1))
        with started(Path(folder)) as server:
            _ours(server.port, call, connections, 1)
            for number in range(rounds):
                for name in sorted(turns, reverse=bool(number % 2)):
                    before = server.cpu_seconds()
                    found = generators[name](server.port, call, connections, seconds)
                    used = (server.cpu_seconds() - before) / (found.requests_per_s * seconds)
                    turns[name].append(replace(found, cpu_us=used * 1e6))
    figures = {
        name: {figure: spread([getattr(load, figure) for load in loads]) for figure in (*_FIGURES, "cpu_us")}
        for name, loads in turns.items()
    }
    heading = (f"{connections} connections", "answered/s", "p50 (ms)", "p99 (ms)", "server's CPU (us)")
    table(heading, *((name, *_cells(found)) for name, found in figures.items()))
    last_line(figures)


def _cells(found: Mapping[str, Figures]) -> list[str]:
    return [show(figure, 0 if name == "requests_per_s" else 2) for name, figure in found.items()]


def _ours(port: int, call: Call, connections: int, seconds: int) -> Load:
    target = Target(f"http://127.0.0.1:{port}", "dense", "v2", (call,))
    found = run(target, Plan(Closed(connections), float(seconds), warm_up=0.0))
    return Load(found.answered, found.latency.p50, found.latency.p99, found.requests - found.latency.count)


if __name__ == "__main__":
    run_command(main)
