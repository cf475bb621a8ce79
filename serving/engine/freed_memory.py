"""Memory that models no longer need, given back to the system.

Rule: a hint to the C library, never needed for anything to be right.
"""

import ctypes
import sys
from collections.abc import Callable


def _c_library() -> Callable[[int], int] | None:
    """glibc's `malloc_trim`; other C libraries give back by themselves."""
    if sys.platform != "linux":
        return None
    trim: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim


_trim = _c_library()


def give_back() -> None:
    """Call after large blocks were freed: glibc keeps blocks of up to 32 MB for the thread that had them, and a server
    would grow with every model that it loads (docs/experiments.md). May be called from any thread."""
    if _trim is not None:
        _trim(0)
