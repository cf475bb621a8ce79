import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import python_models, tiny_models
from tests.running_server import running


def test_a_request_that_outlives_the_servers_time_to_stop_is_told_so(tmp_path: Path) -> None:
    """A caller that never finishes sending its body keeps its request open for ever."""
    tiny_models.add_double(tmp_path)
    paths = ("/v2/models/double/infer", "/v1/completions")
    with running(tmp_path, shutdown_timeout=1) as server:
        callers = [socket.create_connection(("127.0.0.1", server.http_port)) for _ in paths]
        for caller, path in zip(callers, paths, strict=True):
            caller.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{".encode())
        assert httpx.get(f"{server.url}/v2/health/live").status_code == 200, "by now the server has read the heads"
    tritons, openais = map(refusal, callers)
    assert "Server exiting" in tritons
    assert "Server exiting" in openais["message"]
    assert openais["code"] == "server_shutting_down"


def refusal(caller: socket.socket) -> Any:
    """Why a caller got a 503."""
    with caller:
        reply = b"".join(iter(partial(caller.recv, 65536), b""))
    head, _, body = reply.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503")
    return json.loads(body)["error"]


def test_a_stream_that_outlives_it_is_told_so_in_its_last_event(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    python_models.add_endless_tokens(tmp_path)
    with ThreadPoolExecutor() as pool:
        with running(tmp_path, shutdown_timeout=1) as server:
            began = threading.Event()
            reading = pool.submit(read_stream, server.url, began)
            assert began.wait(30)
        lines = reading.result(30)
    assert "N" in json.loads(lines[0].removeprefix("data: "))
    assert "Server exiting" in json.loads(lines[-1].removeprefix("data: "))["error"]
    assert "Traceback" not in caplog.text


def read_stream(url: str, began: threading.Event) -> list[str]:
    """Every event, to the stream's proper end."""
    lines = []
    with httpx.stream("POST", f"{url}/v2/models/endless_tokens/generate_stream", json={"START": 0}) as reply:
        for line in reply.iter_lines():
            began.set()
            lines += [line] if line else []
    return lines
