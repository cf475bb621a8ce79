"""The FastAPI applications: the gateway, and the one that only shows metrics."""

import os

from anyio import CapacityLimiter
from fastapi import FastAPI
from fastapi.responses import RedirectResponse, Response
from fastapi_offline import FastAPIOffline
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from serving import __version__
from serving.access.gate import Gate
from serving.engine.engine import Engine
from serving.engine.trace_registry import TraceRegistry
from serving.log import Logging
from serving.metrics import Metrics
from serving.transports.held_memory import HeldMemory
from serving.transports.http.body_limit import BodyLimit
from serving.transports.http.classify import classify_router
from serving.transports.http.cut_off import CutOff
from serving.transports.http.detect import detect_router
from serving.transports.http.door import Door
from serving.transports.http.generate import generate_router
from serving.transports.http.health import health_router
from serving.transports.http.infer import infer_endpoint, infer_router
from serving.transports.http.keyed_docs import ask_for_a_key
from serving.transports.http.metrics import metrics_router
from serving.transports.http.models import models_router
from serving.transports.http.observed import Observed
from serving.transports.http.openai import openai_router
from serving.transports.http.page_router import page_router
from serving.transports.http.recommend import recommend_router
from serving.transports.http.recordings import Recordings
from serving.transports.http.replies import add_error_replies
from serving.transports.http.reports import reports_router
from serving.transports.http.repository import repository_router
from serving.transports.http.settings_routes import settings_router
from serving.transports.http.shared_memory import shared_memory_router
from serving.transports.http.statistics import statistics_router
from serving.transports.http.tensor_route import TensorRoute
from serving.transports.http.transcribe import transcribe_router
from serving.transports.http.versions import versions_router
from serving.transports.observer import Observer
from serving.transports.shared_memory import SharedMemoryRegions

_METHODS = ("GET", "HEAD", "POST")
_READABLE = ("Inference-Header-Content-Length", "Retry-After", "X-Request-Id", "Traceresponse")  # by pages elsewhere

_DESCRIPTION = """A model server that speaks the [Open Inference Protocol](https://github.com/kserve/open-inference-protocol)
with Triton's extensions, so that `tritonclient` works unchanged. Every error is `{"error": "..."}`."""


def gateway(
    engine: Engine,
    metrics: Metrics,
    regions: SharedMemoryRegions,
    traces: TraceRegistry,
    logs: Logging,
    extensions: list[str],
    max_body_size: int,
    has_web_page: bool,
    observer: Observer,
    memory: HeldMemory,
    gate: Gate,
    is_behind_gateways: bool = False,
) -> ASGIApp:
    """`is_behind_gateways` as `Door` has it. `max_body_size` in bytes; a larger body is refused with 413, before it is
    read where its length is announced."""
    app = FastAPIOffline(  # the docs page fetches nothing from elsewhere
        title="Slipway",
        version=__version__,
        description=_DESCRIPTION,
        redoc_url=None,
        redirect_slashes=False,
    )
    infer = infer_endpoint(engine, regions, max_body_size)
    decoders = CapacityLimiter(os.cpu_count() or 1)  # a picture takes hundreds of megabytes while it is unpacked
    recordings = Recordings(engine, decoders)
    add_error_replies(app)
    for router in (
        infer_router(infer),
        generate_router(engine),
        classify_router(engine, decoders),
        detect_router(engine, decoders),
        recommend_router(engine),
        transcribe_router(recordings),
        openai_router(engine, recordings),
        health_router(engine, extensions),
        statistics_router(engine),
        models_router(engine),
        versions_router(engine),
        reports_router(engine),
        repository_router(engine),
        shared_memory_router(regions),
        settings_router(engine.is_model_ready, traces, logs),
        metrics_router(metrics),
        *([page_router(engine)] if has_web_page else []),
    ):
        app.include_router(router)
    if not has_web_page:
        app.add_api_route("/", _to_docs, include_in_schema=False)
    if gate.has_keys:
        ask_for_a_key(app)
    inside = CutOff(BodyLimit(TensorRoute(app, infer), max_body_size, memory))
    door: ASGIApp = Door(inside, gate, is_behind_gateways)
    if gate.origins:
        door = CORSMiddleware(door, gate.origins, _METHODS, ["*"], expose_headers=_READABLE)
    return Observed(door, observer)


def metrics_only(metrics: Metrics) -> FastAPI:
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    add_error_replies(app)
    app.include_router(metrics_router(metrics))
    return app


async def _to_docs() -> Response:
    return RedirectResponse("/docs")
