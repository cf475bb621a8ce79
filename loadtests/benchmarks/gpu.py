"""Batches a second on a GPU: as they were run before, as the server runs them, with one instance and with two.

    python -m loadtests.benchmarks.gpu                     # a table for people, one JSON line last
    python -m loadtests.benchmarks.gpu --backend pytorch --rows 32 --rows 128
    python -m loadtests.benchmarks.gpu --device cpu        # the same without a GPU

Rule: every way takes its turn in every round, and does all of a batch's work: stacking, copying, running.
"""

import itertools
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer

from loadtests.benchmarks.dense_model import Backend
from loadtests.benchmarks.gpu_models import NETWORKS, Network, write
from loadtests.benchmarks.report import last_line, run_command, show, spread, table
from loadtests.benchmarks.server_process import ServerFailed
from serving.backends import backend as backends
from serving.core.model_config import ModelConfig, complete, parse
from serving.core.requests import NO_PARAMETERS, Arrays, Parameters
from serving.engine.execution import Run, execute_on, run_rows
from serving.errors import ModelLoadFailed

_CPU = "cpu"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of one row."""

    inputs: Arrays
    parameters: Parameters
    rows: int = 1


class PlainTorch:
    """A `ModelInstance` of few lines."""

    inputs = outputs = ()
    concurrency = 1
    reads_parameters = False

    def __init__(self, path: Path, device: str) -> None:
        self._module = torch.jit.load(path, map_location=device).eval()  # type: ignore[no-untyped-call]
        self._device = device

    def run(self, inputs: Arrays, _: Parameters = NO_PARAMETERS, /) -> Arrays:
        with torch.inference_mode():
            return {"y": self._module(torch.from_numpy(inputs["x"]).to(self._device)).cpu().numpy()}

    def close(self) -> None: ...


Way = Callable[[Sequence[Asked]], Run]
"""One instance that runs a batch."""


def main(
    device: Annotated[str, typer.Option(help="Where models run.")] = "cuda:0",
    rows: Annotated[
        list[int] | None, typer.Option(help="Of a batch; may be repeated; 1, 8, 32, 128 unless given.")
    ] = None,
    backend: Annotated[list[Backend] | None, typer.Option(help="May be repeated; both unless given.")] = None,
    seconds: Annotated[float, typer.Option(min=0.001, help="Of each way in each round.")] = 0.03,
    rounds: Annotated[int, typer.Option(min=1, help="All ways take turns; the first is not counted.")] = 20,
) -> None:
    """Three networks at several batch sizes, on ONNX Runtime and on PyTorch.

    *Plain* stacks a batch in fresh memory and copies it there and back, on everybody's stream; *served* is what the
    server does. Beside them is the processor. Figures are rows a second.
    """
    report: dict[str, Any] = {"device": _name(device), "networks": {}}
    heading = ["rows a second", "rows", *([] if device == _CPU else ["CPU"])]
    lines: list[tuple[str, ...]] = [(*heading, "plain", "served", "2 plain", "2 served")]
    with tempfile.TemporaryDirectory() as folder:
        for network, each in product(NETWORKS, backend or Backend):
            ways = all_ways(Path(folder) / network.name, network, each, device)
            for size in rows or (1, 8, 32, 128):
                found = measure(ways, batch(network, size), seconds, rounds)
                figures = {way: spread([size * batches for batches in found[way]]) for way in ways}
                report["networks"].setdefault(f"{network.name} {each.value}", {})[size] = figures
                lines.append((f"{network.title}, {each.value}", str(size), *map(show, figures.values())))
    print(f"{report['device']}; PyTorch {torch.__version__}")
    table(*lines)
    last_line(report)


def batch(network: Network, size: int) -> list[Asked]:
    random = np.random.default_rng(0)
    return [Asked({"x": random.standard_normal((1, *network.shape), np.float32)}, NO_PARAMETERS) for _ in range(size)]


def all_ways(folder: Path, network: Network, backend: Backend, device: str) -> dict[str, list[Way]]:
    """By name, the instances of each. Raises `ServerFailed` where the device is not there."""
    path = write(folder, network, backend)
    plain, served = _ways(path, network, backend, device)
    beside = {} if device == _CPU else {"CPU": [_ways(path, network, backend, _CPU)[1]()]}
    return {
        **beside,
        "plain": [plain()],
        "served": [served()],
        "2 plain": [plain(), plain()],
        "2 served": [served(), served()],
    }


def measure(ways: dict[str, list[Way]], asked: Sequence[Asked], seconds: float, rounds: int) -> dict[str, list[float]]:
    """Batches a second of each, in each round. As in the server, each instance has a thread that stays."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    with ExitStack() as stack:
        threads = {name: [stack.enter_context(ThreadPoolExecutor(1)) for _ in each] for name, each in ways.items()}
        for _ in range(rounds):
            for name, instances in ways.items():
                found[name].append(_batches_a_second(instances, threads[name], asked, seconds))
    return {name: figures[1:] or figures for name, figures in found.items()}  # the first round warmed up


def _ways(path: Path, network: Network, backend: Backend, device: str) -> tuple[Callable[[], Way], Callable[[], Way]]:
    """What makes another instance of a loaded model: plain, and served."""
    config = _config(network, backend, device)
    try:
        instance = backends.find(backend.value)(path.parent, config, device)
    except ModelLoadFailed as error:
        raise ServerFailed(str(error)) from None
    plain = PlainTorch(path, device) if backend is Backend.PYTORCH else instance
    return lambda: partial(run_rows, plain, True), lambda: execute_on(instance, config)


def _config(network: Network, backend: Backend, device: str) -> ModelConfig:
    kind = "KIND_CPU" if device == _CPU else "KIND_GPU"
    return complete(parse(network.config(backend, kind), network.name))


def _batches_a_second(
    instances: Sequence[Way], threads: Sequence[Executor], asked: Sequence[Asked], seconds: float
) -> float:
    started = time.perf_counter()
    runs = [
        thread.submit(_run_until, way, asked, started + seconds) for way, thread in zip(instances, threads, strict=True)
    ]
    return sum(run.result() for run in runs) / (time.perf_counter() - started)


def _run_until(way: Way, asked: Sequence[Asked], end: float) -> int:
    """How many batches; one at least."""
    for count in itertools.count(1):
        for outcome in way(asked).outcomes:
            if isinstance(outcome, Exception):
                raise ServerFailed(str(outcome))
        if time.perf_counter() >= end:
            return count
    raise AssertionError


def _name(device: str) -> str:
    if device == _CPU or not torch.cuda.is_available():
        return device
    return str(torch.cuda.get_device_name(device))


if __name__ == "__main__":
    run_command(main)
