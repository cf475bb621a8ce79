"""A server of another project, of one or several processes, which is told its port and says nothing when it is ready.

Rule: none of its processes outlives the block that it was started for.
"""

import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from loadtests.benchmarks.server_process import Server, ServerFailed

_STOPS_WITHIN = 20.0  # seconds


@dataclass(frozen=True, slots=True)
class Command:
    """`environment` is added to what there is; the working directory is `folder`."""

    words: Sequence[str]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def started_by(command: Command, port: int) -> Iterator[Server]:
    """At once, long before it answers. Its last words are added to a `ServerFailed` that the block raises."""
    environment = {**os.environ, **command.environment}
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(
            command.words, cwd=command.folder, env=environment, stdout=log, stderr=log, start_new_session=True
        ) as process,
    ):
        try:
            yield Server(port, psutil.Process(process.pid))
        except ServerFailed as error:
            log.seek(0)
            raise ServerFailed(f"{error}\n{log.read()[-2000:]}") from error
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Also those of its processes that left its group."""
    below = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_STOPS_WITHIN)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    for each in below:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    psutil.wait_procs(below, _STOPS_WITHIN)


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port
