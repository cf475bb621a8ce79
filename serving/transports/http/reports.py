"""A version's report for people: the page that its training wrote.

Rule: it came with the model's files, so that browsers are told to run and to load nothing of it.
"""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from serving.engine.engine import Engine
from serving.transports.http.documented import ERRORS, RawRoute, add_for_model_and_version, model_and_version

_HEADERS = {
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_PAGE = {"description": "The page.", "content": {"text/html": {"schema": {"type": "string"}}}}


def reports_router(engine: Engine) -> APIRouter:
    router = APIRouter(prefix="/v1/models/{model}", tags=["Models"], route_class=RawRoute)

    async def report(request: Request) -> Response:
        page = engine.report(*model_and_version(request))
        return Response(page, headers=_HEADERS, media_type="text/html; charset=utf-8")

    add_for_model_and_version(
        router.get,
        "/report",
        report,
        summary="How good it is, where it errs, and what it was trained on: a page to read",
        response_class=Response,
        responses={
            200: _PAGE,
            404: {**ERRORS[404], "description": "No such model or version, or one without a report."},
            503: ERRORS[503],
        },
    )
    return router
