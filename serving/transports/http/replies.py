"""Replies that every route shares: JSON bodies, and errors as `{"error": "..."}`.

Rule: an error's body is always exactly that object, because Triton's clients read nothing else; on OpenAI's routes it
is what theirs read.
"""

import logging
from collections.abc import Collection
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from serving.core.brief import writable
from serving.errors import (
    BackendFailed,
    DeadlineExceeded,
    InstanceDied,
    InvalidInput,
    Overloaded,
    SlipwayError,
    Unauthenticated,
)
from serving.protocols import json_text, openai_errors
from serving.transports.status import http_status, openai_status

_LONGEST_MESSAGE = 2000  # characters; a caller's own names may be of any length
_UNREADABLE = 400
_INTERNAL = "internal error; the server's log has the details"
_OPENAI = (
    "/v1/completions",
    "/v1/chat/completions",
    "/v1/embeddings",
    "/v1/images/generations",
    "/v1/audio/transcriptions",
)

log = logging.getLogger("slipway")


def json_reply(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(json_text.dumps(document), status, headers, media_type="application/json")


def error_reply(message: str, status: int, headers: dict[str, str] | None = None) -> Response:
    return json_reply({"error": writable(message[:_LONGEST_MESSAGE])}, status, headers)


def slipway_error_reply(error: SlipwayError, path: str, headers: dict[str, str] | None = None) -> Response:
    retry = (
        {"Retry-After": str(error.retry_after)}
        if isinstance(error, Overloaded | DeadlineExceeded | InstanceDied)
        else {}
    )
    challenge = {"WWW-Authenticate": 'Bearer realm="slipway"'} if isinstance(error, Unauthenticated) else {}
    headers = {**retry, **challenge, **(headers or {})}
    if _is_openai(path):
        return Response(openai_errors.encode(error), openai_status(error), headers, media_type="application/json")
    return error_reply(str(error), http_status(error, path), headers)


def _is_openai(path: str) -> bool:
    models, _, model = path.partition("/v1/models/")
    return path in _OPENAI or path == "/v1/models" or (not models and model != "" and "/" not in model)


def no_route_reply(method: str, path: str, allowed: Collection[str]) -> Response:
    """`allowed` are the methods that the path has, if it is one."""
    status, words = (405, "Method Not Allowed") if allowed else (404, "Not Found")
    headers = {"Allow": ", ".join(sorted(allowed))} if allowed else {}
    if not path.startswith("/v1/") or path.startswith("/v1/models/"):
        return error_reply(words, status, headers)
    message = writable(f"{words}: {method} {path[:100]}; /docs shows what there is")
    return Response(openai_errors.of_no_route(message), status, headers, media_type="application/json")


def hung_up_reply() -> Response:
    """Nobody reads it."""
    return error_reply("the caller closed the connection", 400)


def add_error_replies(app: FastAPI) -> None:
    app.add_exception_handler(SlipwayError, _slipway_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(ClientDisconnect, _hung_up)
    app.add_exception_handler(Exception, unexpected_error)


async def _slipway_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, SlipwayError)
    return slipway_error_reply(error, request.url.path)


async def _http_error(request: Request, error: Exception) -> Response:
    """Wrong path, wrong method, a form that can't be read: what the framework itself refuses."""
    assert isinstance(error, HTTPException)
    if error.status_code == _UNREADABLE:
        return slipway_error_reply(InvalidInput(str(error.detail)), request.url.path)
    return error_reply(str(error.detail), error.status_code, dict(error.headers or {}))


async def _hung_up(_: Request, __: Exception) -> Response:
    return hung_up_reply()


async def unexpected_error(request: Request, error: Exception) -> Response:
    path = request.url.path
    log.error("%s %s failed", request.method, path, exc_info=error)
    return slipway_error_reply(BackendFailed(_INTERNAL), path)


def unexpected_error_reply(what: str, error: Exception) -> Response:
    """What nobody foresaw: the log has it, the caller is told so."""
    log.error("%s failed", what, exc_info=error)
    return internal_error_reply()


def internal_error_reply() -> Response:
    return error_reply(_INTERNAL, 500)
