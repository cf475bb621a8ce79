"""Spans to a collector over OTLP/HTTP, with OpenTelemetry's own exporter and environment variables.

Rule: OpenTelemetry is imported only where it was asked for, and where it is missing the error says what to install.
"""

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from serving.core.visit import Visit
from serving.tracing.span_queue import Limits, Sent, SpanQueue, about

if TYPE_CHECKING:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan

_PATH = "/v1/traces"
_QUEUE, _TOGETHER, _DELAY = "OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "OTEL_BSP_SCHEDULE_DELAY"
_GRPC_PORT = ":4317"


class TracingUnavailable(Exception):
    """The text says what to install, or which setting is wrong."""


def open_spans(endpoint: str, resource: Mapping[str, str], batching: Mapping[str, str], version: str) -> SpanQueue:
    """`endpoint` is where the collector is, "" for where OpenTelemetry's environment variables say. `resource` are
    attributes of the server beside theirs, `batching` variables that go before theirs. Raises `TracingUnavailable`."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    except ModuleNotFoundError as error:
        raise TracingUnavailable(
            f"OpenTelemetry needs what is not installed here ({error.name}): pip install 'slipway-serving[tracing]'"
        ) from None
    for name in ("opentelemetry", "urllib3.connectionpool"):  # what goes wrong there is told in our words
        logging.getLogger(name).setLevel(logging.CRITICAL)
    of_server = Resource.create({"service.name": "slipway", "service.version": version})
    whose = of_server.merge(OTELResourceDetector().detect()).merge(Resource(dict(resource)))
    exporter = OTLPSpanExporter(endpoint=traces_url(endpoint) if endpoint else None)
    return SpanQueue(_Collector(exporter, whose, version), limits({**os.environ, **batching}))


def traces_url(endpoint: str) -> str:
    """Where spans go of what is at `endpoint`, of which Triton's users may leave out the scheme."""
    url = endpoint if "://" in endpoint else f"http://{endpoint}"
    _, _, place = url.partition("://")
    return url if "/" in place.rstrip("/") else url.rstrip("/") + _PATH


def limits(environment: Mapping[str, str]) -> Limits:
    """Raises `TracingUnavailable`."""
    usual = Limits()
    waiting = _number(environment, _QUEUE, usual.waiting)
    together = min(_number(environment, _TOGETHER, usual.together), waiting)
    return Limits(waiting, together, _number(environment, _DELAY, round(usual.delay * 1000)) / 1000)


def _number(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and int(text[:12]) > 0):
        raise TracingUnavailable(f"{name} must be a whole number above 0, got {text[:50]!r}")
    return int(text[:12])


class _Collector:
    """A `Sender`."""

    def __init__(self, exporter: "OTLPSpanExporter", resource: "Resource", version: str) -> None:
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope

        from serving.tracing.spans import Spans

        self._exporter = exporter
        scope = InstrumentationScope("slipway", version)
        self._spans: Callable[[float], Spans] = lambda offset: Spans(resource, scope, offset)

    def send(self, visits: Sequence[Visit]) -> Sent:
        count = sum(map(about, visits))
        try:
            spans = list(self._told(visits))
            count = len(spans)
            trouble = "" if self._exporter.export(spans).name == "SUCCESS" else self._where()
        except Exception as error:  # of a library that may raise anything
            trouble = f"{type(error).__name__}: {error}; {self._where()}"
        return Sent(count, trouble)

    def close(self) -> None:
        self._exporter.shutdown()  # type: ignore[no-untyped-call]

    def _told(self, visits: Sequence[Visit]) -> "Iterator[ReadableSpan]":
        spans = self._spans(time.time() - time.monotonic())
        for visit in visits:
            yield from spans.of(visit)

    def _where(self) -> str:
        scheme, _, place = self._exporter._endpoint.partition("://")
        url = f"{scheme}://{place.rpartition('@')[2]}"  # without a password
        hint = "; port 4317 is mostly OTLP over gRPC, and OTLP over HTTP at 4318" if _GRPC_PORT in url else ""
        return f"nothing at {url} took them{hint}"
