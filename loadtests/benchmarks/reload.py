"""Requests at a constant pace while new versions of their model are published: failures, latency, memory.

    python -m loadtests.benchmarks.reload                         # tables for people, one JSON line last
    python -m loadtests.benchmarks.reload --reloads 100 --backend pytorch

Rule: looks at the server left alone and at reloads take turns under the same load; latency counts from when a request
was meant to leave.
"""

import hashlib
import json
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import repeat, takewhile
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from loadtests.benchmarks.callers import Answer, ask_each, at_once, document, failures, infer, latency_ms
from loadtests.benchmarks.dense_model import FEATURES, Backend, Dense, answer, write_config, write_version
from loadtests.benchmarks.report import last_line, run_command, show, spread, table
from loadtests.benchmarks.server_process import Server, ServerFailed, started
from serving.core import golden
from serving.core.golden import GoldenRows

MODEL = "dense"
MODES: Mapping[str, tuple[str, ...]] = {"poll": (), "explicit": ("--load-model", "*")}
SETTLES = 0.3  # seconds that a reload is looked at after the new version answered
GIVES_UP = 30.0  # seconds


@dataclass(frozen=True, slots=True)
class Reload:
    """Seconds of the performance counter."""

    version: int
    published: float
    ended: float


@dataclass(frozen=True, slots=True)
class Found:
    """Of one mode: `rss` in MB, first before all reloads."""

    answers: list[Answer]
    reloads: list[Reload]
    rss: list[float]

    def taking_over(self) -> list[float]:
        """Seconds from each version's publication until it answered a caller."""
        first: dict[int, float] = {}
        for each in self.answers:
            version = int(json.loads(each.body)["model_version"]) if each.status == 200 else 0
            first[version] = min(first.get(version, each.came), each.came)
        return [first[it.version] - it.published for it in self.reloads if it.version in first]

    def split(self) -> tuple[list[Answer], list[Answer]]:
        """Requests of the time between reloads, and of reloads."""
        alone: list[Answer] = []
        during: list[Answer] = []
        for each in self.answers:
            is_during = any(it.published <= each.came and each.planned <= it.ended for it in self.reloads)
            (during if is_during else alone).append(each)
        return alone, during


def main(
    reloads: Annotated[int, typer.Option(min=1, help="New versions, one after another, in each mode.")] = 10,
    callers: Annotated[int, typer.Option(min=1, help="How many send requests at the same time.")] = 4,
    period: Annotated[float, typer.Option(min=1, help="Milliseconds between two requests of a caller.")] = 20.0,
    quiet: Annotated[float, typer.Option(min=0.1, help="Seconds between two reloads.")] = 1.5,
    megabytes: Annotated[float, typer.Option(min=0.01, help="Weights of the model, in 10^6 bytes.")] = 16.0,
    backend: Annotated[Backend, typer.Option(help="What runs the model.")] = Backend.ONNXRUNTIME,
) -> None:
    """Publish new versions of a model that is being asked, and tell what callers notice.

    Each version has a manifest and golden rows, as `slipway train` writes them, so that it proves itself before it
    gets requests. With `--model-control-mode poll` the server finds it by itself, with `explicit` a request loads it.
    Callers send at even times, whatever the server does. The exit status is 1 where a request failed.
    """
    found = {}
    for mode, options in MODES.items():
        with tempfile.TemporaryDirectory() as folder:
            staged = stage(Path(folder), Dense.of_megabytes(megabytes), backend.value)
            repository = Path(folder) / "repository"
            write_config(repository, MODEL, backend.value)
            publish(staged, repository, 1)
            with started(repository, "--model-control-mode", mode, *options) as server:
                found[mode] = run(server, mode, staged, repository, reloads, callers, period / 1e3, quiet)
    for mode, each in found.items():
        show_mode(mode, each)
    last_line({"backend": backend.value, **{mode: figures(each) for mode, each in found.items()}})
    sys.exit(1 if any(failures(each.answers) for each in found.values()) else 0)


def stage(root: Path, size: Dense, backend: str) -> Path:
    """A version that is complete: what every version is a copy of, since their numbers tell them apart."""
    folder, weights = root / "staged", size.weights(seed=0)
    write_version(folder, weights, backend)
    rows = np.random.default_rng(0).random((4, FEATURES), np.float32)
    (folder / golden.FILENAME).write_bytes(golden.encode(GoldenRows({"x": rows}, {"y": answer(weights, rows)})))
    hashes = {path.name: {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()} for path in folder.iterdir()}
    (folder / "manifest.json").write_text(json.dumps({"files": hashes}))
    return folder


def publish(staged: Path, repository: Path, version: int) -> float:
    """In one rename; when that was."""
    shutil.copytree(staged, repository / MODEL / ".new")
    published = time.perf_counter()
    (repository / MODEL / ".new").rename(repository / MODEL / str(version))
    return published


def run(
    server: Server, mode: str, staged: Path, repository: Path, reloads: int, callers: int, period: float, quiet: float
) -> Found:
    stop = threading.Event()
    calls = takewhile(lambda _: not stop.is_set(), repeat(infer(MODEL, 1, 2, 3, 4)))
    asked = [partial(ask_each, server.port, calls, period)] * callers
    with ThreadPoolExecutor(1) as pool:
        answers = pool.submit(at_once, asked)
        try:
            time.sleep(quiet)
            rss, done = [server.rss()], []
            for version in range(2, reloads + 2):
                done.append(reload(server, mode, staged, repository, version))
                rss.append(server.rss())
                time.sleep(quiet)
        finally:
            stop.set()
        return Found(answers.result(), done, rss)


def reload(server: Server, mode: str, staged: Path, repository: Path, version: int) -> Reload:
    """Raises `ServerFailed` for a version that does not come to answer."""
    published = publish(staged, repository, version)
    if mode == "explicit":
        document(server.port, f"/v2/repository/models/{MODEL}/load", "POST")
    while served(server) != version:
        if time.perf_counter() > published + GIVES_UP:
            raise ServerFailed(f"version {version} did not answer within {GIVES_UP:g} s of its publication")
        time.sleep(0.02)
    time.sleep(SETTLES)
    return Reload(version, published, time.perf_counter())


def served(server: Server) -> int:
    [found] = ask_each(server.port, [infer(MODEL, 1, 2, 3, 4)])
    return int(json.loads(found.body)["model_version"]) if found.status == 200 else 0


def show_mode(mode: str, found: Found) -> None:
    alone, during = found.split()
    takes = spread([seconds * 1e3 for seconds in found.taking_over()])
    print(f"{mode}: {len(found.reloads)} reloads, {failures(found.answers)} of {len(found.answers)} requests failed")
    table(
        ("", "requests", "p50 ms", "p99 ms", "longest ms"),
        *(
            (name, str(len(part)), *(f"{latency_ms(part, percentile):.2f}" for percentile in (50, 99, 100)))
            for name, part in (("between reloads", alone), ("during reloads", during))
        ),
    )
    before, first, last = found.rss[0], found.rss[1], found.rss[-1]
    print(f"  from publication to traffic: {show(takes)} ms")
    print(f"  RSS: {before:.0f} MB before, {first:.0f} after the first reload, {last:.0f} after the last\n")


def figures(found: Found) -> dict[str, object]:
    alone, during = found.split()
    return {
        "reloads": len(found.reloads),
        "requests": len(found.answers),
        "failed": failures(found.answers),
        "publication_to_traffic_ms": spread([seconds * 1e3 for seconds in found.taking_over()]),
        "between": latencies(alone),
        "during": latencies(during),
        "rss_mb": [round(each, 1) for each in found.rss],
    }


def latencies(answers: list[Answer]) -> dict[str, float]:
    return {f"p{percentile}_ms": round(latency_ms(answers, percentile), 3) for percentile in (50, 99, 100)}


if __name__ == "__main__":
    run_command(main)
