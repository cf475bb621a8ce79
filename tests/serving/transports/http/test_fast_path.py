"""The fast path answers what the documented route answers."""

import asyncio
import json
import re
import socket
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
import uvicorn
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.core.trace_settings import TraceSettings
from serving.engine.dependencies import Dependencies
from serving.engine.engine import Engine
from serving.engine.promotions import Promotions
from serving.engine.registry import ModelRegistry
from serving.engine.repository import ModelRepository
from serving.engine.trace_registry import TraceRegistry
from serving.engine.tracer import Tracer
from serving.transports.busy_poll import BusyPoll
from serving.transports.held_memory import HeldMemory
from serving.transports.http.connection import Connection
from serving.transports.http.fast_path import FastPath, Reply
from serving.transports.http.leaving import Leaving
from serving.transports.http.tensor_request import Target
from serving.transports.http.watch import DEFAULT_LIMITS
from tests import tiny_models
from tests.running_server import RunningServer, running, until

ROW = np.array([[1, 2, 3, 4]], np.float32)
SLOW = b"Content-Encoding: identity\r\n"
"""A header that changes no reply, and is not for the fast path."""


def as_json(
    *arrays: np.ndarray, extra: bytes = b"", path: str = "/v2/models/double/infer", name: str = "x", **document: Any
) -> bytes:
    """The same without binary data."""
    inputs = [{"name": name, "shape": each.shape, "datatype": "FP32", "data": each.tolist()} for each in arrays]
    body = json.dumps({"inputs": inputs, **document}).encode()
    return b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n%s\r\n%s" % (path.encode(), len(body), extra, body)


def message(
    *arrays: np.ndarray, extra: bytes = b"", path: str = "/v2/models/double/infer", name: str = "x", **document: Any
) -> bytes:
    """A whole POST whose inputs are FP32, as binary data; so are the outputs, unless `document` says more."""
    inputs = [
        {
            "name": name,
            "shape": array.shape,
            "datatype": "FP32",
            "parameters": {"binary_data_size": array.nbytes},
        }
        for array in arrays
    ]
    header = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}, **document}).encode()
    body = b"".join([header, *(array.tobytes() for array in arrays)])
    lengths = b"Content-Length: %d\r\nInference-Header-Content-Length: %d\r\n" % (len(body), len(header))
    return b"POST %s HTTP/1.1\r\nHost: x\r\n" % path.encode() + lengths + extra + b"\r\n" + body


@contextmanager
def connected(server: RunningServer) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.http_port), timeout=30) as connection:
        yield connection


def replies(connection: socket.socket, count: int) -> list[bytes]:
    """As they came, without their dates."""
    found, came = [], b""
    while len(found) < count:
        head, separator, rest = came.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"\r\ncontent-length:")[2].split()[0]) if separator else 0
        if separator and len(rest) >= length:
            found.append(re.sub(rb"date: .*?\r\n", b"", head + separator + rest[:length]))
            came = rest[length:]
            continue
        received = connection.recv(65536)
        assert received, f"the connection ended after {came!r}"
        came += received
    return found


def tensor_of(reply: bytes) -> list[float]:
    head, _, body = reply.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    length = int(head.partition(b"inference-header-content-length: ")[2].split()[0])
    return np.frombuffer(body[length:], np.float32).tolist()


LARGE_FLOATS = {"path": "/v2/models/identity_fp32/infer", "name": "in", "arrays": [np.zeros((1, 2000), np.float32)]}
CASES: dict[str, dict[str, Any]] = {
    "one row": {},
    "several rows": {"arrays": [np.ones((5, 4), np.float32)]},
    "version": {"path": "/v2/models/double/versions/1/infer"},
    "id": {"id": "seven"},
    "listed output": {"outputs": [{"name": "y", "parameters": {"binary_data": True}}]},
    "output as JSON": {"outputs": [{"name": "y"}]},
    "outputs as JSON": {"parameters": {}},
    "classes": {"outputs": [{"name": "y", "parameters": {"classification": 2}}]},
    "own parameters": {"parameters": {"binary_data_output": True, "own": 1, "priority": 1, "timeout": 10**7}},
    "no such model": {"path": "/v2/models/nope/infer"},
    "no such version": {"path": "/v2/models/double/versions/9/infer"},
    "no such output": {"outputs": [{"name": "z", "parameters": {"binary_data": True}}]},
    "no such input": {"name": "z"},
    "wrong shape": {"arrays": [np.ones((1, 3), np.float32)]},
    "too many rows": {"arrays": [np.ones((9, 4), np.float32)]},
    "no rows": {"arrays": [np.ones((0, 4), np.float32)]},
    "no inputs": {"arrays": []},
    "same input twice": {"arrays": [ROW, ROW]},
    "reserved parameter": {"parameters": {"triton_x": 1}},
    "shared memory": {"outputs": [{"name": "y", "parameters": {"shared_memory_region": "r"}}]},
    "query": {"path": "/v2/models/double/infer?x=1"},
    "percent": {"path": "/v2/models/do%75ble/infer"},
    "text outputs": {"path": "/v2/models/lookup/infer"},
    "close": {"extra": b"Connection: close\r\n"},
    "two lengths": {"extra": b"Inference-Header-Content-Length: 3\r\n"},
    "several pieces": {**LARGE_FLOATS, "arrays": [np.arange(300_000, dtype=np.float32).reshape(2, -1)]},
    "several pieces, no such input": {"arrays": [np.ones((8, 50_000), np.float32)], "name": "nope"},
    "several pieces, two lengths": {
        **LARGE_FLOATS,
        "arrays": [np.ones((1, 50_000), np.float32)],
        "extra": b"Inference-Header-Content-Length: 3\r\n",
    },
    "JSON": {"make": as_json},
    "JSON, id": {"make": as_json, "id": "seven"},
    "JSON, several rows": {"make": as_json, "arrays": [np.ones((5, 4), np.float32)]},
    "JSON, binary output": {"make": as_json, "parameters": {"binary_data_output": True}},
    "JSON, NaN": {"make": as_json, "arrays": [ROW * np.nan]},
    "JSON, wrong shape": {"make": as_json, "arrays": [np.ones((1, 3), np.float32)]},
    "JSON, half precision": {
        "make": as_json,
        "path": "/v2/models/identity_fp16/infer",
        "name": "in",
        "arrays": [np.ones((1, 4), np.float32)],
    },
    "JSON, no list": {"make": as_json, "inputs": 1},
    "time enough": {"extra": b"X-Request-Timeout-Ms: 60000\r\n"},
    "no time at all": {"extra": b"X-Request-Timeout-Ms: soon\r\n"},
    "two times": {"extra": b"X-Request-Timeout-Ms: 60000\r\nX-Request-Timeout-Ms: 7\r\n"},
    "small for gzip": {"extra": b"Accept-Encoding: gzip\r\n"},
    "large for gzip": {**LARGE_FLOATS, "extra": b"Accept-Encoding: gzip\r\n"},
    "large for deflate, JSON": {**LARGE_FLOATS, "make": as_json, "extra": b"Accept-Encoding: deflate, gzip;q=0.5\r\n"},
    "large for nobody": {**LARGE_FLOATS, "extra": b"Accept-Encoding: br, identity\r\n"},
    "accepted twice": {**LARGE_FLOATS, "extra": b"Accept-Encoding: gzip\r\nAccept-Encoding: deflate\r\n"},
    "expect": {"extra": b"Expect: 200-ok\r\n"},
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_both_ways_answer_the_same(tiny_server: RunningServer, case: dict[str, Any]) -> None:
    case = dict(case)
    arrays, extra = case.pop("arrays", [ROW]), case.pop("extra", b"")
    make = case.pop("make", message)
    fast, slow = make(*arrays, extra=extra, **case), make(*arrays, extra=extra + SLOW, **case)
    found = []
    for request in (fast, slow, fast):  # and once more, with what was remembered
        with connected(tiny_server) as connection:
            connection.sendall(request)
            found += replies(connection, 1)
    assert found[0] == found[1] == found[2]


def test_requests_come_one_after_another_and_change(tiny_server: RunningServer) -> None:
    with connected(tiny_server) as connection:
        for number in range(20):
            connection.sendall(message(ROW + number))
            [reply] = replies(connection, 1)
            assert tensor_of(reply) == (2 * (ROW + number)).ravel().tolist()


def test_a_request_may_come_in_pieces(tiny_server: RunningServer) -> None:
    request = message(ROW)
    with connected(tiny_server) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(request), 7):
            connection.sendall(request[start : start + 7])
        assert tensor_of(replies(connection, 1)[0]) == [2, 4, 6, 8]


def test_head_and_body_may_come_apart_again_and_again(tiny_server: RunningServer) -> None:
    with connected(tiny_server) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in range(5):
            head, end, body = message(ROW + number).partition(b"\r\n\r\n")
            for piece in (head + end, body):
                connection.sendall(piece)
                time.sleep(0.02)  # so that they are not read as one
            assert tensor_of(replies(connection, 1)[0]) == (2 * (ROW + number)).ravel().tolist()


LIVE = b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n"
REQUESTS = {  # and the first number of the tensor that comes back, where one does
    message(ROW): 2.0,
    message(ROW * 5): 10.0,
    message(ROW * 6, id="seven"): 12.0,
    message(ROW * 7, extra=SLOW): 14.0,
    message(np.full((3, 4), 8, np.float32)): 16.0,
    message(ROW, name="nope"): None,
    message(ROW, path="/v2/models/nope/infer"): None,
    b"\r\n" + message(ROW * 9): 18.0,
    LIVE: None,
}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(sorted(REQUESTS)), min_size=1, max_size=8),
    st.lists(st.integers(1, 400), min_size=1, max_size=6),
    st.booleans(),
)
def test_however_the_bytes_are_cut_replies_are_the_same(
    tiny_server: RunningServer, requests: list[bytes], sizes: list[int], waits: bool
) -> None:
    """`waits` for each piece to be read by itself, as far as that can be had."""
    sent, cuts = b"".join(requests), cycle(sizes)
    with connected(tiny_server) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while sent:
            size = next(cuts)
            connection.sendall(sent[:size])
            sent = sent[size:]
            if waits:
                time.sleep(0.001)
        found = replies(connection, len(requests))
    first = [tensor_of(reply)[0] if b"application/octet-stream" in reply else None for reply in found]
    assert first == [REQUESTS[request] for request in requests]
    assert [b"200 OK" in reply for reply in found] == [
        request == LIVE or b"nope" not in request for request in requests
    ]


def test_requests_that_come_at_once_are_answered_in_order(tiny_server: RunningServer) -> None:
    live = b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n"
    with connected(tiny_server) as connection:
        connection.sendall(message(ROW) + live + message(2 * ROW, extra=SLOW) + message(3 * ROW) + message(4 * ROW))
        first, health, *others = replies(connection, 5)
    assert b"200 OK" in health
    assert [tensor_of(reply)[0] for reply in (first, *others)] == [2, 4, 6, 8]


def test_what_follows_a_request_and_is_not_http_is_refused_after_its_reply(tiny_server: RunningServer) -> None:
    with connected(tiny_server) as connection:
        connection.sendall(message(ROW) + b"\0\0\0\r\n\r\n")
        assert tensor_of(replies(connection, 1)[0]) == [2, 4, 6, 8]
        assert connection.recv(65536) == b""


@pytest.fixture(scope="module")
def held_back(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that waits for 8 rows, or a minute, and whose queue has room for 2 requests."""
    root = tmp_path_factory.mktemp("held_back")
    wait = "dynamic_batching { max_queue_delay_microseconds: 60000000 default_queue_policy { max_queue_size: 2 } }"
    tiny_models.add_double(root, extra=wait)
    return root


def test_a_full_queue_is_told_at_once(held_back: Path) -> None:
    with running(held_back) as server, connected(server) as first, connected(server) as second:
        first.sendall(message(ROW))
        second.sendall(message(ROW))
        server.wait_for_pending("double", 2)
        found = []
        for extra in (b"", SLOW):
            with connected(server) as third:
                third.sendall(message(ROW, extra=extra))
                found += replies(third, 1)
        assert found[0] == found[1]
        assert found[0].startswith(b"HTTP/1.1 503")
        assert b"retry-after" in found[0]
        assert server.metric('nv_inference_request_failure{model="double",reason="REJECTED",version="1"}') == 2


def test_who_hangs_up_frees_a_place_and_is_no_failure_of_the_server(held_back: Path) -> None:
    with running(held_back) as server:
        for extra in (b"", SLOW):
            with connected(server) as connection:
                connection.sendall(message(ROW, extra=extra))
                server.wait_for_pending("double", 1)
            server.wait_for_pending("double", 0)
        cancelled = 'nv_inference_request_failure{model="double",reason="CANCELED",version="1"}'
        until(lambda: server.metric(cancelled) == 2)
        until(lambda: server.metric('slipway_http_replies_total{code="400"}') == 2)
        assert server.metric('slipway_http_replies_total{code="503"}') == 0


def test_a_request_whose_time_is_over_is_told(held_back: Path) -> None:
    with running(held_back) as server, connected(server) as connection:
        parameters = {"binary_data_output": True, "timeout": 1000}
        connection.sendall(message(ROW, parameters=parameters))
        [fast] = replies(connection, 1)
        connection.sendall(message(ROW, extra=SLOW, parameters=parameters))
        [slow] = replies(connection, 1)
        connection.sendall(message(ROW, extra=b"X-Request-Timeout-Ms: 1\r\n"))
        [header] = replies(connection, 1)
    assert fast == slow == header
    assert b"Request timeout expired" in fast


def test_a_server_that_stops_answers_what_waits(held_back: Path) -> None:
    with running(held_back) as server:
        connection = socket.create_connection(("127.0.0.1", server.http_port), timeout=30)
        connection.sendall(message(ROW))
        server.wait_for_pending("double", 1)
    [answer] = replies(connection, 1)
    assert tensor_of(answer) == [2, 4, 6, 8]
    assert connection.recv(1) == b""
    connection.close()


def test_a_server_that_stops_waits_for_a_body_that_has_begun(held_back: Path) -> None:
    request = message(ROW, name="nope")
    with ThreadPoolExecutor() as threads:
        with running(held_back) as server:
            connection = socket.create_connection(("127.0.0.1", server.http_port), timeout=30)
            connection.sendall(request[:-3])
            with connected(server) as other:  # which is read after the first one's part
                other.sendall(message(ROW, name="nope"))
                replies(other, 1)
            threads.submit(lambda: (until(lambda: not is_listening(server)), connection.sendall(request[-3:])))
        [answer] = replies(connection, 1)
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"connection: close" in answer
    connection.close()


def is_listening(server: RunningServer) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", server.http_port)) == 0


def test_what_takes_longer_than_the_server_has_to_stop_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "endless"
    (folder / "1").mkdir(parents=True)
    (folder / "config.pbtxt").write_text("""backend: "python" max_batch_size: 8
    input { name: "x" data_type: TYPE_FP32 dims: 4 } output { name: "y" data_type: TYPE_FP32 dims: 4 }""")
    (folder / "1" / "model.py").write_text(UNTIL_END)

    def read_and_end(connection: socket.socket) -> bytes:
        [reply] = replies(connection, 1)
        (folder / "end").touch()  # while the server still waits for its models
        return reply

    with ThreadPoolExecutor() as threads:
        with running(tmp_path, shutdown_timeout=1) as server:
            connection = socket.create_connection(("127.0.0.1", server.http_port), timeout=30)
            connection.sendall(message(ROW, path="/v2/models/endless/infer"))
            until((folder / "runs").exists)
            reply = threads.submit(read_and_end, connection)
        answer = reply.result()
    assert answer.startswith(b"HTTP/1.1 503")
    assert b"Server exiting" in answer
    connection.close()


UNTIL_END = """
import pathlib, time
folder = pathlib.Path(__file__).parents[1]
class Model:
    def execute(self, request):
        (folder / "runs").touch()
        while not (folder / "end").exists():
            time.sleep(0.01)
        return {"y": request["x"]}
"""


def test_the_limit_of_bodies_holds(tiny_repository: Path) -> None:
    with running(tiny_repository, max_body_size=100) as server:
        for extra in (b"", SLOW):
            with connected(server) as connection:
                connection.sendall(message(ROW, extra=extra))
                assert replies(connection, 1)[0].startswith(b"HTTP/1.1 413")


@pytest_asyncio.fixture
async def fast_path(tmp_path: Path) -> AsyncIterator[FastPath]:
    tiny_models.add_double(tmp_path)
    registry = ModelRegistry(ModelRepository(tmp_path), asyncio.get_running_loop())
    await asyncio.to_thread(registry.load, "double")
    untraced = Tracer(TraceRegistry(TraceSettings()), None)
    yield FastPath(Engine(registry, Dependencies(registry), Promotions(registry, print), untraced), 10**6, HeldMemory())
    assert await asyncio.to_thread(registry.close, 10)


def head_and_body(request: bytes) -> tuple[list[tuple[bytes, bytes]], bytes]:
    head, _, body = request.partition(b"\r\n\r\n")
    headers = [line.partition(b": ")[::2] for line in head.split(b"\r\n")[1:]]
    return [(name.lower(), value) for name, value in headers], body


async def test_the_usual_request_goes_this_way(fast_path: FastPath) -> None:
    headers, body = head_and_body(message(ROW))
    target = fast_path.target(b"POST", b"/v2/models/double/infer", headers)
    assert target is not None
    sent: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    answer = fast_path.ask(target, body, lambda *reply: sent.set_result(reply))
    assert isinstance(answer, Reply)
    assert not answer.done()
    status, _, pieces = await sent
    assert answer.done()
    assert status == 200
    assert np.frombuffer(bytes(pieces[-1]), np.float32).tolist() == [2, 4, 6, 8]


async def test_a_body_that_there_is_no_memory_for_takes_the_other_way(fast_path: FastPath) -> None:
    assert fast_path.body(Target("/v2/models/double/infer", "double", "", 100, 1 << 60)) is None


async def test_a_connection_that_is_idle_is_closed_and_one_in_use_is_not(fast_path: FastPath) -> None:
    protocol: Any = partial(
        Connection, fast_path=fast_path, busy_poll=BusyPoll(), leaving=Leaving(), limits=DEFAULT_LIMITS
    )
    server = uvicorn.Server(
        uvicorn.Config(FastAPI(), http=protocol, lifespan="off", log_config=None, timeout_keep_alive=2)
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = asyncio.create_task(server.serve([listening]))
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        for _ in range(4):  # longer than an idle one would stay
            writer.write(message(ROW))
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.partition(b"\r\ncontent-length: ")[2].split()[0]))
            await asyncio.sleep(0.7)
        assert await reader.read() == b""
        writer.close()
        server.should_exit = True
        await serving


@pytest.mark.parametrize(
    ("method", "url", "changed"),
    [
        (b"GET", b"/v2/models/double/infer", {}),
        (b"POST", b"/v2/models/double/ready", {}),
        (b"POST", b"/v2/models/double/infer", {b"inference-header-content-length": b"0"}),
        (b"POST", b"/v2/models/double/infer", {b"inference-header-content-length": b"-1"}),
        (b"POST", b"/v2/models/double/infer", {b"inference-header-content-length": b"1" * 5000}),
        (b"POST", b"/v2/models/double/infer", {b"inference-header-content-length": b"9999"}),
        (b"POST", b"/v2/models/double/infer", {b"content-length": b"1000001"}),
        (b"POST", b"/v2/models/double/infer", {b"transfer-encoding": b"chunked"}),
        (b"POST", b"/v2/models/double/infer", {b"content-encoding": b"gzip"}),
    ],
)
async def test_what_is_unusual_does_not(
    fast_path: FastPath, method: bytes, url: bytes, changed: dict[bytes, bytes]
) -> None:
    headers, _ = head_and_body(message(ROW))
    assert fast_path.target(method, url, list(({**dict(headers), **changed}).items())) is None
