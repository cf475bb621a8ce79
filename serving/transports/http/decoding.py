"""Where bodies are decoded. Rule: small ones at once, large ones off the event loop, which has others to serve."""

from collections.abc import Callable
from typing import TypeVar

from fastapi.concurrency import run_in_threadpool

T = TypeVar("T")

LARGE = 256 * 1024  # bytes


async def decoded(body: bytes | memoryview, decode: Callable[[], T]) -> T:
    """What `decode` makes of `body`, and whatever it raises."""
    return decode() if len(body) < LARGE else await run_in_threadpool(decode)
