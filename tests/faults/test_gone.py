"""Callers that are gone, at every byte that they may have sent or read. Rule: nothing of them is left, and the next
one is answered."""

import json
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice

import grpc
import psutil
import pytest

from tests import grpc_client
from tests.faults.trials import Trials
from tests.running_server import RunningServer, until
from tests.serving.transports.http.test_fast_path import ROW, SLOW, as_json, message

CHURN = 2000
FEW = 8
LAST = b"Connection: close\r\n"
RESET = struct.pack("ii", 1, 0)  # closing discards what was not sent, and resets the connection


def post(path: str, **body: object) -> bytes:
    content = json.dumps(body).encode()
    length = b"Host: x\r\nContent-Length: %d\r\n" % len(content)
    return b"POST %s HTTP/1.1\r\n%s\r\n%s" % (path.encode(), length + LAST, content)


REQUESTS = {
    "tensors as JSON": as_json(ROW, extra=LAST),
    "tensors in binary": message(ROW, extra=LAST),
    "tensors, all the way": message(ROW, extra=LAST + SLOW),
    "a stream of events": post("/v2/models/mock_llm/generate_stream", PROMPT="hello", STREAM=True, REPETITION=2),
    "a stream of OpenAI's": post("/v1/completions", model="writer", prompt="the", max_tokens=2, stream=True),
}


COUNTS = (
    "slipway_http_connections",
    "slipway_http_requests_running",
    "slipway_grpc_calls_running",
    "slipway_requests_held_bytes",
    "nv_inference_pending_request_count",
    "vllm:num_requests_running",
    "vllm:num_requests_waiting",
)
"""Of what callers may leave behind, as the server counts it."""


def left(server: RunningServer) -> dict[str, float]:
    """All that is not 0."""
    found: Counter[str] = Counter()
    lines = server.metrics().splitlines()
    assert set(COUNTS) <= {line.split()[2] for line in lines if line.startswith("# TYPE ")}
    for name, _, value in (line.rpartition(" ") for line in lines):
        found[name.partition("{")[0]] += float(value) if name.startswith(COUNTS) else 0
    return {name: value for name, value in found.items() if value}


@pytest.fixture
def nothing_left(server: RunningServer) -> Iterator[None]:
    """Once a test is over all is as it was, but for a few that gRPC's library starts when it is busy."""
    process = psutil.Process()
    until(lambda: not left(server))
    descriptors, threads = process.num_fds() + FEW, process.num_threads() + FEW
    yield
    until(lambda: not left(server), "nobody is there, and nothing of them")
    until(lambda: process.num_fds() <= descriptors, f"{descriptors} descriptors before")
    until(lambda: process.num_threads() <= threads, f"{threads} threads before")


def leave(port: int, sent: bytes, read: int, *, is_reset: bool) -> bytes:
    """After so many bytes, or the last one; which were read."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        if is_reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        connection.sendall(sent)
        came = b""
        while len(came) < read and (part := connection.recv(read - len(came))):
            came += part
        return came


def leave_at_every_byte(port: int, request: bytes, reply: int) -> int:
    """Of the request, and of the reply, which has so many; how often."""
    for count in range(len(request)):
        leave(port, request[:count], 0, is_reset=bool(count % 2))
    for count in range(reply):
        leave(port, request, count, is_reset=bool(count % 2))
    return len(request) + reply


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("what", REQUESTS)
def test_who_is_gone_at_any_byte_leaves_nothing(server: RunningServer, what: str, trials: Trials) -> None:
    request = REQUESTS[what]
    before = leave(server.http_port, request, 10**6, is_reset=False)
    count = leave_at_every_byte(server.http_port, request, len(before))
    after = leave(server.http_port, request, 10**6, is_reset=False)
    assert before.startswith(b"HTTP/1.1 200 OK\r\n")
    assert after.startswith(b"HTTP/1.1 200 OK\r\n")
    trials.note(f"a caller that is gone at each byte, {what}", count, "nothing but its own answer")


def recorded(server: RunningServer) -> tuple[bytes, int]:
    """What a gRPC client sends for one call, and how many bytes it gets."""
    sent, got = bytearray(), bytearray()
    with (
        ThreadPoolExecutor() as pool,
        socket.create_server(("127.0.0.1", 0)) as listening,
        grpc.insecure_channel(f"127.0.0.1:{listening.getsockname()[1]}") as channel,
    ):
        stub = grpc_client.GRPCInferenceServiceStub(channel)
        call = pool.submit(stub.ModelInfer, grpc_client.request("double", x=ROW))
        client, _ = listening.accept()
        with client, socket.create_connection(("127.0.0.1", server.grpc_port)) as behind:
            passing = [pool.submit(pass_on, client, behind, sent), pool.submit(pass_on, behind, client, got)]
            assert grpc_client.output(call.result()) == [2, 4, 6, 8]
            channel.close()
            passing[0].result()
            behind.shutdown(socket.SHUT_RDWR)
            passing[1].result()
    return bytes(sent), len(got)


def pass_on(source: socket.socket, sink: socket.socket, seen: bytearray) -> None:
    while part := source.recv(65536):
        seen += part
        sink.sendall(part)


@pytest.mark.usefixtures("nothing_left")
def test_who_is_gone_at_any_byte_of_grpc_leaves_nothing(server: RunningServer, trials: Trials) -> None:
    count = leave_at_every_byte(server.grpc_port, *recorded(server))
    with grpc_client.stub_of(server) as stub:
        assert grpc_client.output(stub.ModelInfer(grpc_client.request("double", x=ROW))) == [2, 4, 6, 8]
    trials.note("a caller that is gone at each byte, gRPC", count, "nothing but its own answer")


@pytest.mark.usefixtures("nothing_left")
def test_thousands_of_calls_that_are_reset_at_once_leave_nothing(server: RunningServer, trials: Trials) -> None:
    """HTTP/2's rapid reset: streams of one connection, opened and reset."""
    with grpc_client.stub_of(server) as stub:
        request = grpc_client.request("double", x=ROW)
        for _ in range(CHURN):
            stub.ModelInfer.future(request).cancel()
        assert grpc_client.output(stub.ModelInfer(request)) == [2, 4, 6, 8]
    trials.note("gRPC calls that are reset at once", CHURN, "nothing but their own answers")


@pytest.mark.usefixtures("nothing_left")
def test_thousands_that_hang_up_at_once_leave_nothing(server: RunningServer, trials: Trials) -> None:
    """Whole requests of all kinds, eight at a time, whose answers nobody reads, beside one caller who does."""
    over = threading.Event()

    def stay() -> int:
        answered = 0
        while not over.is_set():
            assert leave(server.http_port, REQUESTS["tensors in binary"], 10**6, is_reset=False)
            answered += 1
        return answered

    def go(turn: tuple[int, bytes]) -> None:
        leave(server.http_port, turn[1], 0, is_reset=bool(turn[0] % 3))

    with ThreadPoolExecutor(9) as pool:
        staying = pool.submit(stay)
        list(pool.map(go, enumerate(islice(cycle(REQUESTS.values()), CHURN))))
        over.set()
        assert staying.result() > 0
    trials.note("callers that hang up at once, eight at a time", CHURN, "nothing but their own answers")
