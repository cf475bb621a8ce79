"""`slipway` as a person types it: in a process of its own, or here where it only asks or refuses; a server of it."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import chdir, contextmanager
from pathlib import Path

from typer.testing import CliRunner

from serving.cli import app

ROOT = Path(__file__).parents[1]
SLIPWAY = [sys.executable, "-m", "serving"]
FREE_PORTS = ("--http-port", "0", "--grpc-port", "0", "--metrics-port", "0")


def slipway(*arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SLIPWAY, *arguments],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "160", **environment},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
    )


def typed(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """As `slipway`, without the second that a process takes to begin. What is raised ends the test."""
    with chdir(ROOT):
        told = {"COLUMNS": "160", **environment}
        done = CliRunner().invoke(app, arguments, env=told, catch_exceptions=False)
    return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)


@contextmanager
def serving(
    root: Path, *options: str, before: Sequence[str] = (), **environment: str
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server on free ports, the leader of a process group, and all that it printed until it was ready. `before` is a
    program that starts it."""
    process = subprocess.Popen(
        [*before, *SLIPWAY, "serve", str(root), *FREE_PORTS, *options],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("Ctrl-C"):
            break
    try:
        yield process, "".join(lines)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def url_in(banner: str) -> str:
    return re.search(r"is at (\S+)", banner)[1]  # type: ignore[index]
