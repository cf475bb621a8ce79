"""Limits that hold in the whole server, whichever protocol. Rule: one server for all; nothing waits for the clock."""

import gzip
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import grpc
import httpx
import numpy as np
import pytest

from tests import grpc_client, python_models, tiny_models
from tests.running_server import RunningServer, running, until
from tests.serving.transports.http.test_fast_path import connected, message, replies

ROOM = 3_000_000
ROWS = np.ones((1, 250_000), np.float32)  # a million bytes


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("limits")
    tiny_models.add_double(root)
    tiny_models.add_identity(root, "identity", "TYPE_FP32", "float")
    python_models.add_model(
        root,
        "gate",
        """max_batch_size: 8 input { name: "in" data_type: TYPE_FP32 dims: -1 }
        output { name: "y" data_type: TYPE_FP32 dims: 1 }""",
        """
        import time

        class Model:
            def load(self, context):
                self.directory = context.directory

            def execute(self, request):
                while not (self.directory / "open").exists():
                    time.sleep(0.001)
                return {"y": request.inputs["in"][:, :1]}
        """,
    )
    return root


@pytest.fixture(scope="module")
def server(root: Path) -> Iterator[RunningServer]:
    with running(root, queue_byte_size=ROOM) as started:
        yield started


@contextmanager
def held(server: RunningServer, root: Path, count: int) -> Iterator[None]:
    """While so many requests of a million bytes wait."""
    gate = root / "gate" / "1" / "open"
    with ExitStack() as opened:
        connections = [opened.enter_context(connected(server)) for _ in range(count)]
        for connection in connections:
            connection.sendall(message(ROWS, path="/v2/models/gate/infer", name="in"))
        name = 'nv_inference_pending_request_count{model="gate",version="1"}'
        until(lambda: server.metric(name) == count - 1, "one runs")
        try:
            yield
        finally:
            gate.touch()
            for connection in connections:
                assert replies(connection, 1)[0].startswith(b"HTTP/1.1 200")
            gate.unlink()


def double(server: RunningServer) -> int:
    inputs = [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]
    return httpx.post(f"{server.url}/v2/models/double/infer", json={"inputs": inputs}).status_code


def test_what_waits_holds_no_more_memory_than_it_may(server: RunningServer, root: Path) -> None:
    with held(server, root, 2):
        assert double(server) == 200
        with connected(server) as connection:
            connection.sendall(message(ROWS, path="/v2/models/identity/infer", name="in"))  # a third million is over it
            reply = replies(connection, 1)[0]
        assert reply.startswith(b"HTTP/1.1 429")
        assert b"retry-after: 1" in reply
        assert b"limit is set with --queue-byte-size" in reply
        with grpc_client.stub_of(server) as stub:
            with pytest.raises(grpc.RpcError) as refused:
                stub.ModelInfer(grpc_client.request("identity", **{"in": ROWS}))
            assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert stub.ModelInfer(grpc_client.request("double", x=[[1, 2, 3, 4]])).raw_output_contents
        assert httpx.get(f"{server.url}/v2/health/ready").status_code == 200
    with connected(server) as connection:
        connection.sendall(message(ROWS, path="/v2/models/identity/infer", name="in"))
        assert replies(connection, 1)[0].startswith(b"HTTP/1.1 200")


def test_a_body_without_a_length_and_one_that_unpacks_are_counted_as_they_come(
    server: RunningServer, root: Path
) -> None:
    url, plain = f"{server.url}/v2/models/identity/infer", b" " * 1_500_000
    with held(server, root, 2):
        endless = httpx.post(url, content=iter([plain[:700_000], plain[:700_000]]))
        packed = httpx.post(url, content=gzip.compress(plain), headers={"Content-Encoding": "gzip"})
        assert (endless.status_code, packed.status_code) == (429, 429)
        assert double(server) == 200
    inputs = [{"name": "in", "shape": [1, 1], "datatype": "FP32", "data": [1]}]
    alone = plain + json.dumps({"inputs": inputs}).encode()  # many times the room, but nobody else has any
    assert httpx.post(url, content=alone).status_code == 200


def test_streams_of_grpc_share_the_same_room(server: RunningServer, root: Path) -> None:
    with held(server, root, 2), grpc_client.stub_of(server) as stub:
        asked = [
            grpc_client.request("identity", "large", **{"in": ROWS}),
            grpc_client.request("double", x=[[1, 2, 3, 4]]),
        ]
        large, small = stub.ModelStreamInfer(iter(asked))
        assert "limit is set with --queue-byte-size" in large.error_message
        assert small.infer_response.raw_output_contents
