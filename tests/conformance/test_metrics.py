"""The page that Prometheus scrapes: its names, what they count, and that it can be read."""

import re

import grpc
import httpx
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.conformance.asking import Question, Tensor, over_grpc, over_http
from tests.grpc_client import request, stub_of
from tests.running_server import RunningServer

# Source: Triton's docs/user_guide/metrics.md.
COUNTERS = [
    "nv_inference_request_success",
    "nv_inference_count",
    "nv_inference_exec_count",
    "nv_inference_request_duration_us",
    "nv_inference_queue_duration_us",
    "nv_inference_compute_input_duration_us",
    "nv_inference_compute_infer_duration_us",
    "nv_inference_compute_output_duration_us",
]
SIMPLE = Question("simple", [Tensor(name, "INT32", [3, 16], [1] * 48) for name in ("INPUT0", "INPUT1")])


def page(server: RunningServer) -> str:
    reply = httpx.get(f"http://127.0.0.1:{server.metrics_port}/metrics")
    assert (reply.status_code, reply.headers["content-type"].split(";")[0]) == (200, "text/plain")
    return reply.text


def value(server: RunningServer, name: str, model: str) -> float:
    found = re.search(rf'^{name}{{model="{model}",version="1"}} (\S+)$', page(server), re.MULTILINE)
    assert found, (name, model)
    return float(found[1])


@pytest.mark.parametrize("name", COUNTERS)
def test_every_loaded_model_has_tritons_counters(server: RunningServer, name: str) -> None:
    assert f"# TYPE {name} counter\n" in page(server)
    for model in ("simple", "repeat_int32", "simple_sequence", "identity_bf16"):
        assert value(server, name, model) >= 0


@pytest.mark.parametrize("ask", [over_http, over_grpc])
def test_a_request_is_counted_once_and_its_rows_each(server: RunningServer, ask: object) -> None:
    names = ("nv_inference_request_success", "nv_inference_count", "nv_inference_exec_count")
    before = [value(server, name, "simple") for name in names]
    assert ask(server, SIMPLE).message == ""  # type: ignore[operator]
    after = [value(server, name, "simple") for name in names]
    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 3, 1]


def test_a_model_that_fails_is_counted_by_reason(server: RunningServer) -> None:
    failing = Question("lookup", [Tensor("index", "INT64", [1, 1], [9])])
    pattern = r'^nv_inference_request_failure\{.*model="lookup".*reason="BACKEND".*\} (\S+)$'
    before = re.search(pattern, page(server), re.MULTILINE)
    assert over_grpc(server, failing).status == grpc.StatusCode.INTERNAL
    assert over_http(server, failing).status == 500
    after = re.search(pattern, page(server), re.MULTILINE)
    assert before
    assert after
    assert float(after[1]) - float(before[1]) == 2


@pytest.mark.parametrize("reason", ["REJECTED", "CANCELED", "BACKEND", "OTHER"])
def test_every_reason_is_there_from_the_start(server: RunningServer, reason: str) -> None:
    assert re.search(rf'^nv_inference_request_failure{{.*model="densenet_onnx".*reason="{reason}"', page(server), re.M)


def test_a_stream_is_counted_as_requests_not_as_answers(server: RunningServer) -> None:
    before = value(server, "nv_inference_request_success", "repeat_int32")
    inputs = {"IN": np.int32([1, 2, 3]), "DELAY": np.uint32([0, 0, 0]), "WAIT": np.uint32([0])}
    with stub_of(server) as stub:
        assert len(list(stub.ModelStreamInfer(iter([request("repeat_int32", **inputs)]), timeout=30))) == 3
    assert value(server, "nv_inference_request_success", "repeat_int32") - before == 1


def test_prometheus_own_reader_reads_it(server: RunningServer) -> None:
    families = {family.name: family for family in text_string_to_metric_families(page(server))}
    assert {"nv_inference_pending_request_count", "nv_model_load_duration_secs", "nv_cpu_utilization"} <= set(families)
    assert all(family.documentation for family in families.values())
    assert page(server).isascii(), "its readers decode it as ASCII"


def test_the_gateway_has_the_same_page(server: RunningServer) -> None:
    assert "nv_inference_count" in httpx.get(f"{server.url}/metrics").text
