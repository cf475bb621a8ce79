"""What a model is: metadata, configuration, readiness."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from serving.core import proto_json
from serving.core.requests import TensorSpec
from serving.engine.engine import Engine
from serving.transports.http import schemas
from serving.transports.http.documented import ERRORS, RawRoute, add_for_model_and_version, model_and_version
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
        return json_reply(proto_json.to_json(engine.model(*model_and_version(request)).config))

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
