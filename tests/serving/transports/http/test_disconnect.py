import json
import logging
import socket
from pathlib import Path

import pytest

from tests import tiny_models
from tests.running_server import running

GOOD = {"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}


def test_a_caller_that_hangs_up_leaves_the_queue(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The model holds requests back for an hour, so that only a hang-up can empty its queue."""
    tiny_models.add_double(tmp_path, extra="dynamic_batching { max_queue_delay_microseconds: 3600000000 }")
    body = json.dumps({"inputs": [GOOD]}).encode()
    head = f"POST /v2/models/double/infer HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with running(tmp_path) as server:
        with socket.create_connection(("127.0.0.1", server.http_port)) as caller:
            caller.sendall(head + body)
            server.wait_for_pending("double", 1)
        server.wait_for_pending("double", 0)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
