"""HTTP in processes of its own, seen from outside: two answer what one does, and whoever ends leaves nothing behind."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest
import tritonclient.http as httpclient

from serving.gateways.gateways import GatewaysFailed, check_platform
from serving.listening import PortTaken
from tests import python_models, shared_files, tiny_models
from tests.running_server import RunningServer, running, until
from tests.serving.transports.http.test_connection import BODY, LENGTH, POST, UPGRADE, read_all
from tests.serving.transports.http.test_fast_path import ROW, SLOW, connected, message, replies, tensor_of
from tests.slipway_command import ROOT, serving, slipway, url_in

LAST = b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
LARGEST = 4 * 1024 * 1024
LARGE = np.arange(200_000, dtype=np.float32).reshape(1, -1)
IDENTITY = {"path": "/v2/models/identity_fp32/infer", "name": "in"}


def get(path: str, method: str = "GET", extra: bytes = b"") -> bytes:
    return b"%s %s HTTP/1.1\r\nHost: x\r\n%s\r\n" % (method.encode(), path.encode(), extra)


def post(path: str, body: bytes, extra: bytes = b"") -> bytes:
    return get(path, "POST", b"Content-Length: %d\r\n%s" % (len(body), extra)) + body


PROMPT = json.dumps({"PROMPT": "hello", "STREAM": True, "REPETITION": 3}).encode()
REQUESTS = {
    "binary": message(ROW),
    "version": message(ROW, path="/v2/models/double/versions/1/infer"),
    "id": message(ROW, id="seven"),
    "large": message(LARGE, **IDENTITY),
    "larger than accepted": message(np.ones((1, LARGEST // 4), np.float32), **IDENTITY),
    "binary in, JSON out": message(ROW, parameters={}),
    "large in, JSON out": message(LARGE[:, :30_000], parameters={}, **IDENTITY),
    "no such model": message(ROW, path="/v2/models/nope/infer"),
    "no such version": message(ROW, path="/v2/models/double/versions/9/infer"),
    "wrong shape": message(LARGE),
    "JSON": POST + LENGTH + b"\r\n" + BODY,
    "JSON, to upgrade": POST + LENGTH + UPGRADE + b"\r\n" + BODY,
    "JSON in chunks": POST + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY),
    "JSON, compressed reply": POST + LENGTH + b"Accept-Encoding: gzip\r\n\r\n" + BODY,
    "JSON that is none": post("/v2/models/double/infer", b"{"),
    "after a hundred": POST + LENGTH + b"Expect: 100-continue\r\n\r\n" + BODY,
    "refused before a hundred": post("/v2/models/mock_llm/infer", BODY, b"Expect: 100-continue\r\n"),
    "to a stream": post("/v2/models/mock_llm/generate_stream", PROMPT),
    "to one reply": post("/v2/models/mock_llm/generate", b'{"PROMPT":"hello","STREAM":false}'),
    "index": post("/v2/repository/index", b""),
    "metadata": get("/v2/models/double"),
    "live": get("/v2/health/live"),
    "head": get("/v2/health/ready", "HEAD"),
    "ready": get("/v2/models/nope/ready"),
    "no such page": get("/nope?a=b"),
    "no such method": get("/v2/models/double/infer", "DELETE"),
    "API": get("/openapi.json"),
    "web page": get("/"),
    "a file of it": get("/page/main.js"),
    "HTTP/1.0": b"GET /v2/models/double HTTP/1.0\r\n\r\n",
    "no HTTP": b"\x16\x03\x01\x02\x00",
    "a proxy": b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n",
    "endless head": get("/", extra=b"X-Large: ".ljust(65536, b"a")),
    "many at once": message(ROW) + get("/v2/models/double") + message(2 * ROW, extra=SLOW) + message(LARGE, **IDENTITY),
}


@pytest.fixture(scope="module")
def root(tiny_repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("gateways")
    for name in ("double", "identity_fp32"):
        (root / name).symlink_to(tiny_repository / name)
    python_models.add_mock_llm(root)
    python_models.add_endless_tokens(root)
    wait = "dynamic_batching { max_queue_delay_microseconds: 600000000 }"
    tiny_models.add_double(root, "held_back", extra=wait)
    return root


@pytest.fixture(scope="module")
def alone(root: Path) -> Iterator[RunningServer]:
    with running(root, max_body_size=LARGEST) as server:
        yield server


@pytest.fixture(scope="module")
def shared(root: Path) -> Iterator[RunningServer]:
    with running(root, max_body_size=LARGEST, http_workers=2, header_timeout=1.0) as server:
        yield server


def gateways(port: int, of: int | None = None) -> list[psutil.Process]:
    """That listen on the port."""
    return [child for child in psutil.Process(of).children() if on_port(child, port, psutil.CONN_LISTEN)]


def on_port(process: psutil.Process, port: int, status: str) -> int:
    """How many connections of its there are."""
    return sum((each.laddr.port, each.status) == (port, status) for each in process.net_connections("tcp"))


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_what_is_answered_is_the_same(alone: RunningServer, shared: RunningServer, request_: bytes) -> None:
    found = []
    for server in (alone, shared):
        with connected(server) as connection:
            with suppress(ConnectionError):  # what refuses a head hangs up
                connection.sendall(request_ + LAST)
            found.append(re.sub(rb"date: .*?\r\n", b"", read_all(connection)))
    assert found[0] == found[1]
    assert found[0].startswith(b"HTTP/1.1 ")


@pytest.mark.parametrize("count", [1, 20_000, 1_000_000], ids="{} numbers".format)
def test_tritons_client_works_as_it_is(shared: RunningServer, count: int) -> None:
    rows = np.arange(count, dtype=np.float32).reshape(1, -1)
    tensor = httpclient.InferInput("in", rows.shape, "FP32").set_data_from_numpy(rows)
    with httpclient.InferenceServerClient(shared.address, concurrency=4) as client:
        asked = [client.async_infer("identity_fp32", [tensor]) for _ in range(8)]
        for each in asked:
            np.testing.assert_array_equal(each.get_result().as_numpy("out"), rows)


def test_connections_are_shared_out(shared: RunningServer) -> None:
    with ExitStack() as connections:
        for _ in range(64):
            connections.enter_context(connected(shared))
        port = shared.http_port

        def counts() -> list[int]:
            return [on_port(gateway, port, psutil.CONN_ESTABLISHED) for gateway in gateways(port)]

        until(lambda: sum(counts()) >= 64)
        assert min(counts()) > 0


def test_metrics_tell_of_them(shared: RunningServer, alone: RunningServer) -> None:
    assert shared.metric("slipway_http_workers") == 2
    assert shared.metric("slipway_http_worker_restarts_total") == 0
    assert alone.metric("slipway_http_workers") is None


HELD_BACK = "/v2/models/held_back/infer"


@pytest.mark.parametrize("extra", [b"", SLOW], ids=["fast", "slow"])
def test_who_hangs_up_frees_a_place_and_is_no_failure_of_the_server(shared: RunningServer, extra: bytes) -> None:
    failures = shared.metric('slipway_http_replies_total{code="503"}')
    left = shared.metric('slipway_http_replies_total{code="400"}') or 0
    with connected(shared) as connection:
        connection.sendall(message(ROW, path=HELD_BACK, extra=extra))
        shared.wait_for_pending("held_back", 1)
    shared.wait_for_pending("held_back", 0)
    until(lambda: shared.metric('slipway_http_replies_total{code="400"}') == left + 1)
    assert shared.metric('slipway_http_replies_total{code="503"}') == failures


def test_who_hangs_up_on_a_stream_ends_it(shared: RunningServer, root: Path) -> None:
    closed = root / "endless_tokens" / "1" / "closed"
    body = b'{"START":0}'
    with connected(shared) as connection:
        connection.sendall(post("/v2/models/endless_tokens/generate_stream", body))
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    until(closed.exists)


@pytest.mark.parametrize("size", [10, 1_000_000])
def test_who_hangs_up_in_a_body_harms_nobody(shared: RunningServer, size: int) -> None:
    rows = np.ones((1, size), np.float32)
    for _ in range(3):
        with connected(shared) as connection:
            connection.sendall(message(rows, **IDENTITY)[:-3])
    with connected(shared) as connection:
        connection.sendall(message(rows, **IDENTITY))
        assert tensor_of(replies(connection, 1)[0])[-1] == 1


def test_one_that_is_killed_takes_its_own_requests_with_it_and_is_back(root: Path) -> None:
    with running(root, http_workers=2) as server, ExitStack() as stack:
        waiting = [stack.enter_context(connected(server)) for _ in range(7)]
        for connection in waiting:
            connection.sendall(message(ROW, path=HELD_BACK))
        server.wait_for_pending("held_back", 7)
        victim = gateways(server.http_port)[0]
        lost = on_port(victim, server.http_port, psutil.CONN_ESTABLISHED)
        before = descriptors()
        with ThreadPoolExecutor() as pool:
            asking = [pool.submit(ask_until_back, server) for _ in range(4)]
            victim.kill()
            assert sum(each.result() for each in asking) > 0
        server.wait_for_pending("held_back", 7 - lost)
        assert server.metric("slipway_http_workers") == 2
        until(lambda: descriptors() <= before, "its descriptors are closed")


def ask_until_back(server: RunningServer) -> int:
    """How many were answered meanwhile."""
    answered, deadline = 0, time.monotonic() + 30
    while server.metric("slipway_http_worker_restarts_total") != 1 or server.metric("slipway_http_workers") != 2:
        assert time.monotonic() < deadline
        with suppress(ConnectionError, AssertionError), connected(server) as connection:
            connection.sendall(message(ROW))
            assert tensor_of(replies(connection, 1)[0]) == [2, 4, 6, 8]
            answered += 1
    return answered


@pytest.mark.usefixtures("shared")  # what a process opens once is open
def test_a_server_that_stops_answers_what_was_accepted(root: Path) -> None:
    before, in_memory = descriptors(), shared_files.files()
    with ExitStack() as stack:
        with running(root, http_workers=2) as server:
            connections = [stack.enter_context(connected(server)) for _ in range(6)]
            for number, connection in enumerate(connections):
                connection.sendall(message(ROW, path=HELD_BACK, extra=SLOW if number % 2 else b""))
            server.wait_for_pending("held_back", 6)
            children = gateways(server.http_port)
        for connection in connections:
            assert tensor_of(replies(connection, 1)[0]) == [2, 4, 6, 8]
            assert connection.recv(1) == b""
    assert len(children) == 2
    assert not any(child.is_running() for child in children)
    until(lambda: descriptors() <= before)
    shared_files.none_stays(in_memory)


def test_a_head_that_does_not_come_is_told_so(shared: RunningServer) -> None:
    with socket.create_connection(("127.0.0.1", shared.http_port), timeout=30) as connection:
        connection.sendall(POST)
        assert read_all(connection).startswith(b"HTTP/1.1 408")


@pytest.fixture
def process(tiny_repository: Path) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """A server with two gateways as the leader of a process group, and its address."""
    with serving(tiny_repository, "--http-workers", "2") as (process, banner):
        yield process, url_in(banner)


def test_a_signal_to_all_of_them_drains(process: tuple["subprocess.Popen[str]", str]) -> None:
    server, url = process
    children = gateways(httpx.URL(url).port or 0, server.pid)
    with ThreadPoolExecutor() as pool, httpx.Client() as client:
        assert client.get(f"{url}/v2/health/ready").status_code == 200
        loads = [pool.submit(count_refusals, url) for _ in range(4)]
        for child in children:  # as who stops a whole container does
            child.send_signal(signal.SIGTERM)
        os.killpg(server.pid, signal.SIGINT)
        said, _ = server.communicate(timeout=30)
        assert [load.result() for load in loads] == [0] * 4
    assert server.returncode == 0
    assert "every accepted request was answered" in said
    assert len(children) == 2
    assert not any(child.is_running() for child in children)


def count_refusals(url: str) -> int:
    """Of requests that were answered, until nobody listens any more."""
    refusals = 0
    with suppress(httpx.TransportError), httpx.Client() as client:
        while True:
            refusals += client.post(f"{url}/v2/models/double/infer", content=BODY).status_code != 200
    return refusals


def test_a_server_that_is_killed_leaves_no_gateway(process: tuple["subprocess.Popen[str]", str]) -> None:
    server, url = process
    children = gateways(httpx.URL(url).port or 0, server.pid)
    assert len(children) == 2
    server.kill()
    until(lambda: not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_port_is_not_shared_with_another_server(shared: RunningServer, root: Path, workers: int) -> None:
    with (
        pytest.raises(PortTaken, match=f"can't listen on 127.0.0.1:{shared.http_port}"),
        running(root, http_port=shared.http_port, http_workers=workers),
    ):
        pass


@pytest.mark.parametrize("count", ["0", "-1", "two"])
def test_a_count_that_is_none_is_refused(count: str) -> None:
    done = slipway("serve", "--http-workers", count)
    assert done.returncode == 2
    assert "'--http-workers'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("lacks", ["memfd_create", "SO_REUSEPORT"])
def test_where_they_can_not_be_it_is_said(lacks: str) -> None:
    check_platform(dir(os), dir(socket))
    with pytest.raises(GatewaysFailed, match="needs Linux"):
        check_platform(set(dir(os)) - {lacks}, set(dir(socket)) - {lacks})


def test_a_gateway_is_light() -> None:
    heavy = "onnxruntime torch fastapi starlette numpy grpc serving.engine"
    code = (
        f"import sys, serving.gateways.gateway; sys.exit(', '.join(set('{heavy}'.split()) & set(sys.modules)) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
