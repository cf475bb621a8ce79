"""Health and metadata of the server itself."""

from fastapi import APIRouter
from fastapi.responses import Response

from serving import __version__
from serving.engine.engine import Engine
from serving.transports.http import schemas
from serving.transports.http.replies import error_reply, json_reply

_NOT_READY = (
    "not ready: models are loading, the server is exiting, or, with --strict-readiness, a model is not ready; the "
    "repository's index says which"
)


def health_router(engine: Engine, extensions: list[str]) -> APIRouter:
    router = APIRouter(prefix="/v2", tags=["Server"])

    @router.get(
        "/health/live",
        summary="Is the process alive?",
        response_model=schemas.Live,
        responses={503: {"model": schemas.Error, "description": "Only a start of the server anew helps."}},
    )
    async def live() -> Response:
        why = engine.needs_restart
        return error_reply(f"not live: {why}", 503) if why else json_reply({"live": True})

    @router.get(
        "/health/ready",
        summary="Does the server take requests?",
        response_model=schemas.Ready,
        responses={503: {"model": schemas.Error, "description": "Models are loading, or the server goes down."}},
    )
    async def ready() -> Response:
        return json_reply({"ready": True}) if engine.ready else error_reply(_NOT_READY, 503)

    router.head("/health/live", include_in_schema=False)(live)
    router.head("/health/ready", include_in_schema=False)(ready)

    @router.get("", summary="Server metadata", response_model=schemas.ServerMetadata)
    async def server_metadata() -> Response:
        return json_reply({"name": "triton", "version": __version__, "extensions": extensions})

    return router
