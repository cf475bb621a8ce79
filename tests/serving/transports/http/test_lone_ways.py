"""A lone caller's request by each `Way`: who is answered before the call returns, and who is not."""

import asyncio
import time
from pathlib import Path
from typing import Any

import numpy as np

from serving.access.gate import Callers, Gate
from serving.access.keys import Key, digest_of
from serving.recording.recorder import Recorder, Recording
from serving.transports.http.fast_path import FastPath
from serving.transports.http.keyed_way import KeyedWay
from serving.transports.http.recorded_way import RecordedWay
from serving.transports.http.tensor_request import Target, Way
from tests.serving.transports.http.test_fast_path import ROW, fast_path, head_and_body, message

__all__ = ["fast_path"]


async def ask(way: Way, extra: bytes = b"", is_lone: bool = True) -> bool:
    """Whether the right answer was there at once."""
    headers, body = head_and_body(message(ROW, extra=extra))
    target = way.target(b"POST", b"/v2/models/double/infer", headers)
    assert isinstance(target, Target)
    sent: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    answer = way.ask(target, body, lambda *reply: sent.set_result(reply), is_lone)
    assert not isinstance(answer, bool)
    is_at_once = sent.done()
    assert answer.done() == is_at_once
    status, _, pieces = await sent
    assert status == 200
    assert np.frombuffer(bytes(pieces[-1]), np.float32).tolist() == [2, 4, 6, 8]
    return is_at_once


async def until_at_once(way: Way, extra: bytes = b"", patience: float = 60.0) -> None:
    """A machine that stalls seems slow for a while."""
    deadline = time.monotonic() + patience
    while not await ask(way, extra):
        assert time.monotonic() < deadline


async def test_a_lone_one_is_answered_at_once_and_another_one_is_not(fast_path: FastPath) -> None:
    await until_at_once(fast_path)
    assert not any([await ask(fast_path, is_lone=False) for _ in range(50)])
    assert fast_path.memory.held == 0
    assert set(fast_path.replies) == {200}


async def test_one_that_says_who_it_is_is_looked_at_and_goes_by_the_queue(fast_path: FastPath) -> None:
    await until_at_once(fast_path)
    assert not any([await ask(fast_path, b"X-Request-Id: seven\r\n") for _ in range(50)])


async def test_one_that_has_time_enough_is_answered_at_once(fast_path: FastPath) -> None:
    await until_at_once(fast_path, b"X-Request-Timeout-Ms: 60000\r\n")
    assert not any([await ask(fast_path, b"X-Request-Timeout-Ms: 60000\r\n", is_lone=False) for _ in range(50)])


async def test_one_with_a_key_is_answered_at_once_and_leaves_what_it_may_ask_to_the_next(fast_path: FastPath) -> None:
    callers = Callers([Key("shop", digest_of("s"), concurrency=1)])
    way, key = KeyedWay(fast_path, Gate(callers)), b"X-API-Key: s\r\n"
    await until_at_once(way, key)
    assert not any([await ask(way, key, is_lone=False) for _ in range(50)])
    caller = callers.find("s")
    assert caller is not None
    assert caller.allowance is not None
    assert caller.allowance.running == 0


async def test_one_with_a_key_that_may_ask_any_amount_is_answered_at_once(fast_path: FastPath) -> None:
    way = KeyedWay(fast_path, Gate(Callers([Key("ops", digest_of("o"))])))
    await until_at_once(way, b"X-API-Key: o\r\n")
    assert not any([await ask(way, b"X-API-Key: o\r\n", is_lone=False) for _ in range(50)])


async def test_one_that_is_recorded_is_answered_at_once(fast_path: FastPath, tmp_path: Path) -> None:
    recorder = Recorder(Recording(tmp_path / "trace.jsonl", 1.0, False, 1 << 20))
    way = RecordedWay(fast_path, recorder)
    await until_at_once(way)
    assert not await ask(way, is_lone=False)
    recorder.close()
    assert recorder.written == fast_path.replies[200]
