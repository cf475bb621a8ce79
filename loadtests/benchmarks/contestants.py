"""Servers that can be compared: Slipway, the least server there could be, and other projects' where they are installed.

Rule: each is set as its documentation advises for many small requests, and what was set is told beside the figures.
"""

import json
import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import psutil

from loadtests.benchmarks.bench_models import MAX_BATCH_SIZE, Model
from loadtests.benchmarks.callers import ask_each
from loadtests.benchmarks.peer_process import Command, free_port, started_by
from loadtests.benchmarks.server_process import ROOT, Server, ServerFailed, started
from loadtests.benchmarks.wires import BINARY, JSON, Wire, plain_json

PEERS = ROOT / "loadtests" / "benchmarks" / "peers"
BATCH_TIMEOUT = 0.002
"""Seconds that a peer's batch waits to be filled, where that must be said: about what a few requests take."""

_STARTS_WITHIN = 120.0  # seconds

Compose = Callable[[Path, Model, int, Path], Command]
"""What starts a server of a repository's model on a port, with an empty folder for its own files."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """`start` serves a model of a repository until its block ends; `settings` says what is not the default."""

    name: str
    wire: Wire
    settings: str
    start: Callable[[Path, Model], AbstractContextManager[Server]]


def contestants(peers: Path, triton: str) -> tuple[list[Contestant], dict[str, str]]:
    """Those that can run here; and, by name, why others can't."""
    missing: dict[str, str] = {}
    found = [
        Contestant("slipway", BINARY, "nothing", _slipway),
        Contestant("slipway-json", JSON, "nothing", _slipway),
        Contestant("bare", BINARY, "no server: HTTP's bytes, session.run, HTTP's bytes", partial(_peer, bare)),
    ]
    if triton:
        found.append(Contestant("triton", BINARY, triton, partial(_peer, partial(tritonserver, triton))))
    else:
        missing["triton"] = "give --triton or TRITONSERVER the command that starts it"
    for name, (wire, settings, compose) in _OTHERS.items():
        python = peers.resolve() / name / "bin" / "python"
        if python.exists():
            found.append(Contestant(name, wire, settings, partial(_peer, partial(compose, python))))
        else:
            missing[name] = f"there is no {python}; `make bench-peers` installs it"
    return found, missing


@contextmanager
def checked(contestant: Contestant, repository: Path, model: Model, expected: np.ndarray) -> Iterator[Server]:
    """Started, and its answer to the model's row is what is expected. Raises `ServerFailed` if not."""
    with contestant.start(repository, model) as server:
        body = _first_answer(contestant, server, model)
        try:
            found = contestant.wire.read(model, body)
        except (ValueError, LookupError, TypeError) as error:
            raise ServerFailed(f"{contestant.name} answered {body[:200]!r}: {error}") from error
        if found.shape != expected.shape or not np.allclose(found, expected, rtol=1e-3, atol=1e-4):
            raise ServerFailed(f"{contestant.name} answered {found}, session.run {expected}")
        yield server


def _first_answer(contestant: Contestant, server: Server, model: Model) -> bytes:
    end = time.monotonic() + _STARTS_WITHIN
    while True:
        [answer] = ask_each(server.port, [contestant.wire.call(model)])
        if answer.status == 200:
            return answer.body
        if time.monotonic() > end or server.process.status() == psutil.STATUS_ZOMBIE:
            raise ServerFailed(f"{contestant.name} did not answer, or with {answer.status} {answer.body[:200]!r}")
        time.sleep(0.2)


@contextmanager
def _slipway(repository: Path, _: Model) -> Iterator[Server]:
    with started(repository, "--auto-tune-secs", "3") as server:  # as it is unless set
        yield server


@contextmanager
def _peer(compose: Compose, repository: Path, model: Model) -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        with started_by(compose(repository.resolve(), model, port, Path(folder)), port) as server:
            yield server


def bare(repository: Path, model: Model, port: int, _: Path) -> Command:
    return Command(
        [sys.executable, "-m", "loadtests.benchmarks.bare_server", _file(repository, model), str(port)], ROOT
    )


def tritonserver(triton: str, repository: Path, _: Model, port: int, folder: Path) -> Command:
    return triton_at(triton, repository, folder, f"--http-port={port}", "--allow-grpc=false")


def triton_at(triton: str, repository: Path, folder: Path, *ports: str) -> Command:
    options = [f"--model-repository={repository}", *ports, "--allow-metrics=false"]
    return Command([*shlex.split(triton), *options], folder)


def mlserver(python: Path, repository: Path, model: Model, port: int, folder: Path) -> Command:
    ports = {"http_port": port, "grpc_port": free_port(), "metrics_port": free_port()}
    server = {"host": "127.0.0.1", "parallel_workers": 0, **ports}
    settings = {
        "name": model.name,
        "implementation": "mlserver_model.Onnx",
        "parameters": {"uri": _file(repository, model)},
        "max_batch_size": MAX_BATCH_SIZE,
        "max_batch_time": BATCH_TIMEOUT,
    }
    (folder / "settings.json").write_text(json.dumps(server))
    (folder / "model-settings.json").write_text(json.dumps(settings))
    return Command([str(python.with_name("mlserver")), "start", str(folder)], folder, {"PYTHONPATH": str(PEERS)})


def litserve(python: Path, repository: Path, model: Model, port: int, folder: Path) -> Command:
    return Command(_script(python, "litserve_server.py", repository, model, port), folder)


def ray(python: Path, repository: Path, model: Model, port: int, folder: Path) -> Command:
    environment = {"RAY_SERVE_THROUGHPUT_OPTIMIZED": "1", "RAY_USAGE_STATS_ENABLED": "0"}
    return Command(_script(python, "ray_server.py", repository, model, port), folder, environment)


def _script(python: Path, script: str, repository: Path, model: Model, port: int) -> list[str]:
    file = _file(repository, model)
    return [str(python), str(PEERS / script), file, str(port), str(MAX_BATCH_SIZE), str(BATCH_TIMEOUT)]


def _file(repository: Path, model: Model) -> str:
    return str(repository / model.name / "1" / "model.onnx")


_BATCHING = f"batches of up to {MAX_BATCH_SIZE}, which wait {BATCH_TIMEOUT * 1e3:g} ms"

_OTHERS: Mapping[str, tuple[Wire, str, Callable[[Path, Path, Model, int, Path], Command]]] = {
    "mlserver": (JSON, f"{_BATCHING}; parallel_workers 0", mlserver),
    "litserve": (plain_json("/predict"), f"{_BATCHING}; fast_queue", litserve),
    "ray": (plain_json("/"), f"{_BATCHING}; RAY_SERVE_THROUGHPUT_OPTIMIZED=1, no access log", ray),
}
