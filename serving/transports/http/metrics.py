"""The page that Prometheus scrapes."""

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response

from serving.metrics import CONTENT_TYPE, Metrics


def metrics_router(metrics: Metrics) -> APIRouter:
    router = APIRouter(tags=["Server"])

    @router.get("/metrics", summary="Prometheus metrics", response_class=PlainTextResponse)
    async def exposition() -> Response:
        return Response(metrics.exposition(), media_type=CONTENT_TYPE)

    router.head("/metrics", include_in_schema=False)(exposition)
    return router
