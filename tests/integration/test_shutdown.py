"""A server that is told to stop: who routes to it is told first, who could reach it is answered."""

import asyncio
import json
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

import grpc
import httpx
import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.grpc.aio
import tritonclient.http
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tritonclient.utils import InferenceServerException

from tests import grpc_client, tiny_models
from tests.running_server import RunningServer, running, until
from tests.slipway_command import serving, url_in

ROW = [[1.0, 2.0, 3.0, 4.0]]
BODY = json.dumps({"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": ROW}]}).encode()
INFER = b"POST /v2/models/double/infer HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s" % (len(BODY), BODY)
MODELS = b"GET /v2/models/double HTTP/1.1\r\nhost: x\r\n\r\n"
LAST = b"connection: close"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models")
    tiny_models.add_double(root)
    return root


@pytest.fixture(scope="module", params=[1, 2], ids=["one process", "gateways"])
def lame(root: Path, request: pytest.FixtureRequest) -> Iterator[tuple[RunningServer, list[socket.socket]]]:
    """A server that was told to stop, with notice, and connections that were made before."""
    with running(root, http_workers=request.param, lame_duck_secs=600) as server, ExitStack() as stack:
        connections = [stack.enter_context(connected(server)) for _ in range(4)]
        for connection in connections:
            connection.sendall(MODELS)
            assert LAST not in replied(connection)
        server.loop.call_soon_threadsafe(server.stop.asked.set)
        until(lambda: httpx.get(f"{server.url}/v2/health/ready").status_code == 503)
        yield server, connections


def connected(server: RunningServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.http_port), timeout=30)


def replied(connection: socket.socket) -> bytes:
    """What comes of a reply that is one packet."""
    return connection.recv(65536)


def test_a_lame_duck_is_not_ready_but_answers(lame: tuple[RunningServer, list[socket.socket]]) -> None:
    server, _ = lame
    with httpx.Client(base_url=server.url) as client, grpc_client.channel_to(server) as channel:
        assert client.get("/v2/health/live").status_code == 200
        assert client.get("/v2/models/double/ready").status_code == 200
        assert client.post("/v2/models/double/infer", content=BODY).json()["outputs"][0]["data"] == [2, 4, 6, 8]
        check = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        assert check.status == health_pb2.HealthCheckResponse.NOT_SERVING
    with grpc_client.stub_of(server) as stub:
        assert not stub.ServerReady(grpc_client.messages.ServerReadyRequest()).ready
        assert stub.ServerLive(grpc_client.messages.ServerLiveRequest()).live
        assert stub.ModelInfer(grpc_client.request("double", x=ROW)).raw_output_contents


def test_its_answers_say_that_the_connection_ends(lame: tuple[RunningServer, list[socket.socket]]) -> None:
    _, (first, second, *_) = lame
    for connection, request in ((first, INFER), (second, MODELS)):
        connection.sendall(request)
        reply = replied(connection)
        assert (reply.startswith(b"HTTP/1.1 200"), LAST in reply) == (True, True)
        assert connection.recv(1) == b""


def test_a_connection_with_another_request_on_its_way_is_kept(lame: tuple[RunningServer, list[socket.socket]]) -> None:
    _, (*_, first, second) = lame
    for connection, request in ((first, INFER), (second, MODELS)):
        connection.sendall(request * 5)
        replies = b""
        while replies.count(b"HTTP/1.1 200") < 5 or not replies.endswith(b"}"):
            data = connection.recv(65536)
            assert data, replies
            replies += data


def test_grpcs_clients_are_told_to_connect_anew_and_answered_nevertheless(root: Path) -> None:
    states: list[grpc.ChannelConnectivity] = []
    with running(root, lame_duck_secs=600) as server, grpc_client.channel_to(server) as channel:
        channel.subscribe(states.append, try_to_connect=True)
        until(lambda: states[-1:] == [grpc.ChannelConnectivity.READY])
        server.loop.call_soon_threadsafe(server.stop.asked.set)
        until(lambda: states[-1] is grpc.ChannelConnectivity.IDLE)
        check = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        assert check.status == health_pb2.HealthCheckResponse.NOT_SERVING
        until(lambda: states[-1] is grpc.ChannelConnectivity.READY)
        server.loop.call_soon_threadsafe(server.stop.now)


@pytest.mark.parametrize("workers", [1, 2])
def test_connections_that_have_not_asked_yet_are_answered_by_a_server_that_stops(root: Path, workers: int) -> None:
    with ExitStack() as stack:
        with running(root, http_workers=workers) as server:
            connections = [stack.enter_context(connected(server)) for _ in range(20)]
            server.loop.call_soon_threadsafe(server.stop.now)
            until(lambda: is_refused(server), "it listens no more")
            for connection in connections:
                connection.sendall(INFER)
        for connection in connections:
            reply = replied(connection)
            assert (reply.startswith(b"HTTP/1.1 200"), LAST in reply) == (True, True)


def is_refused(server: RunningServer) -> bool:
    try:
        connected(server).close()
    except ConnectionRefusedError:
        return True
    return False


def test_whoever_asks_through_a_stop_is_answered_until_nobody_is_there(root: Path) -> None:
    """Connections are made anew now and then by gRPC, which costs no call either."""
    with (
        serving(
            root, SLIPWAY_LAME_DUCK_SECS="0.4", SLIPWAY_GRPC_MAX_CONNECTION_AGE_SECS="0.2", SLIPWAY_AUTO_TUNE_SECS="0"
        ) as (process, banner),
        ThreadPoolExecutor() as pool,
    ):
        url, address = url_in(banner), banner.partition("gRPC")[2].split()[0]
        asking = [pool.submit(ask_http, url), pool.submit(ask_triton_http, url), pool.submit(ask_triton_grpc, address)]
        asking.append(pool.submit(asyncio.run, ask_triton_grpc_aio(address)))
        time.sleep(0.6)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert {each.result() for each in asking} == {"refused", "StatusCode.UNAVAILABLE"}


def ask_http(url: str) -> str:
    with httpx.Client(base_url=url) as client:
        while True:
            try:
                assert client.post("/v2/models/double/infer", content=BODY).json()["outputs"][0]["data"] == [2, 4, 6, 8]
            except httpx.ConnectError:
                return "refused"


def ask_triton_http(url: str) -> str:
    client = tritonclient.http.InferenceServerClient(url.partition("://")[2])
    while True:
        try:
            client.infer("double", [row(tritonclient.http)])
        except ConnectionRefusedError:
            return "refused"


def ask_triton_grpc(address: str) -> str:
    with tritonclient.grpc.InferenceServerClient(address) as client:
        while True:
            try:
                client.infer("double", [row(tritonclient.grpc)])
            except InferenceServerException as error:
                return str(error.status())


async def ask_triton_grpc_aio(address: str) -> str:
    """Many calls at once, of which the server has always some that it has not looked at."""

    async def ask() -> str:
        while True:
            try:
                await client.infer("double", [row(tritonclient.grpc)])
            except InferenceServerException as error:
                return str(error.status())

    async with tritonclient.grpc.aio.InferenceServerClient(address) as client:
        statuses = set(await asyncio.gather(*(ask() for _ in range(20))))
    assert len(statuses) == 1, statuses
    return statuses.pop()


def row(protocol: ModuleType) -> Any:
    tensor = protocol.InferInput("x", [1, 4], "FP32")
    tensor.set_data_from_numpy(np.array(ROW, np.float32))
    return tensor
