"""The versions of a model: which one answers, how one on trial does, and promoting it or going back."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from serving.core.states import VersionStatus
from serving.engine.engine import Engine
from serving.engine.loaded_model import LoadedModel
from serving.transports.http import schemas
from serving.transports.http.body import plain_body
from serving.transports.http.documented import ERRORS, RawRoute, path_parameters
from serving.transports.http.replies import json_reply

_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": schemas.Error, "description": "No such model, or no version that could take or give up traffic."},
    413: ERRORS[413],
}


def versions_router(engine: Engine) -> APIRouter:
    router = APIRouter(prefix="/v2/models/{model}", tags=["Models"], route_class=RawRoute)

    async def versions(request: Request) -> Response:
        name = request.path_params["model"]
        return json_reply(_document(name, engine.loaded(name)))

    async def promote(request: Request) -> Response:
        name = await _model(request)
        return json_reply({"model_name": name, "version": await engine.promote(name)})

    async def rollback(request: Request) -> Response:
        name = await _model(request)
        return json_reply({"model_name": name, "version": await engine.roll_back(name)})

    router.get(
        "/versions",
        summary="Versions, their shares of the traffic, and the rollout that goes on",
        response_model=schemas.ModelVersions,
        responses={400: _ERRORS[400]},
        openapi_extra={"parameters": path_parameters("model")},
    )(versions)
    for endpoint, summary in (
        (promote, "Give all traffic to the version that is on trial, or that was rolled back"),
        (rollback, "Take all traffic from the version that is on trial, or else from the one that serves"),
    ):
        router.post(
            f"/{endpoint.__name__}",
            summary=summary,
            response_model=schemas.ServingVersion,
            responses=_ERRORS,
            openapi_extra={"parameters": path_parameters("model")},
        )(endpoint)
    return router


async def _model(request: Request) -> str:
    await plain_body(request)  # there is nothing in it, but a caller may send one
    name: str = request.path_params["model"]
    return name


def _document(name: str, model: LoadedModel) -> dict[str, Any]:
    return {
        "model_name": name,
        "current": model.current,
        "reason": "; ".join(status.reason for status in model.statuses(name) if not status.version),
        "versions": [_version(status, model) for status in model.statuses(name) if status.version],
        "rollout": None if model.rollout is None else asdict(model.rollout.progress()),
    }


def _version(status: VersionStatus, model: LoadedModel) -> dict[str, Any]:
    return {
        "version": status.version,
        "state": status.state.value,
        "reason": status.reason,
        "traffic_percent": model.traffic_percent(status.version),
    }
