"""Counters as the web page gets them, from models that were asked, that write, and that can't be loaded."""

from pathlib import Path
from typing import Any

import httpx

from tests import tiny_decoders, tiny_models
from tests.running_server import RunningServer, running

ROWS = {"name": "index", "shape": [3, 1], "datatype": "INT64", "data": [0, 1, 2]}
OUTSIDE = {**ROWS, "data": [0, 1, 9]}


def live(server: RunningServer) -> dict[str, dict[str, Any]]:
    reply = httpx.get(f"{server.url}/page/live").json()
    assert reply["seconds"] > 0
    return {row["name"]: row for row in reply["models"]}


def test_counts_are_of_what_was_asked(tmp_path: Path) -> None:
    tiny_models.add_lookup(tmp_path)
    tiny_decoders.add_tiny_decoder(tmp_path)
    tiny_models.write_config(tmp_path, "broken", 'backend: "onnxruntime"')
    with running(tmp_path) as server:
        for tensor in (ROWS, ROWS, OUTSIDE):
            httpx.post(f"{server.url}/v2/models/lookup/infer", json={"inputs": [tensor]})
        asked = {"model": "writer", "prompt": "the quick", "max_tokens": 5, "ignore_eos": True, "temperature": 0}
        httpx.post(f"{server.url}/v1/completions", json=asked).raise_for_status()
        found = live(server)

    counts = found["lookup"]["counts"]
    assert [counts[name] for name in ("answered", "failed", "rows", "waiting")] == [2, 1, 6, 0]
    assert sum(counts["seconds"]) == 2
    assert len(counts["seconds"]) == len(counts["bounds"]) + 1
    assert (found["lookup"]["state"], found["lookup"]["traffic_percent"]) == ("READY", 100)
    assert [found["writer"]["counts"][name] for name in ("answered", "tokens")] == [1, 5]
    assert found["writer"]["counts"]["rows"] > found["writer"]["counts"]["batches"]
    assert (found["broken"]["state"], found["broken"]["counts"]) == ("UNAVAILABLE", None)
    assert "broken/1/" in found["broken"]["reason"]
