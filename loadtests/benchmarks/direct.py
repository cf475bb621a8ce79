"""The limit for any server: `session.run` in a loop, with nothing around it.

    python -m loadtests.benchmarks.direct model.onnx                      # every setting, as one line of JSON
    python -m loadtests.benchmarks.direct model.onnx --setting 64,2,1     # batches of 64, 2 callers, 1 thread each call

Rule: whoever asks for the limit tries every sensible setting and takes the best one.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from itertools import product
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from loadtests.benchmarks.closed_loop import Load
from loadtests.benchmarks.server_process import ROOT, ServerFailed

BATCHES = (1, 8, 32, 64)


@dataclass(frozen=True, slots=True)
class Setting:
    """`callers` are threads that share one session; the runtime uses `threads` for each call."""

    batch: int
    callers: int
    threads: int

    def __str__(self) -> str:
        return f"batches of {self.batch}, {self.callers} callers, {self.threads} threads for each call"


def settings(cores: int) -> list[Setting]:
    return [Setting(batch, *threads) for batch, threads in product(BATCHES, sorted({(1, 1), (cores, 1), (1, cores)}))]


def measured(model: Path, tried: Sequence[Setting], seconds: float) -> list[Load]:
    """Rows for requests, in a process of its own; the percentiles are of calls, which are of whole batches."""
    options = [f"--setting={','.join(map(str, astuple(setting)))}" for setting in tried]
    command = [sys.executable, "-m", "loadtests.benchmarks.direct", str(model), *options, f"--seconds={seconds}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise ServerFailed(f"the direct loop failed: {done.stderr}")
    return [Load(**load) for load in json.loads(done.stdout).values()]


def best(model: Path, tried: Sequence[Setting], seconds: float) -> Setting:
    """The one with the most rows a second."""
    loads = measured(model, tried, seconds)
    return max(zip(tried, loads, strict=True), key=lambda pair: pair[1].requests_per_s)[0]


def run_loops(model: Path, setting: Setting, seconds: float) -> Load:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = setting.threads
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    [given] = session.get_inputs()
    feed = {given.name: np.ones((setting.batch, *given.shape[1:]), np.float32)}
    for _ in range(10):
        session.run(None, feed)
    times: list[float] = []
    start = time.perf_counter()

    def loop() -> None:
        now = start
        while now < start + seconds:
            session.run(None, feed)
            times.append((after := time.perf_counter()) - now)
            now = after

    callers = [threading.Thread(target=loop) for _ in range(setting.callers)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    took = time.perf_counter() - start
    p50, p99 = np.percentile(times, [50, 99]).tolist()
    return Load(len(times) * setting.batch / took, p50 * 1e3, p99 * 1e3, 0)


def main(
    model: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="An ONNX file with one input of floats.")],
    setting: Annotated[
        list[str] | None,
        typer.Option(help="BATCH,CALLERS,THREADS: rows in each call, threads that call, the runtime's for each call."),
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.01, help="How long each one takes.")] = 1.0,
) -> None:
    """Rows a second through one ONNX Runtime session, by setting, as a line of JSON; all settings unless given."""
    tried = [Setting(*map(int, words.split(","))) for words in setting or ()] or settings(os.cpu_count() or 1)
    found = {str(each): asdict(run_loops(model, each, seconds)) for each in tried}
    print(json.dumps(found))


if __name__ == "__main__":
    typer.run(main)
