"""A soak from its first request to its verdict. Rule: all that is found is told, also when it did not hold."""

import asyncio
import re
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import uvloop

from tests.soak import models, server
from tests.soak.callers import Place
from tests.soak.screen import Screen
from tests.soak.server import Figures, Server
from tests.soak.traffic import Traffic, texts
from tests.soak.verdict import Seen, reasons

_LOOKS_EVERY = 1.0  # seconds
_CALMS_WITHIN = 30.0  # seconds
_AT_WORK = ("slipway_http_connections", "slipway_http_requests_running", "slipway_grpc_calls_running")
_QUEUED = ("nv_inference_pending_request_count", "vllm:num_requests_running", "vllm:num_requests_waiting")
_OURS = re.compile(r"not this row|the process of model|is started again|SIGKILL")
"""What the log says of faults that were made."""
_ALARMS = re.compile(r"never retrieved|Exception in|Unhandled|unexpected|\b(CRITICAL|ERROR)\b", re.IGNORECASE)


def soak(folder: Path, seconds: float, connections: int, seed: int = 0) -> list[str]:
    """Why it did not hold; empty where it did."""
    repository = folder / "repository"
    models.write(repository)
    options = ("--model-control-mode", "explicit", "--load-model", "*")
    with (
        server.started(repository, folder / "server.log", *options) as started,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        seen, screen = runner.run(_soaked(started, repository, seconds, connections, seed))
    found = reasons(seen)
    screen.concluded(seen, found)
    return found


async def _soaked(of: Server, repository: Path, seconds: float, connections: int, seed: int) -> tuple[Seen, Screen]:
    place = Place(of, await texts(Place(of, {})))
    traffic = Traffic(place, repository)
    await traffic.once()
    await _calm(of)
    rested, before = of.figures(), of.counts()
    samples, screen = list[tuple[float, Figures]](), Screen(seconds)
    looking = asyncio.create_task(_look(of, time.monotonic(), samples, screen, traffic))
    try:
        await traffic.run(connections, seconds, Random(seed))
        await _calm(of)
    finally:
        looking.cancel()
        screen.close()
    logged = list(unexpected(of.log.read_text()))
    return Seen(traffic.ledger, before, of.counts(), rested, of.figures(), samples, logged, traffic.kills), screen


async def _look(
    of: Server, begun: float, samples: list[tuple[float, Figures]], screen: Screen, traffic: Traffic
) -> None:
    while True:
        at, figures = time.monotonic() - begun, of.figures()
        samples.append((at, figures))
        with of.log.with_suffix(".csv").open("a") as file:
            file.write(f"{at:.1f},{figures.memory},{figures.descriptors},{figures.threads}\n")
        screen.look(at, traffic.ledger, figures, traffic.kills)
        await asyncio.sleep(_LOOKS_EVERY)


async def _calm(of: Server) -> None:
    """Until nobody is connected and nothing waits or runs; a verdict says what did not go."""
    end = time.monotonic() + _CALMS_WITHIN
    while time.monotonic() < end:
        counts = await asyncio.to_thread(of.counts)
        if not any(value for (name, _), value in counts.items() if name in (*_AT_WORK, *_QUEUED)):
            return
        await asyncio.sleep(0.1)


def unexpected(log: str) -> Iterator[str]:
    yield from (line for line in log.splitlines() if _ALARMS.search(line) and not _OURS.search(line))
