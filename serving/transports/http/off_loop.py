"""Where bodies are decoded and encoded. Rule: small ones at once, large ones off the event loop, which has others to
serve."""

from collections.abc import Callable
from typing import TypeVar

from fastapi.concurrency import run_in_threadpool

T = TypeVar("T")

LARGE = 256 * 1024  # bytes that are looked at one by one

COPYING = 16
"""How many bytes are copied in the time that one is looked at, at least."""

TELLING = 64
"""How many bytes are looked at in the time that one of a model's scores is ranked and told by its name."""


async def off_loop_if_large(size: int, work: Callable[[], T]) -> T:
    """What `work` returns or raises; `size` in bytes that it looks at."""
    return work() if size < LARGE else await run_in_threadpool(work)
