"""What models have done."""

from collections.abc import Iterable

from fastapi import APIRouter, Request
from fastapi.responses import Response

from serving.core import proto_json
from serving.engine.engine import Engine
from serving.engine.servable import Servable
from serving.transports.http import schemas
from serving.transports.http.documented import ERRORS, RawRoute, add_for_model_and_version, model_and_version
from serving.transports.http.replies import json_reply
from serving.transports.statistics import model_statistics


def statistics_router(engine: Engine) -> APIRouter:
    router = APIRouter(prefix="/v2/models", tags=["Statistics"], route_class=RawRoute)

    async def statistics(request: Request) -> Response:
        name, version = model_and_version(request)
        return _reply(engine.versions(name, version))

    @router.get("/stats", summary="What every model has done", response_model=schemas.Statistics)
    async def all_statistics(_: Request) -> Response:
        return _reply(engine.models())

    add_for_model_and_version(
        router.get,
        "/stats",
        statistics,
        prefix="/{model}",
        summary="What a model has done",
        response_model=schemas.Statistics,
        responses={status: ERRORS[status] for status in (400, 404, 503)},
    )
    return router


def _reply(models: Iterable[Servable]) -> Response:
    return json_reply({"model_stats": [proto_json.to_json(model_statistics(model)) for model in models]})
