"""What the server tells of itself, asked of a real one by every way that a reply can take."""

import re
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import httpx
import numpy as np
import pytest

import serving
from tests.grpc_client import request, stub_of
from tests.running_server import RunningServer, until

ROW = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}


def counted(server: RunningServer, name: str) -> Counter[str]:
    """By labels, as they stand in the text."""
    found = re.findall(rf"^{name}(?:{{(.*)}})? (\S+)$", server.metrics(), re.MULTILINE)
    return Counter({labels: int(float(value)) for labels, value in found})


def test_replies_are_counted_by_status_whichever_way_they_take(tiny_server: RunningServer) -> None:
    until(lambda: tiny_server.metric("slipway_http_requests_running") == 0)  # of other tests
    before = counted(tiny_server, "slipway_http_replies_total")
    assert {'code="200"', 'code="500"', 'code="503"'} <= before.keys(), "from the start"
    asked = [
        ("POST", "/v2/models/double/infer", ROW),  # without the framework
        ("POST", "/v2/models/double/infer", {}),
        ("POST", "/v2/models/nope/infer", ROW),
        ("GET", "/v2/models/double", None),  # with it
        ("GET", "/nope", None),
    ]
    for method, path, body in asked:
        httpx.request(method, tiny_server.url + path, json=body)
    after = counted(tiny_server, "slipway_http_replies_total")
    assert after - before == {'code="200"': 2, 'code="400"': 2, 'code="404"': 1}


def test_calls_are_counted_by_method_and_code(tiny_server: RunningServer) -> None:
    until(lambda: tiny_server.metric("slipway_grpc_calls_running") == 0)  # of other tests
    before = counted(tiny_server, "slipway_grpc_calls_total")
    with stub_of(tiny_server) as stub:
        stub.ModelInfer(request("double", x=np.ones((1, 4), np.float32)))
        with pytest.raises(grpc.RpcError):
            stub.ModelInfer(request("nope", x=np.ones((1, 4), np.float32)))
    after = counted(tiny_server, "slipway_grpc_calls_total")
    assert after - before == {
        'code="OK",method="ModelInfer"': 1,
        'code="INVALID_ARGUMENT",method="ModelInfer"': 1,
    }
    until(lambda: tiny_server.metric("slipway_grpc_calls_running") == 0)  # once replies are sent


@contextmanager
def half_a_request(server: RunningServer) -> Iterator[None]:
    with socket.create_connection(("127.0.0.1", server.http_port)) as caller:
        caller.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        yield


def test_what_is_under_way_is_told(tiny_server: RunningServer) -> None:
    connections, running = "slipway_http_connections", "slipway_http_requests_running"
    until(lambda: tiny_server.metric(running) == 0)
    with half_a_request(tiny_server), half_a_request(tiny_server):
        until(lambda: tiny_server.metric(running) == 2)
        assert (tiny_server.metric(connections) or 0) >= 2  # others may be kept open by other tests' clients
    until(lambda: tiny_server.metric(running) == 0)


def test_it_says_which_version_runs_and_that_it_takes_requests(tiny_server: RunningServer) -> None:
    assert tiny_server.metric(f'slipway_build_info{{version="{serving.__version__}"}}') == 1
    assert tiny_server.metric("slipway_ready") == 1
