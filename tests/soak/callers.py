"""Callers of a soak, each with a connection of its own, who know what the answer must be.

Rule: whatever comes of a request is told as a fate; what is neither right nor a clear refusal is wrong.
"""

import asyncio
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

import aiohttp
import grpc
import numpy as np
from PIL import Image
from tritonclient.grpc import service_pb2 as messages
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceStub

from tests.soak import models
from tests.soak.ledger import Fate, Kind
from tests.soak.server import Server

Told = tuple[Fate, str]
PROMPTS = ("the quick", "brown fox", "jumps over", "the lazy", "dog and", "then there")
_TOKENS = 24
_TIMEOUT = 60.0  # seconds
_RIGHT: Told = (Fate.RIGHT, "")
_REFUSALS = (429, 503)


class Caller(Protocol):
    """Of one kind of request, one at a time."""

    kind: Kind

    async def ask(self) -> Told: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where the server is, and what its writer writes when it is asked nothing else."""

    server: Server
    texts: Mapping[str, str]


class Http:
    """A connection that is kept."""

    def __init__(self, kind: Kind, place: Place, chance: Random) -> None:
        self.kind = kind
        self.place = place
        self.chance = chance
        self._session = aiohttp.ClientSession(
            place.server.url,
            connector=aiohttp.TCPConnector(limit=1, keepalive_timeout=600),
            timeout=aiohttp.ClientTimeout(_TIMEOUT),
        )

    async def close(self) -> None:
        await self._session.close()

    async def post(self, path: str, **request: Any) -> tuple[int, Mapping[str, str], bytes]:
        async with self._session.post(path, **request) as reply:
            return reply.status, reply.headers, await reply.read()

    async def tensors(self, rows: np.ndarray, **document: Any) -> tuple[int, Mapping[str, str], bytes]:
        tensor = {"name": "x", "shape": rows.shape, "datatype": "FP32", "data": rows.ravel().tolist()}
        return await self.post(self.path, json={"inputs": [tensor], **document})

    @property
    def path(self) -> str:
        return f"/v2/models/{self.kind.model}/infer"

    def rows(self, most: int = 4) -> np.ndarray:
        return np.array(
            [[self.chance.randrange(500) for _ in range(4)] for _ in range(self.chance.randint(1, most))], "f4"
        )


class Json(Http):
    async def ask(self) -> Told:
        rows = self.rows()
        status, _, body = await self.tensors(rows)
        return judged(status, body, lambda: output(body, "y") == (2 * rows).ravel().tolist())


class Binary(Http):
    async def ask(self) -> Told:
        rows = self.rows()
        tensor = {"name": "x", "shape": rows.shape, "datatype": "FP32", "parameters": {"binary_data_size": rows.nbytes}}
        header = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
        length = "Inference-Header-Content-Length"
        status, headers, body = await self.post(
            self.path, data=header + rows.tobytes(), headers={length: str(len(header))}
        )
        return judged(status, body, lambda: body[int(headers[length]) :] == (2 * rows).tobytes())


class Scaled(Http):
    """Whose versions come and go; the answer says which one it is of."""

    async def ask(self) -> Told:
        rows = self.rows()
        status, _, body = await self.tensors(rows)

        def is_right() -> bool:
            return output(body, "y") == (int(json.loads(body)["model_version"]) * rows).ravel().tolist()

        return judged(status, body, is_right)


class Pictures(Http):
    async def ask(self) -> Told:
        value, buffer = self.chance.choice([20, 235]), io.BytesIO()
        Image.new("L", (self.chance.randint(4, 60), self.chance.randint(4, 60)), value).save(
            buffer, self.chance.choice(["PNG", "JPEG"])
        )
        status, _, body = await self.post(
            f"/v1/models/{self.kind.model}/classify", data=buffer.getvalue(), headers={"Content-Type": "image/png"}
        )
        return judged(status, body, lambda: json.loads(body)[0]["label"] == ("bright" if value > 128 else "dark"))


class Crowded(Http):
    """Of whom there are more than the queue has room for, and some have no time."""

    async def ask(self) -> Told:
        rows = self.rows(1)
        hurry = {"parameters": {"timeout": 4000}} if self.chance.random() < 0.3 else {}
        status, headers, body = await self.tensors(rows, **hurry)
        if status in _REFUSALS:
            return refused(headers, body)
        return judged(status, body, lambda: output(body, "y") == (2 * rows).ravel().tolist())


class Failing(Http):
    """Every third row makes the model raise."""

    async def ask(self) -> Told:
        rows = self.rows(1)
        if self.chance.random() < 1 / 3:
            rows[0, 0] = models.RAISES
            status, _, body = await self.tensors(rows)
            is_told = status == 500 and b"not this row" in body
            return (
                (Fate.FAILED, "")
                if is_told
                else (Fate.WRONG, f"the model raised, and the answer was {status} {body!r}")
            )
        status, _, body = await self.tensors(rows)
        return judged(status, body, lambda: output(body, "y") == (2 * rows).ravel().tolist())


class Killed(Http):
    """Of a model whose process is killed."""

    async def ask(self) -> Told:
        rows = self.rows()
        status, headers, body = await self.tensors(rows)
        if status == 503 and b"the process of model" in body:
            return refused(headers, body)
        return judged(status, body, lambda: output(body, "y") == (2 * rows).ravel().tolist())


class Streams(Http):
    async def ask(self) -> Told:
        prompt = self.chance.choice(PROMPTS)
        text, is_whole, status = await self.written(prompt)
        if status == 200 and is_whole and text == self.place.texts[prompt]:
            return _RIGHT
        return Fate.WRONG, f"{status}: {prompt!r} was answered {text!r}{'' if is_whole else ', not to the end'}"

    async def written(self, prompt: str, events: int = 10**6) -> tuple[str, bool, int]:
        """Text, whether it was whole, and the status; the stream is left after so many events."""
        asked = {"model": self.kind.model, "prompt": prompt, "max_tokens": _TOKENS, "temperature": 0, "stream": True}
        parts: list[str] = []
        async with self._session.post("/v1/completions", json=asked) as reply:
            if reply.status != 200:
                return (await reply.text()), False, reply.status
            async for line in reply.content:
                if line == b"data: [DONE]\n":
                    return "".join(parts), True, 200
                if line.startswith(b"data: "):
                    parts += [choice["text"] for choice in json.loads(line[6:])["choices"]]
                if len(parts) >= events:
                    reply.close()
                    return "".join(parts), False, 200
        return "".join(parts), False, 200


class LeftStreams(Streams):
    async def ask(self) -> Told:
        prompt = self.chance.choice(PROMPTS)
        text, is_whole, status = await self.written(prompt, self.chance.randint(1, _TOKENS - 1))
        if status != 200 or not self.place.texts[prompt].startswith(text):
            return Fate.WRONG, f"{status}: {prompt!r} began with {text!r}"
        return _RIGHT if is_whole else (Fate.LEFT, "")


class Leavers(Http):
    """Who hang up after some bytes of a request, or a while after all of them."""

    async def ask(self) -> Told:
        rows = self.rows()
        tensor = {"name": "x", "shape": rows.shape, "datatype": "FP32", "data": rows.ravel().tolist()}
        body = json.dumps({"inputs": [tensor]}).encode()
        request = f"POST {self.path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        _, writer = await asyncio.open_connection("127.0.0.1", self.place.server.http)
        writer.write(request[: self.chance.randint(1, 2 * len(request))])
        await writer.drain()
        await asyncio.sleep(self.chance.choice([0.0, 0.0005, 0.002, 0.004]))
        if self.chance.random() < 0.5:
            writer.transport.abort()
        writer.close()
        return Fate.LEFT, ""


class Grpc:
    """A channel that is kept, with a connection of its own."""

    def __init__(self, kind: Kind, place: Place, chance: Random) -> None:
        self.kind = kind
        self.chance = chance
        options = [("grpc.use_local_subchannel_pool", 1)]
        self._channel = grpc.aio.insecure_channel(f"127.0.0.1:{place.server.grpc}", options)
        self.stub = GRPCInferenceServiceStub(self._channel)

    async def close(self) -> None:
        await self._channel.close()

    def request(self) -> tuple[messages.ModelInferRequest, np.ndarray]:
        rows = np.array([[self.chance.randrange(500) for _ in range(4)]], "f4")
        message = messages.ModelInferRequest(model_name=self.kind.model, raw_input_contents=[rows.tobytes()])
        message.inputs.add(name="x", datatype="FP32", shape=rows.shape)
        return message, rows

    async def ask(self) -> Told:
        message, rows = self.request()
        try:
            response = await self.stub.ModelInfer(message, timeout=_TIMEOUT)
        except grpc.aio.AioRpcError as error:
            return Fate.WRONG, f"{error.code()}: {error.details()}"
        is_right = response.raw_output_contents[0] == (2 * rows).tobytes()
        return _RIGHT if is_right else (Fate.WRONG, f"{rows} was answered {response}")


class LeavingGrpc(Grpc):
    async def ask(self) -> Told:
        call = self.stub.ModelInfer(self.request()[0], timeout=_TIMEOUT)
        await asyncio.sleep(self.chance.choice([0.0, 0.001, 0.003]))
        call.cancel()
        return Fate.LEFT, ""


def output(body: bytes, name: str) -> list[float]:
    return next(each["data"] for each in json.loads(body)["outputs"] if each["name"] == name)


def judged(status: int, body: bytes, is_right: Callable[[], bool]) -> Told:
    if status == 200 and is_right():
        return _RIGHT
    return Fate.WRONG, f"{status} {body[:300]!r}"


def refused(headers: Mapping[str, str], body: bytes) -> Told:
    if int(headers.get("Retry-After", 0)) >= 1 and "error" in json.loads(body):
        return Fate.REFUSED, ""
    return Fate.WRONG, f"a refusal without a time to ask again: {body[:300]!r}"
