"""How a model's process begins: it gives up what no model needs, and then becomes `isolated_worker`.

Rule: nothing is imported before that starts threads, which would keep what this one gives up; and what the platform
can't take away is told, and is no reason not to begin.
"""

import ctypes
import json
import resource
import socket
import sys
from contextlib import suppress
from pathlib import Path

from serving.backends.capabilities import give_up_capabilities
from serving.backends.landlock import wall_in
from serving.backends.system_calls import Unsupported, refuse_calls

_PR_SET_NO_NEW_PRIVS = 38  # linux/prctl.h
_SOONER = 500  # of 1000: how much sooner it is killed than the server, where memory runs out
_FILES = 4096


def give_up(memory: int | None, only_computes: bool) -> list[str]:
    """Rights, for good: to more `memory` than so many bytes, and, where it `only_computes`, to write files, to start
    programs and to open connections. What could not be taken away, and why."""
    _be_killed_first()
    _limit(resource.RLIMIT_CORE, 0)  # a core has what callers sent
    _limit(resource.RLIMIT_NOFILE, _FILES)
    if memory is not None:
        _limit(resource.RLIMIT_DATA, memory)
    give_up_capabilities()
    lacking = []
    if ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return ["no_new_privs"]  # which the others need
    try:
        wall_in(reads_only=only_computes)
    except Unsupported as why:
        lacking.append(f"Landlock ({why})")
    try:
        refuse_calls(only_computes)
    except Unsupported as why:
        lacking.append(f"seccomp ({why})")
    return lacking


def _limit(which: int, value: int) -> None:
    """Where it is not lower already."""
    highest = resource.getrlimit(which)[1]
    value = value if highest == resource.RLIM_INFINITY else min(value, highest)
    resource.setrlimit(which, (value, value))


def _be_killed_first() -> None:
    """When memory runs out, and not the server, which every other model needs."""
    path = Path("/proc/self/oom_score_adj")
    with suppress(OSError, ValueError):
        path.write_text(str(min(1000, int(path.read_text()) + _SOONER)))


if __name__ == "__main__":
    control, parent, rights = int(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
    lacking = give_up(**rights)

    from serving.backends.isolated_worker import run

    run(socket.socket(fileno=control), parent, lacking)
