"""The table against what there really is: each route of the application, and each RPC of the server."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.routing import Mount, compile_path

from serving.access.gate import Gate
from serving.access.scope import Category, Scope
from serving.access.table import HTTP, RPCS, Needs, Routes, pattern, rpc_needs
from serving.transports.held_memory import HeldMemory
from serving.transports.http.app import gateway
from serving.transports.observer import UNOBSERVED
from tests.grpc_client import channel_to
from tests.running_server import RunningServer
from tests.served_rpcs import served_rpcs


def routes(has_page: bool) -> Iterator[tuple[str, str]]:
    """Method and path of everything that the framework routes."""
    nothing: Any = type("Nothing", (), {"is_model_ready": None})()  # what routes there are asks nothing of it
    app: Any = gateway(nothing, nothing, nothing, nothing, nothing, [], 1, has_page, UNOBSERVED, HeldMemory(), Gate())
    while not isinstance(app, FastAPI):
        app = app._app
    waiting = list(app.routes)
    while waiting:
        route: Any = waiting.pop()
        if hasattr(route, "original_router"):
            waiting += route.original_router.routes
        elif isinstance(route, Mount):
            yield from (("GET", f"{route.path}/{{path:path}}"), ("HEAD", f"{route.path}/{{path:path}}"))
        else:
            yield from ((method, route.path) for method in route.methods)


def rows() -> set[tuple[str, str]]:
    pairs = (template.split(" ") for template in HTTP)
    return {(method, path) for methods, path in pairs for method in methods.split("|")}


def test_it_has_every_route_and_no_other() -> None:
    with_page, without = set(routes(True)), set(routes(False))
    assert with_page | without == rows()
    assert len(with_page) > 70


def test_it_has_every_rpc_and_no_other(tiny_server: RunningServer) -> None:
    with channel_to(tiny_server) as channel:
        assert set(served_rpcs(channel)) == set(RPCS)


@pytest.mark.parametrize("path", sorted({path for _, path in rows()}))
def test_a_path_fits_its_row_where_it_fits_its_route(path: str) -> None:
    """Starlette's own expression, but for the names of its groups."""
    regex, _, _ = compile_path(path)
    unnamed = regex.pattern.replace("\\", "")
    for name in regex.groupindex:
        unnamed = unnamed.replace(f"(?P<{name}>[^/]+)", "[^/]+").replace(f"(?P<{name}>.*)", ".*")
    assert unnamed == f"^{pattern(path)}$"


@pytest.mark.parametrize(
    ("method", "path", "scopes"),
    [
        ("GET", "/v2/health/live", set()),
        ("GET", "/page/main.js", set()),
        ("GET", "/docs", set()),
        ("GET", "/openapi.json", set()),
        ("GET", "/static-offline-docs/swagger-ui.css", set()),
        ("GET", "/page/live", {Scope.METADATA}),
        ("GET", "/v2/models/m", {Scope.METADATA}),
        ("POST", "/v2/models/m/versions/1/infer", {Scope.INFERENCE}),
        ("POST", "/v1/chat/completions", {Scope.INFERENCE}),
        ("POST", "/v2/models/m/promote", {Scope.ADMIN}),
        ("POST", "/v2/repository/models/m/load", {Scope.ADMIN}),
        ("GET", "/v2/logging", {Scope.METADATA}),
        ("POST", "/v2/logging", {Scope.ADMIN}),
    ],
)
def test_what_a_request_needs(method: str, path: str, scopes: set[Scope]) -> None:
    needs = Routes().needs(method, path)
    assert isinstance(needs, Needs)
    assert needs.scopes == scopes


def test_a_path_that_fits_several_rows_needs_what_all_of_them_need() -> None:
    routes = Routes({"GET /{any}": (None, None), "GET /secret": (Scope.ADMIN, Category.LOGGING)})
    assert routes.needs("GET", "/secret") == Needs(frozenset([Scope.ADMIN]), frozenset([Category.LOGGING]))


@pytest.mark.parametrize(
    "path",
    [
        "/v2/",
        "//v2",
        "/v2//health/live",
        "/v2/health/live/",
        "/V2",
        "/v2/health/live\n",
        "/v2/models/m/infer/",
        "",
        "*",
    ],
)
def test_a_path_that_is_only_like_one_is_none(path: str) -> None:
    assert Routes().needs("GET", path) == frozenset()
    assert Routes().needs("POST", path) == frozenset()


def test_a_method_that_a_path_lacks_is_told_with_those_that_it_has() -> None:
    assert Routes().needs("DELETE", "/v2/logging") == {"GET", "POST"}


def test_paths_without_end_are_not_all_kept() -> None:
    routes = Routes()
    for number in range(10_000):
        routes.needs("GET", f"/v2/models/{number}")
    assert len(routes._known) <= 2000


def test_an_rpc_that_is_not_there_needs_what_nobody_has() -> None:
    assert rpc_needs("/inference.GRPCInferenceService/Shell") is None
