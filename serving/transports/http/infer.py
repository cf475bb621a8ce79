"""The tensor route. Rule: from the socket to the engine and back there is the codec and nothing else."""

import os
from collections.abc import Callable
from functools import partial
from typing import Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from serving.core.requests import InferRequest, InferResponse
from serving.engine.engine import Engine
from serving.engine.servable import Servable
from serving.errors import InvalidInput, Unsupported
from serving.protocols import compression, v2_json, v2_raw
from serving.protocols.outputs import RequestedOutputs, placed
from serving.transports.http import schemas
from serving.transports.http.body import read_body
from serving.transports.http.body_limit import HELD
from serving.transports.http.disconnect import until_disconnect
from serving.transports.http.documented import (
    ERRORS,
    Endpoint,
    RawRoute,
    add_for_model_and_version,
    json_content,
    model_and_version,
)
from serving.transports.http.encoded_reply import coding_for, encoded_reply, size_to_encode
from serving.transports.http.off_loop import COPYING, LARGE, off_loop_if_large
from serving.transports.http.timeout_header import TIMEOUT_PARAMETER, within_header
from serving.transports.shared_memory import SharedMemoryRegions

HEADER_LENGTH = "Inference-Header-Content-Length"
_SHARED_MEMORY = b"shared_memory_region"
_BYTES = b"BYTES"
_UNPACKED = 8  # times the size of a JSON text is what its numbers take, until they are tensors

_EXAMPLE = {"inputs": [{"name": "image", "shape": [1, 1, 8, 8], "datatype": "FP32", "data": [0.0] * 64}]}
_REPLY = {
    "model_name": "digits-cnn",
    "model_version": "1",
    "outputs": [{"name": "probabilities", "datatype": "FP32", "shape": [1, 10], "data": [0.1] * 10}],
}
_HEADER_PARAMETER = {
    "name": HEADER_LENGTH,
    "in": "header",
    "required": False,
    "description": (
        "Length of the JSON in bytes, when binary tensors follow it; 0 when the body is one tensor's bytes and nothing "
        "else."
    ),
    "schema": {"type": "integer", "minimum": 0},
}
_REQUEST_BODY = {
    "required": True,
    "content": {
        "application/json": json_content(schemas.InferRequest, _EXAMPLE),
        "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
    },
}
_DOCUMENTATION: dict[str, Any] = {
    "summary": "Infer: tensors in, tensors out",
    "description": (
        "The body is JSON. Tensors with `parameters.binary_data_size` follow it as raw little-endian bytes, in the "
        f"order of `inputs`; the header `{HEADER_LENGTH}` then gives the JSON's length in bytes. "
        "`tritonclient` does all of this for you. Bodies may be compressed both ways, with gzip or deflate."
    ),
    "response_model": schemas.InferResponse,
    "responses": {
        200: {
            "content": {
                "application/json": {"example": _REPLY},
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            }
        },
        **ERRORS,
    },
    "openapi_extra": {"parameters": [_HEADER_PARAMETER, TIMEOUT_PARAMETER], "requestBody": _REQUEST_BODY},
}

_Decoded = tuple[InferRequest, RequestedOutputs]


def infer_endpoint(engine: Engine, regions: SharedMemoryRegions, max_body_size: int) -> Endpoint:
    """`max_body_size` in bytes, of bodies when they are unpacked."""
    unpackers = CapacityLimiter(os.cpu_count() or 1)  # each makes up to that much of very little

    async def infer(request: Request) -> Response:
        model = engine.model(*model_and_version(request))
        if model.is_decoupled:
            raise Unsupported(
                "HTTP end point doesn't support models with decoupled transaction policy; use generate_stream, or gRPC"
            )
        header_length = _header_length(request)
        body = await _body(request, header_length or 0, max_body_size, unpackers)
        decode = _decoder(request, model, body, header_length, regions)
        text = len(body) if header_length is None else header_length
        with request.scope[HELD].more(_UNPACKED * text if text > LARGE else 0):
            inference, requested = await off_loop_if_large(_size_to_decode(body, header_length, regions), decode)
        response = await until_disconnect(request, engine.infer(within_header(request, inference)))
        if requested.need_work:
            has_batch = model.max_batch_size > 0
            response = await run_in_threadpool(placed, response, requested, has_batch)
        return await _reply(request, response, requested)

    return infer


def infer_router(infer: Endpoint) -> APIRouter:
    router = APIRouter(prefix="/v2/models/{model}", tags=["Inference"], route_class=RawRoute)
    add_for_model_and_version(router.post, "/infer", infer, **_DOCUMENTATION)
    return router


async def _body(
    request: Request, header_length: int, max_body_size: int, unpackers: CapacityLimiter
) -> bytes | memoryview:
    coding = request.headers.get("content-encoding", "identity")
    if coding == "identity":
        return await read_body(request, header_length)
    packed, held = await request.body(), request.scope[HELD]
    body = await to_thread.run_sync(compression.decompress, packed, coding, max_body_size, limiter=unpackers)
    held.grow(len(body))
    return body


def _decoder(
    request: Request,
    model: Servable,
    body: bytes | memoryview,
    header_length: int | None,
    regions: SharedMemoryRegions,
) -> Callable[[], _Decoded]:
    name, version = model_and_version(request)
    if header_length is not None and header_length > len(body):
        raise InvalidInput(f"inference header size should be in range (0, {len(body)}], got: {header_length}")
    if header_length == 0:
        inputs, has_batch = tuple(model.inputs.values()), model.max_batch_size > 0
        return partial(v2_raw.decode_request, name, version, body, inputs, has_batch)
    return partial(v2_json.decode_request, name, version, body, header_length, regions.window)


async def _reply(request: Request, response: InferResponse, requested: RequestedOutputs) -> Response:
    coding = coding_for(request.headers.get("accept-encoding", ""))
    encode = partial(encoded_reply, response, requested, coding)
    headers, body = await off_loop_if_large(size_to_encode(response, requested, coding), encode)
    reply = Response(body)
    reply.raw_headers = [*headers]
    return reply


def _size_to_decode(body: bytes | memoryview, header_length: int | None, regions: SharedMemoryRegions) -> int:
    """Tensors of numbers behind the JSON are only pointed at; those in shared memory are copied, whatever its size."""
    if header_length == 0:
        return len(body) // COPYING
    header = body if header_length is None else body[:header_length]
    if len(header) < LARGE:
        text = bytes(header)
        if regions.allowed and _SHARED_MEMORY in text:
            return LARGE
        if header_length is not None and _BYTES not in text:
            return len(header)
    return len(body)


def _header_length(request: Request) -> int | None:
    text = request.headers.get(HEADER_LENGTH)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > 18:
        raise InvalidInput(f"Unable to parse {HEADER_LENGTH}, got: {text[:50]}")
    return int(text)
