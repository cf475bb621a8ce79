"""Where a load comes from, and with which words. Rule: no header's value is told, since it may be a key."""

import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from serving import __version__


def machine() -> dict[str, Any]:
    """`load` is the average number of processes that wanted to run in the last minute, `memory` is in bytes."""
    return {
        "cpu": _processor(),
        "cores": os.cpu_count() or 1,
        "memory": psutil.virtual_memory().total,
        "load": round(psutil.getloadavg()[0], 2),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "slipway": __version__,
        "commit": _commit(),
        "command": command(sys.argv),
    }


def command(words: Sequence[str]) -> str:
    return shlex.join(["slipway", *_told(words[1:])])


def _told(words: Sequence[str]) -> Iterator[str]:
    is_header = False
    for word in words:
        if is_header or word.startswith("--header="):
            yield f"{word.partition(':')[0]}: ..."
        else:
            yield word
        is_header = word == "--header"


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _commit() -> str:
    """Of the checkout that this code is in, if it is in one."""
    git = ["git", "-C", str(Path(__file__).parents[1]), "describe", "--always", "--dirty", "--exclude=*"]
    with suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(git, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
    return ""
