"""Asks a server for its own figures while it is loaded.

Rule: in a thread of the process that counts, once a second, so that neither those who send nor the server notice it.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from threading import Event, Thread
from typing import Any
from urllib.parse import quote, urlsplit
from urllib.request import Request, urlopen

from loadtests.asking import CannotTest
from loadtests.asking_grpc import GrpcServer
from loadtests.call import Header
from loadtests.clients.trust import THE_KNOWN, Trust, ssl_context
from loadtests.server_figures import Sample, instances, process, statistics, told

METRICS_PORT = 8002
_EVERY = 1.0  # seconds
_TIMEOUT = 2.0  # seconds


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a server tells of itself. Its metrics are looked for at port 8002 of the same host, unless an address is
    given."""

    url: str
    model: str
    headers: tuple[Header, ...] = ()
    metrics_url: str | None = None
    trust: Trust = THE_KNOWN

    @property
    def metrics(self) -> str:
        if self.metrics_url:
            return self.metrics_url
        return usual_metrics_url(self.url)


@dataclass(slots=True)
class Heard:
    samples: list[Sample] = field(default_factory=list)
    server: dict[str, Any] = field(default_factory=dict)
    surely: bool = False

    def told(self) -> dict[str, Any]:
        """For `Result.server`."""
        return {**self.server, **told(self.samples, self.surely)}


def usual_metrics_url(url: str) -> str:
    """Where a server's metrics are unless somebody says otherwise."""
    host = urlsplit(url).hostname or "localhost"
    return f"http://{f'[{host}]' if ':' in host else host}:{METRICS_PORT}/metrics"


@contextmanager
def listening(sources: Sources, start: float, every: float = _EVERY) -> Iterator[Heard]:
    """From `start` by the monotonic clock until the block ends, when it is asked a last time."""
    heard, over = Heard(surely=sources.metrics_url is not None), Event()
    thread = Thread(target=_listen, args=(sources, start, every, heard, over), daemon=True)
    thread.start()
    try:
        yield heard
    finally:
        over.set()
        thread.join(3 * _TIMEOUT)


def _listen(sources: Sources, start: float, every: float, heard: Heard, over: Event) -> None:
    server = _over_grpc(sources) if urlsplit(sources.url).scheme.startswith("grpc") else _over_http(sources)
    heard.server = {**_name(server.about()), **instances(server.config())}
    over.wait(start - time.monotonic())

    def look() -> None:
        text = _got(sources.metrics, sources.trust)
        figures = process(text.decode(errors="replace"), sources.model) if text else None
        heard.samples.append(Sample(time.monotonic() - start, statistics(server.statistics()), figures))

    look()
    if heard.samples[0].statistics is None and heard.samples[0].process is None:
        return
    while not over.wait(every):
        look()
    look()


@dataclass(frozen=True, slots=True)
class _Server:
    """Its documents; None where it has none."""

    about: Callable[[], Any]
    config: Callable[[], Any]
    statistics: Callable[[], Any]


def _over_http(sources: Sources) -> _Server:
    path = f"/v2/models/{quote(sources.model, safe='')}"

    def document(path: str) -> Any:
        return _parsed(_got(sources.url + path, sources.trust, sources.headers))

    return _Server(lambda: document("/v2"), lambda: document(f"{path}/config"), lambda: document(f"{path}/stats"))


def _over_grpc(sources: Sources) -> _Server:
    server = GrpcServer(sources.url, sources.headers, sources.trust)

    def asked(ask: Callable[[], Any]) -> Any:
        with suppress(CannotTest):
            return ask()
        return None

    return _Server(
        lambda: asked(server.server),
        lambda: asked(lambda: server.config(sources.model)),
        lambda: asked(lambda: server.statistics(sources.model)),
    )


def _name(found: Any) -> dict[str, str]:
    found = found if isinstance(found, dict) else {}
    return {name: str(found[name]) for name in ("name", "version") if name in found}


def _got(url: str, trust: Trust, headers: Sequence[Header] = ()) -> bytes:
    """Nothing where nobody answers."""
    scheme = urlsplit(url).scheme
    if scheme not in ("http", "https"):
        return b""
    try:
        encryption = ssl_context(trust) if scheme == "https" else None
        with urlopen(Request(url, headers=dict(headers)), timeout=_TIMEOUT, context=encryption) as reply:
            body: bytes = reply.read()
            return body
    except (OSError, ValueError, HTTPException):
        return b""


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body or "null")
    except ValueError:
        return None
