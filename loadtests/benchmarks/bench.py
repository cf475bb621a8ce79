"""Slipway beside other model servers, and beside what the machine could do at most: the same models, the same load.

    python -m loadtests.benchmarks.bench                                  # tables for people, one JSON line last
    python -m loadtests.benchmarks.bench --only litserve --model mlp --concurrency 64 --rounds 5
    TRITONSERVER=/opt/tritonserver/bin/tritonserver python -m loadtests.benchmarks.bench

Rule: one server runs at a time, all take turns in every round, and none is measured before it answered a row as
`session.run` does.
"""

import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from loadtests.benchmarks import direct
from loadtests.benchmarks.bench_models import MODELS, Model, add_model
from loadtests.benchmarks.bench_report import Turns, figures, show_all
from loadtests.benchmarks.closed_loop import Generate, generator
from loadtests.benchmarks.contestants import Contestant, checked, contestants
from loadtests.benchmarks.report import last_line, run_command
from loadtests.benchmarks.server_process import ROOT, ServerFailed

REFERENCE = "slipway"
DIRECT = "direct"

Names = Annotated[list[str] | None, typer.Option(help="Which models; may be repeated; mlp, cnn and wide unless given.")]
Counts = Annotated[
    list[int] | None, typer.Option(min=1, help="Connections at once; may be repeated; 1, 16 and 64 unless given.")
]
Rounds = Annotated[int, typer.Option(min=1, help="How often everything is measured; all take turns.")]
Seconds = Annotated[int, typer.Option(min=1, help="How long each measurement takes.")]
Triton = Annotated[
    str, typer.Option(envvar="TRITONSERVER", help="NVIDIA Triton's server program, with options if it needs any.")
]

_LOOK = 0.3  # seconds, for each way to call `session.run`


@dataclass(frozen=True, slots=True)
class Bench:
    repository: Path
    generate: Generate
    connections: Sequence[int]
    seconds: int


@dataclass(frozen=True, slots=True)
class Subject:
    """A model, its file, what `session.run` answers to its row, and the best way to call that in a loop, if it is."""

    model: Model
    file: Path
    expected: np.ndarray
    setting: direct.Setting | None


def main(
    only: Annotated[
        list[str] | None,
        typer.Option(help="What is measured beside Slipway; may be repeated; all that can run here unless given."),
    ] = None,
    model: Names = None,
    concurrency: Counts = None,
    rounds: Rounds = 3,
    seconds: Seconds = 3,
    peers_env: Annotated[
        Path, typer.Option(help="The folder of the peers' environments: mlserver, litserve and ray.")
    ] = ROOT / ".venv" / "peers",
    triton: Triton = "",
) -> None:
    """Requests a second and latencies of Slipway and its peers, and of a loop that only calls the model.

    `direct` is that loop, over the batch size and the threads that are best on this machine: what no server can reach,
    since HTTP and whoever sends requests need the same processors. `bare` is the nearest that Python comes to it with
    HTTP: it looks at nothing but a body's last bytes. The load is a closed loop: each connection sends one row, and
    the next one when that is answered.
    """
    known, missing = contestants(peers_env, triton)
    names = chosen(only, [DIRECT, *(each.name for each in known)], missing)
    missing = missing if only is None else {}  # nobody asked for them
    models = [each for each in MODELS if each.name in (model or [m.name for m in MODELS])]
    if unknown := set(model or []) - {each.name for each in MODELS}:
        raise ServerFailed(f"no model is named {', '.join(unknown)}; mlp, cnn and wide are there")
    program, generate = generator()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), generate, concurrency or [1, 16, 64], seconds)
        subjects = [prepared(bench.repository, each, DIRECT in names) for each in models]
        turns, failed = take_turns(bench, subjects, [each for each in known if each.name in names], rounds)
    told = {each.name: f"{each.wire.name} tensors; set: {each.settings}" for each in known if each.name in names}
    told |= {f"{DIRECT}, {each.model.name}": str(each.setting) for each in subjects if each.setting}
    show_all(models, turns, REFERENCE)
    show_notes(program, told, missing, failed)
    last_line(
        {
            "generator": program,
            "cores": os.cpu_count(),
            "rounds": rounds,
            "seconds": seconds,
            "settings": told,
            "not_measured": missing | failed,
            **{each.name: figures(turns[each.name], REFERENCE) for each in models},
        }
    )


def chosen(only: Sequence[str] | None, known: Sequence[str], missing: Mapping[str, str]) -> list[str]:
    """Raises `ServerFailed` for what can't run here, if it was asked for."""
    for name in only or ():
        if name not in known:
            raise ServerFailed(f"'{name}' can't run here: {missing.get(name, 'there are ' + ', '.join(known))}")
    return [name for name in known if only is None or name in (*only, REFERENCE)]


def prepared(repository: Path, model: Model, with_direct: bool) -> Subject:
    import onnxruntime

    file = add_model(repository, model)
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    [expected] = session.run(None, {"x": model.row()})
    setting = direct.best(file, direct.settings(os.cpu_count() or 1), _LOOK) if with_direct else None
    return Subject(model, file, expected, setting)


def take_turns(
    bench: Bench, subjects: Sequence[Subject], known: Sequence[Contestant], rounds: int
) -> tuple[dict[str, Turns], dict[str, str]]:
    """By model, what each round found; and why a peer was left out, once it failed."""
    found: dict[str, Turns] = {subject.model.name: {} for subject in subjects}
    failed: dict[str, str] = {}
    for number in range(rounds):
        for subject in subjects:
            turns = found[subject.model.name]
            if subject.setting is not None:
                loads = direct.measured(subject.file, [subject.setting], bench.seconds)
                turns.setdefault((DIRECT, 0), []).extend(loads)
            for contestant in known[:: -1 if number % 2 else 1]:  # whoever comes second has no advantage
                if contestant.name not in failed:
                    take_turn(bench, subject, contestant, turns, failed)
    return found, failed


def take_turn(bench: Bench, subject: Subject, contestant: Contestant, turns: Turns, failed: dict[str, str]) -> None:
    call = contestant.wire.call(subject.model)
    try:
        with checked(contestant, bench.repository, subject.model, subject.expected) as server:
            bench.generate(server.port, call, max(bench.connections), 1)  # it is warm
            for count in bench.connections:
                before, start = server.cpu_seconds(), time.perf_counter()
                load = bench.generate(server.port, call, count, bench.seconds)
                spent, took = server.cpu_seconds() - before, time.perf_counter() - start
                load = replace(load, cpu_us=spent / took / max(load.requests_per_s, 1e-9) * 1e6)
                turns.setdefault((contestant.name, count), []).append(load)
    except ServerFailed as error:
        if contestant.name == REFERENCE:
            raise
        failed[contestant.name] = str(error)


def show_notes(program: str, told: Mapping[str, str], missing: Mapping[str, str], failed: Mapping[str, str]) -> None:
    print(f"  load generator: {program}")
    for name, words in told.items():
        print(f"  {name}: {words}")
    for name, why in {**missing, **failed}.items():
        print(f"  not measured: {name}: {why}")
    print()


if __name__ == "__main__":
    run_command(main)
