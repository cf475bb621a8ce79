"""Raw bytes, each way that they may go: by the fast path, by the framework, as one more of a known head, by a gateway.

Rule: a difference between two ways is what smuggling needs; a neighbour is answered all the while.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from serving.transports.http import connection
from tests import tiny_models
from tests.fuzz.raw_requests import BODY, CHUNKED, HEADER_LENGTH, HOST, LENGTH, LINE, REQUESTS, USUAL, answers
from tests.running_server import RunningServer, running
from tests.serving.transports.http.test_fast_path import ROW, SLOW, connected, message, replies, tensor_of

_WAIT = "dynamic_batching { max_queue_delay_microseconds: 100000 }"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("raw")
    tiny_models.add_double(root)
    tiny_models.add_double(root, "waiting", extra=_WAIT)
    return root


@pytest.fixture(scope="module")
def server(root: Path) -> Iterator[RunningServer]:
    with running(root) as started:
        yield started


@pytest.fixture(scope="module")
def gateways(root: Path) -> Iterator[RunningServer]:
    with running(root, http_workers=2) as started:
        yield started


@pytest.fixture(autouse=True)
def neighbour(server: RunningServer) -> Iterator[None]:
    is_over = False

    def ask() -> set[int]:
        found = set()
        with httpx.Client(base_url=server.url, timeout=30) as client:
            while not is_over:
                found.add(client.get("/v2/models/double/ready").status_code)
                time.sleep(0.01)
        return found

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask)
        yield
        is_over = True
        assert asking.result() <= {200}


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that has as long for the last answers as a slow machine takes."""
    monkeypatch.setattr(connection, "_LAST_ANSWERS", 30)


def slowly(request: bytes) -> bytes:
    return request.replace(HOST + b"\r\n", HOST + b"\r\n" + SLOW, 1)


def told(answer: Callable[[bytes], list[int]]) -> dict[str, list[int]]:
    return {name: answer(request) for name, (request, _) in REQUESTS.items()}


def test_whatever_comes_is_answered_once_and_the_same_every_way(
    server: RunningServer, gateways: RunningServer, subtests: pytest.Subtests
) -> None:
    expected = {name: statuses for name, (_, statuses) in REQUESTS.items()}
    ways: dict[str, Callable[[bytes], list[int]]] = {
        "fast path": lambda request: answers(server.http_port, request),
        "framework": lambda request: answers(server.http_port, slowly(request)),
        "known head": lambda request: answers(server.http_port, request, USUAL, USUAL),
        "gateway": lambda request: answers(gateways.http_port, request),
        "proxied": lambda request: answers(gateways.http_port, slowly(request)),
    }
    for way, answer in ways.items():
        with subtests.test(way):
            assert told(answer) == expected


LINES = (
    *(
        LENGTH,
        HEADER_LENGTH,
        b"Content-Length: 3",
        b"Content-Length: 0",
        b"Content-Length:",
        b"Transfer-Encoding: chunked",
    ),
    *(b"Transfer-Encoding: identity", b"Connection: close", b"Connection: keep-alive", b"Connection: upgrade"),
    *(
        b"Upgrade: h2c",
        b"Expect: 100-continue",
        b"X: y",
        b" folded",
        b"X : y",
        b"X",
        b"X: a\rb",
        b"X: a\nb",
        b"",
        b"\0",
    ),
    *(b"Inference-Header-Content-Length: 0", b"Host: y", b"Accept-Encoding: gzip", b"X-Request-Timeout-Ms: 9999"),
)


@pytest.mark.filterwarnings("ignore:Do not use the `random` module")  # the server does, in its own thread
@settings(max_examples=60, phases=[Phase.generate, Phase.shrink])
@given(
    st.lists(st.tuples(st.sampled_from(LINES), st.integers(0, 4)), max_size=4),
    st.sampled_from([BODY, CHUNKED, b"", BODY + USUAL, CHUNKED + USUAL]),
    st.booleans(),
)
def test_two_ways_never_part(server: RunningServer, more: list[tuple[bytes, int]], body: bytes, is_whole: bool) -> None:
    """Heads of the usual lines, some of them missing, with odd ones between."""
    lines = [LINE, HOST, LENGTH, HEADER_LENGTH] if is_whole else [LINE, HOST, HEADER_LENGTH]
    for line, at in more:
        lines.insert(min(1 + at, len(lines)), line)
    request = b"\r\n".join([*lines, b"", body])
    fast, slow = (answers(server.http_port, each) for each in (request, slowly(request)))
    assert fast == slow
    assert not {500, 502} & set(fast)


@pytest.mark.parametrize("extra", [b"", SLOW], ids=["fast path", "framework"])
def test_who_sends_no_more_gets_all_answers(server: RunningServer, extra: bytes) -> None:
    """Also of what is answered in the turn in which the end comes."""
    for path in ("/v2/models/double/infer", "/v2/models/waiting/infer"):
        for count in (1, 3):
            assert all_answers(server, message(ROW, extra=extra, path=path) * count, count) == [[2, 4, 6, 8]] * count


@pytest.mark.parametrize("behind", [USUAL[:40], b"NOT HTTP\r\n\r\n"], ids=["part of a head", "no HTTP"])
@pytest.mark.parametrize("extra", [b"", SLOW], ids=["fast path", "framework"])
def test_what_was_whole_is_answered_whatever_comes_behind_it(
    server: RunningServer, extra: bytes, behind: bytes
) -> None:
    whole = message(ROW, extra=extra, path="/v2/models/waiting/infer")
    assert all_answers(server, whole + behind, 1) == [[2, 4, 6, 8]]


def all_answers(server: RunningServer, requests: bytes, count: int) -> list[list[float]]:
    """To one who sends no more, until the server hangs up."""
    with connected(server) as caller:
        caller.sendall(requests)
        caller.shutdown(1)
        found = [tensor_of(reply) for reply in replies(caller, count)]
        assert caller.recv(1) == b""
        return found
