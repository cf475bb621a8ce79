"""Triton's generate routes: flat JSON in; out comes flat JSON, or a stream of it as the model answers.

Rule: an error before the first response is an ordinary error reply; afterwards it is the stream's last event.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from serving.core.requests import InferRequest, InferResponse
from serving.engine.engine import Engine
from serving.errors import InvalidInput
from serving.protocols import generate as codec
from serving.protocols import sse
from serving.transports.http.body import plain_body
from serving.transports.http.disconnect import until_disconnect
from serving.transports.http.documented import ERRORS, RawRoute, add_for_model_and_version, model_and_version
from serving.transports.http.event_stream import EventStream
from serving.transports.http.off_loop import off_loop_if_large
from serving.transports.http.replies import slipway_error_reply
from serving.transports.http.timeout_header import TIMEOUT_PARAMETER, within_header

_NOT_ONE = (
    "generate expects model to produce exactly 1 response, use generate stream for model that generates various "
    "number of responses"
)

_REQUEST = {"image": [0.0] * 64}
_REPLY = {"TEXT": "there was a slipway", "model_name": "storyteller", "model_version": "1"}
_DESCRIPTION = (
    "Members of the JSON object that have an input's name are that input, one element or a flat list; all others, and "
    "those of `parameters`, are the request's parameters, for models that read them. Outputs come back by name."
)
_BODY: dict[str, Any] = {
    "parameters": [TIMEOUT_PARAMETER],
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object"}, "example": _REQUEST}},
    },
}


def generate_router(engine: Engine) -> APIRouter:
    router = APIRouter(prefix="/v2/models/{model}", tags=["Inference"], route_class=RawRoute)

    async def generate(request: Request) -> Response:
        responses = engine.stream(await _read(request, engine))
        response = await until_disconnect(request, _only(responses))
        content = await off_loop_if_large(_size(response), partial(codec.encode_response, response))
        return Response(content, media_type="application/json")

    async def generate_stream(request: Request) -> Response:
        path = request.url.path
        events = _events(engine.stream(await _read(request, engine)))
        first = await until_disconnect(request, _first(events))
        return EventStream(first, events, path, lambda error: sse.event(bytes(slipway_error_reply(error, path).body)))

    add_for_model_and_version(
        router.post,
        "/generate",
        generate,
        summary="Generate: flat JSON in, flat JSON out",
        description=_DESCRIPTION,
        responses={200: {"content": {"application/json": {"example": _REPLY}}}, **ERRORS},
        openapi_extra=_BODY,
    )
    add_for_model_and_version(
        router.post,
        "/generate_stream",
        generate_stream,
        summary="Generate: flat JSON in, a server-sent event for each response of the model",
        description=f"{_DESCRIPTION} An error after the first response is an event `" + '{"error": "..."}`.',
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {"example": 'data: {"TEXT":"there"}\n\n'}}}, **ERRORS},
        openapi_extra=_BODY,
    )
    return router


async def _read(request: Request, engine: Engine) -> InferRequest:
    name, version = model_and_version(request)
    inputs = tuple(engine.model(name, version).inputs.values())
    body = await plain_body(request)
    decode = partial(codec.decode_request, name, version, body, inputs)
    return within_header(request, await off_loop_if_large(len(body), decode))


async def _only(responses: AsyncGenerator[InferResponse, None]) -> InferResponse:
    """Gives up at the second response."""
    found: InferResponse | None = None
    async with aclosing(responses):
        async for response in responses:
            if _says_nothing(response):
                continue
            if found is not None:
                raise InvalidInput(_NOT_ONE)
            found = response
    if found is None:
        raise InvalidInput(_NOT_ONE)
    return found


async def _events(responses: AsyncGenerator[InferResponse, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(responses):
        async for response in responses:
            if not _says_nothing(response):
                yield sse.event(await off_loop_if_large(_size(response), partial(codec.encode_response, response)))


async def _first(events: AsyncGenerator[bytes, None]) -> bytes:
    """b"" where there is none."""
    return await anext(events, b"")


def _size(response: InferResponse) -> int:
    return sum(array.nbytes for array in response.outputs.values())


def _says_nothing(response: InferResponse) -> bool:
    """It only marks the end of a decoupled model's responses."""
    return response.final and not response.outputs
