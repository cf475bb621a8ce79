"""A benchmark as a person starts it: in a process of its own, or here where it needs none, which saves the second that
its libraries take to load."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer
from typer.testing import CliRunner

ROOT = Path(__file__).parents[1]


def run_benchmark(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"loadtests.benchmarks.{name}", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def run_here(main: Callable[..., None], *arguments: str) -> subprocess.CompletedProcess[str]:
    """What `main` raises ends the test."""
    app = typer.Typer()
    app.command()(main)
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)


def last_line(done: subprocess.CompletedProcess[str]) -> Any:
    """The JSON that comes last of one that succeeded."""
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
