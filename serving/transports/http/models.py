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
from serving.transports.http.documented import ERRORS, RawRoute, json_body
from serving.transports.http.replies import error_reply, json_reply

_LOOKUP_ERRORS: dict[int | str, dict[str, Any]] = {status: ERRORS[status] for status in (400, 404, 503)}
_READY_ERRORS: dict[int | str, dict[str, Any]] = {400: {"model": schemas.Error, "description": "It is not."}}


def models_router(engine: Engine) -> APIRouter:
    router = APIRouter(prefix="/v2/models/{model}", tags=["Models"])

    @router.get("", summary="Model metadata", response_model=schemas.ModelMetadata, responses=_LOOKUP_ERRORS)
    async def model_metadata(model: str) -> Response:
        return _metadata(engine, model, "")

    @router.get(
        "/versions/{version}",
        summary="Version metadata",
        response_model=schemas.ModelMetadata,
        responses=_LOOKUP_ERRORS,
    )
    async def version_metadata(model: str, version: str) -> Response:
        return _metadata(engine, model, version)

    @router.get("/ready", summary="Is the model ready?", response_model=schemas.ModelReady, responses=_READY_ERRORS)
    async def model_ready(model: str) -> Response:
        return _ready(engine, model, "")

    @router.get(
        "/versions/{version}/ready",
        summary="Is the version ready?",
        response_model=schemas.ModelReady,
        responses=_READY_ERRORS,
    )
    async def version_ready(model: str, version: str) -> Response:
        return _ready(engine, model, version)

    @router.get("/config", summary="The completed config.pbtxt as JSON", responses=_LOOKUP_ERRORS)
    async def model_config(model: str) -> Response:
        return json_reply(config_json.to_json(engine.model(model).config))

    @router.get("/versions/{version}/config", summary="The same, of a version", responses=_LOOKUP_ERRORS)
    async def version_config(model: str, version: str) -> Response:
        return json_reply(config_json.to_json(engine.model(model, version).config))

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


def _ready(engine: Engine, name: str, version: str) -> Response:
    if not engine.is_model_ready(name, version):
        return error_reply("Model version not ready", 400)
    return json_reply({"name": name, "ready": True})


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
