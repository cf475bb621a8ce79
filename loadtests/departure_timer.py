"""An alarm for an event loop that is right to a fraction of a millisecond.

Rule: nothing spins, since the server that is measured may need this processor.
Event loops wait in whole milliseconds (epoll's unit), which is 1 % of an objective of 100 ms; Linux's timerfd does not.
"""

import asyncio
import ctypes
import os
import time
from collections.abc import Callable
from typing import Protocol


class Alarm(Protocol):
    def set(self, when: float) -> None:
        """Rings once, at this time of the monotonic clock, or at once if it has passed."""

    def close(self) -> None: ...


class _TimeSpec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Interval(ctypes.Structure):
    _fields_ = (("every", _TimeSpec), ("first", _TimeSpec))


class _TimerFd:
    """Source: timerfd_create(2). Python has it from 3.13 on."""

    _MONOTONIC, _ABSOLUTE, _FLAGS = 1, 1, os.O_NONBLOCK | os.O_CLOEXEC

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.timerfd_create(self._MONOTONIC, self._FLAGS)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._loop, self._ring = loop, ring
        loop.add_reader(self._fd, self._rung)

    def set(self, when: float) -> None:
        ns = max(1, round(when * 1e9))
        interval = _Interval(_TimeSpec(0, 0), _TimeSpec(*divmod(ns, 1_000_000_000)))
        self._libc.timerfd_settime(self._fd, self._ABSOLUTE, ctypes.byref(interval), None)

    def close(self) -> None:
        self._loop.remove_reader(self._fd)
        os.close(self._fd)

    def _rung(self) -> None:
        os.read(self._fd, 8)
        self._ring()


class _LoopTimer:
    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self._loop, self._ring = loop, ring
        self._handle: asyncio.TimerHandle | None = None

    def set(self, when: float) -> None:
        self._handle = self._loop.call_later(max(0.0, when - time.monotonic()), self._ring)

    def close(self) -> None:
        if self._handle is not None:
            self._handle.cancel()


def alarm(loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> Alarm:
    """Linux's where there is one."""
    try:
        return _TimerFd(loop, ring)
    except (AttributeError, OSError):
        return _LoopTimer(loop, ring)
