"""The tensor route. Rule: from the socket to the engine and back there is the codec and nothing else."""

from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from serving.engine.engine import Engine
from serving.errors import InvalidInput, Unsupported
from serving.protocols import v2_json
from serving.transports.http import schemas
from serving.transports.http.decoding import decoded
from serving.transports.http.disconnect import until_disconnect
from serving.transports.http.documented import (
    ERRORS,
    RawRoute,
    add_for_model_and_version,
    json_content,
    model_and_version,
)

HEADER_LENGTH = "Inference-Header-Content-Length"

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
    "description": "Length of the JSON in bytes, when binary tensors follow it.",
    "schema": {"type": "integer", "minimum": 1},
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
        "`tritonclient` does all of this for you."
    ),
    "response_model": schemas.InferResponse,
    "responses": {200: {"content": {"application/json": {"example": _REPLY}}}, **ERRORS},
    "openapi_extra": {"parameters": [_HEADER_PARAMETER], "requestBody": _REQUEST_BODY},
}


def infer_router(engine: Engine) -> APIRouter:
    router = APIRouter(prefix="/v2/models/{model}", tags=["Inference"], route_class=RawRoute)

    async def infer(request: Request) -> Response:
        name, version = model_and_version(request)
        model = engine.model(name, version)
        body = await request.body()
        decode = partial(v2_json.decode_request, name, version, body, _header_length(request, len(body)))
        inference, encoding = await decoded(body, decode)
        response = await until_disconnect(request, model.infer(inference))
        payload, header_length = v2_json.encode_response(response, encoding)
        if header_length is None:
            return Response(payload, media_type="application/json")
        headers = {HEADER_LENGTH: str(header_length)}
        return Response(payload, headers=headers, media_type="application/octet-stream")

    add_for_model_and_version(router.post, "/infer", infer, **_DOCUMENTATION)
    return router


def _header_length(request: Request, body_length: int) -> int | None:
    encoding = request.headers.get("content-encoding", "identity")
    if encoding != "identity":
        raise Unsupported(f"Unsupported compression type '{encoding}': send the body uncompressed")
    text = request.headers.get(HEADER_LENGTH)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > 18:
        raise InvalidInput(f"Unable to parse {HEADER_LENGTH}, got: {text[:50]}")
    if int(text) == 0:
        raise Unsupported(f"{HEADER_LENGTH} of 0: raw binary requests, without a JSON header, are not supported")
    if int(text) > body_length:
        raise InvalidInput(f"inference header size should be in range (0, {body_length}], got: {text}")
    return int(text)
