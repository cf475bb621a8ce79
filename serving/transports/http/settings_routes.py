"""Trace and log settings over HTTP: ask for them, change them. Rule: what a change means is decided in `core`."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from serving.core.brief import brief
from serving.core.trace_settings import TraceSettings, to_lists
from serving.engine.trace_registry import TraceRegistry
from serving.errors import InvalidInput, ModelNotFound
from serving.log import Logging
from serving.protocols import json_text
from serving.transports.http.body import plain_body
from serving.transports.http.documented import ERRORS, Endpoint, RawRoute, json_body, path_parameters
from serving.transports.http.replies import json_reply


class TraceSetting(BaseModel):
    trace_level: list[str] = Field(examples=[["OFF"]])
    trace_rate: str = Field(examples=["1000"])
    trace_count: str = Field(examples=["-1"])
    log_frequency: str = Field(examples=["0"])
    trace_file: str
    trace_mode: str = Field(examples=["triton"])


class TraceSettingChanges(BaseModel):
    trace_level: list[str] | None = Field(None, description="`OFF`, or of `TIMESTAMPS` and `TENSORS`.")
    trace_rate: str | None = Field(None, description="One of so many requests is traced.")
    trace_count: str | None = Field(None, description="How many more are traced; -1 for any number.")
    log_frequency: str | None = Field(None, description="After how many traces a numbered file is written; 0 for one.")


class LogSetting(BaseModel):
    log_file: str
    log_info: bool
    log_warning: bool
    log_error: bool
    log_verbose_level: int
    log_format: str = Field(examples=["default"])


class LogSettingChanges(BaseModel):
    log_info: bool | None = None
    log_warning: bool | None = None
    log_error: bool | None = None
    log_verbose_level: int | None = Field(None, ge=0, description="1 or more adds details for debugging.")
    log_format: str | None = Field(None, description="`default`, or `ISO8601` for lines with their time.")


_ERRORS: dict[int | str, dict[str, Any]] = {status: ERRORS[status] for status in (400, 413, 501)}
_TRACE_CHANGES = json_body(TraceSettingChanges, {"trace_level": ["TIMESTAMPS"], "trace_rate": "100"}, required=False)
_LOG_CHANGES = json_body(LogSettingChanges, {"log_verbose_level": 1, "log_format": "ISO8601"}, required=False)


def settings_router(is_model_ready: Callable[[str], bool], traces: TraceRegistry, logs: Logging) -> APIRouter:
    router = APIRouter(prefix="/v2", route_class=RawRoute)

    async def trace_setting(request: Request) -> Response:
        return _trace_reply(traces.settings(_model(request, is_model_ready)))

    async def change_trace_setting(request: Request) -> Response:
        model = _model(request, is_model_ready)
        changes = _object(await plain_body(request), "trace")
        traces.update({name: _strings(name, value) for name, value in changes.items()}, model)
        return _trace_reply(traces.settings(model))

    async def logging(_: Request) -> Response:
        return json_reply(asdict(logs.settings))

    async def change_logging(request: Request) -> Response:
        logs.update(_object(await plain_body(request), "dynamic logging"))
        return json_reply(asdict(logs.settings))

    _add_trace_routes(router, trace_setting, change_trace_setting)
    documentation: dict[str, Any] = {"tags": ["Logging"], "response_model": LogSetting}
    router.get("/logging", summary="What is logged", **documentation)(logging)
    router.post(
        "/logging",
        summary="Change what is logged",
        responses=_ERRORS,
        openapi_extra={"requestBody": _LOG_CHANGES},
        **documentation,
    )(change_logging)
    return router


def _add_trace_routes(router: APIRouter, ask: Endpoint, change: Endpoint) -> None:
    for prefix, whose, parameters in (
        ("", "all models", []),
        ("/models/{model}", "a model", path_parameters("model")),
    ):
        documentation: dict[str, Any] = {"tags": ["Tracing"], "response_model": TraceSetting}
        router.get(
            f"{prefix}/trace/setting",
            name=f"trace_setting_of_{whose}",
            summary=f"Which requests to {whose} are traced",
            responses={400: ERRORS[400]},
            openapi_extra={"parameters": parameters},
            **documentation,
        )(ask)
        router.post(
            f"{prefix}/trace/setting",
            name=f"change_trace_setting_of_{whose}",
            summary=f"Change which requests to {whose} are traced; null goes back to what it was before",
            responses=_ERRORS,
            openapi_extra={"parameters": parameters, "requestBody": _TRACE_CHANGES},
            **documentation,
        )(change)


def _model(request: Request, is_model_ready: Callable[[str], bool]) -> str:
    """From the path; "" where the path names none."""
    model: str = request.path_params.get("model", "")
    if model and not is_model_ready(model):
        raise ModelNotFound(f"Request for unknown model : {model}")
    return model


def _object(body: bytes, what: str) -> dict[str, Any]:
    document = json_text.loads(body) if body else {}
    if type(document) is not dict:
        raise InvalidInput(f"a {what} request must be a JSON object")
    return document


def _strings(name: str, value: Any) -> list[str] | None:
    """One string for most settings, a list of them for the level, null to clear either."""
    if value is None:
        return None
    if name == "trace_level":
        if type(value) is not list or any(type(item) is not str for item in value):
            raise InvalidInput(f"Unable to parse '{name}': expected a list of strings, got {brief(value)}")
        return value
    if type(value) is not str:
        raise InvalidInput(f"Unable to parse '{name}': expected a string, got {brief(value)}")
    return [value]


def _trace_reply(settings: TraceSettings) -> Response:
    return json_reply(
        {name: values if name == "trace_level" else values[0] for name, values in to_lists(settings).items()}
    )
