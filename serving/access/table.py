"""Every route and every RPC, and what it needs: the one table that all doors ask.

Rule: what is not here is answered nowhere. A path that fits several rows needs what all of them need, so that it does
not matter which of them a router would choose.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from serving.access.scope import Category, Scope

_HEALTH, _CONFIG, _REPOSITORY = Category.HEALTH, Category.MODEL_CONFIG, Category.MODEL_REPOSITORY
_INFERENCE = (Scope.INFERENCE, Category.INFERENCE)
_METADATA = (Scope.METADATA, Category.METADATA)
_DOCUMENTATION = (None, Category.METADATA)  # the same on every server of a release, as the page's files are
_STATISTICS = (Scope.METADATA, Category.STATISTICS)
_REGIONS = (Scope.ADMIN, Category.SHARED_MEMORY)
_LOAD = (Scope.ADMIN, _REPOSITORY)

_MOST_KNOWN = 2000  # paths; callers choose them


class Needs(NamedTuple):
    """What is asked for needs these scopes, none where it is open to all, and is in these of Triton's categories."""

    scopes: frozenset[Scope]
    categories: frozenset[Category]


_Row = tuple[Scope | None, Category | None]
_PEOPLE = "/v1/models/{model}"


def _for_versions(method: str, suffix: str, row: _Row, start: str = "/v2/models/{model}") -> dict[str, _Row]:
    return {f"{method} {start}{version}{suffix}": row for version in ("", "/versions/{version}")}


HTTP: Mapping[str, _Row] = {
    "GET|HEAD /v2/health/live": (None, _HEALTH),
    "GET|HEAD /v2/health/ready": (None, _HEALTH),
    "GET /v2": _METADATA,
    "GET /v2/models/stats": _STATISTICS,
    **_for_versions("GET", "", _METADATA),
    **_for_versions("GET", "/ready", (Scope.METADATA, _HEALTH)),
    **_for_versions("GET", "/config", (Scope.METADATA, _CONFIG)),
    **_for_versions("GET", "/stats", _STATISTICS),
    **_for_versions("POST", "/infer", _INFERENCE),
    **_for_versions("POST", "/generate", _INFERENCE),
    **_for_versions("POST", "/generate_stream", _INFERENCE),
    "GET /v2/models/{model}/versions": _METADATA,
    **_for_versions("POST", "/promote", _LOAD),
    **_for_versions("POST", "/rollback", _LOAD),
    "POST /v2/repository/index": (Scope.METADATA, _REPOSITORY),
    "POST /v2/repository/{repository}/index": (Scope.METADATA, _REPOSITORY),
    "POST /v2/repository/models/{model}/load": _LOAD,
    "POST /v2/repository/models/{model}/unload": _LOAD,
    "POST /v2/repository/{repository}/models/{model}/load": _LOAD,
    "POST /v2/repository/{repository}/models/{model}/unload": _LOAD,
    **{
        f"{method} /v2/{kind}sharedmemory{suffix}": _REGIONS
        for kind in ("system", "cuda")
        for method, suffix in (
            ("GET", "/status"),
            ("GET", "/region/{region}/status"),
            ("POST", "/register"),
            ("POST", "/region/{region}/register"),
            ("POST", "/unregister"),
            ("POST", "/region/{region}/unregister"),
        )
    },
    "GET /v2/trace/setting": (Scope.METADATA, Category.TRACE),
    "POST /v2/trace/setting": (Scope.ADMIN, Category.TRACE),
    "GET /v2/models/{model}/trace/setting": (Scope.METADATA, Category.TRACE),
    "POST /v2/models/{model}/trace/setting": (Scope.ADMIN, Category.TRACE),
    "GET /v2/logging": (Scope.METADATA, Category.LOGGING),
    "POST /v2/logging": (Scope.ADMIN, Category.LOGGING),
    "GET|HEAD /metrics": _STATISTICS,
    "POST /v1/completions": _INFERENCE,
    "POST /v1/chat/completions": _INFERENCE,
    "POST /v1/embeddings": _INFERENCE,
    "POST /v1/images/generations": _INFERENCE,
    "POST /v1/audio/transcriptions": _INFERENCE,
    "GET /v1/models": _METADATA,
    "GET /v1/models/{model}": _METADATA,
    **{f"POST {_PEOPLE}/{what}": _INFERENCE for what in ("classify", "detect", "recommend", "transcribe")},
    **_for_versions("GET", "/report", _METADATA, _PEOPLE),
    # The page's own files, which are the same everywhere; what it shows is asked for with a key.
    "GET|HEAD /": (None, None),
    "GET /page/{file}": (None, None),
    "GET /page/live": _STATISTICS,
    "GET /page/models": _METADATA,
    "GET /page/models/{model}": _METADATA,
    "GET /page/models/{model}/example": _METADATA,
    "GET /docs": _DOCUMENTATION,
    "GET /docs/oauth2-redirect": _DOCUMENTATION,
    "GET|HEAD /openapi.json": _DOCUMENTATION,
    "GET|HEAD /static-offline-docs/{path:path}": _DOCUMENTATION,
}

_TRITON = "/inference.GRPCInferenceService/"
_GRPC_HEALTH = "/grpc.health.v1.Health/"

RPCS: Mapping[str, _Row] = {
    _GRPC_HEALTH + "Check": (None, _HEALTH),
    _GRPC_HEALTH + "Watch": (None, _HEALTH),
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": _METADATA,
    _TRITON + "ServerLive": (None, _HEALTH),
    _TRITON + "ServerReady": (None, _HEALTH),
    _TRITON + "ModelReady": (Scope.METADATA, _HEALTH),
    _TRITON + "ServerMetadata": _METADATA,
    _TRITON + "ModelMetadata": _METADATA,
    _TRITON + "ModelInfer": _INFERENCE,
    _TRITON + "ModelStreamInfer": _INFERENCE,
    _TRITON + "ModelConfig": (Scope.METADATA, _CONFIG),
    _TRITON + "ModelStatistics": _STATISTICS,
    _TRITON + "RepositoryIndex": (Scope.METADATA, _REPOSITORY),
    _TRITON + "RepositoryModelLoad": _LOAD,
    _TRITON + "RepositoryModelUnload": _LOAD,
    **{
        f"{_TRITON}{kind}SharedMemory{what}": _REGIONS
        for kind in ("System", "Cuda")
        for what in ("Status", "Register", "Unregister")
    },
    # These two also ask, and which of both a call does is not known before its message is read.
    _TRITON + "TraceSetting": (Scope.ADMIN, Category.TRACE),
    _TRITON + "LogSettings": (Scope.ADMIN, Category.LOGGING),
}


def pattern(template: str) -> str:
    """Of the paths that fit a route's."""
    return re.sub(r"\{(\w+)(:path)?\}", lambda found: ".*" if found[2] else "[^/]+", template)


class _Route(NamedTuple):
    methods: frozenset[str]
    path: re.Pattern[str]
    row: _Row


class Routes:
    """The rows of `HTTP`, by method and path. Belongs to the event loop's thread."""

    def __init__(self, rows: Mapping[str, _Row] = HTTP) -> None:
        self._routes = [_route(template, row) for template, row in rows.items()]
        self._known: dict[tuple[str, str], Needs | frozenset[str]] = {}

    def needs(self, method: str, path: str) -> Needs | frozenset[str]:
        """`path` as the application sees it, unquoted; or the methods that there are for it, none for no such path."""
        key = (method, path)
        found = self._known.get(key)
        if found is None:
            found = self._find(method, path)
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[key] = found
        return found

    def _find(self, method: str, path: str) -> Needs | frozenset[str]:
        fitting = [route for route in self._routes if route.path.fullmatch(path)]
        rows = [route.row for route in fitting if method in route.methods]
        return _needs(*rows) if rows else frozenset(one for route in fitting for one in route.methods)


def rpc_needs(method: str) -> Needs | None:
    """By its full name; None where there is no such RPC."""
    row = RPCS.get(method)
    return None if row is None else _needs(row)


def _route(template: str, row: _Row) -> _Route:
    methods, _, path = template.partition(" ")
    return _Route(frozenset(methods.split("|")), re.compile(pattern(path), re.DOTALL), row)


def _needs(*rows: _Row) -> Needs:
    return Needs(
        frozenset(scope for scope, _ in rows if scope is not None),
        frozenset(category for _, category in rows if category is not None),
    )
