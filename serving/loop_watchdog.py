"""Looks from a thread of its own whether the event loop goes on, and says where it stands if it does not.

Rule: each stall is told once, with the stack of the loop's thread; nothing is done about it.
"""

import logging
import sys
import threading
import time
import traceback

from serving.loop_delay import STALL, LoopDelay

log = logging.getLogger("slipway")

_EVERY = 0.5  # seconds


class LoopWatchdog:
    """Made on the event loop's thread."""

    def __init__(self, delay: LoopDelay) -> None:
        self._delay = delay
        self._loop_thread = threading.get_ident()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="loop-watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        told = False
        looked = time.monotonic()
        while not self._stopping.wait(_EVERY):
            late, before, looked = self._delay.late, looked, time.monotonic()
            if late < STALL:
                told = False
            elif not told and looked - before < STALL:  # else this thread was held up too, as the whole process may be
                told = True
                log.error(
                    "the event loop stands still for %.1f s, and nothing is answered; it is at:\n%s",
                    late,
                    self._where(),
                )

    def _where(self) -> str:
        frame = sys._current_frames().get(self._loop_thread)
        return "".join(traceback.format_stack(frame)).rstrip()
