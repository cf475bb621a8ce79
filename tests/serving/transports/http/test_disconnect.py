import json
import logging
import socket
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import tiny_models
from tests.running_server import RunningServer, running

GOOD = {"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}


def infer(server: RunningServer, **request: Any) -> httpx.Response:
    return httpx.post(f"{server.url}/v2/models/double/infer", **request)


def test_a_caller_that_hangs_up_leaves_the_queue(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The queue holds one request for an hour; only when its caller's place is free is there room for another."""
    tiny_models.add_double(
        tmp_path,
        extra="""dynamic_batching {
          max_queue_delay_microseconds: 3600000000 default_queue_policy { max_queue_size: 1 } }""",
    )
    body = json.dumps({"inputs": [GOOD]}).encode()
    head = f"POST /v2/models/double/infer HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    timeout = {"inputs": [GOOD], "parameters": {"timeout": 1000}}
    with running(tmp_path) as server:
        with socket.create_connection(("127.0.0.1", server.http_port)) as caller:
            caller.sendall(head + body)
            while "Exceeds maximum queue size" not in (error := infer(server, json=timeout).json()["error"]):
                assert error == "Request timeout expired", "until the caller's request is in the queue"
        deadline = time.monotonic() + 30
        while infer(server, json=timeout).json()["error"] != "Request timeout expired":
            assert time.monotonic() < deadline, "the place was never freed"
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
