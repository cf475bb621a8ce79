import io
import logging
import uuid
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from serving import log
from serving.core.log_settings import LogSettings
from serving.core.trace_settings import TraceSettings
from serving.engine.trace_registry import TraceRegistry
from serving.log import Logging
from serving.transports.http.replies import add_error_replies
from serving.transports.http.settings_routes import settings_router

TRACE, MODEL, LOGGING = "/v2/trace/setting", "/v2/models/simple/trace/setting", "/v2/logging"


@pytest.fixture
def logger() -> logging.Logger:
    return logging.getLogger(f"test_settings_{uuid.uuid4()}")


@pytest.fixture
def client(logger: logging.Logger) -> httpx.AsyncClient:
    """There is one model, `simple`."""
    app = FastAPI()
    add_error_replies(app)
    traces = TraceRegistry(TraceSettings(file="trace.json"))
    app.include_router(settings_router({"simple"}.__contains__, traces, Logging(LogSettings(), logger)))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


@pytest.mark.parametrize("path", [TRACE, MODEL])
async def test_trace_settings_as_triton_writes_them(client: httpx.AsyncClient, path: str) -> None:
    for reply in (await client.get(path), await client.post(path), await client.post(path, json={})):
        assert (reply.status_code, reply.text) == (
            200,
            '{"trace_level":["OFF"],"trace_rate":"1000","trace_count":"-1","log_frequency":"0",'
            '"trace_file":"trace.json","trace_mode":"triton"}',
        )


async def test_trace_settings_are_changed_and_cleared(client: httpx.AsyncClient) -> None:
    changed = (await client.post(MODEL, json={"trace_rate": "12", "trace_level": ["TIMESTAMPS"]})).json()
    assert (changed["trace_rate"], changed["trace_level"]) == ("12", ["TIMESTAMPS"])
    await client.post(TRACE, json={"trace_rate": "56", "trace_count": "78"})
    model = (await client.get(MODEL)).json()
    assert (model["trace_rate"], model["trace_count"]) == ("12", "78")
    cleared = await client.post(MODEL, json={"trace_rate": None, "trace_level": None})
    assert cleared.json() == (await client.get(TRACE)).json()
    assert cleared.json()["trace_rate"] == "56"


async def test_unknown_models(client: httpx.AsyncClient) -> None:
    path = "/v2/models/nope/trace/setting"
    for reply in (await client.get(path), await client.post(path, json={"trace_rate": "1"})):
        assert (reply.status_code, reply.json()) == (400, {"error": "Request for unknown model : nope"})


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        (TRACE, '{"trace_file": "x"}', 501, "trace file location can not be updated through network protocol"),
        (MODEL, '{"trace_file": null}', 501, "trace file location can not be updated through network protocol"),
        (MODEL, '{"trace_rate": "x"}', 400, "Unable to parse 'trace_rate', got: x"),
        (TRACE, '{"trace_rate": 1}', 400, "Unable to parse 'trace_rate': expected a string, got 1"),
        (TRACE, '{"trace_level": "OFF"}', 400, "Unable to parse 'trace_level': expected a list of strings, got 'OFF'"),
        (TRACE, '{"trace_level": [1]}', 400, "Unable to parse 'trace_level': expected a list of strings"),
        (TRACE, "[]", 400, "a trace request must be a JSON object"),
        (TRACE, "{", 400, "failed to parse the request JSON buffer"),
        (LOGGING, '{"log_file": "x"}', 501, "log file location can not be updated through network protocol"),
        (LOGGING, '{"log_info": 1}', 400, "expect boolean for 'log_info', got: 1"),
        (LOGGING, '{"log_format": "x"}', 400, "invalid argument for --log_format, got: x"),
        (LOGGING, "null", 400, "a dynamic logging request must be a JSON object"),
        (LOGGING, "{", 400, "failed to parse the request JSON buffer"),
    ],
)
async def test_wrong_changes_change_nothing(
    client: httpx.AsyncClient, path: str, body: str, status: int, message: str
) -> None:
    before = (await client.get(path)).json()
    reply = await client.post(path, content=body)
    assert reply.status_code == status
    assert message in reply.json()["error"]
    assert (await client.get(path)).json() == before


async def test_log_settings_as_triton_writes_them(client: httpx.AsyncClient) -> None:
    for reply in (await client.get(LOGGING), await client.post(LOGGING), await client.post(LOGGING, json={})):
        assert (reply.status_code, reply.text) == (
            200,
            '{"log_file":"","log_info":true,"log_warning":true,"log_error":true,"log_verbose_level":0,'
            '"log_format":"default"}',
        )


async def test_changing_log_settings_changes_what_is_logged(client: httpx.AsyncClient, logger: logging.Logger) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(log.formatter())
    logger.addHandler(handler)
    logger.info("before")
    changes: dict[str, Any] = {"log_info": False, "log_verbose_level": 1}
    reply = await client.post(LOGGING, json=changes)
    assert reply.json() == {
        "log_file": "",
        "log_info": False,
        "log_warning": True,
        "log_error": True,
        "log_verbose_level": 1,
        "log_format": "default",
    }
    logger.info("hidden")
    logger.debug("a detail")
    assert stream.getvalue().splitlines() == ["INFO before", "DEBUG a detail"]


async def test_the_docs_describe_every_route(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]
    assert {path: set(methods) for path, methods in paths.items()} == {
        TRACE: {"get", "post"},
        "/v2/models/{model}/trace/setting": {"get", "post"},
        LOGGING: {"get", "post"},
    }
    assert all("example" in path["post"]["requestBody"]["content"]["application/json"] for path in paths.values())
