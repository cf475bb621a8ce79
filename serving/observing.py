"""What looks at requests, as the settings want it: traces into a file or to a collector, and the access log.

Rule: nothing of it is there unless somebody asked for it.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from prometheus_client import CollectorRegistry

from serving import __version__
from serving.core.trace_settings import OPENTELEMETRY, TraceSettings
from serving.engine.trace_registry import TraceRegistry
from serving.engine.trace_writer import TraceWriter
from serving.engine.tracer import Tracer
from serving.settings import Settings, Tracing
from serving.tracing.otlp import TracingUnavailable, open_spans
from serving.tracing.span_metrics import SpanMetrics
from serving.tracing.span_queue import SpanQueue
from serving.tracing.trace_file_metrics import TraceFileMetrics
from serving.transports.access_log import AccessLog
from serving.transports.observer import Observer

log = logging.getLogger("slipway")

_LAST_SPANS = 5.0  # seconds for what waits to reach the collector when the server ends

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Observing:
    traces: TraceRegistry
    tracer: Tracer
    observer: Observer
    spans: SpanQueue | None

    def close(self) -> None:
        """Once no request is under way. Blocks, but not for long."""
        self.tracer.flush()
        if self.spans is not None:
            self.spans.close(_LAST_SPANS)


def open_observing(settings: Settings, collectors: CollectorRegistry) -> Observing:
    """Blocks. Raises `TracingUnavailable`."""
    tracing = settings.tracing
    spans = _spans(tracing) if tracing.mode == OPENTELEMETRY else None
    if spans is not None:
        collectors.register(SpanMetrics(spans))
    has_file = tracing.mode != OPENTELEMETRY and settings.trace_file is not None
    traces = TraceRegistry(
        TraceSettings(
            tracing.level if spans is not None or has_file else ("OFF",),
            tracing.rate,
            tracing.count,
            tracing.log_frequency,
            str(settings.trace_file or ""),
            "triton" if spans is None else OPENTELEMETRY,
        )
    )
    writer = TraceWriter(settings.trace_file) if has_file and settings.trace_file else None
    if writer is not None:
        collectors.register(TraceFileMetrics(lambda: writer.lost))
    tracer = Tracer(traces, writer, spans is not None)
    access_log = _unless_none(settings.access_log_rate, AccessLog)
    return Observing(traces, tracer, Observer(tracer, access_log, None if spans is None else spans.put), spans)


def _spans(tracing: Tracing) -> SpanQueue | None:
    """An environment that is meant for all programs stops none that lacks what it takes."""
    try:
        return open_spans(tracing.endpoint, dict(tracing.resource), dict(tracing.batching), __version__)
    except TracingUnavailable as error:
        if not tracing.is_by_environment:
            raise
        log.warning("OTEL_EXPORTER_OTLP_ENDPOINT is set, but nothing is traced: %s", error)
        return None


def _unless_none(value: float | None, make: Callable[[float], T]) -> T | None:
    return None if value is None else make(value)
