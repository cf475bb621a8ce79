"""What models have done, as Triton's statistics extension tells it.

Source: extension_statistics.md. Rule: every field is there even when it is zero; perf_analyzer reads them unchecked.
"""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from serving.engine.engine import Engine
from serving.engine.served_model import ServedModel
from serving.engine.statistics import ComputeStatistics, Duration, ResponseStatistics
from serving.transports.http import schemas
from serving.transports.http.documented import ERRORS, RawRoute, add_for_model_and_version, model_and_version
from serving.transports.http.replies import json_reply

_NOTHING = Duration()


def statistics_router(engine: Engine) -> APIRouter:
    router = APIRouter(prefix="/v2/models", tags=["Statistics"], route_class=RawRoute)

    async def statistics(request: Request) -> Response:
        name, version = model_and_version(request)
        return json_reply({"model_stats": [_of_model(model) for model in engine.versions(name, version)]})

    @router.get("/stats", summary="What every model has done", response_model=schemas.Statistics)
    async def all_statistics(_: Request) -> Response:
        return json_reply({"model_stats": [_of_model(model) for model in engine.models()]})

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


def _of_model(model: ServedModel) -> dict[str, Any]:
    statistics = model.statistics
    return {
        "name": model.name,
        "version": model.version,
        "last_inference": statistics.last_inference_ms,
        "inference_count": statistics.inferences,
        "execution_count": statistics.executions,
        "inference_stats": {
            "success": _duration(statistics.success),
            "fail": _duration(statistics.fail),
            "queue": _duration(statistics.queue),
            **_compute(statistics.compute),
            "cache_hit": _duration(_NOTHING),
            "cache_miss": _duration(_NOTHING),
        },
        "response_stats": {str(number): _response(response) for number, response in statistics.responses.items()},
        "batch_stats": [
            {"batch_size": rows, **_compute(statistics.batches[rows])} for rows in sorted(statistics.batches)
        ],
        "memory_usage": [],
    }


def _compute(compute: ComputeStatistics) -> dict[str, Any]:
    return {
        "compute_input": _duration(compute.compute_input),
        "compute_infer": _duration(compute.compute_infer),
        "compute_output": _duration(compute.compute_output),
    }


def _response(response: ResponseStatistics) -> dict[str, Any]:
    """The time to a response is all counted as the model's: it is not split into computing and writing."""
    return {
        "compute_infer": _duration(response.success),
        "compute_output": _duration(_NOTHING),
        "success": _duration(response.success),
        "fail": _duration(response.fail),
        "empty_response": _duration(response.empty_response),
        "cancel": _duration(response.cancel),
    }


def _duration(duration: Duration) -> dict[str, int]:
    return {"count": duration.count, "ns": duration.ns}
