"""Where bodies are decoded and encoded. Rule: small ones at once, large ones off the event loop, which has others to
serve."""

from collections.abc import Callable
from typing import TypeVar

from fastapi.concurrency import run_in_threadpool

from serving.core.requests import Arrays

T = TypeVar("T")

LARGE = 256 * 1024  # bytes


async def decoded(body: bytes | memoryview, decode: Callable[[], T], reads_memory: bool = False) -> T:
    """What `decode` makes of `body`, and whatever it raises; `reads_memory` says that it also copies from elsewhere."""
    return await run_in_threadpool(decode) if reads_memory or len(body) >= LARGE else decode()


async def encoded(outputs: Arrays, encode: Callable[[], T]) -> T:
    """What `encode` makes of `outputs`, and whatever it raises."""
    is_large = sum(array.nbytes for array in outputs.values()) >= LARGE
    return await run_in_threadpool(encode) if is_large else encode()
