"""Ctrl-C while a load runs. Rule: the first ends the load and keeps what was counted, the second ends everything."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def first_kept() -> Iterator[threading.Event]:
    """Set by the first Ctrl-C in the block. Signals come to the main thread only, so in others it never is."""
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return

    def keep(*_: Any) -> None:
        interrupted.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, keep)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)
