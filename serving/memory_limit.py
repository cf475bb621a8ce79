"""How much memory this process may have, and how much of that is left: its container's, or the machine's.

Rule: what can't be read is no limit.
"""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psutil

_SHARE = 4  # a quarter of it may be held by requests that wait, unless somebody says how much
_SCARCE = 16  # when less than that part of it is left
_EVERY = 0.2  # seconds
_LITTLE = 8 * 1024 * 1024  # bytes; while requests hold less it is not looked

_CGROUPS = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")
_V2 = ("memory.max", "memory.current", "inactive_file")
_V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")

_Names = tuple[str, str, str]
"""Of the files with a group's limit and what it uses, and of the line in its statistics."""


@dataclass(frozen=True, slots=True)
class Memory:
    """In bytes."""

    limit: float
    available: float

    @property
    def is_scarce(self) -> bool:
        return self.available < self.limit / _SCARCE

    @property
    def for_requests(self) -> int:
        return int(self.limit) // _SHARE


def memory(cgroups: Path = _CGROUPS, own: Path = _OWN) -> Memory:
    """Of the narrowest of the groups that the process is in, and of the machine."""
    machine = psutil.virtual_memory()
    found = [Memory(machine.total, machine.available), *_groups(cgroups, own)]
    limit = min(each.limit for each in found)
    return Memory(limit, min(each.available for each in found))


def _groups(cgroups: Path, own: Path) -> Iterator[Memory]:
    for folder, names in _folders(cgroups, own):
        with suppress(OSError, ValueError):  # "max" is no number
            limit, used = (int((folder / name).read_text()) for name in names[:2])
            yield Memory(limit, limit - used + _reclaimable(folder, names[2]))


def _folders(cgroups: Path, own: Path) -> Iterator[tuple[Path, _Names]]:
    """Its groups and those around them, as far as they are seen from here; cgroups' version 2, then 1."""
    with suppress(OSError):
        for line in own.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers == "":
                yield from _upwards(cgroups, path, _V2)
            elif "memory" in controllers.split(","):
                yield from _upwards(cgroups / "memory", path, _V1)


def _upwards(root: Path, path: str, names: _Names) -> Iterator[tuple[Path, _Names]]:
    folder = root / path.lstrip("/")
    for each in (folder, *folder.parents):
        if each.is_relative_to(root):
            yield each, names


def _reclaimable(folder: Path, name: str) -> int:
    """Of files that were read, which the kernel drops when it needs the memory."""
    for line in (folder / "memory.stat").read_text().splitlines():
        key, _, value = line.partition(" ")
        if key == name:
            return int(value)
    return 0


class Holds(Protocol):
    """What requests hold, and whether there is more for them."""

    held: int
    is_scarce: bool


async def watch_memory(holds: Holds, stop: asyncio.Event) -> None:
    """Tell `holds` when memory is scarce, until the stop."""
    while not stop.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _EVERY)
        holds.is_scarce = holds.held > _LITTLE and (await asyncio.to_thread(memory)).is_scarce
