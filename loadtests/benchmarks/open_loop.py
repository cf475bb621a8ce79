"""An open-loop load test: requests leave at the times of a Poisson process, whether or not earlier ones came back.

Rule: latency counts from the moment a request was meant to leave, so that a slow server can't hide behind a slow
client (coordinated omission). A run whose own schedule slipped is declared invalid.

    python -m loadtests.benchmarks.open_loop http://localhost:8000 digits-cnn --rate 200 --seconds 10
"""

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import aiohttp
import numpy as np
import typer

from loadtests.arrivals import MAX_SLIP, departures


@dataclass(frozen=True, slots=True)
class Outcome:
    """One request; times in seconds. `slip` is how late it left, `latency` counts from when it should have left.

    `finished` counts from the start of the run; `status` is 0 when no answer came.
    """

    latency: float
    slip: float
    status: int
    finished: float


@dataclass(frozen=True, slots=True)
class Report:
    """Latencies and slip in milliseconds, rates in requests per second."""

    model: str
    rate: float
    seconds: float
    sent: int
    succeeded: int
    failed: int
    throughput: float
    p50: float
    p90: float
    p99: float
    maximum: float
    slip_p99: float
    valid: bool


def summarize(model: str, rate: float, seconds: float, outcomes: list[Outcome]) -> Report:
    """Percentiles over the requests that were answered with 200."""
    good = np.array([outcome.latency for outcome in outcomes if outcome.status == 200]) * 1e3
    slip = np.percentile([outcome.slip for outcome in outcomes], 99) if outcomes else 0.0
    p50, p90, p99, maximum = np.percentile(good, [50, 90, 99, 100]).round(3).tolist() if len(good) else [0.0] * 4
    return Report(
        model=model,
        rate=rate,
        seconds=seconds,
        sent=len(outcomes),
        succeeded=len(good),
        failed=len(outcomes) - len(good),
        throughput=round(len(good) / max([seconds, *(outcome.finished for outcome in outcomes)]), 1),
        p50=p50,
        p90=p90,
        p99=p99,
        maximum=maximum,
        slip_p99=round(float(slip) * 1e3, 3),
        valid=bool(slip <= MAX_SLIP),
    )


def request_body(metadata: dict[str, Any], seed: int) -> bytes:
    """One row of random numbers for each input of the model, as JSON. Raises `ValueError` for inputs of text."""
    random = np.random.default_rng(seed)
    inputs = []
    for tensor in metadata["inputs"]:
        if not tensor["datatype"].startswith(("FP", "INT", "UINT")):
            raise ValueError(f"input '{tensor['name']}' is {tensor['datatype']}; only numbers are made up here")
        shape = [1 if dim < 0 else dim for dim in tensor["shape"]]
        data = random.integers(0, 100, int(np.prod(shape))).tolist()
        inputs.append({"name": tensor["name"], "datatype": tensor["datatype"], "shape": shape, "data": data})
    return json.dumps({"inputs": inputs}).encode()


async def run(url: str, model: str, rate: float, seconds: float, seed: int) -> Report:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(url, connector=connector) as session:
        async with session.get(f"/v2/models/{model}") as reply:
            metadata = await reply.json()
            if reply.status != 200:
                raise ValueError(metadata["error"])
        body = request_body(metadata, seed)
        await _send(session, model, body, time.perf_counter(), 0.0)  # opens a connection, and is not counted
        outcomes = await _run_schedule(session, model, body, departures(rate, seconds, seed))
    return summarize(model, rate, seconds, outcomes)


async def _run_schedule(
    session: aiohttp.ClientSession, model: str, body: bytes, schedule: list[float]
) -> list[Outcome]:
    start = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        tasks = []
        for offset in schedule:
            await asyncio.sleep(max(0.0, start + offset - time.perf_counter()))
            tasks.append(group.create_task(_send(session, model, body, start, offset)))
    return [task.result() for task in tasks]


async def _send(session: aiohttp.ClientSession, model: str, body: bytes, start: float, offset: float) -> Outcome:
    left = time.perf_counter() - start
    try:
        async with session.post(f"/v2/models/{model}/infer", data=body) as reply:
            await reply.read()
            status = reply.status
    except (aiohttp.ClientError, TimeoutError):
        status = 0
    finished = time.perf_counter() - start
    return Outcome(finished - offset, left - offset, status, finished)


def main(
    url: Annotated[str, typer.Argument(help="The server.")],
    model: Annotated[str, typer.Argument(help="The model to ask.")],
    rate: Annotated[float, typer.Option(min=0.1, help="Requests per second.")] = 100.0,
    seconds: Annotated[float, typer.Option(min=0.1, help="How long requests are sent.")] = 10.0,
    seed: Annotated[int, typer.Option(help="Of the schedule and of the inputs.")] = 0,
) -> None:
    """Send requests at random times at a fixed mean rate, and print the latencies and, last, one line of JSON."""
    try:
        report = asyncio.run(run(url, model, rate, seconds, seed))
    except (aiohttp.ClientError, ValueError) as error:
        typer.secho(f"open_loop: {error}", fg="red", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{report.model}: {report.sent} requests at {rate:g}/s, {report.failed} failed")
    typer.echo(f"  answered  {report.throughput:10.1f} /s")
    for name in ("p50", "p90", "p99", "maximum"):
        typer.echo(f"  {name:<9} {getattr(report, name):10.3f} ms")
    if not report.valid:
        typer.echo(f"INVALID: this client left {report.slip_p99} ms late at p99; lower --rate or use a faster machine")
    typer.echo(json.dumps(asdict(report)))
    sys.exit(0 if report.valid and not report.failed else 1)


if __name__ == "__main__":
    typer.run(main)
