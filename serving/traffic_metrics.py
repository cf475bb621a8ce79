"""What Prometheus scrapes of the server as a whole: replies and calls by status, what is under way, the event loop.

Rule: nothing is counted here; a scrape reads what the transports counted.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from serving import __version__
from serving.engine.engine import Engine
from serving.engine.statistics import Histogram
from serving.gateways.gateways import Gateways
from serving.loop_delay import LoopDelay
from serving.transports.grpc.calls import Calls
from serving.transports.held_memory import HeldMemory
from serving.transports.http.uvicorn_server import HttpServer

_USUAL_STATUSES = dict.fromkeys((200, 400, 404, 500, 503), 0)
"""Are there from the start: of a counter that appears, Prometheus can't tell by how much it rose."""


class TrafficMetrics(Collector):
    def __init__(
        self,
        engine: Engine,
        replies: Iterable[Mapping[int, int]],
        http: HttpServer,
        gateways: Gateways,
        calls: Calls,
        loop_delay: LoopDelay,
        held: HeldMemory,
    ) -> None:
        """`replies` are those of each way, by status."""
        self._engine = engine
        self._replies = replies
        self._http = http
        self._gateways = gateways
        self._calls = calls
        self._loop_delay = loop_delay
        self._held = held

    def collect(self) -> Iterator[Metric]:
        build = GaugeMetricFamily("slipway_build_info", "Always 1, of the version that runs.", labels=["version"])
        build.add_metric([__version__], 1)
        yield build
        yield GaugeMetricFamily("slipway_ready", "1 while the server takes requests, else 0.", int(self._engine.ready))
        yield from self._of_http()
        yield from self._of_grpc()
        name, words = "slipway_requests_held_bytes", "Memory that requests hold which are not answered yet."
        yield GaugeMetricFamily(name, words, self._held.held)
        name, words = "slipway_event_loop_delay_seconds", "How late the event loop is at what it should do."
        yield _histogram(name, words, self._loop_delay.seconds)
        words = "Times that it was late by two seconds and more."
        yield CounterMetricFamily("slipway_event_loop_stalls", words, self._loop_delay.stalls)

    def _of_http(self) -> Iterator[Metric]:
        replies = CounterMetricFamily("slipway_http_replies", "Replies by HTTP status.", labels=["code"])
        sent = Counter(_USUAL_STATUSES)
        for by_status in self._replies:
            sent.update(by_status)
        for status, count in sorted(sent.items()):
            replies.add_metric([str(status)], count)
        yield replies
        running = self._http.running + self._gateways.running
        yield GaugeMetricFamily("slipway_http_requests_running", "HTTP requests that are not answered yet.", running)
        if self._gateways.count:  # they have the connections
            yield from _of_workers(self._gateways)
        else:
            open_now = self._http.connections
            yield GaugeMetricFamily("slipway_http_connections", "HTTP connections that are open.", open_now)

    def _of_grpc(self) -> Iterator[Metric]:
        ended = CounterMetricFamily("slipway_grpc_calls", "gRPC calls that ended.", labels=["method", "code"])
        for (method, code), count in sorted(self._calls.ended.items()):
            ended.add_metric([method, code], count)
        yield ended
        yield GaugeMetricFamily("slipway_grpc_calls_running", "gRPC calls that have not ended.", self._calls.running)


def _of_workers(gateways: Gateways) -> Iterator[Metric]:
    up, restarts = gateways.up, gateways.restarts
    yield GaugeMetricFamily("slipway_http_workers", "Processes that take HTTP connections and are up.", up)
    yield CounterMetricFamily("slipway_http_worker_restarts", "Starts because the one before had ended.", restarts)


def _histogram(name: str, documentation: str, histogram: Histogram) -> HistogramMetricFamily:
    bounds = [*map(str, histogram.bounds), "+Inf"]
    buckets = list(zip(bounds, histogram.cumulative(), strict=True))
    return HistogramMetricFamily(name, documentation, buckets=buckets, sum_value=histogram.sum)
