"""What Prometheus is told of Triton's trace file. Rule: only where there is one."""

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector


class TraceFileMetrics(Collector):
    def __init__(self, lost: Callable[[], int]) -> None:
        self._lost = lost

    def collect(self) -> Iterator[Metric]:
        words = "Traces that the disk refused, and that are not in the trace file."
        yield CounterMetricFamily("slipway_trace_file_lost", words, self._lost())
