"""The model repository: what is in it, and loading and unloading its models."""

import base64
import binascii
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from serving.core.brief import brief
from serving.core.states import ModelState, VersionStatus
from serving.engine.engine import Engine
from serving.engine.override import Override, read_override
from serving.errors import InvalidInput, Unsupported
from serving.protocols import json_text
from serving.transports.http import schemas
from serving.transports.http.body import plain_body
from serving.transports.http.documented import DONE, ERRORS, RawRoute, json_body, path_parameters
from serving.transports.http.off_loop import off_loop_if_large
from serving.transports.http.replies import json_reply

_CONTROL_REPLIES: dict[int | str, dict[str, Any]] = {
    200: DONE,
    400: {"model": schemas.Error, "description": "No such model, or it can't be loaded; the reason is in the error."},
    413: ERRORS[413],
    501: ERRORS[501],
    503: {"model": schemas.Error, "description": "The server was not started with `--model-control-mode=explicit`."},
}
_LOAD_EXAMPLE = {"parameters": {"config": '{"max_batch_size": 16}'}}
_UNLOAD_EXAMPLE = {"parameters": {"unload_dependents": False}}
_FILE = "file:"


def repository_router(engine: Engine) -> APIRouter:
    router = APIRouter(prefix="/v2/repository", tags=["Repository"], route_class=RawRoute)

    async def index(request: Request) -> Response:
        ready_only = _ready_only(await plain_body(request))
        return json_reply([_index_row(row) for row in await run_in_threadpool(engine.index, ready_only)])

    async def load(request: Request) -> Response:
        name, body = _model(request), await plain_body(request)
        await engine.load(name, await off_loop_if_large(len(body), lambda: _override(body, name)))
        return Response()

    async def unload(request: Request) -> Response:
        name = _model(request)
        await engine.unload(name, _unload_dependents(await plain_body(request)))
        return Response()

    for prefix, name in (("", ""), ("/{repository}", "_of_repository")):  # the second is Triton's, and undocumented
        router.post(
            f"{prefix}/index",
            name=f"index{name}",
            summary="Every version in the repository, its state, and why",
            response_model=list[schemas.VersionStatus],
            responses={400: ERRORS[400], 413: ERRORS[413]},
            openapi_extra={"requestBody": json_body(schemas.IndexRequest, {"ready": True}, required=False)},
            include_in_schema=not prefix,
        )(index)
        router.post(
            f"{prefix}/models/{{model}}/load",
            name=f"load{name}",
            summary="Load a model, or load it anew; its old versions answer until the new ones are ready",
            response_class=Response,
            responses=_CONTROL_REPLIES,
            openapi_extra={
                "parameters": path_parameters("model"),
                "requestBody": json_body(schemas.LoadRequest, _LOAD_EXAMPLE, required=False),
            },
            include_in_schema=not prefix,
        )(load)
        router.post(
            f"{prefix}/models/{{model}}/unload",
            name=f"unload{name}",
            summary="Unload a model, and perhaps what only it needs; accepted requests are still answered",
            response_class=Response,
            responses=_CONTROL_REPLIES,
            openapi_extra={
                "parameters": path_parameters("model"),
                "requestBody": json_body(schemas.UnloadRequest, _UNLOAD_EXAMPLE, required=False),
            },
            include_in_schema=not prefix,
        )(unload)
    return router


def _model(request: Request) -> str:
    if "repository" in request.path_params:
        raise Unsupported("'repository_name' specification is not supported")
    name: str = request.path_params["model"]
    return name


def _override(body: bytes, name: str) -> Override | None:
    given = _parameters(body)
    files: dict[str, bytes] = {}
    for key, value in given.items():
        if key != "config" and not key.startswith(_FILE):
            raise InvalidInput(f"unrecognized load parameter '{key[:100]}', expected 'config' or 'file:<path>'")
        if type(value) is not str:
            raise InvalidInput(f"load parameter '{key[:100]}' must be a string, got {brief(value)}")
        if key.startswith(_FILE):
            files[key.removeprefix(_FILE)] = _decoded_file(key, value)
    return read_override(given.get("config"), files, name)


def _decoded_file(key: str, text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput(f"load parameter '{key[:100]}' must be the file in base64: {error}") from None


def _unload_dependents(body: bytes) -> bool:
    dependents = _parameters(body).get("unload_dependents", False)
    if type(dependents) is not bool:
        raise InvalidInput(f"Unable to parse 'unload_dependents': expected true or false, got {brief(dependents)}")
    return dependents


def _parameters(body: bytes) -> dict[str, Any]:
    document = json_text.loads(body) if body else {}
    given = document.get("parameters", {}) if type(document) is dict else None
    if type(given) is not dict:
        raise InvalidInput("expected a JSON object with an object 'parameters'")
    return given


def _index_row(row: VersionStatus) -> dict[str, str]:
    state = "" if row.state is ModelState.UNKNOWN else row.state.value
    fields = {"name": row.name, "version": row.version, "state": state, "reason": row.reason}
    return {key: value for key, value in fields.items() if value}


def _ready_only(body: bytes) -> bool:
    if not body:
        return False
    document = json_text.loads(body)
    ready = document.get("ready", False) if type(document) is dict else None
    if type(ready) is not bool:
        raise InvalidInput("Invalid value for 'ready': expected a boolean in a JSON object")
    return ready
