"""Whether the processor multiplies bytes without cutting sums off (VNNI, or anything but x86).

Rule: read once, from what Linux says; where nothing is known, sums are taken to be cut off.
"""

import platform
from functools import cache
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")


@cache
def is_exact() -> bool:
    try:
        told = _CPUINFO.read_text()
    except OSError:
        told = ""
    return is_exact_on(platform.machine(), told)


def is_exact_on(machine: str, cpuinfo: str) -> bool:
    """`cpuinfo` is the text of /proc/cpuinfo."""
    if machine.lower() not in ("x86_64", "amd64", "i686"):
        return True
    flags = next((line for line in cpuinfo.splitlines() if line.startswith("flags")), "").split()
    return bool({"avx512_vnni", "avx_vnni", "amx_int8"}.intersection(flags))
