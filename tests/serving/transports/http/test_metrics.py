import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from tests import tiny_models
from tests.running_server import running


def scrape(port: int) -> dict[tuple[str, str], float]:
    """(name, model) to value, for a text whose labels are all of one kind."""
    text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    lines = re.findall(r'^(\w+)(?:\{(?:model="(\w+)")?.*\})? (\S+)$', text, re.MULTILINE)
    return {(name, model): float(value) for name, model, value in lines}


def test_both_ports_show_that_concurrent_requests_were_batched(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path, extra="dynamic_batching { max_queue_delay_microseconds: 100000 }")
    tensor = {"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}
    with running(tmp_path) as server:
        ask = lambda _: httpx.post(f"{server.url}/v2/models/double/infer", json={"inputs": [tensor]})  # noqa: E731
        with ThreadPoolExecutor(32) as pool:
            assert all(reply.status_code == 200 for reply in pool.map(ask, range(32)))
        at_gateway, at_metrics = scrape(server.http_port), scrape(server.metrics_port)
    assert at_metrics["nv_inference_count", "double"] == 32
    assert at_metrics["nv_inference_request_success", "double"] == 32
    assert at_metrics["nv_inference_request_failure", "double"] == 0
    assert 4 <= at_metrics["nv_inference_exec_count", "double"] < 32, "at most 8 rows a batch"
    assert at_gateway["nv_inference_exec_count", "double"] == at_metrics["nv_inference_exec_count", "double"]
    assert at_metrics["process_resident_memory_bytes", ""] > 0
