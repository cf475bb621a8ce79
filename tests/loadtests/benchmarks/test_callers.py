import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from loadtests.benchmarks.callers import (
    Answer,
    Call,
    ask_each,
    at_once,
    decoded_reply,
    document,
    failures,
    infer,
    infer_binary,
    latency_ms,
)
from loadtests.benchmarks.server_process import ServerFailed
from tests.running_server import RunningServer

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"


@contextmanager
def peer(*replies: bytes, after: float = 0.0) -> Iterator[int]:
    """A port where each connection's requests are answered with `replies`, and then it is closed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    for reply in replies:
                        connection.recv(4096)
                        time.sleep(after)
                        connection.sendall(reply)

        threading.Thread(target=answer, daemon=True).start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)


def test_answers_come_in_order_and_whole(tiny_server: RunningServer) -> None:
    numbers = np.arange(50_000, dtype=np.float64).tolist()
    tensor = {"name": "in", "shape": [1, len(numbers)], "datatype": "FP32", "data": numbers}
    large = Call("/v2/models/identity_fp32/infer", json.dumps({"inputs": [tensor]}).encode())
    first, second, third = ask_each(tiny_server.http_port, [infer("double", 1, 2, 3, 4), large, infer("gone", 1)])
    assert json.loads(first.body)["outputs"][0]["data"] == [2, 4, 6, 8]
    assert json.loads(second.body)["outputs"][0]["data"] == numbers
    assert (first.status, second.status, third.status) == (200, 200, 400)
    assert failures([first, second, third]) == 1


def test_binary_tensors_are_answered_with_the_same_and_a_timeout_counts(tiny_server: RunningServer) -> None:
    asked = [infer_binary("double", 1, 2, 3, 4, timeout=seconds) for seconds in (0.0, 60.0, 1e-6)]
    plain, in_time, late = ask_each(tiny_server.http_port, asked)
    assert (plain.status, in_time.status, late.status) == (200, 200, 503)
    assert np.frombuffer(in_time.body[-16:], np.float32).tolist() == [2, 4, 6, 8]


def test_callers_run_at_the_same_time(tiny_server: RunningServer) -> None:
    barrier = threading.Barrier(3, timeout=30)

    def caller() -> list[Answer]:
        barrier.wait()
        return ask_each(tiny_server.http_port, [infer("double", 1, 2, 3, 4)] * 2)

    answers = at_once([caller] * 3)
    assert [answer.status for answer in answers] == [200] * 6


def test_a_server_that_is_not_there_is_a_failure_for_each_request() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    answers = ask_each(port, [infer("m", 1)] * 3, period=0.01)
    assert [answer.status for answer in answers] == [0, 0, 0]
    assert np.diff([answer.planned for answer in answers]) == pytest.approx([0.01, 0.01])


def test_a_connection_that_is_cut_off_is_made_anew() -> None:
    with peer(OK + b"ab", OK + b"a") as port:
        answers = ask_each(port, [infer("m", 1)] * 3)
    assert [(answer.status, answer.body) for answer in answers] == [(200, b"ab"), (0, b""), (200, b"ab")]


def test_latency_counts_from_when_a_request_was_meant_to_leave() -> None:
    with peer(*[OK + b"ab"] * 3, after=0.03) as port:
        answers = ask_each(port, [infer("m", 1)] * 3, period=0.001)
    assert answers[2].latency >= 3 * 0.03 - 2 * 0.001
    assert answers[2].came == answers[2].planned + answers[2].latency


def test_a_document_that_is_refused_is_said(tiny_server: RunningServer) -> None:
    with pytest.raises(ServerFailed, match=r"/v2/models/gone answered 400: .*'gone' is not found"):
        document(tiny_server.http_port, "/v2/models/gone")


def test_percentiles_are_in_milliseconds() -> None:
    answers = [Answer(0.0, number / 1e3, 200) for number in range(101)]
    assert latency_ms(answers, 50) == pytest.approx(50)
    assert latency_ms([], 99) == 0


def test_a_request_goes_out_with_its_headers() -> None:
    head, _, body = Call("/p", b"ab", headers=(("A", "1"), ("B", "2"))).encoded().partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [b"POST /p HTTP/1.1", b"Host: localhost", b"Content-Length: 2", b"A: 1", b"B: 2"]
    assert body == b"ab"


def test_a_reply_is_read_when_all_of_it_came() -> None:
    whole = OK + b"ab"
    assert [decoded_reply(whole[:length]) for length in range(len(whole))] == [None] * len(whole)
    assert decoded_reply(whole) == (200, b"ab")
    with pytest.raises(ValueError):  # noqa: PT011
        decoded_reply(b"nonsense nonsense\r\n\r\n")
