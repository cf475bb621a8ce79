"""Over a route that asks a model several times for one caller."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.running_server import RunningServer, running, until
from tests.tiny_encoders import add_tiny_encoder


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    """It lets one wait."""
    add_tiny_encoder(tmp_path, config="dynamic_batching { default_queue_policy { max_queue_size: 1 } }")
    with running(tmp_path) as server:
        yield server


def test_where_one_is_refused_the_caller_is_and_nothing_is_left_behind(server: RunningServer) -> None:
    body = {"model": "encoder", "input": ["fox"] * 1000}
    reply = httpx.post(f"{server.url}/v1/embeddings", json=body, timeout=30)
    assert (reply.status_code, reply.json()["error"]["code"]) == (429, "rate_limit_exceeded")
    until(lambda: server.metric('nv_inference_pending_request_count{model="encoder",version="1"}') == 0)
    answered = httpx.post(f"{server.url}/v1/embeddings", json={**body, "input": ["fox"]})
    assert len(answered.json()["data"]) == 1
