import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from loadtests.asking import CannotTest, document, only_model
from loadtests.benchmarks.stub_server import stub


@contextmanager
def saying(status: int, body: bytes) -> Iterator[str]:
    """The URL of a server that answers everything so."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def index(*models: tuple[str, str]) -> bytes:
    return json.dumps([{"name": name, "version": "1", "state": state} for name, state in models]).encode()


def test_the_only_model_that_is_ready_is_meant() -> None:
    with saying(200, index(("digits", "READY"), ("broken", "UNAVAILABLE"))) as url:
        assert only_model(url, {}) == "digits"


@pytest.mark.parametrize(
    ("models", "words"),
    [
        ((("b", "READY"), ("a", "READY")), "--model with one of a, b"),
        ((("a", "UNAVAILABLE"),), "no model that is ready"),
    ],
)
def test_none_and_several_are_told(models: tuple[tuple[str, str], ...], words: str) -> None:
    with saying(200, index(*models)) as url, pytest.raises(CannotTest, match=words):
        only_model(url, {})


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, b"who?", "give a key with --header"),
        (404, b'{"error": "no such model"}', "answered 404.*no such model"),
        (200, b"<html>", "something else than JSON"),
    ],
)
def test_what_keeps_a_test_from_beginning_is_told(status: int, body: bytes, words: str) -> None:
    with saying(status, body) as url, pytest.raises(CannotTest, match=words):
        document(url, "/v2/models/m", {})


def test_a_server_that_is_down_is_told_with_what_to_do() -> None:
    with stub() as url:
        pass
    with pytest.raises(CannotTest, match=r"no server answers at .*`slipway serve` starts one"):
        document(url, "/", {})


def test_what_speaks_no_http_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with server.accept()[0] as connection:
                connection.sendall(b"\0\0\1\4\0\0\n\n")

        Thread(target=answer, daemon=True).start()
        with pytest.raises(CannotTest, match="does not speak HTTP: is it https://, or a gRPC port"):
            document(f"http://127.0.0.1:{server.getsockname()[1]}", "/v2", {})


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://localhost", "http://"])
def test_what_is_no_address_is_told(url: str) -> None:
    with pytest.raises(CannotTest, match="as in http://localhost:8000"):
        document(url, "/", {})
