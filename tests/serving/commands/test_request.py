import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from serving.commands.request import ServerRefused, ServerUnreachable, get, post
from tests.running_server import RunningServer


def test_a_reply_is_parsed(tiny_server: RunningServer) -> None:
    rows = post(f"{tiny_server.url}/v2/repository/index", b"", timeout=30)
    assert {row["state"] for row in rows} == {"READY"}


def test_the_servers_own_words_are_passed_on(tiny_server: RunningServer) -> None:
    with pytest.raises(ServerRefused, match="404: Request for unknown model: 'nope' is not found"):
        post(f"{tiny_server.url}/v1/models/nope/classify", b"x", timeout=30)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:9/v2", "connection refused"),
        ("http://no.such.host.invalid", "no host of that name is known"),
        ("http://", "that is no address"),
        ("http://[::1", "that is no address"),
    ],
)
def test_no_server_is_said_with_the_reason_and_what_to_do(url: str, why: str) -> None:
    with pytest.raises(ServerUnreachable, match=rf"\({why}\); is `slipway serve` running"):
        post(url, b"", timeout=30)


@contextmanager
def listening() -> Iterator[tuple[socket.socket, str]]:
    """A port that is open, and its address as a server's."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server, f"//127.0.0.1:{server.getsockname()[1]}"


def test_a_server_that_takes_too_long_is_there_all_the_same() -> None:
    with (
        listening() as (_, address),
        pytest.raises(ServerUnreachable, match=r"//127\.0\.0\.1:\d+/v2 did not answer within 0\.1 s$"),
    ):
        get(f"http:{address}/v2", timeout=0.1)


@pytest.mark.parametrize(
    ("scheme", "why"),
    [("http", "the connection was closed without an answer"), ("https", "no HTTPS there, or a certificate that is")],
)
def test_a_port_where_something_else_is_is_said(scheme: str, why: str) -> None:
    with listening() as (server, address):
        closing = threading.Thread(target=lambda: _hang_up(server, b"" if scheme == "http" else b"hello\r\n"))
        closing.start()
        with pytest.raises(ServerUnreachable, match=why):
            get(f"{scheme}:{address}", timeout=30)
        closing.join()


def _hang_up(server: socket.socket, greeting: bytes) -> None:
    connection, _ = server.accept()
    connection.recv(65536)
    connection.sendall(greeting)
    connection.close()


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://x"])
def test_an_address_without_its_scheme_is_said(url: str) -> None:
    with pytest.raises(ServerUnreachable, match="should start with http://"):
        post(url, b"", timeout=30)
