"""Requests as no client library would send them: on a socket, with lengths and encodings that are not so."""

import errno
import gzip
import json
import socket
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import numpy as np
import pytest

from tests.running_server import RunningServer

ROW = list(range(16))
TENSORS = [{"name": name, "datatype": "INT32", "shape": [1, 16], "data": ROW} for name in ("INPUT0", "INPUT1")]
BODY = json.dumps({"inputs": TENSORS}).encode()
PATH = "/v2/models/simple/infer"
LENGTH = "Inference-Header-Content-Length"


@contextmanager
def connected(server: RunningServer) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.http_port), timeout=30) as connection:
        yield connection
    answers(server)


def answers(server: RunningServer) -> None:
    """Its other callers, whatever one of them did."""
    assert httpx.post(server.url + PATH, content=BODY, timeout=10).status_code == 200


def send(connection: socket.socket, body: bytes, *headers: str, line: str = f"POST {PATH} HTTP/1.1") -> None:
    head = "\r\n".join([line, "Host: x", *headers, "", ""]).encode("latin-1")
    connection.sendall(head + body)


def end_sending(connection: socket.socket) -> None:
    """Where the server has not hung up already."""
    try:
        connection.shutdown(socket.SHUT_WR)
    except OSError as error:
        if error.errno != errno.ENOTCONN:
            raise


def read_all(connection: socket.socket) -> bytes:
    """Until the server hangs up."""
    received = b""
    while part := connection.recv(65536):
        received += part
    return received


def test_a_body_that_is_shorter_than_announced(server: RunningServer) -> None:
    """Nobody can tell it from one that is still on its way, until the caller hangs up."""
    with connected(server) as connection:
        send(connection, BODY, f"Content-Length: {len(BODY) + 100}")
        answers(server)
        end_sending(connection)
        assert b" 200 " not in read_all(connection)


def test_a_body_that_is_longer_than_announced(server: RunningServer) -> None:
    """What is too much is read as the next request, which it is not."""
    with connected(server) as connection:
        send(connection, BODY, "Content-Length: 10")
        assert read_all(connection).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("length", ["-1", "ten", "1e3", "0x10", "99999999999999999999999999"])
def test_lengths_that_are_none(server: RunningServer, length: str) -> None:
    with connected(server) as connection:
        send(connection, BODY, f"Content-Length: {length}")
        assert read_all(connection)[9:12] in (b"400", b"413")


@pytest.mark.parametrize(
    "headers",
    [
        ["Content-Length: 5", f"Content-Length: {len(BODY)}"],
        [f"Content-Length: {len(BODY)}", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked"],
        ["No colon"],
        ["X: \0"],
        ["X" * 10**6 + ": 1"],
    ],
    ids=lambda headers: headers[-1][:20],
)
def test_heads_that_are_no_http(server: RunningServer, headers: list[str]) -> None:
    with connected(server) as connection:
        try:
            send(connection, BODY, *headers)
            end_sending(connection)
            received = read_all(connection)
        except ConnectionError:  # it hung up on what it did not want to read
            received = b""
        assert b" 200 " not in received
        assert b" 500 " not in received


@pytest.mark.parametrize("line", ["nonsense", "POST", f"POST {PATH} HTTP/9.9", f"\0 {PATH} HTTP/1.1"])
def test_lines_that_are_no_request(server: RunningServer, line: str) -> None:
    with connected(server) as connection:
        send(connection, b"", line=line)
        end_sending(connection)
        assert read_all(connection)[:12] in (b"", b"HTTP/1.1 400")


def test_a_body_in_chunks(server: RunningServer) -> None:
    pieces = [BODY[start : start + 7] for start in range(0, len(BODY), 7)]
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    with connected(server) as connection:
        send(connection, body, "Transfer-Encoding: chunked", "Connection: close")
        assert read_all(connection).startswith(b"HTTP/1.1 200 ")


def test_a_caller_that_goes_away_in_the_middle_of_its_body(server: RunningServer) -> None:
    for _ in range(20):
        with connected(server) as connection:
            send(connection, BODY[:100], f"Content-Length: {len(BODY)}")
            linger = np.int32([1, 0]).tobytes()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)  # closing it resets the connection


def test_a_caller_that_goes_away_before_its_answer(server: RunningServer) -> None:
    for _ in range(20):
        with connected(server) as connection:
            send(connection, BODY, f"Content-Length: {len(BODY)}")


@pytest.mark.parametrize(
    ("length", "words"),
    [
        ("abc", "Unable to parse Inference-Header-Content-Length, got: abc"),
        ("-1", "Unable to parse Inference-Header-Content-Length, got: -1"),
        ("1.0", "Unable to parse"),
        ("1" * 100, "Unable to parse"),
        ("999999", "inference header size should be in range"),
        (str(len(BODY) - 1), "failed to parse the request JSON buffer"),
        ("0", "Raw request must only have 1 input (found 1) to be deduced but got 2 inputs in 'simple'"),
    ],
)
def test_lengths_of_the_json_that_are_not_so(server: RunningServer, length: str, words: str) -> None:
    reply = httpx.post(server.url + PATH, content=BODY, headers={LENGTH: length})
    assert (reply.status_code, words in reply.json()["error"]) == (400, True), reply.text


def binary(size: int, data: bytes) -> tuple[bytes, dict[str, str]]:
    tensor = {"name": "IN", "datatype": "INT32", "shape": [1, 4], "parameters": {"binary_data_size": size}}
    header = json.dumps({"inputs": [tensor]}).encode()
    return header + data, {LENGTH: str(len(header))}


@pytest.mark.parametrize(
    ("size", "count", "words"),
    [
        (16, 15, "unexpected size for input 'IN', expecting 1 additional bytes"),
        (16, 0, "unexpected size for input 'IN', expecting 16 additional bytes"),
        (16, 17, "unexpected additional input data"),
        (15, 15, "input byte size mismatch for input 'IN'"),
        (2**62, 16, "unexpected size for input 'IN'"),
        (0, 16, "IN"),
    ],
)
def test_binary_sizes_that_are_not_so(server: RunningServer, size: int, count: int, words: str) -> None:
    body, headers = binary(size, bytes(count))
    reply = httpx.post(f"{server.url}/v2/models/identity_int32/infer", content=body, headers=headers)
    assert (reply.status_code, words in reply.json()["error"]) == (400, True), reply.text


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x05\0\0\0ab", "incomplete string data for inference input 'IN'"),
        (b"\x01\0\0\0ab", "incomplete string length indicator"),
        (b"\0\0\0\0\0\0\0\0", "expected 1 string elements for inference input 'IN', got 2"),
        (b"\xff\xff\xff\xff", "incomplete string data"),
        (b"", "expected 1 string elements"),
    ],
)
def test_text_whose_lengths_are_not_so(server: RunningServer, data: bytes, words: str) -> None:
    tensor = {"name": "IN", "datatype": "BYTES", "shape": [1, 1], "parameters": {"binary_data_size": len(data)}}
    header = json.dumps({"inputs": [tensor]}).encode()
    headers = {LENGTH: str(len(header))}
    reply = httpx.post(f"{server.url}/v2/models/identity_bytes/infer", content=header + data, headers=headers)
    assert (reply.status_code, words in reply.json()["error"]) == (400, True), reply.text


@pytest.mark.parametrize(
    ("model", "body", "status"),
    [
        ("identity_int32", bytes(16), 200),
        ("identity_int32", bytes(15), 400),
        ("identity_fp16", bytes(4), 200),
        ("identity_bytes", b"text", 200),
        ("densenet_onnx", bytes(3 * 224 * 224 * 4), 200),
        ("densenet_onnx", bytes(100), 400),
        ("simple", bytes(128), 400),
    ],
)
def test_a_body_that_is_nothing_but_a_tensor(server: RunningServer, model: str, body: bytes, status: int) -> None:
    reply = httpx.post(f"{server.url}/v2/models/{model}/infer", content=body, headers={LENGTH: "0"})
    assert reply.status_code == status, reply.text


@pytest.mark.parametrize(
    ("coding", "body", "status"),
    [
        ("gzip", gzip.compress(BODY), 200),
        ("deflate", zlib.compress(BODY), 200),
        ("gzip", BODY, 400),
        ("gzip", gzip.compress(BODY)[:-9], 400),
        ("gzip", zlib.compress(BODY), 400),
        ("deflate", gzip.compress(BODY), 400),
        ("br", BODY, 501),
        ("gzip, gzip", BODY, 501),
        ("gzip", gzip.compress(bytes(65 * 1024 * 1024), 9), 413),
        ("gzip", b"", 400),
    ],
    ids=lambda value: str(value)[:20],
)
def test_encodings_that_are_not_so(server: RunningServer, coding: str, body: bytes, status: int) -> None:
    reply = httpx.post(server.url + PATH, content=body, headers={"Content-Encoding": coding}, timeout=30)
    assert reply.status_code == status, reply.text


@pytest.mark.parametrize(
    "path",
    [
        "/v2/models/mock_llm/generate",
        "/v2/models/mock_llm/generate_stream",
        "/v2/repository/index",
        "/v2/repository/models/simple/load",
        "/v2/repository/models/simple/unload",
        "/v2/systemsharedmemory/region/mine/register",
        "/v2/trace/setting",
        "/v2/models/simple/trace/setting",
        "/v2/logging",
    ],
)
def test_only_infer_takes_encodings(server: RunningServer, path: str) -> None:
    reply = httpx.post(server.url + path, content=gzip.compress(b"{}"), headers={"Content-Encoding": "gzip"})
    assert reply.status_code == 400
    assert reply.json() == {"error": "Unsupported content-encoding, only 'identity' is supported."}


@pytest.mark.parametrize("accepted", ["gzip;q=x", "*;q=0", ";", ",,,", "gzip;q=" + "9" * 1000, "x" * 10_000])
def test_accepted_encodings_that_are_none(server: RunningServer, accepted: str) -> None:
    row = {"name": "IN", "datatype": "INT32", "shape": [1, 4096], "data": [0] * 4096}
    headers = {"Accept-Encoding": accepted}
    reply = httpx.post(f"{server.url}/v2/models/identity_int32/infer", json={"inputs": [row]}, headers=headers)
    assert reply.status_code == 200


def test_a_body_that_is_too_large(server: RunningServer) -> None:
    with connected(server) as connection:
        send(connection, b"", f"Content-Length: {2**40}")
        assert read_all(connection).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_the_content_type_is_no_matter(server: RunningServer, content_type: str) -> None:
    reply = httpx.post(server.url + PATH, content=BODY, headers={"Content-Type": content_type})
    assert reply.status_code == 200


@pytest.mark.parametrize("name", ["..", "%2e%2e", "a%2fb", "%00", "%ff", "%F0%9F%98%80", "a" * 5000, "a b", "'", "<x>"])
@pytest.mark.parametrize("suffix", ["", "/config", "/stats", "/ready", "/infer", "/generate", "/trace/setting"])
def test_names_that_no_model_has(server: RunningServer, name: str, suffix: str) -> None:
    method = "POST" if suffix in ("/infer", "/generate") else "GET"
    with connected(server) as connection:
        send(
            connection,
            b"",
            "Connection: close",
            line=f"{method} /v2/models/{name.replace(' ', '%20')}{suffix} HTTP/1.1",
        )
        received = read_all(connection)
        assert received[9:12] in (b"400", b"404"), received
        assert b'{"error":' in received


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/models/simple/infer", 405),
        ("PUT", "/v2/models/simple/infer", 405),
        ("POST", "/v2/models/simple", 405),
        ("POST", "/v2/health/live", 405),
        ("GET", "/v2/repository/index", 405),
        ("DELETE", "/v2/logging", 405),
        ("GET", "/v2/", 404),
        ("GET", "/v2/models/simple/", 404),
        ("GET", "/v2/nope", 404),
        ("GET", "/v3", 404),
        ("POST", "/v2/models/simple/versions/one/infer", 404),
        ("GET", "/v2/models/simple/versions/1x", 404),
        ("GET", "/v2/models/simple/versions/-1", 404),
        ("GET", "/v2/models/simple/versions/1/trace/setting", 404),
    ],
)
def test_wrong_paths_and_methods(server: RunningServer, method: str, path: str, status: int) -> None:
    reply = httpx.request(method, server.url + path)
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/json"
    assert reply.json().keys() == {"error"}
