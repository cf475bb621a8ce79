"""Rolling updates one after another, and replicas that are killed: what that costs, with and without notice.

Rule: what is counted is what clients were told, each of its own request.
"""

import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from loadtests.benchmarks.report import last_line, run_command, table
from loadtests.benchmarks.server_process import ServerFailed
from loadtests.rolling.balancer import PROGRAM
from loadtests.rolling.models import write_models
from loadtests.rolling.scene import scene
from loadtests.rolling.traffic import Traffic, traffic

TITLES = {
    "json": "HAProxy that checks health: httpx",
    "tritonclient": "HAProxy that checks health: tritonclient",
    "grpc": "HAProxy that checks health: tritonclient, gRPC",
    "stream": "HAProxy that checks health: openai, streams",
    "service-json": "Service, told late: httpx",
    "service-new": "Service, told late: httpx, each time a new connection",
    "service-tritonclient": "Service, told late: tritonclient",
    "service-grpc": "Service, told late: tritonclient, gRPC, retries",
    "service-stream": "Service, told late: openai, streams",
    "round-robin": "gRPC's own round_robin with health checks",
    "nginx-json": "nginx, told late: httpx",
    "nginx-stream": "nginx, told late: openai, streams",
    "nginx-grpc": "nginx, told late: tritonclient, gRPC",
    "killed-json": "httpx",
    "killed-grpc": "tritonclient, gRPC",
    "killed-stream": "openai, streams",
    "again-json": "httpx, HAProxy retries",
    "again-grpc": "tritonclient, gRPC, HAProxy retries",
    "patient-json": "httpx, retries",
    "patient-grpc": "tritonclient, gRPC, retries",
    "patient-stream": "openai, streams, retries",
}

Failed = Mapping[str, tuple[int, int]]
"""Of each client: requests, and those that failed."""


def main(
    updates: Annotated[int, typer.Option(min=1, help="Replicas that are replaced, one after another.")] = 20,
    kills: Annotated[int, typer.Option(min=1, help="Replicas that are killed.")] = 5,
    rate: Annotated[float, typer.Option(min=0.1, help="Requests a second of each client.")] = 5,
    told_after: Annotated[float, typer.Option(min=0, help="Seconds until a balancer that is told hears of it.")] = 1,
    lame_duck: Annotated[float, typer.Option(min=0, help="--lame-duck-secs of the second round of updates.")] = 3,
    workers: Annotated[int, typer.Option(min=1, help="--http-workers of all replicas.")] = 1,
) -> None:
    """Replace replicas behind HAProxy while they are asked, without and with `--lame-duck-secs`; then kill some.

    The exit status is 1 where a request failed with it, or one of those failed that somebody asks again.
    """
    if PROGRAM is None:
        raise ServerFailed("HAProxy is not installed (Debian and Ubuntu: apt-get install haproxy)")
    options = ("--http-workers", str(workers))
    with tempfile.TemporaryDirectory() as folder:
        repository = Path(folder) / "repository"
        write_models(repository)
        without = updated(repository, options, updates, rate, told_after)
        noticed = updated(repository, (*options, "--lame-duck-secs", str(lame_duck)), updates, rate, told_after)
        lost = killed(repository, options, kills, rate)
    print(f"{updates} replicas replaced")
    show("without notice", without)
    show(f"--lame-duck-secs {lame_duck:g}", noticed)
    print(f"{kills} replicas killed")
    show("", lost)
    last_line({"without": without, "noticed": noticed, "killed": lost})
    is_lost = any(failed for name, (_, failed) in lost.items() if not name.startswith("killed-"))
    sys.exit(1 if is_lost or any(failed for _, failed in noticed.values()) else 0)


def updated(repository: Path, options: tuple[str, ...], updates: int, rate: float, told_after: float) -> Failed:
    with (
        tempfile.TemporaryDirectory() as folder,
        scene(repository, options, Path(folder)) as stage,
        traffic(partial(stage.updated, rate)) as seen,
    ):
        for _ in range(updates):
            stage.replace(told_after)
    return counted([seen])


def killed(repository: Path, options: tuple[str, ...], kills: int, rate: float) -> Failed:
    rounds = []
    with tempfile.TemporaryDirectory() as folder, scene(repository, options, Path(folder)) as stage:
        for number in range(kills):
            with traffic(partial(stage.killed, rate), seed=number) as seen:
                stage.kill()
            rounds.append(seen)
            stage.join()
    return counted(rounds)


def counted(rounds: list[Traffic]) -> Failed:
    requests: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for each in rounds:
        for name, outcomes in each.outcomes.items():
            requests[name] += len(outcomes)
            failed[name] += len(each.failures(name))
    return {name: (requests[name], failed[name]) for name in requests}


def show(title: str, found: Failed) -> None:
    rows = ((TITLES[name], str(requests), str(failed)) for name, (requests, failed) in found.items())
    table((title, "requests", "failed"), *rows)


if __name__ == "__main__":
    run_command(main)
