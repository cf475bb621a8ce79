"""What a request costs the generator of a load: microseconds of its processor, for each client.

    python -m loadtests.benchmarks.client_costs [--requests 3000] [--callers 16]

Rule: the server has a process of its own and does next to nothing; only the client's processor time counts. What a
client reads of an answer is what a load test would need of it.
"""

import argparse
import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import grpc
import httpx
import numpy as np
import tritonclient.grpc.aio as triton
import uvloop
from tritonclient.grpc.service_pb2 import ModelInferResponse

from loadtests.call import Call
from loadtests.clients.clients import client
from loadtests.clients.event_times import EventTimes
from loadtests.inputs import tensor_calls
from loadtests.inputs.model import Model
from loadtests.inputs.tensors import Tensors

_ROW = np.ones((1, 4), np.float32)
_CALL = tensor_calls.binary_call(Model("m"), Tensors({"x": _ROW}), {})
_GRPC_CALL = tensor_calls.grpc_call(Model("m"), Tensors({"x": _ROW}), {}, 0)
_REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b" " * 100
_EVENT = b'data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":" word"},"finish_reason":null}]}\n\n'
_EVENTS = 100_000
_ROUNDS = 5

Send = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Ports:
    http: int
    grpc: int


def costs(requests: int, callers: int) -> dict[str, float]:
    """Microseconds of processor for each request, by client, in the round that was disturbed least."""
    with _server() as ports:
        found = {name: uvloop.run(_cost(make(ports), requests, callers)) for name, make in _CLIENTS.items()}
    return {**found, "an event of a stream": _event_cost()}


def table(found: dict[str, float]) -> str:
    lines = ["| client | CPU us a request |", "|---|---|"]
    return "\n".join([*lines, *(f"| {name} | {cost:.3g} |" for name, cost in found.items())])


@asynccontextmanager
async def _own(protocol: str, url: str, call: Call) -> AsyncIterator[Send]:
    sending = client(protocol, url, (), 30)

    async def send() -> None:
        reply = await sending.send(call)
        assert reply.status == 200, reply

    yield send
    await sending.close()


@asynccontextmanager
async def _aiohttp(ports: Ports) -> AsyncIterator[Send]:
    url = f"http://127.0.0.1:{ports.http}/v2/models/m/infer"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def send() -> object:
            async with session.post(url, data=_CALL.body, headers=dict(_CALL.headers)) as reply:
                return await reply.read()

        yield send


@asynccontextmanager
async def _httpx(ports: Ports) -> AsyncIterator[Send]:
    url = f"http://127.0.0.1:{ports.http}/v2/models/m/infer"
    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=None)) as session:

        async def send() -> object:
            reply = await session.post(url, content=_CALL.body, headers=dict(_CALL.headers))
            return reply.content  # which is read by then

        yield send


@asynccontextmanager
async def _tritonclient(ports: Ports) -> AsyncIterator[Send]:
    async with triton.InferenceServerClient(f"127.0.0.1:{ports.grpc}") as session:
        given = triton.InferInput("x", _ROW.shape, "FP32")
        given.set_data_from_numpy(_ROW)

        async def send() -> object:
            return await session.infer("m", [given])

        yield send


_CLIENTS: dict[str, Callable[[Ports], AbstractAsyncContextManager[Send]]] = {
    "HTTP, own connections (httptools)": lambda ports: _own("v2", f"http://127.0.0.1:{ports.http}", _CALL),
    "HTTP, aiohttp": _aiohttp,
    "HTTP, httpx": _httpx,
    "gRPC, own (grpc.aio, raw bytes)": lambda ports: _own("grpc", f"grpc://127.0.0.1:{ports.grpc}", _GRPC_CALL),
    "gRPC, tritonclient.grpc.aio": _tritonclient,
}


async def _cost(made: AbstractAsyncContextManager[Send], requests: int, callers: int) -> float:
    async def caller(count: int) -> None:
        for _ in range(count):
            await send()

    async with made as send:
        await asyncio.gather(*(caller(10) for _ in range(callers)))
        rounds = []
        for _ in range(_ROUNDS):
            before = time.process_time()
            await asyncio.gather(*(caller(requests // callers) for _ in range(callers)))
            rounds.append(time.process_time() - before)
        return min(rounds) / (requests // callers * callers) * 1e6


def _event_cost() -> float:
    events = EventTimes()
    before = time.process_time()
    for _ in range(_EVENTS):
        events.feed(_EVENT, 0.0)
    return (time.process_time() - before) / _EVENTS * 1e6


@contextmanager
def _server() -> Iterator[Ports]:
    words = [sys.executable, "-m", "loadtests.benchmarks.client_costs", "--serve"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Ports(*map(int, process.stdout.readline().split()))
        finally:
            process.kill()


class _Answering(asyncio.Protocol):
    """A request is over with the body that all of them have."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if data.endswith(_CALL.body):
            self._transport.write(_REPLY)  # type: ignore[attr-defined]


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    http = await loop.create_server(_Answering, "127.0.0.1", 0)
    answer = ModelInferResponse(model_name="m", raw_output_contents=[_ROW.tobytes()]).SerializeToString()

    async def infer(*_: object) -> Any:
        return answer

    server = grpc.aio.server()
    method = grpc.unary_unary_rpc_method_handler(infer)
    service = grpc.method_handlers_generic_handler("inference.GRPCInferenceService", {"ModelInfer": method})
    server.add_generic_rpc_handlers((service,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(http.sockets[0].getsockname()[1], port, flush=True)
    await server.wait_for_termination()


def main() -> None:
    parser = argparse.ArgumentParser(description="What a request costs each client.")
    parser.add_argument("--requests", type=int, default=3_000, help="of each client, in each of its rounds")
    parser.add_argument("--callers", type=int, default=16)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        uvloop.run(_serve())
    else:
        print(table(costs(given.requests, given.callers)))


if __name__ == "__main__":
    main()
