"""The server as a process of its own, for what may happen to a process."""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.running_server import until
from tests.slipway_command import FREE_PORTS, ROOT, SLIPWAY


@dataclass(frozen=True)
class Server:
    process: subprocess.Popen[bytes]
    url: str
    grpc_address: str

    def metric(self, name: str) -> float | None:
        found = re.search(rf"^{re.escape(name)} (\S+)$", httpx.get(f"{self.url}/metrics").text, re.MULTILINE)
        return None if found is None else float(found[1])


@contextmanager
def served(root: Path, output: Path, *options: str, environment: Mapping[str, str] | None = None) -> Iterator[Server]:
    """On free ports, until the block ends; what it says goes into the file `output`."""
    command = [*SLIPWAY, "serve", str(root), *FREE_PORTS, *options]
    environment = {**os.environ, **(environment or {})}
    with (
        output.open("wb") as said,
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=said, stderr=said) as process,
    ):
        try:
            until(lambda: process.poll() is not None or "Ctrl-C" in output.read_text(), "it starts")
            assert process.poll() is None, output.read_text()
            (url,), (grpc,) = (re.findall(place, output.read_text()) for place in (r" is at (\S+)", r"  gRPC +(\S+)"))
            yield Server(process, url, grpc)
        finally:
            process.kill()
