"""What Prometheus is told of a recording. Rule: only where there is one."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from serving.recording.recorder import REASONS, Recorder


class RecordingMetrics(Collector):
    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def collect(self) -> Iterator[Metric]:
        written = self._recorder.written
        yield CounterMetricFamily("slipway_recorded_requests", "Requests that are in the recording.", written)
        dropped = CounterMetricFamily(
            "slipway_recording_dropped_requests", "Requests of the sample that are not in it.", labels=["reason"]
        )
        for reason in REASONS:
            dropped.add_metric([reason], self._recorder.dropped[reason])
        yield dropped
