"""An OpenTelemetry collector of few words: it takes spans over OTLP/HTTP and keeps them."""

import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.running_server import until


@dataclass(frozen=True)
class Span:
    name: str
    trace_id: str
    id: str
    parent: str
    kind: int
    status: int
    start: int
    end: int
    attributes: dict[str, Any]
    links: list[str]

    def within(self, other: "Span") -> bool:
        """Give or take what rounding does."""
        return other.start - 2000 <= self.start <= self.end <= other.end + 2000


class Collector:
    """With a `status` other than 200 it takes nothing."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.status = 200
        self.paths: set[str] = set()
        self.resource: dict[str, Any] = {}
        self.spans: list[Span] = []

    def take(self, path: str, body: bytes) -> None:
        self.paths.add(path)
        if self.status != 200:
            return
        for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.resource = _attributes(of_resource.resource.attributes)
            self.spans += [_span(span) for of_scope in of_resource.scope_spans for span in of_scope.spans]

    def wait_for(self, is_it: Callable[[Span], bool]) -> Span:
        until(lambda: any(map(is_it, self.spans)), f"of {sorted({span.name for span in self.spans})} it is none")
        return next(filter(is_it, self.spans))

    def trace(self, trace_id: str, count: int) -> dict[str, Span]:
        """By name, once there are so many."""
        until(lambda: len(self._of(trace_id)) >= count, f"{[span.name for span in self._of(trace_id)]}")
        return {span.name: span for span in self._of(trace_id)}

    def _of(self, trace_id: str) -> list[Span]:
        return [span for span in self.spans if span.trace_id == trace_id]


@contextmanager
def collecting() -> Iterator[Collector]:
    class Taking(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collector.take(self.path, gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
            self.send_response(collector.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Taking) as server:
        collector = Collector(server.server_port)
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()


def _span(span: Any) -> Span:
    return Span(
        span.name,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.kind,
        span.status.code,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        _attributes(span.attributes),
        [link.span_id.hex() for link in span.links],
    )


def _attributes(attributes: Any) -> dict[str, Any]:
    return {each.key: _value(each.value) for each in attributes}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(each) for each in value.array_value.values]
    return getattr(value, kind)
