"""The versions of a model: which one answers, how one on trial does, and promoting it or going back."""

from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response

from serving.core.states import VersionStatus
from serving.engine.engine import Engine
from serving.engine.loaded_model import LoadedModel
from serving.engine.running_rollout import SettledRollout
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
        return json_reply(_document(name, engine.loaded(name), engine.last_rollout(name)))

    async def promote(request: Request) -> Response:
        name, version = await _named(request)
        return json_reply({"model_name": name, "version": await engine.promote(name, version)})

    async def rollback(request: Request) -> Response:
        name, version = await _named(request)
        return json_reply({"model_name": name, "version": await engine.roll_back(name, version)})

    router.get(
        "/versions",
        summary="Versions, their shares of the traffic, the rollout that goes on and how the last one ended",
        response_model=schemas.ModelVersions,
        responses={400: _ERRORS[400]},
        openapi_extra={"parameters": path_parameters("model")},
    )(versions)
    for path, endpoint, summary in (
        ("/promote", promote, "Give all traffic to the version that is on trial, or that was rolled back"),
        ("/rollback", rollback, "Take all traffic from the version that is on trial, or else from the one that serves"),
        ("/versions/{version}/promote", promote, "Give all traffic to this version"),
        (
            "/versions/{version}/rollback",
            rollback,
            "Take all traffic from this version, until its files change",
        ),
    ):
        router.post(
            path,
            summary=summary,
            response_model=schemas.ServingVersion,
            responses=_ERRORS,
            openapi_extra={"parameters": path_parameters("model", *(["version"] if "{version}" in path else []))},
        )(endpoint)
    return router


async def _named(request: Request) -> tuple[str, str]:
    """The model, and the version, "" for none."""
    await plain_body(request)  # there is nothing in it, but a caller may send one
    return request.path_params["model"], request.path_params.get("version", "")


def _document(name: str, model: LoadedModel, last: SettledRollout | None) -> dict[str, Any]:
    return {
        "model_name": name,
        "current": model.current,
        "reason": "; ".join(status.reason for status in model.statuses(name) if not status.version),
        "versions": [_version(name, status, model) for status in model.statuses(name) if status.version],
        "rollout": None if model.rollout is None else asdict(model.rollout.progress()),
        "last_rollout": None if last is None else asdict(last),
    }


def _version(name: str, status: VersionStatus, model: LoadedModel) -> dict[str, Any]:
    loaded = model.versions.get(status.version)
    has_report = loaded is not None and loaded.published.report != b""
    return {
        "version": status.version,
        "state": status.state.value,
        "reason": status.reason,
        "traffic_percent": model.traffic_percent(status.version),
        "report": f"/v1/models/{quote(name, safe='')}/versions/{status.version}/report" if has_report else "",
    }
