"""A server in a process of its own, on free ports, and what it uses of the machine.

Rule: a benchmark shares no process with what it measures.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

ROOT = Path(__file__).parents[2]

_PORT = re.compile(r"is at http://\S+:(\d+)")
_MEGA = 1e6
_STOPS_WITHIN = 40.0  # seconds


class ServerFailed(Exception):
    """It did not start, or not do what a benchmark is about, so that there is nothing to tell."""


@dataclass(frozen=True, slots=True)
class Server:
    port: int
    process: psutil.Process

    def cpu_seconds(self) -> float:
        """Of all its threads and of the processes below it, since they started, in steps of the system's clock."""
        return sum(map(_cpu_seconds, [self.process, *self.process.children(recursive=True)]))

    def rss(self) -> float:
        """MB (10^6 bytes) of its pages in memory."""
        return float(self.process.memory_info().rss) / _MEGA

    def uss(self) -> float:
        """MB of its pages in memory that no other process has."""
        return float(self.process.memory_full_info().uss) / _MEGA

    def threads(self) -> int:
        return int(self.process.num_threads())


def _cpu_seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


@contextmanager
def started(repository: Path, *options: str, code: Path = ROOT) -> Iterator[Server]:
    """`slipway serve` over `repository`, ready, of the checkout `code`, until the block ends.

    Raises `ServerFailed` with its last words if it does not start.
    """
    ports = ("--http-port", "0", "--grpc-port", "0", "--metrics-port", "0")
    command = [sys.executable, "-m", "serving", "serve", str(repository.resolve()), *ports, *options]
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(
            command,
            cwd=code,
            env={"SLIPWAY_AUTO_TUNE_SECS": "0", **os.environ, "PYTHONPATH": str(code)},  # what configs say is compared
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        try:
            yield Server(_port_once_ready(process, log), psutil.Process(process.pid))
        finally:
            process.terminate()
            try:
                process.wait(_STOPS_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()


def _port_once_ready(process: subprocess.Popen[str], log: IO[str]) -> int:
    assert process.stdout is not None
    port = 0
    for line in process.stdout:
        if found := _PORT.search(line):
            port = int(found[1])
        if line.startswith("Ctrl-C"):
            return port
    log.seek(0)
    raise ServerFailed(f"the server did not start:\n{log.read()[-2000:]}")
