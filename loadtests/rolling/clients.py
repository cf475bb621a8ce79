"""Clients that people use, each of whose requests has its own number.

Rule: an answer that is not the number's own, or a stream that is not whole, is a failure.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
import openai
import tritonclient.grpc.aio as triton_grpc
import tritonclient.http.aio as triton_http
from tritonclient.utils import InferenceServerException

from loadtests.call import Call
from loadtests.clients.client import Client, Reply
from loadtests.outcomes import NO_ANSWER
from loadtests.rolling.models import DOUBLE, WRITER

TIMEOUT = 30.0  # seconds
_KEPT = 1.0
"""Seconds that httpx keeps a connection that it does not use: less than a lame duck lasts, so that none is used in the
moment in which a server that stops closes it."""
TOKENS = 48
PROMPTS = ("the quick", "brown fox", "jumps over", "the lazy", "dog and", "then there", "is another", "one that")

WRONG = 599
"""The status of an answer that is another's, or not whole."""

_RETRY = {
    "maxAttempts": 5,
    "initialBackoff": "0.05s",
    "maxBackoff": "1s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}
RETRIES: dict[str, str | int] = {
    "grpc.service_config": json.dumps({"methodConfig": [{"name": [{}], "retryPolicy": _RETRY}]})
}
"""Of a gRPC channel: what was refused or broke off is asked again."""

_BALANCED = {"loadBalancingConfig": [{"round_robin": {}}], "healthCheckConfig": {"serviceName": ""}}
BALANCED: dict[str, str | int] = {
    "grpc.service_config": json.dumps(_BALANCED),
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.min_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 500,
}
"""Of a gRPC channel to several addresses, which asks those behind them whether they serve."""


def row(number: int) -> np.ndarray:
    return np.arange(number, number + 4, dtype=np.float32).reshape(1, 4)


def judged(number: int, answer: Sequence[float]) -> Reply:
    wanted = (2 * row(number)).ravel().tolist()
    return Reply(200) if list(answer) == wanted else Reply(WRONG, message=f"{number} was answered {list(answer)}")


class Json:
    """httpx, tensors as JSON."""

    def __init__(self, name: str, url: str, is_kept: bool = True) -> None:
        """Unless its connections are kept, each request has its own."""
        self._name = name
        headers = {} if is_kept else {"connection": "close"}
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=_KEPT)
        self._client = httpx.AsyncClient(base_url=url, headers=headers, limits=limits, timeout=TIMEOUT)

    async def send(self, call: Call) -> Reply:
        number = int(call.path)
        tensor = {"name": "x", "shape": [1, 4], "datatype": "FP32", "data": row(number).ravel().tolist()}
        body = {"id": f"{self._name}-{number}", "inputs": [tensor]}
        try:
            reply = await self._client.post(f"/v2/models/{DOUBLE}/infer", json=body)
        except httpx.TransportError as error:
            return Reply(NO_ANSWER, message=repr(error))
        if reply.status_code != 200:
            return Reply(reply.status_code, message=reply.text)
        return judged(number, reply.json()["outputs"][0]["data"])

    async def close(self) -> None:
        await self._client.aclose()


class Triton:
    """tritonclient over HTTP, binary tensors."""

    def __init__(self, name: str, address: str) -> None:
        self._name = name
        self._client = triton_http.InferenceServerClient(address, conn_timeout=TIMEOUT)

    async def send(self, call: Call) -> Reply:
        number = int(call.path)
        tensor = triton_http.InferInput("x", [1, 4], "FP32").set_data_from_numpy(row(number))
        try:
            result = await self._client.infer(DOUBLE, [tensor], request_id=f"{self._name}-{number}")
        except InferenceServerException as error:
            return Reply(_number(error.status()), message=str(error))
        except Exception as error:  # aiohttp's own, of which there are many
            return Reply(NO_ANSWER, message=repr(error))
        return judged(number, result.as_numpy("y").ravel().tolist())

    async def close(self) -> None:
        await self._client.close()


class TritonGrpc:
    """tritonclient over gRPC, in turn over each of its channels."""

    def __init__(self, name: str, address: str, options: Mapping[str, str | int] = {}, channels: int = 4) -> None:
        self._name = name
        own = list({"grpc.use_local_subchannel_pool": 1, **options}.items())
        self._clients = [triton_grpc.InferenceServerClient(address, channel_args=own) for _ in range(channels)]

    async def send(self, call: Call) -> Reply:
        number = int(call.path)
        client, name = self._clients[number % len(self._clients)], f"{self._name}-{number}"
        tensor = triton_grpc.InferInput("x", [1, 4], "FP32").set_data_from_numpy(row(number))
        try:
            result = await client.infer(DOUBLE, [tensor], request_id=name, client_timeout=TIMEOUT)
        except InferenceServerException as error:
            return Reply(NO_ANSWER, message=str(error))
        return judged(number, result.as_numpy("y").ravel().tolist())

    async def close(self) -> None:
        await asyncio.gather(*(client.close() for client in self._clients))


@dataclass(frozen=True, slots=True)
class Stream:
    """What came, to the last line."""

    text: str
    tokens: int
    is_whole: bool


class Writer:
    """openai, streams of tokens; `expected` is what each of the prompts is to be answered."""

    def __init__(self, name: str, url: str, expected: Mapping[str, Stream]) -> None:
        self._name = name
        self._expected = expected
        self._client = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0, timeout=TIMEOUT)

    async def send(self, call: Call) -> Reply:
        number = int(call.path)
        prompt = PROMPTS[number % len(PROMPTS)]
        try:
            stream = await written(self._client, prompt, f"{self._name}-{number}")
        except openai.APIStatusError as error:
            return Reply(error.status_code, message=str(error))
        except Exception as error:  # before the stream its own, inside it that of the library below it
            return Reply(NO_ANSWER, message=repr(error))
        wanted = self._expected[prompt]
        return Reply(200, tokens=stream.tokens) if stream == wanted else Reply(WRONG, message=f"{prompt}: {stream}")

    async def close(self) -> None:
        await self._client.close()


async def written(client: openai.AsyncOpenAI, prompt: str, user: str) -> Stream:
    options: Any = {"stream": True, "stream_options": {"include_usage": True}, "user": user}
    asked = client.completions.with_streaming_response.create(
        model=WRITER, prompt=prompt, max_tokens=TOKENS, temperature=0, **options
    )
    async with asked as reply:
        lines = [line async for line in reply.iter_lines() if line]
    events = [json.loads(line.removeprefix("data:")) for line in lines if line != "data: [DONE]"]
    text = "".join(choice["text"] for event in events for choice in event["choices"])
    tokens = sum((event.get("usage") or {}).get("completion_tokens", 0) for event in events)
    return Stream(text, tokens, bool(lines) and lines[-1] == "data: [DONE]")


async def expected(url: str) -> dict[str, Stream]:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none") as client:
        return {prompt: await written(client, prompt, "") for prompt in PROMPTS}


class Patient:
    """Asks again what was not answered, or not to the end: a request of inference may be repeated."""

    def __init__(self, client: Client, attempts: int = 5, wait: float = 0.05) -> None:
        self._client = client
        self._attempts = attempts
        self._wait = wait

    async def send(self, call: Call) -> Reply:
        for attempt in range(self._attempts - 1):
            reply = await self._client.send(call)
            if reply.status not in (NO_ANSWER, 429, 502, 503, 504):
                return reply
            await asyncio.sleep(self._wait * 2**attempt)
        return await self._client.send(call)

    async def close(self) -> None:
        await self._client.close()


def _number(status: str | None) -> int:
    return int(status) if status and status.isdecimal() else NO_ANSWER
