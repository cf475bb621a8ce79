import json
import socket
import threading
from pathlib import Path

import httpx
import pytest

from serving.server import PortTaken
from tests import tiny_models
from tests.running_server import running


def test_a_port_that_is_taken_is_said_before_anything_is_loaded(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(PortTaken, match=f"can't listen on 127.0.0.1:{port} .*--http-port"),
            running(tmp_path, http_port=port),
        ):
            pass


def test_stopping_answers_what_was_accepted(tmp_path: Path) -> None:
    """Requests held back for a second are in the queue when the server is told to stop."""
    tiny_models.add_double(tmp_path, extra="dynamic_batching { max_queue_delay_microseconds: 1000000 }")
    tensor = {"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}
    body = json.dumps({"inputs": [tensor]}).encode()
    head = f"POST /v2/models/double/infer HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with running(tmp_path) as server:
        callers = [socket.create_connection(("127.0.0.1", server.http_port)) for _ in range(3)]
        for caller in callers:
            caller.sendall(head + body)
        while httpx.get(f"{server.url}/v2/health/live").status_code != 200:
            pass
    for caller in callers:
        with caller:
            reply = caller.recv(65536)
        assert reply.startswith(b"HTTP/1.1 200")
        assert b"[2.0,4.0,6.0,8.0]" in reply


def test_stopping_ends_every_thread(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path, extra="instance_group { count: 4 }")
    before = set(threading.enumerate())
    with running(tmp_path):
        new = set(threading.enumerate()) - before
        assert sum(thread.name.startswith("double/1-") for thread in new) == 4
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("double")]
