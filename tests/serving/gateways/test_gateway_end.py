"""Both ends of the way, with a real engine behind it, in one process."""

import asyncio
import gc
import os
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest_asyncio

from serving.core.trace_settings import TraceSettings
from serving.engine.dependencies import Dependencies
from serving.engine.engine import Engine
from serving.engine.promotions import Promotions
from serving.engine.registry import ModelRegistry
from serving.engine.repository import ModelRepository
from serving.engine.trace_registry import TraceRegistry
from serving.engine.tracer import Tracer
from serving.gateways import shared_memory
from serving.gateways.engine_end import EngineEnd
from serving.gateways.gateway_end import Ask, GatewayEnd
from serving.gateways.shared_memory import HALF, SharedMemory
from serving.transports.held_memory import HeldMemory
from serving.transports.http.fast_path import FastPath
from serving.transports.http.tensor_request import Body, Target
from tests import tiny_models
from tests.serving.transports.http.test_fast_path import ROW, head_and_body, message

LARGE = np.arange(100_000, dtype=np.float32).reshape(1, -1)
LARGEST = 1 << 40
OTHERS = b'{"who":"the application"}'


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answers its path's last part: the length of the body, or nothing until the caller leaves or it is cut off."""
    received = await receive()
    try:
        if scope["path"].startswith("/v2/models/waits/"):
            received = await receive()
    except asyncio.CancelledError:
        received = {"body": b"cut off"}
    body = OTHERS if received.get("body") != b"cut off" else b"cut off"
    await send({"type": "http.response.start", "status": 418, "headers": [(b"x-length", b"%d" % len(received))]})
    await send({"type": "http.response.body", "body": body[:3], "more_body": True})
    await send({"type": "http.response.body", "body": body[3:]})


@dataclass
class Ends:
    gateway: GatewayEnd
    engine: EngineEnd
    gateways_memory: SharedMemory
    engines_memory: SharedMemory
    registry: ModelRegistry
    told: list[str] = field(default_factory=list)

    def begin(self, request: bytes, path: bytes = b"/v2/models/double/infer") -> tuple[Target, Body]:
        headers, content = head_and_body(request)
        target = self.gateway.target(b"POST", path, headers)
        assert target is not None
        body = self.gateway.body(target)
        assert body is not None
        for start in range(0, len(content), 10_000):
            body.append(content[start : start + 10_000])
        return target, body

    def ask(self, request: bytes, path: bytes = b"/v2/models/double/infer") -> tuple[Ask, "asyncio.Future[Any]"]:
        target, body = self.begin(request, path)
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        return self.gateway.ask(target, body.whole(), lambda *parts: reply.set_result(parts)), reply

    @property
    def places(self) -> tuple[int, int]:
        """That bodies and replies have."""
        return len(self.gateways_memory.ours), len(self.engines_memory.ours)

    async def come_to(self, places: tuple[int, int]) -> None:
        async with asyncio.timeout(10):
            while self.places != places:
                gc.collect()
                await asyncio.sleep(0.01)


@pytest_asyncio.fixture
async def ends(tmp_path: Path) -> AsyncIterator[Ends]:
    tiny_models.add_double(tmp_path)
    tiny_models.add_identity(tmp_path, "identity", "TYPE_FP32", "float")
    tiny_models.add_double(tmp_path, "held_back", extra="dynamic_batching { max_queue_delay_microseconds: 600000000 }")
    loop = asyncio.get_running_loop()
    registry = ModelRegistry(ModelRepository(tmp_path), loop)
    for name in ("double", "identity", "held_back"):
        await asyncio.to_thread(registry.load, name)
    untraced = Tracer(TraceRegistry(TraceSettings()), None)
    engine = Engine(registry, Dependencies(registry), Promotions(registry, print), untraced)
    fast_path = FastPath(engine, 10**6, HeldMemory())
    descriptor = shared_memory.create()
    theirs = SharedMemory(os.dup(descriptor), is_gateway=True)
    ours = SharedMemory(descriptor, is_gateway=False)
    told: list[str] = []
    notes = [partial(told.append, word) for word in ("leave", "stop", "end")]
    gateway = GatewayEnd(theirs, LARGEST, *notes)
    engine = EngineEnd(fast_path, application, ours, lambda: told.append("up"))
    one, other = socket.socketpair()
    transport, _ = await loop.create_unix_connection(lambda: gateway, sock=one)
    await loop.create_unix_connection(lambda: engine, sock=other)
    yield Ends(gateway, engine, theirs, ours, registry, told)
    transport.close()
    await engine.gone
    assert await asyncio.to_thread(registry.close, 10)


def numbers(reply: Any) -> np.ndarray:
    status, headers, pieces = reply
    assert status == 200
    body = b"".join(pieces)
    assert int(dict(headers)[b"content-length"]) == len(body)
    return np.frombuffer(body[int(dict(headers)[b"inference-header-content-length"]) :], np.float32)


async def test_a_small_request_needs_no_place(ends: Ends) -> None:
    _, reply = ends.ask(message(ROW))
    assert ends.places == (0, 0)
    assert numbers(await reply).tolist() == [2, 4, 6, 8]
    assert ends.places == (0, 0)


async def test_a_large_one_is_read_where_it_lies_and_gives_its_places_back(ends: Ends) -> None:
    for _ in range(3):
        _, reply = ends.ask(message(LARGE, name="in"), b"/v2/models/identity/infer")
        assert ends.places == (1, 0)
        np.testing.assert_array_equal(numbers(await reply), LARGE[0])
        del reply
        await ends.come_to((0, 0))


async def test_where_there_is_no_room_for_a_body_it_goes_another_way(ends: Ends) -> None:
    headers, _ = head_and_body(message(LARGE, name="in"))
    target = ends.gateway.target(b"POST", b"/v2/models/identity/infer", headers)
    assert target is not None
    everything = ends.gateways_memory.ours.take(HALF)
    assert everything is not None
    assert ends.gateway.body(target) is None
    ends.gateways_memory.ours.free(everything)
    assert ends.gateway.body(target) is not None


async def test_where_there_is_no_room_for_a_reply_it_is_sent(ends: Ends) -> None:
    assert ends.engines_memory.ours.take(HALF) is not None
    _, reply = ends.ask(message(LARGE, name="in"), b"/v2/models/identity/infer")
    np.testing.assert_array_equal(numbers(await reply), LARGE[0])


async def test_a_body_that_does_not_come_to_its_end_frees_its_place(ends: Ends) -> None:
    request = message(LARGE, name="in")
    for leave in ("drop", "so_far"):
        _, body = ends.begin(request[:-5])
        assert ends.places == (1, 0)
        content = getattr(body, leave)()
        assert content in (None, head_and_body(request)[1][:-5])
        assert ends.places == (0, 0)


async def test_what_is_not_for_the_fast_path_goes_to_the_application(ends: Ends) -> None:
    _, reply = ends.ask(message(ROW), b"/v2/models/nope/infer")
    status, _, pieces = await reply
    assert (status, b"".join(pieces)) == (418, OTHERS)


async def test_who_leaves_is_dropped_wherever_it_waits(ends: Ends) -> None:
    model = ends.registry.loaded.find("held_back", "")
    for path in (b"/v2/models/held_back/infer", b"/v2/models/waits/infer"):
        ask, reply = ends.ask(message(ROW), path)
        ask.cancel()
        await reply  # which nobody reads
        ask.cancel()  # it is over
    assert model.pending == 0


async def test_when_the_gateway_is_gone_so_is_what_it_asked_for(ends: Ends) -> None:
    model = ends.registry.loaded.find("held_back", "")
    ends.ask(message(ROW), b"/v2/models/held_back/infer")
    async with asyncio.timeout(10):
        while not model.pending:
            await asyncio.sleep(0.01)
        ends.engine._transport.abort()
        await ends.engine.gone
        while model.pending or ends.told != ["up", "end"]:
            await asyncio.sleep(0.01)


async def test_what_is_cut_off_is_told(ends: Ends) -> None:
    fast, slow = (ends.ask(message(ROW), b"/v2/models/%s/infer" % name)[1] for name in (b"held_back", b"waits"))
    _, quick = ends.ask(message(ROW))
    await quick
    assert ends.engine.cut_off() == 2
    status, _, [body] = await fast
    assert (status, b"Server exiting" in body) == (503, True)
    assert b"".join((await slow)[2]) == b"cut off"
    assert ends.engine.cut_off() == 0


async def test_a_stop_is_told(ends: Ends) -> None:
    ends.engine.stop()
    async with asyncio.timeout(10):
        while ends.told != ["up", "stop"]:
            await asyncio.sleep(0.01)
