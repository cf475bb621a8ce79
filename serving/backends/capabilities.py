"""What root may do beside others' files (Linux's capabilities), which a model's process started by root gives up.

Rule: it never fails; who is not root has nothing to give up.
"""

import ctypes
import struct

_KEPT = sum(1 << number for number in (0, 1, 2, 3, 4, 6, 7))  # linux/capability.h: files, their owners, becoming others
_HIGHEST = 63
_PR_CAPBSET_DROP = 24  # linux/prctl.h
_VERSION_3 = 0x20080522


def give_up_capabilities() -> None:
    """For good, also for the programs that it starts."""
    libc = ctypes.CDLL(None)
    for number in range(_HIGHEST + 1):
        if not _KEPT >> number & 1:
            libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0)
    header, sets = struct.pack("=Ii", _VERSION_3, 0), ctypes.create_string_buffer(24)
    if libc.capget(header, sets) == 0:
        effective, permitted, *_ = struct.unpack("=6I", sets.raw)
        libc.capset(header, struct.pack("=6I", effective & _KEPT, permitted & _KEPT, 0, 0, 0, 0))
