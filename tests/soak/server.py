"""The server that is soaked: a process of its own, what it says of itself, and what the system says of it.

Rule: figures are read from outside, so that the server's own account is compared with another.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from loadtests.exposition import samples
from loadtests.rolling.replicas import ROOT, free_ports, is_well
from tests.soak.models import KILLED

_STARTS_WITHIN, _STOPS_WITHIN = 90.0, 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Figures:
    """Of the server's process: bytes of memory, open descriptors, threads."""

    memory: int
    descriptors: int
    threads: int


@dataclass(frozen=True, slots=True)
class Server:
    http: int
    grpc: int
    metrics: int
    log: Path
    process: psutil.Process

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http}"

    def figures(self) -> Figures:
        with self.process.oneshot():
            memory, threads = self.process.memory_info().rss, self.process.num_threads()
        return Figures(memory, self.process.num_fds(), threads)

    def counts(self) -> dict[tuple[str, str], float]:
        """Of each of its metrics, by name and labels as they are written."""
        text = httpx.get(f"http://127.0.0.1:{self.metrics}/metrics", timeout=30).text
        return {(name, labels): float(value) for name, labels, value in samples(text)}

    def kill_a_model(self) -> bool:
        """The process of the model that has one of its own; False where it is down."""
        for child in self.process.children():
            if f"{KILLED}/1" in child.cmdline():
                os.kill(child.pid, signal.SIGKILL)
                return True
        return False


@contextmanager
def started(repository: Path, log: Path, *options: str) -> Iterator[Server]:
    """Ready. Raises RuntimeError with its last words where it does not start, or does not stop."""
    http, grpc, metrics = free_ports(3)
    ports = ("--http-port", str(http), "--grpc-port", str(grpc), "--metrics-port", str(metrics))
    command = [sys.executable, "-m", "serving", "serve", str(repository), *ports, *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SLIPWAY_AUTO_TUNE_SECS": "0"}
    with (
        log.open("w") as written,
        subprocess.Popen(command, env=environment, stdout=written, stderr=written) as process,
    ):
        try:
            _wait_until_ready(process, f"http://127.0.0.1:{http}/v2/health/ready", log)
            yield Server(http, grpc, metrics, log, psutil.Process(process.pid))
            process.send_signal(signal.SIGINT)
            if process.wait(_STOPS_WITHIN) != 0:
                raise RuntimeError(f"the server ended with {process.returncode}:\n{log.read_text()[-2000:]}")
        finally:
            process.kill()


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + _STARTS_WITHIN
    while not is_well(url):
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"the server did not start:\n{log.read_text()[-2000:]}")
        time.sleep(0.05)
