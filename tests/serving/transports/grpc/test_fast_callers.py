"""Whoever asks on the fast way, however its bytes come: several at once, gone before the answer, not reading it."""

import random
import socket
import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, PingAckReceived, StreamEnded, StreamReset, TrailersReceived
from h2.settings import SettingCodes, Settings

from serving.transports.grpc.fast_calls import METHOD
from tests import python_models, tiny_models
from tests.grpc_client import channel_to, messages, output
from tests.integration.test_fast_path_attacks import FAILS
from tests.running_server import RunningServer, running, until
from tests.serving.transports.grpc.test_fast_calls import HELD, ROW, asked, begin, double, gated, numbered, slow, tasks

HEAD = [(":method", "POST"), (":scheme", "http"), (":path", METHOD), (":authority", "x")]
FIELDS = [("te", "trailers"), ("content-type", "application/grpc")]


class Peer:
    """Says what it is told to, and reads nothing until then; `window` in bytes, of each of its streams."""

    def __init__(self, connection: socket.socket, window: int) -> None:
        self.connection = connection
        self.http2 = H2Connection(H2Configuration(header_encoding="utf-8"))
        self.http2.local_settings = Settings(initial_values={SettingCodes.INITIAL_WINDOW_SIZE: window})
        self.http2.initiate_connection()
        self.data: dict[int, bytes] = {}
        self.ends: dict[int, str | ErrorCodes] = {}
        """The status of those that ended, or the code of their reset."""
        self._pongs = 0

    def say(self) -> None:
        self.connection.sendall(self.http2.data_to_send())

    def head(self) -> int:
        stream = self.http2.get_next_available_stream_id()
        self.http2.send_headers(stream, [*HEAD, *FIELDS])
        return stream

    def body(self, stream: int, message: Any) -> None:
        data = message.SerializeToString()
        self.http2.send_data(stream, bytes(1) + len(data).to_bytes(4, "big") + data, end_stream=True)

    def ask(self, message: Any) -> int:
        stream = self.head()
        self.body(stream, message)
        return stream

    def hear(self) -> None:
        came = self.connection.recv(2**20)
        assert came, "the server ended the connection"
        for event in self.http2.receive_data(came):
            match event:
                case DataReceived():
                    self.data[event.stream_id] = self.data.get(event.stream_id, b"") + event.data
                case StreamEnded():
                    self.ends.setdefault(event.stream_id, "")
                case StreamReset():
                    self.ends[event.stream_id] = ErrorCodes(event.error_code)
                case PingAckReceived():
                    self._pongs += 1
            if isinstance(event, TrailersReceived):
                self.ends[event.stream_id] = dict(event.headers)["grpc-status"]
        self.say()

    def answer(self, stream: int) -> list[object]:
        """The numbers that it has, once all of them are there."""
        while stream not in self.ends:
            self.hear()
        assert self.ends[stream] == "0"
        return output(messages.ModelInferResponse.FromString(self.data[stream][5:]))

    def fence(self) -> None:
        """Returns when the server has read all that was said."""
        before = self._pongs
        self.http2.ping(bytes(8))
        self.say()
        while self._pongs == before:
            self.hear()


@contextmanager
def peer_of(server: RunningServer, window: int = 65535) -> Iterator[Peer]:
    with socket.create_connection(("127.0.0.1", server.grpc_port), timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer = Peer(connection, window)
        peer.fence()
        yield peer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    root = tmp_path_factory.mktemp("models")
    tiny_models.add_double(root)
    tiny_models.add_double(root, "held", extra=HELD)
    config = """max_batch_size: 8
    input { name: "x" data_type: TYPE_FP32 dims: 4 } output { name: "y" data_type: TYPE_FP32 dims: -1 }"""
    python_models.add_model(root, "failing", config, FAILS)
    with running(root) as started:
        yield started
        assert_nothing_is_left(started)


def assert_nothing_is_left(server: RunningServer) -> None:
    until(lambda: server.metric("slipway_grpc_calls_running") == 0, "no call is left")
    assert server.metric("slipway_requests_held_bytes") == 0
    assert tasks(server) == 0


def of(model: str, number: float = 1) -> Any:
    return double(np.full((1, 4), number, np.float32), model)


LARGE = of("failing", 7)
"""Its answer has 300,000 numbers."""


def test_calls_that_come_at_once_are_each_answered(server: RunningServer) -> None:
    with peer_of(server) as peer:
        streams = [peer.ask(double(ROW + number)) for number in range(100)]
        peer.say()
        for number, stream in enumerate(streams):
            assert peer.answer(stream) == (2 * (ROW + number)).ravel().tolist()


def test_heads_and_bodies_may_come_apart(server: RunningServer) -> None:
    with peer_of(server) as peer:
        for number in range(5):
            stream = peer.head()
            peer.fence()
            peer.body(stream, double(ROW + number))
            peer.say()
            assert peer.answer(stream) == (2 * (ROW + number)).ravel().tolist()


def test_heads_and_bodies_of_several_may_be_mixed(server: RunningServer) -> None:
    with peer_of(server) as peer:
        streams = [peer.head() for _ in range(4)]
        for number, stream in reversed(list(enumerate(streams))):
            peer.body(stream, double(ROW + number))
        streams.append(peer.ask(double(ROW + 4)))
        peer.say()
        for number, stream in enumerate(streams):
            assert peer.answer(stream) == (2 * (ROW + number)).ravel().tolist()


def test_however_the_bytes_are_cut_answers_are_the_same(server: RunningServer) -> None:
    with peer_of(server) as peer:
        streams = [peer.ask(double(ROW + number, request_id="7" * number)) for number in range(6)]
        said = peer.http2.data_to_send()
        for start in range(0, len(said), 23):
            peer.connection.sendall(said[start : start + 23])
            peer.fence() if start % 5 == 0 and start + 23 >= len(said) else None
        for number, stream in enumerate(streams):
            assert peer.answer(stream) == (2 * (ROW + number)).ravel().tolist()


def leaves_by_reset(peer: Peer, stream: int) -> None:
    peer.http2.reset_stream(stream, ErrorCodes.CANCEL)
    peer.fence()


def leaves_by_hanging_up(peer: Peer, _: int) -> None:
    peer.connection.shutdown(socket.SHUT_RDWR)


def leaves_by_breaking_the_connection(peer: Peer, _: int) -> None:
    peer.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.connection.close()


def leaves_by_breaking_the_protocol(peer: Peer, _: int) -> None:
    peer.connection.sendall(b"\0\0\1\0\0\0\0\0\0\0")  # a DATA frame of no stream


def canceled(server: RunningServer) -> list[float]:
    """Of the model's, and of gRPC's calls."""
    names = (
        'nv_inference_request_failure{model="held",reason="CANCELED",version="1"}',
        'slipway_grpc_calls_total{code="CANCELLED",method="ModelInfer"}',
    )
    return [server.metric(name) or 0 for name in names]


@pytest.mark.parametrize(
    "leave",
    [
        leaves_by_reset,
        leaves_by_hanging_up,
        leaves_by_breaking_the_connection,
        leaves_by_breaking_the_protocol,
    ],
)
def test_who_leaves_while_it_waits_frees_its_place_and_is_counted_once(
    server: RunningServer, leave: Callable[[Peer, int], None]
) -> None:
    before = canceled(server)
    with peer_of(server) as peer:
        stream = peer.ask(of("held"))
        peer.say()
        server.wait_for_pending("held", 1)
        assert server.metric("slipway_requests_held_bytes") == 48
        assert tasks(server) == 0
        leave(peer, stream)
        server.wait_for_pending("held", 0)
    assert_nothing_is_left(server)
    assert [now - then for now, then in zip(canceled(server), before, strict=True)] == [1, 1]


def test_who_leaves_in_the_breath_in_which_it_asks_leaves_nothing(server: RunningServer) -> None:
    before = canceled(server)
    with peer_of(server) as peer:
        for model in ("held", "double", "nope", "failing"):
            stream = peer.ask(of(model))
            peer.http2.reset_stream(stream, ErrorCodes.CANCEL)
        other = peer.ask(double())
        peer.say()
        assert peer.answer(other) == [2, 4, 6, 8]
        peer.fence()
        server.wait_for_pending("held", 0)
        assert set(peer.ends) == {other}
    assert_nothing_is_left(server)
    assert canceled(server)[0] - before[0] == 1


def test_those_who_stay_are_answered_when_another_one_leaves(server: RunningServer) -> None:
    with peer_of(server) as peer:
        first = peer.ask(of("held", 5))
        second = peer.ask(of("held", 6))
        peer.say()
        server.wait_for_pending("held", 2)
        leaves_by_reset(peer, first)
        server.wait_for_pending("held", 1)
        filling = [peer.ask(of("held", number)) for number in range(7)]  # the batch
        peer.say()
        assert [peer.answer(stream)[0] for stream in (second, *filling)] == [12, *range(0, 14, 2)]
    assert_nothing_is_left(server)


@pytest.mark.parametrize("message", [LARGE, double()], ids=["large", "small"])
def test_an_answer_waits_for_its_caller_s_window(server: RunningServer, message: Any) -> None:
    with peer_of(server, window=10) as peer:
        stream = peer.ask(message)
        peer.say()
        while len(peer.data.get(stream, b"")) < 10:
            peer.hear()
        peer.fence()
        assert len(peer.data[stream]) == 10
        assert server.metric("slipway_grpc_calls_running") == 1
        assert server.metric("slipway_requests_held_bytes") == 0, "its inputs are gone"
        other = peer.ask(of("nope"))
        peer.say()
        while other not in peer.ends:
            peer.hear()
        peer.http2.increment_flow_control_window(2**24)
        peer.http2.increment_flow_control_window(2**24, stream)
        peer.say()
        numbers = peer.answer(stream)
    with channel_to(server) as channel:
        reply = asked(channel, slow(message.SerializeToString())).data
        assert numbers == output(messages.ModelInferResponse.FromString(reply))
    assert_nothing_is_left(server)


@pytest.mark.parametrize("leave", [leaves_by_reset, leaves_by_hanging_up, leaves_by_breaking_the_connection])
def test_who_leaves_instead_of_reading_its_answer_leaves_nothing(
    server: RunningServer, leave: Callable[[Peer, int], None]
) -> None:
    before = canceled(server)
    with peer_of(server, window=10) as peer:
        stream = peer.ask(LARGE)
        peer.say()
        while len(peer.data.get(stream, b"")) < 10:
            peer.hear()
        assert server.metric("slipway_grpc_calls_running") == 1
        leave(peer, stream)
        assert_nothing_is_left(server)
    assert canceled(server) == before, "it was answered"


def test_who_reads_nothing_at_all_holds_up_nobody_else(server: RunningServer) -> None:
    with peer_of(server, window=2**30) as peer, channel_to(server) as channel:
        peer.http2.increment_flow_control_window(2**30)
        for _ in range(20):  # more than the sockets have room for
            peer.ask(LARGE)
        peer.say()
        until(lambda: (server.metric("slipway_grpc_calls_running") or 0) > 0)
        for number in range(20):
            reply = asked(channel, double(ROW + number).SerializeToString()).data
            assert output(messages.ModelInferResponse.FromString(reply))[0] == 2 + 2 * number
    assert_nothing_is_left(server)


@pytest.mark.parametrize("seed", range(3))
def test_whoever_leaves_at_whatever_moment_leaves_nothing(server: RunningServer, seed: int) -> None:
    """Others have their answers meanwhile."""
    chance = random.Random(seed)
    for _ in range(20):
        with peer_of(server, window=chance.choice([10, 100, 65535])) as peer, peer_of(server) as other:
            for _ in range(chance.randint(1, 10)):
                stream = peer.ask(of(chance.choice(["double", "double", "held", "failing"]), chance.choice([1, 7])))
                if chance.random() < 0.3:
                    peer.say()
                if chance.random() < 0.3:
                    peer.http2.reset_stream(stream, ErrorCodes.CANCEL)
            peer.say()
            if chance.random() < 0.5:
                chance.choice([leaves_by_hanging_up, leaves_by_breaking_the_connection])(peer, 0)
            number = chance.randrange(100)
            stays = other.ask(of("double", number))
            other.say()
            assert other.answer(stays) == [2 * number] * 4
    server.wait_for_pending("held", 0)
    assert_nothing_is_left(server)


def test_a_client_that_cancels_frees_its_place(server: RunningServer) -> None:
    before = canceled(server)
    with channel_to(server) as channel:
        for count in range(1, 4):
            call = begin(channel, of("held"))
            server.wait_for_pending("held", 1)
            call.cancel()
            server.wait_for_pending("held", 0)
            assert canceled(server)[0] - before[0] == count
    assert_nothing_is_left(server)


def test_who_leaves_while_the_model_runs_frees_its_place(tmp_path: Path) -> None:
    folder = gated(tmp_path, "max_batch_size: 1 ")
    with running(tmp_path) as server:
        with channel_to(server) as channel:
            first, second = begin(channel, numbered(0)), None
            until((folder / "0.entered").exists)
            second = begin(channel, numbered(1))
            server.wait_for_pending("gated", 1)
            first.cancel()
            until(lambda: server.metric("slipway_grpc_calls_running") == 1)
            assert server.metric("slipway_requests_held_bytes") == 48
            for number in (0, 1):
                (folder / f"{number}.open").touch()
            assert output(messages.ModelInferResponse.FromString(second.result()))[0] == 1
        assert_nothing_is_left(server)
        assert server.metric('slipway_grpc_calls_total{code="CANCELLED",method="ModelInfer"}') == 1
        assert server.metric('slipway_grpc_calls_total{code="OK",method="ModelInfer"}') == 1


def test_a_server_that_stops_answers_what_waits(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path, extra=HELD)
    with channel_after() as open_channel:
        with running(tmp_path) as server:
            call = begin(open_channel(server), double())
            server.wait_for_pending("double", 1)
            assert tasks(server) == 0
        assert output(messages.ModelInferResponse.FromString(call.result())) == [2, 4, 6, 8]


@contextmanager
def channel_after() -> Iterator[Callable[[RunningServer], grpc.Channel]]:
    """Which outlives the server."""
    channels: list[grpc.Channel] = []

    def open_channel(server: RunningServer) -> grpc.Channel:
        channels.append(grpc.insecure_channel(server.grpc_address))
        return channels[-1]

    yield open_channel
    for channel in channels:
        channel.close()


@pytest.mark.parametrize("way", [bytes, slow], ids=["fast", "slow"])
def test_what_takes_longer_than_the_server_has_to_stop_is_told(tmp_path: Path, way: Callable[[bytes], bytes]) -> None:
    folder = gated(tmp_path, "max_batch_size: 1 ")

    def read_and_end(call: Any) -> tuple[grpc.StatusCode, str]:
        error = call.exception()
        (folder / "0.open").touch()  # while the server still waits for its models
        return error.code(), error.details()

    with channel_after() as open_channel, ThreadPoolExecutor() as threads:
        with running(tmp_path, shutdown_timeout=1) as server:
            call = open_channel(server).unary_unary(METHOD).future(way(numbered(0).SerializeToString()))
            until((folder / "0.entered").exists)
            reply = threads.submit(read_and_end, call)
        assert reply.result() == (
            grpc.StatusCode.UNAVAILABLE,
            "Server exiting: this request took longer than the server had to stop",
        )


def test_a_server_that_stops_does_not_wait_for_who_does_not_read(tmp_path: Path) -> None:
    config = """max_batch_size: 8
    input { name: "x" data_type: TYPE_FP32 dims: 4 } output { name: "y" data_type: TYPE_FP32 dims: -1 }"""
    python_models.add_model(tmp_path, "failing", config, FAILS)
    with running(tmp_path, shutdown_timeout=1) as server:
        connection = socket.create_connection(("127.0.0.1", server.grpc_port), timeout=30)
        peer = Peer(connection, window=10)
        stream = peer.ask(LARGE)
        peer.say()
        while len(peer.data.get(stream, b"")) < 10:
            peer.hear()
    while stream not in peer.ends:
        peer.hear()
    assert peer.ends[stream] is ErrorCodes.CANCEL
    connection.close()
