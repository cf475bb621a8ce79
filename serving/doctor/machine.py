"""Python, processors, memory, descriptors and the clock.

Rule: the limits of a container count, as they do for the server.
"""

import os
import platform
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import serving
from serving.backends.cores import usable_cores
from serving.descriptors import FOR_FILES, limits
from serving.doctor.finding import Finding, ok, problem, warning
from serving.memory_limit import Memory, memory
from serving.settings import Settings

_X86 = ("x86_64", "amd64", "i686")
_CPUINFO = Path("/proc/cpuinfo")
_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Processors:
    """`flags` are Linux's words for what they can; none where nobody says."""

    kind: str
    usable: int
    there: int
    flags: frozenset[str]


def examine(settings: Settings) -> list[Finding]:
    flags = next((line for line in _cpuinfo().splitlines() if line.startswith("flags")), "").split()
    kind = platform.machine().lower()
    return [
        ok("Python", f"{platform.python_version()} ({platform.python_implementation()}) on {platform.platform()}"),
        processors(Processors(kind, usable_cores(), os.cpu_count() or 1, frozenset(flags))),
        memory_for(memory(), settings.queue_byte_size),
        descriptors(limits(), settings.max_connections),
        clock(time.time(), Path(serving.__file__).stat().st_mtime),
    ]


def processors(found: Processors) -> Finding:
    says = f"{found.usable} usable cores of {found.there} logical ones, {found.kind}"
    if found.kind not in _X86 or not found.flags:
        return ok("processors", says)
    if "avx2" not in found.flags:
        return warning("processors", f"{says}, without AVX2: models run several times slower", "choose another machine")
    best = next((word for flag, word in _FEATURES if flag in found.flags), "AVX2")
    return ok("processors", f"{says}, {best}")


_FEATURES = (
    ("amx_int8", "AMX"),
    ("avx512_vnni", "AVX-512 with VNNI"),
    ("avx_vnni", "AVX2 with VNNI"),
    ("avx512f", "AVX-512"),
)


def memory_for(found: Memory, queue_byte_size: int | None) -> Finding:
    says = f"{_size(found.available)} available of {_size(found.limit)}"
    if found.is_scarce:
        return warning("memory", f"{says}: hardly any is left", "end something else, or give the container more")
    if queue_byte_size is not None and queue_byte_size > found.available:
        fix = f"--queue-byte-size {found.for_requests}, as it is unless given"
        return warning("memory", f"{says}; waiting requests may hold {_size(queue_byte_size)}", fix)
    return ok("memory", says)


def descriptors(found: tuple[float, float], max_connections: int) -> Finding:
    """`found` is the soft limit, which the server raises, and the hard one."""
    wanted = max_connections + FOR_FILES
    if found[1] >= wanted:
        return ok("descriptors", f"enough for --max-connections {max_connections}")
    room = max(1, int(found[1]) - FOR_FILES)
    fix = f"ulimit -n {wanted} as root, LimitNOFILE={wanted} in a unit, or --max-connections {room}"
    return warning("descriptors", f"{int(found[1])} at most, so that there are {room} connections at once", fix)


def clock(now: float, installed: float) -> Finding:
    """Seconds since 1970, by the clock and when Slipway's files came here."""
    says = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M} UTC"
    if now < installed:
        came = f"{datetime.fromtimestamp(installed, UTC):%Y-%m-%d %H:%M}"
        return problem(
            "clock",
            f"{says}, before Slipway was installed ({came}): certificates and logs go by it",
            "timedatectl set-ntp true",
        )
    return ok("clock", says)


def _cpuinfo() -> str:
    try:
        return _CPUINFO.read_text() if sys.platform == "linux" else ""
    except OSError:
        return ""


def _size(number: float) -> str:
    return f"{number / _MB / 1000:.1f} GB" if number >= 1000 * _MB else f"{number / _MB:.0f} MB"
