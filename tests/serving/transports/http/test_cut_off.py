import json
import socket
from pathlib import Path

import httpx

from tests import tiny_models
from tests.running_server import running


def test_a_request_that_outlives_the_servers_time_to_stop_is_told_so(tmp_path: Path) -> None:
    """A caller that never finishes sending its body keeps its request open for ever."""
    tiny_models.add_double(tmp_path)
    head = b"POST /v2/models/double/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"
    with running(tmp_path, shutdown_timeout=1) as server:
        caller = socket.create_connection(("127.0.0.1", server.http_port))
        caller.sendall(head)
        assert httpx.get(f"{server.url}/v2/health/live").status_code == 200, "by now the server has read the head"
    with caller:
        reply = b"".join(iter(lambda: caller.recv(65536), b""))
    head, _, body = reply.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503")
    assert "Server exiting" in json.loads(body)["error"]
