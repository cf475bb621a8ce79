"""What Prometheus is told of spans. Rule: only where there may be some."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from serving.tracing.span_queue import SpanQueue


class SpanMetrics(Collector):
    def __init__(self, spans: SpanQueue) -> None:
        self._spans = spans

    def collect(self) -> Iterator[Metric]:
        words = "Spans that the collector took."
        yield CounterMetricFamily("slipway_trace_spans_exported", words, self._spans.exported)
        words = "Spans that did not reach the collector, or for which there was no room."
        yield CounterMetricFamily("slipway_trace_spans_lost", words, self._spans.lost)
