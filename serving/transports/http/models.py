"""What models there are: metadata, configuration, readiness, and the repository's index."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from serving.core import config_json
from serving.core.requests import TensorSpec
from serving.core.states import VersionStatus
from serving.engine.engine import Engine
from serving.errors import InvalidInput
from serving.protocols import json_text
from serving.transports.http import schemas
from serving.transports.http.documented import ERRORS, RawRoute, add_for_model_and_version, json_body, model_and_version
from serving.transports.http.replies import error_reply, json_reply

_LOOKUP_ERRORS: dict[int | str, dict[str, Any]] = {status: ERRORS[status] for status in (400, 404, 503)}
_READY_ERRORS: dict[int | str, dict[str, Any]] = {400: {"model": schemas.Error, "description": "It is not."}}


def models_router(engine: Engine) -> APIRouter:
    router = APIRouter(prefix="/v2/models/{model}", tags=["Models"], route_class=RawRoute)

    async def metadata(request: Request) -> Response:
        name, version = model_and_version(request)
        return _metadata(engine, name, version)

    async def ready(request: Request) -> Response:
        name, version = model_and_version(request)
        if not engine.is_model_ready(name, version):
            return error_reply("Model version not ready", 400)
        return json_reply({"name": name, "ready": True})

    async def config(request: Request) -> Response:
        return json_reply(config_json.to_json(engine.model(*model_and_version(request)).config))

    add_for_model_and_version(
        router.get,
        "",
        metadata,
        summary="Name, versions, inputs and outputs",
        response_model=schemas.ModelMetadata,
        responses=_LOOKUP_ERRORS,
    )
    add_for_model_and_version(
        router.get,
        "/ready",
        ready,
        summary="Is it ready?",
        response_model=schemas.ModelReady,
        responses=_READY_ERRORS,
    )
    add_for_model_and_version(
        router.get, "/config", config, summary="The completed config.pbtxt as JSON", responses=_LOOKUP_ERRORS
    )
    return router


def repository_router(engine: Engine) -> APIRouter:
    router = APIRouter(prefix="/v2/repository", tags=["Models"], route_class=RawRoute)

    @router.post(
        "/index",
        summary="Every version in the repository, its state, and why",
        response_model=list[schemas.VersionStatus],
        responses={400: ERRORS[400]},
        openapi_extra={"requestBody": json_body(schemas.IndexRequest, {"ready": True}, required=False)},
    )
    async def index(request: Request) -> Response:
        rows = engine.index(_ready_only(await request.body()))
        return json_reply([_index_row(row) for row in rows])

    return router


def _metadata(engine: Engine, name: str, version: str) -> Response:
    model = engine.model(name, version)
    return json_reply(
        {
            "name": model.name,
            "versions": [version] if version else engine.ready_versions(name),
            "platform": str(model.config.platform),
            "inputs": [_tensor(spec) for spec in model.inputs.values()],
            "outputs": [_tensor(spec) for spec in model.outputs.values()],
        }
    )


def _tensor(spec: TensorSpec) -> dict[str, Any]:
    return {"name": spec.name, "datatype": spec.datatype, "shape": spec.shape}


def _index_row(row: VersionStatus) -> dict[str, str]:
    fields = {"name": row.name, "version": row.version, "state": row.state.value, "reason": row.reason}
    return {key: value for key, value in fields.items() if value}


def _ready_only(body: bytes) -> bool:
    if not body:
        return False
    document = json_text.loads(body)
    ready = document.get("ready", False) if type(document) is dict else None
    if type(ready) is not bool:
        raise InvalidInput("Invalid value for 'ready': expected a boolean in a JSON object")
    return ready
