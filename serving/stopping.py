"""How the server is asked to end: by whoever sits at it, or by what also routes to it.

Rule: whoever ends a container with SIGTERM may send it requests for a while yet; Ctrl-C wants it to be over.
"""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress

from serving.exit_codes import ExitCode

_SAME_SIGNAL = 0.5  # seconds; `make` and `timeout` pass on the Ctrl-C that the whole process group already had


class Stop:
    """Belongs to the event loop's thread. `asked` is set once the server shall end; `at_once`, if nobody needs notice
    of it first."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.at_once = asyncio.Event()

    def now(self) -> None:
        self.at_once.set()
        self.asked.set()


def stop_on_signals(stop: Stop) -> None:
    """Ctrl-C and SIGTERM stop the server, SIGTERM with notice; a second one ends the process at once. Call from the
    main thread's event loop."""
    loop = asyncio.get_running_loop()

    def first(act: Callable[[], None]) -> None:
        act()
        _on_signals(lambda: None, lambda: None)
        loop.call_later(_SAME_SIGNAL, _on_signals, _end, _end)

    _on_signals(lambda: first(stop.now), lambda: first(stop.asked.set))


def _end() -> None:
    os._exit(ExitCode.SECOND_SIGNAL)


def _on_signals(on_interrupt: Callable[[], None], on_terminate: Callable[[], None]) -> None:
    for number, act in ((signal.SIGINT, on_interrupt), (signal.SIGTERM, on_terminate)):
        with suppress(NotImplementedError):  # Windows
            asyncio.get_running_loop().add_signal_handler(number, act)
