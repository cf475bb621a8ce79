from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest
from starlette.requests import Request

from serving.transports.http.body import read_body


def request_of(*chunks: bytes) -> Request:
    messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages.append({"type": "http.request", "body": b"", "more_body": False})
    waiting = iter(messages)

    async def receive() -> dict[str, Any]:
        return next(waiting)

    receiving: Callable[[], Awaitable[Any]] = receive
    return Request({"type": "http", "method": "POST", "headers": []}, receiving)


async def test_one_piece_is_not_copied() -> None:
    chunk = b"all of it"
    assert await read_body(request_of(chunk), 3) is chunk
    assert await read_body(request_of(), 0) == b""


@pytest.mark.parametrize("header_length", [0, 1, 63, 64, 137])
async def test_of_many_pieces_the_tensors_are_aligned(header_length: int) -> None:
    whole = bytes(range(256)) * 40
    chunks = [whole[start : start + 999] for start in range(0, len(whole), 999)]
    body = await read_body(request_of(*chunks), header_length)
    assert bytes(body) == whole
    tensor = np.frombuffer(memoryview(body)[header_length:], np.uint8)
    assert tensor.ctypes.data % 64 == 0
