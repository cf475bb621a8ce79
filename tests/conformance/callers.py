"""Triton's four official clients behind one face, so that each of their methods is checked once, for all that have it.

Rule: asks for JSON where a client can give it, and takes off what gRPC wraps around an answer.
"""

import inspect
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import tritonclient.grpc
import tritonclient.grpc.aio
import tritonclient.http
import tritonclient.http.aio
import tritonclient.utils.shared_memory as system_memory

from tests.running_server import RunningServer

CLIENTS = {
    "http": tritonclient.http.InferenceServerClient,
    "http.aio": tritonclient.http.aio.InferenceServerClient,
    "grpc": tritonclient.grpc.InferenceServerClient,
    "grpc.aio": tritonclient.grpc.aio.InferenceServerClient,
}
INT32 = np.arange(16, dtype=np.int32).reshape(1, 16)


def public_methods(kind: str) -> list[str]:
    return [name for name, _ in inspect.getmembers(CLIENTS[kind], callable) if not name.startswith("_")]


@dataclass(frozen=True)
class Caller:
    kind: str
    server: RunningServer
    client: Any

    @property
    def is_grpc(self) -> bool:
        return self.kind.startswith("grpc")

    @property
    def module(self) -> Any:
        """Where the classes of inputs and outputs are."""
        return tritonclient.grpc if self.is_grpc else tritonclient.http

    async def ask(self, method: str, *arguments: Any, **named: Any) -> Any:
        function = getattr(self.client, method)
        if "as_json" in inspect.signature(function).parameters:
            named["as_json"] = True
        answer = function(*arguments, **named)
        return await answer if inspect.isawaitable(answer) else answer

    def tensor(self, name: str, array: np.ndarray, datatype: str = "INT32") -> Any:
        tensor = self.module.InferInput(name, list(array.shape), datatype)
        tensor.set_data_from_numpy(array)
        return tensor

    def simple_inputs(self) -> list[Any]:
        """For `simple`: the numbers to 15, twice."""
        return [self.tensor("INPUT0", INT32), self.tensor("INPUT1", INT32)]


@asynccontextmanager
async def calling(kind: str, server: RunningServer) -> AsyncIterator[Caller]:
    client = CLIENTS[kind](server.grpc_address if kind.startswith("grpc") else server.address)
    try:
        yield Caller(kind, server, client)
    finally:
        closed = client.close()
        if inspect.isawaitable(closed):
            await closed


@contextmanager
def segment(array: np.ndarray = INT32) -> Iterator[tuple[str, Any]]:
    """A key of the system's shared memory, and the client's handle of the segment, which holds the array."""
    key = f"/slipway_{uuid.uuid4().hex}"
    handle = system_memory.create_shared_memory_region("numbers", key, array.nbytes)
    try:
        system_memory.set_shared_memory_region(handle, [array])
        yield key, handle
    finally:
        system_memory.destroy_shared_memory_region(handle)
