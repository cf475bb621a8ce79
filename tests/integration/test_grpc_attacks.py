"""Attacks on a real server's gRPC port. Rule: one server for all, and each attack leaves a neighbour its answers."""

import gc
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import grpc
import numpy as np
import pytest
from tritonclient.grpc.service_pb2 import ModelInferRequest
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceStub

from serving.protocols.grpc_wire import prefixed
from serving.protocols.http2.frames import (
    END_HEADERS,
    END_STREAM,
    PREFACE,
    Kind,
    Setting,
    frame,
    rst_stream,
    settings,
    window_update,
)
from serving.protocols.http2.heads import written
from serving.transports.grpc.call import Call
from tests import python_models, tiny_models
from tests.running_server import RunningServer, running, until

SERVICE = b"/inference.GRPCInferenceService/"
HELD, PATIENCE = 20_000_000, 10.0
IDENTITY = """
class Model:
    def execute(self, request):
        return {"y": request.inputs["x"]}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    root = tmp_path_factory.mktemp("attacked")
    tiny_models.add_double(root)
    config = 'input { name: "x" data_type: TYPE_FP32 dims: -1 } output { name: "y" data_type: TYPE_FP32 dims: -1 }'
    python_models.add_model(root, "identity", config, IDENTITY)
    with running(root, queue_byte_size=HELD) as started:
        yield started


@pytest.fixture(autouse=True)
def neighbour(server: RunningServer) -> Iterator[None]:
    """Who asks again and again on one connection meanwhile, and is answered each time, before long."""
    is_over = False
    waits: list[float] = []
    request = ModelInferRequest.FromString(asked())

    def ask() -> None:
        with grpc.insecure_channel(server.grpc_address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
            infer = GRPCInferenceServiceStub(channel).ModelInfer
            while not is_over:
                begun = time.monotonic()
                (data,) = infer(request, timeout=60).raw_output_contents
                assert np.frombuffer(data, np.float32).tolist() == [2.0] * 4
                waits.append(time.monotonic() - begun)
                time.sleep(0.005)

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask)
        until(lambda: bool(waits) or asking.done())
        yield
        is_over = True
        asking.result()
    assert max(waits) < PATIENCE


class Attacker:
    """Speaks HTTP/2 as it likes. Streams are 1, 3, 5..."""

    def __init__(self, server: RunningServer, first_window: int = 2**20) -> None:
        self._socket = socket.create_connection(("127.0.0.1", server.grpc_port), timeout=PATIENCE)
        said = settings({Setting.INITIAL_WINDOW_SIZE: first_window})
        self.send(PREFACE + said + window_update(0, 2**30))
        self._buffer = b""

    def __enter__(self) -> "Attacker":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def flood(self, data: bytes, seconds: float) -> None:
        """Until the server has enough of it."""
        until_then = time.monotonic() + seconds
        with suppress(ConnectionError):
            while time.monotonic() < until_then:
                self.send(data)

    def read(self, wanted: Callable[[int, int, bytes], bool]) -> bytes:
        """The payload of the first frame whose kind, stream and payload are wanted."""
        while True:
            while len(self._buffer) >= 9 and len(self._buffer) >= 9 + int.from_bytes(self._buffer[:3], "big"):
                size, kind = int.from_bytes(self._buffer[:3], "big"), self._buffer[3]
                stream, payload = int.from_bytes(self._buffer[5:9], "big"), self._buffer[9 : 9 + size]
                self._buffer = self._buffer[9 + size :]
                if wanted(kind, stream, payload):
                    return payload
            data = self._socket.recv(2**18)
            assert data, "the server let go"
            self._buffer += data

    def pong(self) -> None:
        """Wait until all that was sent is heard."""
        self.send(frame(Kind.PING, 0, 0, b"are you?"))
        self.read(lambda kind, _, payload: (kind, payload) == (Kind.PING, b"are you?"))

    def ending(self, stream: int) -> bytes:
        return self.read(lambda kind, its, payload: (kind, its) == (Kind.HEADERS, stream) and b"grpc-status" in payload)


def head(stream: int, method: bytes = b"ModelInfer", path: bytes = b"") -> bytes:
    pairs = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", path or SERVICE + method), (b":authority", b"a")]
    return frame(Kind.HEADERS, END_HEADERS, stream, written([*pairs, (b"content-type", b"application/grpc")], None))


def body(stream: int, data: bytes, is_last: bool = True) -> bytes:
    pieces = [data[at : at + 16_000] for at in range(0, len(data), 16_000)]
    frames = [frame(Kind.DATA, 0, stream, each) for each in pieces[:-1]]
    return b"".join([*frames, frame(Kind.DATA, END_STREAM if is_last else 0, stream, pieces[-1])])


def asked(model: str = "double", size: int = 4) -> bytes:
    request = ModelInferRequest(model_name=model)
    shape = [1, size] if model == "double" else [size]
    request.inputs.add(name="x", datatype="FP32", shape=shape)
    request.raw_input_contents.append(np.ones(size, np.float32).tobytes())
    data: bytes = request.SerializeToString()
    return data


def calls() -> int:
    gc.collect()
    return sum(isinstance(each, Call) for each in gc.get_objects())


@pytest.fixture
def attacker(server: RunningServer) -> Iterator[Attacker]:
    with Attacker(server) as connected:
        yield connected


def test_a_window_that_opens_bit_by_bit_costs_nothing_where_thousands_wait(server: RunningServer) -> None:
    with Attacker(server, first_window=0) as attacker:
        attacker.send(head(1) + body(1, prefixed(asked("identity", 50_000))))
        for stream in range(3, 4003, 2):
            attacker.send(head(stream) + body(stream, prefixed(asked())))
        attacker.pong()
        time.sleep(1)
        begun = time.monotonic()
        attacker.send(window_update(1, 1) * 20_000)
        attacker.pong()
        assert time.monotonic() - begun < 5


def test_settings_that_go_back_and_forth_cost_nothing_where_thousands_wait(attacker: Attacker) -> None:
    for stream in range(1, 4001, 2):
        attacker.send(head(stream) + body(stream, prefixed(asked())[:20], is_last=False))
    both = b"".join(settings({Setting.INITIAL_WINDOW_SIZE: size})[9:] for size in (0, 1))
    begun = time.monotonic()
    for _ in range(30):
        attacker.send(frame(Kind.SETTINGS, 0, 0, both * 1300))
    attacker.pong()
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("data", [window_update(0, 1), window_update(1, 1), frame(Kind.PING, 0, 0, bytes(8))])
def test_who_sends_without_end_is_read_in_turn(data: bytes, attacker: Attacker) -> None:
    attacker.send(head(1, b"ModelStreamInfer"))
    attacker.flood(data * 5000, seconds=2)


def test_calls_that_are_given_up_amid_their_message_leave_nothing(attacker: Attacker) -> None:
    others = calls()
    announced = b"\0" + (60_000_000).to_bytes(4, "big")
    for stream in range(1, 1001, 2):
        attacker.send(head(stream) + body(stream, announced + bytes(100), is_last=False) + rst_stream(stream, 8))
    attacker.pong()
    until(lambda: calls() <= others + 1, "the calls are still there")


def test_who_gives_up_in_the_same_breath_is_answered_the_next_time(attacker: Attacker) -> None:
    attacker.send(head(1, path=b"/no/such") + rst_stream(1, 8) + head(3) + body(3, b"\5" * 9) + rst_stream(3, 8))
    attacker.send(head(5) + body(5, prefixed(asked())))
    assert b"grpc-status\x010" in attacker.ending(5)


def test_calls_run_out_of_time_by_the_thousand_and_their_connection_stays(attacker: Attacker) -> None:
    for first in range(1, 16_001, 200):
        streams = range(first, first + 200, 2)
        attacker.send(b"".join(head(each) + body(each, prefixed(asked())) for each in streams))
        attacker.send(b"".join(rst_stream(each, 8) for each in streams))
        attacker.pong()
    attacker.send(head(20_001) + body(20_001, prefixed(asked())))
    assert b"grpc-status\x010" in attacker.ending(20_001)


def test_a_method_that_takes_one_message_keeps_no_second(attacker: Attacker) -> None:
    attacker.send(head(1) + body(1, prefixed(asked()) * 2, is_last=False))
    assert b"grpc-status\x0213" in attacker.ending(1)


def test_messages_that_are_still_coming_are_counted_and_the_neighbour_is_not_refused(attacker: Attacker) -> None:
    announced = b"\0" + (60_000_000).to_bytes(4, "big")
    for stream in range(1, 61, 2):
        attacker.send(head(stream) + body(stream, announced + bytes(900_000), is_last=False))
    refusal = attacker.read(lambda kind, _, payload: kind == Kind.HEADERS and b"grpc-status" in payload)
    assert b"grpc-status\x018" in refusal
    assert b"--queue-byte-size" in refusal


def test_messages_of_nothing_that_nobody_reads_have_an_end(attacker: Attacker) -> None:
    attacker.send(head(1, b"ModelStreamInfer"))
    attacker._socket.settimeout(1)
    with suppress(TimeoutError, ConnectionError):
        for _ in range(2000):
            attacker.send(body(1, prefixed(b"") * 3200, is_last=False))


def test_no_connection_is_told_where_in_memory_its_head_was(attacker: Attacker) -> None:
    attacker.send(frame(Kind.HEADERS, END_HEADERS, 1, b"\xff" * 11))
    assert b"0x" not in attacker.read(lambda kind, _, __: kind == Kind.GOAWAY)
