"""A wall of Linux's (Landlock) between a model's process and what is outside it.

Rule: nothing inside looks into a process outside, its memory and environment included, or, with newer kernels, sends a
signal; and where files are only read, all that is written is what the process was given open.
"""

import ctypes
import os
import struct
from pathlib import Path

from serving.backends.system_calls import Unsupported

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # asm/unistd.h, the same for all processors
_VERSION = 1  # LANDLOCK_CREATE_RULESET_VERSION
_PATH_BENEATH = 1
_WRITE_FILE, _TRUNCATE, _REFER = 1 << 1, 1 << 14, 1 << 13  # linux/landlock.h
_NEW_DEVICES = 1 << 6 | 1 << 11  # character and block
_CHANGES = _NEW_DEVICES | sum(1 << bit for bit in (4, 5, 7, 8, 9, 10, 12))  # of a folder's content
_ABSTRACT_SOCKETS, _SIGNALS = 1 << 0, 1 << 1
_NULL = Path("/dev/null")  # where libraries send what nobody wants


def wall_in(reads_only: bool) -> None:
    """For good; for this thread and all that it starts. Needs PR_SET_NO_NEW_PRIVS. Raises `Unsupported`."""
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE, None, ctypes.c_size_t(0), _VERSION)
    if version < 1:
        raise Unsupported(os.strerror(ctypes.get_errno()))
    newer = (_REFER if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0)
    handled = _WRITE_FILE | _CHANGES | newer if reads_only else _NEW_DEVICES
    scoped = _ABSTRACT_SOCKETS | _SIGNALS if version >= 6 else 0
    attributes = struct.pack("=QQQ", handled, 0, scoped)[: 24 if version >= 6 else 8]
    rules = libc.syscall(_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0)
    if rules < 0:
        raise Unsupported(os.strerror(ctypes.get_errno()))
    try:
        if reads_only:
            _let_write(libc, rules, _NULL)
        if libc.syscall(_RESTRICT, rules, 0):
            raise Unsupported(os.strerror(ctypes.get_errno()))
    finally:
        os.close(rules)


def _let_write(libc: ctypes.CDLL, rules: int, path: Path) -> None:
    """To a file; what can't be opened can't be written either."""
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        libc.syscall(_ADD, rules, _PATH_BENEATH, struct.pack("=Qi", _WRITE_FILE, place), 0)
    finally:
        os.close(place)
