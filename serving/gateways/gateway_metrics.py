"""What Prometheus is told of gateways. Rule: only where there are some."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from serving.gateways.gateways import Gateways


class GatewayMetrics(Collector):
    def __init__(self, gateways: Gateways) -> None:
        self._gateways = gateways

    def collect(self) -> Iterator[Metric]:
        up, restarts = self._gateways.up, self._gateways.restarts
        yield GaugeMetricFamily("slipway_http_workers", "Processes that take HTTP connections and are up.", up)
        yield CounterMetricFamily("slipway_http_worker_restarts", "Starts because the one before had ended.", restarts)
