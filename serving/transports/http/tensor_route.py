"""The way past the framework for the one route whose speed matters.

Rule: it answers what the documented route answers; the framework's own routing only costs more (docs/experiments.md).
"""

import re

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.errors import SlipwayError
from serving.transports.http.documented import Endpoint
from serving.transports.http.observed import ROUTE
from serving.transports.http.replies import hung_up_reply, slipway_error_reply, unexpected_error

_WITHOUT_VERSION, _WITH_VERSION = "/v2/models/{model}/infer", "/v2/models/{model}/versions/{version}/infer"
_PATH = re.compile(r"/v2/models/(?P<model>[^/]+)(?:/versions/(?P<version>[^/]+))?/infer")


class TensorRoute:
    """ASGI middleware: `infer` answers its POSTs, `app`, the framework's application, all else."""

    def __init__(self, app: ASGIApp, infer: Endpoint) -> None:
        self._app = app
        self._infer = infer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match = _PATH.fullmatch(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if match is None:
            await self._app(scope, receive, send)
            return
        scope[ROUTE] = _WITH_VERSION if match["version"] else _WITHOUT_VERSION
        scope["path_params"] = {name: value for name, value in match.groupdict().items() if value is not None}
        response = await self._answer(Request(scope, receive, send))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        try:
            return await self._infer(request)
        except SlipwayError as error:
            return slipway_error_reply(error, request.url.path)
        except ClientDisconnect:
            return hung_up_reply()
        except Exception as error:
            return await unexpected_error(request, error)
