"""The web page at `/`: its files, and what it asks the server that no other route tells.

Rule: the page loads and runs nothing but what comes from here, and what models bring is never run.
"""

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from serving import __version__
from serving.core.requests import TensorSpec
from serving.core.states import ModelState
from serving.engine.engine import Engine
from serving.engine.servable import Servable
from serving.errors import ReportNotFound
from serving.transports.http.documented import RawRoute
from serving.transports.http.page_figures import figures
from serving.transports.http.page_tries import tries
from serving.transports.http.replies import error_reply, json_reply

_FILES = Path(__file__).parent / "page"
_START, _BEFORE = "index.html", "first.js"  # which is no module
_KINDS = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",  # a look whether it is still the same, after which it need not be sent
}
_NOT_RUN = {"Content-Security-Policy": "sandbox; default-src 'none'", "X-Content-Type-Options": "nosniff"}
_MOST_LABELS = 1000  # of an output


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    kind: str
    etag: str


def page_router(engine: Engine) -> APIRouter:
    """Its routes are the page's own and may change with it, so that the API's documentation leaves them out."""
    router = APIRouter(route_class=RawRoute, include_in_schema=False)
    files = _files()
    modules = [name for name in files if name.endswith(".js") and name != _BEFORE]
    preload = {"Link": ", ".join(f"<page/{name}>; rel=modulepreload" for name in modules)}  # rather than one by one

    async def file(request: Request) -> Response:
        name = request.path_params.get("file", _START)
        found = files.get(name)
        if found is None:
            return error_reply(f"the web page has no file '{name[:100]}'", 404)
        headers = {**_HEADERS, "ETag": found.etag, **(preload if name == _START else {})}
        if request.headers.get("if-none-match") == found.etag:
            return Response(status_code=304, headers=headers)
        return Response(found.content, headers=headers, media_type=found.kind)

    async def live(_: Request) -> Response:
        models = figures(engine.all_loaded())
        return json_reply({"version": __version__, "seconds": time.monotonic(), "models": models})

    async def models(_: Request) -> Response:
        loaded = (model.versions.get(model.current) for model in engine.all_loaded().values())
        served = [version.served for version in loaded if version is not None and version.served is not None]
        return json_reply([{"name": it.name, "kinds": [each["kind"] for each in tries(it)]} for it in served])

    async def model(request: Request) -> Response:
        found = engine.model(request.path_params["model"])
        return json_reply(_described(found, engine))

    async def example(request: Request) -> Response:
        found = engine.published(request.path_params["model"])
        if not found.example:
            raise ReportNotFound(f"model '{request.path_params['model']}' was published without an example")
        return Response(found.example, headers=_NOT_RUN, media_type="application/octet-stream")

    for path, endpoint in (
        ("/", file),
        ("/page/live", live),
        ("/page/models", models),
        ("/page/models/{model}", model),
        ("/page/models/{model}/example", example),
        ("/page/{file}", file),
    ):
        router.get(path, name=f"page_{endpoint.__name__}")(endpoint)
    router.head("/", name="page_head")(file)
    return router


def _files() -> dict[str, _File]:
    """Read once: a few small ones."""
    return {path.name: _file(path) for path in sorted(_FILES.iterdir()) if path.suffix in _KINDS}


def _file(path: Path) -> _File:
    content = path.read_bytes()
    return _File(content, _KINDS[path.suffix], f'"{hashlib.sha256(content).hexdigest()[:16]}"')


def _described(model: Servable, engine: Engine) -> dict[str, Any]:
    """The version that answers requests that name none."""
    published = engine.published(model.name, model.version)
    return {
        "name": model.name,
        "version": model.version,
        "state": ModelState.READY,
        "backend": model.config.backend or model.config.platform,
        "max_batch_size": model.max_batch_size,
        "takes_sequences": model.config.HasField("sequence_batching"),
        "inputs": [_tensor(spec, model) for spec in model.inputs.values()],
        "outputs": [_tensor(spec, model) for spec in model.outputs.values()],
        "tries": tries(model),
        "has_report": published.report != b"",
        "card": published.card.decode("utf-8", "replace"),
        "example": published.example_name,
    }


def _tensor(spec: TensorSpec, model: Servable) -> dict[str, Any]:
    labels = model.labels.get(spec.name, ())
    return {"name": spec.name, "datatype": spec.datatype, "shape": spec.shape, "labels": labels[:_MOST_LABELS]}
