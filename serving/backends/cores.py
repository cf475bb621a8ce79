"""How many cores this process may use.

Rule: the smallest of what the machine has, what the process is tied to, and what its container is given counts; a
runtime with more threads than that makes them wait for one another.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from math import ceil, inf
from pathlib import Path

import psutil

_PROCESS = Path("/proc/self/cgroup")
_GROUPS = Path("/sys/fs/cgroup")


def usable_cores(process: Path = _PROCESS, groups: Path = _GROUPS) -> int:
    """Physical ones. `process` names this process's control group, below `groups`, and is Linux's alone."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = min(_quotas(process, groups), default=inf)
    return int(max(1, min(psutil.cpu_count(logical=False) or allowed, allowed, ceil(quota) if quota < inf else inf)))


def _quotas(process: Path, groups: Path) -> Iterator[float]:
    """The limits of the process's group and of those around it, in cores (`cpu.max`, such as `150000 100000`)."""
    for folder in _folders(process, groups):
        with suppress(OSError, ValueError, ZeroDivisionError):
            microseconds, period = (folder / "cpu.max").read_text().split()
            yield inf if microseconds == "max" else int(microseconds) / int(period)


def _folders(process: Path, groups: Path) -> Iterator[Path]:
    inside = "/"
    with suppress(OSError, UnicodeDecodeError):
        inside = next((line[3:] for line in process.read_text().splitlines() if line.startswith("0::")), "/")
    path = Path(inside.lstrip("/"))
    yield from (groups / part for part in (path, *path.parents))
