"""Raw bytes against the tensor route: whoever asks, and however it comes, the fast path answers as the slow one does.

Rule: one server for all of them; what a test leaves behind must not matter to the next one.
"""

import gc
import json
import socket
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests import tiny_models
from tests.running_server import RunningServer, running, until
from tests.serving.transports.http.test_fast_path import ROW, SLOW, as_json, connected, message, replies, tensor_of

COUNTS_ITS_PARAMETERS = """
import numpy as np
class Model:
    def execute(self, request):
        rows = len(request.inputs["x"])
        found = len(request.parameters)
        request.parameters["left behind"] = 1
        return {"y": np.full((rows, 4), found, np.float32)}
"""

COUNTS_ITS_ROWS = """
import numpy as np
class Model:
    def execute(self, request):
        return {"y": np.full((len(request.inputs["x"]), 1), len(request.inputs["x"]), np.float32)}
"""

FAILS = """
import numpy as np
class Model:
    def execute(self, request):
        kind = int(request.inputs["x"][0, 0])
        if kind == 1:
            raise ValueError("no")
        if kind == 2:
            raise SystemExit(3)
        columns = np.ones((1, 300000), np.float32)
        answers = {3: None, 4: {}, 5: {"y": np.ones((2, 7), np.float32)}, 6: {"y": columns[:, :0]}, 7: {"y": columns},
                   8: {"y": columns[:, ::3]}}
        return answers[kind]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    root = tmp_path_factory.mktemp("attacked")
    tiny_models.add_double(root)
    tiny_models.add_double(root, "twice")
    tiny_models.add_double(root, "waiting", extra="dynamic_batching { max_queue_delay_microseconds: 600000000 }")
    for name, source in {"counting": COUNTS_ITS_PARAMETERS, "failing": FAILS}.items():
        folder = tiny_models.write_config(
            root,
            name,
            """backend: "python" max_batch_size: 8
            input { name: "x" data_type: TYPE_FP32 dims: 4 } output { name: "y" data_type: TYPE_FP32 dims: -1 }""",
        )
        (folder / "1").mkdir()
        (folder / "1" / "model.py").write_text(source)
    tiny_models.write_config(
        root,
        "large",
        """backend: "python" max_batch_size: 8
        input { name: "x" data_type: TYPE_FP32 dims: -1 } output { name: "y" data_type: TYPE_FP32 dims: 1 }""",
    )
    (root / "large" / "1").mkdir()
    (root / "large" / "1" / "model.py").write_text(COUNTS_ITS_ROWS)
    with running(root, model_control_mode="explicit", load_model=("*",)) as started:
        yield started


@pytest.mark.parametrize("make", [message, as_json])
@pytest.mark.parametrize("extra", [b"", b"Accept-Encoding: gzip, deflate\r\n"])
def test_the_usual_request_goes_the_fast_way(server: RunningServer, make: Callable[..., bytes], extra: bytes) -> None:
    """Requests that wait and that the framework does not have went that way."""
    usual = make(ROW, path="/v2/models/waiting/infer", extra=extra)
    other = message(ROW, path="/v2/models/waiting/infer", extra=SLOW)
    with connected(server) as first, connected(server) as second, connected(server) as third:
        first.sendall(usual)
        second.sendall(usual)
        server.wait_for_pending("waiting", 2)
        until(lambda: server.framework_tasks() == 0, "the framework has neither")
        third.sendall(other)
        server.wait_for_pending("waiting", 3)
        until(lambda: server.framework_tasks() == 1, "the framework has the one that is not usual")
    server.wait_for_pending("waiting", 0)


def test_a_model_that_changes_its_parameters_changes_nobody_else_s(server: RunningServer) -> None:
    asked = message(ROW, path="/v2/models/counting/infer", parameters={"binary_data_output": True, "own": 1})
    with connected(server) as connection:
        for _ in range(3):
            connection.sendall(asked)
            assert tensor_of(replies(connection, 1)[0]) == [1] * 4


def test_parameters_are_those_of_the_request(server: RunningServer) -> None:
    with connected(server) as connection:
        for count in (1, 2, 1, 0, 2):
            own = {f"own{number}": number for number in range(count)}
            parameters = {"binary_data_output": True, **own}
            connection.sendall(message(ROW, path="/v2/models/counting/infer", parameters=parameters))
            assert tensor_of(replies(connection, 1)[0]) == [count] * 4


def both(server: RunningServer, request: bytes, head_end: bytes = b"\r\n\r\n") -> tuple[bytes, bytes]:
    """All that comes for it, and for the same on the slow way; the connection is then given up by us."""
    found = []
    for extra in (b"", SLOW):
        head, _, body = request.partition(head_end)
        with connected(server) as connection:
            connection.sendall(head + b"\r\n" + extra + b"\r\n" + body)
            found.append(replies(connection, 1)[0])
    return found[0], found[1]


def with_head(change: dict[bytes, bytes]) -> bytes:
    request = message(ROW)
    for old, new in change.items():
        assert old in request
        request = request.replace(old, new)
    return request


LENGTH = b"Inference-Header-Content-Length"
CASES = {
    "odd case": {LENGTH: b"iNFERENCE-hEADER-cONTENT-lENGTH", b"Content-Length: ": b"cOntent-LENGTH: "},
    "spaces": {LENGTH + b": ": LENGTH + b":   \t", b"Content-Length: ": b"Content-Length:\t\t"},
    "header zero twice": {LENGTH + b": ": LENGTH + b": 0\r\n" + LENGTH + b": 0\r\nX: "},
    "negative": {LENGTH + b": ": LENGTH + b": -"},
    "plus": {LENGTH + b": ": LENGTH + b": +"},
    "huge": {LENGTH + b": ": LENGTH + b": 99999999999999999999"},
    "leading zeros": {LENGTH + b": ": LENGTH + b": 00000000"},
    "hexadecimal": {LENGTH + b": ": LENGTH + b": 0x"},
    "empty": {LENGTH + b": ": LENGTH + b": \r\nX: "},
    "http 1.0": {b"HTTP/1.1": b"HTTP/1.0"},
    "close": {b"Host: x": b"Host: x\r\nConnection: close"},
    "keep": {b"Host: x": b"Host: x\r\nConnection: keep-alive"},
    "keep and close": {b"Host: x": b"Host: x\r\nConnection: keep-alive, close"},
    "continue": {b"Host: x": b"Host: x\r\nExpect: nothing"},
    "no host": {b"Host: x": b"X: y"},
    "absolute": {b"POST /v2": b"POST http://x/v2"},
    "two slashes": {b"/v2/models": b"//v2/models"},
    "slash": {b"/infer": b"/infer/"},
    "dot segments": {b"/v2/models": b"/v2/../v2/models"},
    "version 01": {b"double/infer": b"double/versions/01/infer"},
    "version 0": {b"double/infer": b"double/versions/0/infer"},
    "fragment": {b"/infer": b"/infer#x"},
    "empty query": {b"/infer": b"/infer?"},
    "underscore length": {b"Content-Length: ": b"Content_Length: 3\r\nContent-Length: "},
}


@pytest.mark.parametrize("change", CASES.values(), ids=CASES)
def test_a_head_means_the_same_both_ways(server: RunningServer, change: dict[bytes, bytes]) -> None:
    fast, slow = both(server, with_head(change))
    assert fast == slow


def test_of_two_header_lengths_both_ways_take_the_same(server: RunningServer) -> None:
    fast, slow = both(server, with_head({LENGTH + b": ": LENGTH + b": 0\r\n" + LENGTH + b": "}))
    assert fast == slow


@pytest.mark.parametrize("length", [b"", b"-1", b"1 1", b"5, 5", b"0x10", b"9" * 30, b"+5", b"1_0"])
def test_a_length_that_is_none_is_refused(server: RunningServer, length: bytes) -> None:
    request = b"POST /v2/models/double/infer HTTP/1.1\r\nHost: x\r\nInference-Header-Content-Length: 5\r\n"
    with connected(server) as connection:
        connection.sendall(request + b"Content-Length: " + length + b"\r\n\r\n")
        assert replies(connection, 1)[0].startswith(b"HTTP/1.1 400")


def test_two_lengths_are_refused(server: RunningServer) -> None:
    for second in (b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n"):
        with connected(server) as connection:
            connection.sendall(message(ROW, extra=second))
            assert replies(connection, 1)[0].startswith(b"HTTP/1.1 400")


def test_who_expects_to_be_told_to_go_on_is(server: RunningServer) -> None:
    head, _, body = message(ROW, extra=b"Expect: 100-continue\r\n").partition(b"\r\n\r\n")
    with connected(server) as connection:
        connection.sendall(head + b"\r\n\r\n")
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert tensor_of(replies(connection, 1)[0]) == [2, 4, 6, 8]


def test_a_body_may_come_byte_by_byte_with_others_behind_it(server: RunningServer) -> None:
    asked = message(ROW) + message(2 * ROW) + message(3 * ROW, extra=SLOW) + message(4 * ROW)
    with connected(server) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(asked), 3):
            connection.sendall(asked[start : start + 3])
        assert [tensor_of(reply)[0] for reply in replies(connection, 4)] == [2, 4, 6, 8]


@pytest.mark.parametrize("kind", range(1, 9))
def test_what_a_model_makes_of_it_is_told_the_same_both_ways(server: RunningServer, kind: int) -> None:
    fast, slow = both(server, message(np.full((1, 4), kind, np.float32), path="/v2/models/failing/infer"))
    assert fast == slow


def test_a_connection_that_waits_for_its_next_request_keeps_no_answer(server: RunningServer) -> None:
    asked = message(np.full((1, 4), 7, np.float32), path="/v2/models/failing/infer")  # 1.2 MB
    with ExitStack() as stack:
        tracemalloc.start()
        stack.callback(tracemalloc.stop)
        for _ in range(20):
            connection = stack.enter_context(connected(server))
            connection.sendall(asked)
            replies(connection, 1)
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] < 5_000_000


def test_nor_does_it_keep_its_request(server: RunningServer) -> None:
    with ExitStack() as stack:
        tracemalloc.start()
        stack.callback(tracemalloc.stop)
        connections = [stack.enter_context(connected(server)) for _ in range(20)]
        for size, connection in enumerate(connections, 250_000):  # each of another size, so that none is known
            asked = np.full((1, size), 4, np.float32)
            connection.sendall(message(asked, path="/v2/models/large/infer"))
            assert replies(connection, 1)[0].startswith(b"HTTP/1.1 200")
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] < 5_000_000


def test_hundreds_at_once_are_answered_in_order(server: RunningServer) -> None:
    numbers = range(1, 400)
    asked = b"".join(message(number * ROW, extra=SLOW if number % 7 == 0 else b"") for number in numbers)
    with connected(server) as connection:
        connection.sendall(asked)
        assert [tensor_of(reply)[0] for reply in replies(connection, len(numbers))] == [2 * n for n in numbers]


def test_a_broken_request_behind_another_takes_no_reply_s_place(server: RunningServer) -> None:
    broken = b"POST /v2/models/double/infer HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n"
    for extra in (b"", SLOW):
        with connected(server) as connection:
            connection.sendall(message(ROW, extra=extra) + broken)
            assert tensor_of(replies(connection, 1)[0]) == [2, 4, 6, 8]


def test_many_offers_to_upgrade_at_once_are_passed_over(server: RunningServer) -> None:
    offer = b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    with connected(server) as connection:
        connection.sendall(offer * 1000)
        assert all(reply.startswith(b"HTTP/1.1 200") for reply in replies(connection, 1000))


def test_equal_headers_reach_the_model_that_was_named(server: RunningServer) -> None:
    with connected(server) as connection:
        for _ in range(2):
            for name in ("double", "twice"):
                connection.sendall(message(ROW, path=f"/v2/models/{name}/infer"))
                [reply] = replies(connection, 1)
                assert f'"model_name":"{name}"'.encode() in reply
                assert tensor_of(reply)[0] == 2


def counts(server: RunningServer, model: str) -> dict[str, float]:
    lines = [line.rpartition(" ") for line in server.metrics().splitlines() if f'model="{model}"' in line]
    skipped = ("duration", "seconds", "_us", "timestamp")
    return {name: float(value) for name, _, value in lines if not any(word in name for word in skipped)}


@contextmanager
def counted(server: RunningServer, model: str, found: list[dict[str, float]]) -> Iterator[None]:
    before = counts(server, model)
    yield
    after = counts(server, model)
    changed = {name: value - before.get(name, 0) for name, value in after.items()}
    found.append({name: value for name, value in changed.items() if value})


def test_both_ways_are_counted_the_same(server: RunningServer) -> None:
    found: list[dict[str, float]] = []
    for extra in (b"", SLOW):
        with counted(server, "double", found), connected(server) as connection:
            for array in (ROW, ROW, np.ones((3, 4), np.float32), np.ones((1, 3), np.float32)):
                connection.sendall(message(array, extra=extra))
                replies(connection, 1)
    assert found[0] == found[1]
    assert found[0]


def test_a_known_header_is_checked_against_the_model_that_is_there_now(server: RunningServer, tmp_path: object) -> None:
    url = f"{server.url}/v2/repository/models/twice"
    with connected(server) as connection:
        for _ in range(2):
            connection.sendall(message(ROW, path="/v2/models/twice/infer"))
            assert tensor_of(replies(connection, 1)[0]) == [2, 4, 6, 8]
        config = {
            "backend": "onnxruntime",
            "max_batch_size": 0,
            "input": [{"name": "x", "data_type": "TYPE_FP32", "dims": [2, 4]}],
            "output": [{"name": "y", "data_type": "TYPE_FP32", "dims": [2, 4]}],
        }
        assert httpx.post(f"{url}/load", json={"parameters": {"config": json.dumps(config)}}).status_code == 200
        connection.sendall(message(ROW, path="/v2/models/twice/infer"))
        [refused] = replies(connection, 1)
        assert refused.startswith(b"HTTP/1.1 400")
        assert b"unexpected shape for input 'x'" in refused
        assert httpx.post(f"{url}/unload").status_code == 200
        connection.sendall(message(ROW, path="/v2/models/twice/infer"))
        assert not replies(connection, 1)[0].startswith(b"HTTP/1.1 200")
        assert httpx.post(f"{url}/load").status_code == 200
        connection.sendall(message(ROW, path="/v2/models/twice/infer"))
        assert tensor_of(replies(connection, 1)[0]) == [2, 4, 6, 8]


def test_who_hangs_up_in_the_middle_disturbs_nobody(server: RunningServer) -> None:
    request = message(ROW)
    for end in (10, 100, len(request) - 1, len(request)):
        for _ in range(20):
            with connected(server) as connection:
                connection.sendall(request[:end])
    with connected(server) as connection:
        connection.sendall(request)
        assert tensor_of(replies(connection, 1)[0]) == [2, 4, 6, 8]


def test_who_never_reads_is_not_fed_for_ever(server: RunningServer) -> None:
    with connected(server) as connection:
        connection.settimeout(0.5)  # in which a server that still reads has read some
        sent = 0
        requests = message(np.ones((8, 4), np.float32)) * 100
        try:
            while sent < 64 * 1024 * 1024:
                sent += connection.send(requests)
        except TimeoutError:
            pass
        assert sent < 64 * 1024 * 1024


@pytest.mark.parametrize("extra", [b"", SLOW])
def test_a_server_that_stops_resets_no_connection_that_is_in_use(tiny_repository: Path, extra: bytes) -> None:
    """Each caller, busy as it is, is told with an answer that it was the last one."""

    def until_told(server: RunningServer, busy: threading.Event) -> bytes:
        with connected(server) as connection:
            while True:
                connection.sendall(message(ROW, extra=extra))
                [reply] = replies(connection, 1)
                assert tensor_of(reply) == [2, 4, 6, 8]
                busy.set()
                if b"connection: close" in reply:
                    return connection.recv(1)

    with ThreadPoolExecutor() as threads:
        with running(tiny_repository) as server:
            events = [threading.Event() for _ in range(4)]
            told = [threads.submit(until_told, server, busy) for busy in events]
            assert all(busy.wait(30) for busy in events)
        assert [each.result(30) for each in told] == [b""] * 4
