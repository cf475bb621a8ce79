"""Attacks on a real server's connections. Rule: one server for all, and each attack leaves a neighbour its answers."""

import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from itertools import pairwise

import httpx
import psutil
import pytest

from serving.transports.http.watch import LEAST_RATE
from tests import python_models, tiny_models
from tests.running_server import RunningServer, running, until
from tests.serving.transports.http.test_connection import BODY, LENGTH, LIVE, POST, error_of, read_all, read_reply

MOST, TIMEOUT = 40, 0.5
LARGE_REPLY = """
import numpy as np
class Model:
    def execute(self, request):
        return {"y": np.ones((1, 4_000_000), np.float32)}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    root = tmp_path_factory.mktemp("limited")
    tiny_models.add_double(root)
    python_models.add_model(
        root,
        "large",
        """max_batch_size: 1 input { name: "x" data_type: TYPE_FP32 dims: 4 }
        output { name: "y" data_type: TYPE_FP32 dims: -1 }""",
        LARGE_REPLY,
    )
    with running(root, max_connections=MOST, header_timeout=TIMEOUT, body_timeout=TIMEOUT) as started:
        yield started


@pytest.fixture(autouse=True)
def neighbour(server: RunningServer) -> Iterator[None]:
    """Who asks again and again on one connection meanwhile, each time in one piece, and is answered each time."""
    is_over = False
    statuses: list[bytes] = []

    def ask() -> None:
        with connect(server) as connection:
            while not is_over:
                connection.sendall(POST + LENGTH + b"\r\n" + BODY)
                statuses.append(read_reply(connection)[0])
                time.sleep(0.01)

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask)
        until(lambda: bool(statuses) or asking.done())  # it has its connection before there are too many
        yield
        is_over = True
        asking.result()
    assert set(statuses) == {b"HTTP/1.1 200 OK"}


def connect(server: RunningServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.http_port), timeout=30)


def drip(connection: socket.socket, piece: bytes) -> None:
    """Until the other side has had enough."""
    until(lambda: not _sent(connection, piece), "it is still read")


def _sent(connection: socket.socket, piece: bytes) -> bool:
    connection.setblocking(False)
    try:
        connection.send(piece)
        return not connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except ConnectionError:  # what was not read any more reset it, behind the refusal
        return False
    finally:
        connection.settimeout(30)


def refusal(connection: socket.socket) -> tuple[bytes, str]:
    """Its status and words. What was sent when nobody read any more may have reset the connection, behind it."""
    came = b""
    with suppress(ConnectionResetError):
        while part := connection.recv(65536):
            came += part
    return error_of(came)


def test_a_head_that_hardly_comes_is_told_so(server: RunningServer) -> None:
    with connect(server) as connection:
        connection.sendall(POST)
        drip(connection, b"a: b\r\n")
        status, message = refusal(connection)
        assert status == b"408"
        assert message == f"the request's headers did not come in {TIMEOUT} s"


@pytest.mark.parametrize(
    "begun",
    [
        POST + b"Content-Length: 1000000\r\n\r\n",
        POST + b"Content-Length: 1000000\r\nContent-Encoding: gzip\r\n\r\n",
        POST + b"Content-Length: 1000\r\n\r\n",
    ],
    ids=["large", "other way", "small"],
)
def test_a_body_that_hardly_comes_is_told_so(server: RunningServer, begun: bytes) -> None:
    with connect(server) as connection:
        connection.sendall(begun)
        drip(connection, b" ")
        status, message = refusal(connection)
        assert status == b"408"
        assert "body did not come" in message


def test_a_request_like_the_last_that_is_cut_short_is_told_so(server: RunningServer) -> None:
    with connect(server) as connection:
        for _ in range(2):
            connection.sendall(POST + LENGTH + b"\r\n" + BODY)
            assert read_reply(connection)[0] == b"HTTP/1.1 200 OK"
        connection.sendall(POST + LENGTH + b"\r\n" + BODY[:20])
        assert error_of(read_all(connection))[0] == b"408"


def test_a_body_that_comes_slowly_but_comes_is_answered(server: RunningServer) -> None:
    until(lambda: a_slow_body_was_answered(server))


def a_slow_body_was_answered(server: RunningServer) -> bool:
    """False where the machine stood still, so that it came too slowly."""
    piece, times = b" " * round(LEAST_RATE * TIMEOUT), [time.monotonic()]
    body, reply = piece * 7 + BODY, b""
    with connect(server) as connection, suppress(ConnectionError):
        connection.sendall(POST + b"Content-Length: %d\r\n\r\n" % len(body))
        for _ in range(7):
            connection.sendall(piece)
            time.sleep(TIMEOUT / 5)
            times.append(time.monotonic())
        connection.sendall(BODY)
        reply = read_reply(connection)[0]
    if max(later - earlier for earlier, later in pairwise(times)) >= TIMEOUT / 2:
        return False
    assert reply == b"HTTP/1.1 200 OK"
    return True


def test_who_does_not_read_a_large_reply_is_given_up(server: RunningServer) -> None:
    body = BODY.replace(b"{", b'{"parameters":{"binary_data_output":true},', 1)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(30)
        connection.connect(("127.0.0.1", server.http_port))
        head = b"POST /v2/models/large/infer HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
        connection.sendall(head % len(body) + body)
        assert connection.recv(12) == b"HTTP/1.1 200"
        until(lambda: established(server, connection) == 0, "its 16 MB are still held")


def established(server: RunningServer, client: socket.socket | None = None) -> int:
    """Connections that the server has, or has to that client."""
    port = client.getsockname()[1] if client else None
    return sum(
        (each.laddr.port, each.status) == (server.http_port, psutil.CONN_ESTABLISHED)
        and (port is None or each.raddr.port == port)
        for each in psutil.Process().net_connections("tcp")
    )


def fate(connection: socket.socket) -> str:
    connection.setblocking(False)
    try:
        return "told" if connection.recv(12, socket.MSG_PEEK) == b"HTTP/1.1 503" else "dropped"
    except BlockingIOError:
        return "held"
    except ConnectionResetError:
        return "dropped"


def test_more_headers_than_anybody_has_are_told_so(server: RunningServer) -> None:
    with connect(server) as connection:
        connection.sendall(LIVE + b"a: b\r\n" * 256 + b"\r\n")
        status, message = error_of(read_all(connection))
        assert status == b"431"
        assert message == "the request has 257 headers, the server accepts 256"
    with connect(server) as connection:
        connection.sendall(LIVE + b"a: b\r\n" * 255 + b"\r\n")
        assert read_reply(connection)[0] == b"HTTP/1.1 200 OK"


def test_a_flood_of_tiny_chunks_is_told_so(server: RunningServer) -> None:
    with connect(server) as connection:
        connection.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n")
        connection.sendall(b"1\r\n \r\n" * 64 * 1024)
        connection.sendall(b"1\r\n \r\n")
        status, message = error_of(read_all(connection))
        assert status == b"413"
        assert "more than 65536 pieces" in message


def test_one_connection_too_many_is_told_so_and_others_are_taken_when_some_are_gone(server: RunningServer) -> None:
    with ExitStack() as closing:
        held = [closing.enter_context(connect(server)) for _ in range(MOST - 1)]  # and the neighbour's
        for connection in held[1:]:
            connection.sendall(LIVE + b"\r\n")
            assert read_reply(connection)[0] == b"HTTP/1.1 200 OK"
        for asked in (POST + LENGTH + b"\r\n" + BODY, b""):  # and one that asks nothing
            with connect(server) as surplus:
                surplus.sendall(asked)
                received = read_all(surplus)
            status, message = error_of(received)
            assert (status, b"retry-after: 1" in received) == (b"503", True)
            assert f"the server has {MOST} connections" in message
        for way in ("live", "ready"):
            health = httpx.get(f"{server.url}/v2/health/{way}")
            assert (health.status_code, health.headers["connection"]) == (200, "close"), "a probe is answered"
    until(lambda: httpx.get(f"{server.url}/v2/health/live").status_code == 200)


def test_a_flood_of_connections_leaves_no_more_than_it_may(server: RunningServer) -> None:
    with ExitStack() as closing:
        flood = [closing.enter_context(connect(server)) for _ in range(4 * MOST)]
        until(lambda: Counter(map(fate, flood))["held"] == MOST - 1)  # and the neighbour's
        fates = Counter(map(fate, flood))
        assert fates["told"] >= 64, "and more, where some were told and gone before the last came"
        assert fates["dropped"] > 0
        until(lambda: established(server) == MOST)
    until(lambda: httpx.get(f"{server.url}/v2/health/live").status_code == 200)


def test_a_deadline_that_passed_is_no_matter_of_the_next_request(server: RunningServer) -> None:
    until(lambda: each_was_answered_in_its_own_time(server))


def each_was_answered_in_its_own_time(server: RunningServer) -> bool:
    """Of requests that begin late in the one's before; False where the machine stood still for as long as they have."""
    with connect(server) as connection:
        for _ in range(3):
            begun = time.monotonic()
            connection.sendall(POST + LENGTH)
            time.sleep(TIMEOUT * 0.6)
            with suppress(ConnectionError):  # after a refusal, which is there to be read
                connection.sendall(b"\r\n" + BODY)
            reply = read_reply(connection)[0]
            if time.monotonic() - begun >= TIMEOUT:
                return False
            assert reply == b"HTTP/1.1 200 OK"
    return True
