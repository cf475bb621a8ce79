"""Callers that each hold one HTTP connection, and what they were answered.

Rule: where requests have a fixed pace, latency counts from when one was meant to leave, so that a slow server can't
hide behind a caller that waits for it.
"""

import json
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from loadtests.benchmarks.server_process import ServerFailed
from loadtests.call import Call

_TIMEOUT = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Answer:
    """`planned` in seconds of the performance counter, `latency` in seconds from then; `status` is 0 if none came."""

    planned: float
    latency: float
    status: int
    body: bytes = b""

    @property
    def came(self) -> float:
        return self.planned + self.latency


class Connection:
    """Made at the first request, kept, and made anew after a failure. For one thread."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def ask(self, call: Call, planned: float) -> Answer:
        try:
            status, body = self._ask(call)
        except (OSError, ValueError):
            self.close()
            status, body = 0, b""
        return Answer(planned, time.perf_counter() - planned, status, body)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _ask(self, call: Call) -> tuple[int, bytes]:
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), _TIMEOUT)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(call.encoded())
        reply = b""
        while (decoded := decoded_reply(reply)) is None:
            reply += self._receive()
        return decoded

    def _receive(self) -> bytes:
        assert self._socket is not None
        received = self._socket.recv(1 << 16)
        if not received:
            raise ConnectionResetError
        return received


def ask_each(port: int, calls: Iterable[Call], period: float = 0.0) -> list[Answer]:
    """In order over one connection: one every `period` seconds, or with 0 each when the one before is answered."""
    connection, answers = Connection(port), []
    start = time.perf_counter()
    for number, call in enumerate(calls):
        planned = start + number * period if period else time.perf_counter()
        time.sleep(max(0.0, planned - time.perf_counter()))
        answers.append(connection.ask(call, planned))
    connection.close()
    return answers


def at_once(callers: Sequence[Callable[[], list[Answer]]]) -> list[Answer]:
    """What each was answered, all together; they run at the same time."""
    with ThreadPoolExecutor(max_workers=len(callers)) as pool:
        running = [pool.submit(caller) for caller in callers]
        return [answer for caller in running for answer in caller.result()]


def infer(model: str, *row: float) -> Call:
    """One row of float32 for the input `x`, as JSON."""
    tensor = {"name": "x", "shape": [1, len(row)], "datatype": "FP32", "data": row}
    return Call(f"/v2/models/{model}/infer", json.dumps({"inputs": [tensor]}).encode())


def infer_binary(model: str, *row: float, timeout: float = 0.0) -> Call:
    """The same as binary tensors, also the answer's, to be answered within `timeout` seconds where one is given."""
    data = np.array(row, np.float32).tobytes()
    parameters = {"binary_data_output": True, **({"timeout": round(timeout * 1e6)} if timeout else {})}
    tensor = {"name": "x", "shape": [1, len(row)], "datatype": "FP32", "parameters": {"binary_data_size": len(data)}}
    head = json.dumps({"inputs": [tensor], "parameters": parameters}).encode()
    return Call(
        f"/v2/models/{model}/infer", head + data, headers=(("Inference-Header-Content-Length", str(len(head))),)
    )


def document(port: int, path: str, method: str = "GET") -> Any:
    """A JSON document of the server. Raises `ServerFailed` where it answers with an error."""
    [answer] = ask_each(port, [Call(path, method=method)])
    if answer.status != 200:
        raise ServerFailed(f"{path} answered {answer.status}: {answer.body.decode(errors='replace')}")
    return json.loads(answer.body) if answer.body else None


def failures(answers: Iterable[Answer]) -> int:
    return sum(answer.status != 200 for answer in answers)


def latency_ms(answers: Iterable[Answer], percentile: float) -> float:
    """0 where there are none."""
    latencies = [answer.latency for answer in answers]
    return float(np.percentile(latencies, percentile)) * 1e3 if latencies else 0.0


def decoded_reply(received: bytes) -> tuple[int, bytes] | None:
    """Status and body; None while some of it has not come. Raises `ValueError` for what is no reply."""
    head, end, body = received.partition(b"\r\n\r\n")
    if not end or len(body) < _length(head):
        return None
    return int(head.split(maxsplit=2)[1]), body


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0
