"""Traces, request ids and the access log, seen from outside: real clients, and a real collector that keeps spans."""

import io
import json
import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import tritonclient.grpc as grpcclient
import tritonclient.http as httpclient

from serving.log import LogStyle, formatter
from serving.settings import Tracing
from tests import tiny_models
from tests.collector import Collector, collecting
from tests.running_server import RunningServer, running, until
from tests.serving.transports.http.test_fast_path import connected, message, replies
from tests.slipway_command import FREE_PORTS
from tests.tiny_decoders import add_tiny_decoder

ROW = np.ones((1, 4), np.float32)
SERVER = 2  # a span's kind
ERROR = 2  # a span's status
SOON = (("OTEL_BSP_SCHEDULE_DELAY", "50"),)
INFER = "/v2/models/double/infer"
JSON = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1.0] * 4}]}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("traced")
    tiny_models.add_double(root)
    tiny_models.add_double(root, "slowly", extra="dynamic_batching { max_queue_delay_microseconds: 300000 }")
    tiny_models.add_ensemble(root, "twice", "double:x>t double:t>y", names="x y")
    add_tiny_decoder(root)
    return root


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def server(root: Path, collector: Collector) -> Iterator[RunningServer]:
    """Which traces what its callers want traced, and logs every request."""
    resource = (("service.name", "tested"), ("deployment.environment.name", "test"))
    tracing = Tracing("opentelemetry", ("TIMESTAMPS",), 0, -1, 0, collector.url, resource, SOON)
    with running(root, tracing=tracing, access_log_rate=1.0) as server:
        yield server


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What is logged as JSON meanwhile."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter(LogStyle.JSON))
    loggers = [logging.getLogger(name) for name in ("slipway", "slipway.access")]
    before = [(logger, logger.level) for logger in loggers]
    loggers[0].addHandler(handler)
    loggers[1].setLevel(logging.INFO)
    yield stream
    loggers[0].removeHandler(handler)
    for logger, level in before:
        logger.setLevel(level)


def caller(number: int, sampled: bool = True) -> dict[str, str]:
    """In a trace of its own."""
    return {"traceparent": f"00-{number:032x}-{number:016x}-{int(sampled):02x}", "tracestate": "vendor=1"}


def asked_by_http(server: RunningServer, model: str, headers: dict[str, str], **options: Any) -> Any:
    with httpclient.InferenceServerClient(server.address) as client:
        tensor = httpclient.InferInput("x", [1, 4], "FP32").set_data_from_numpy(ROW)
        return client.infer(model, [tensor], headers=headers, **options)


def logged(lines: io.StringIO, **fields: Any) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in lines.getvalue().splitlines()]
    return [line for line in found if fields.items() <= line.items()]


def test_a_callers_trace_goes_on_through_queue_compute_and_batch(server: RunningServer, collector: Collector) -> None:
    asked_by_http(server, "double", {**caller(0xA1), "X-Request-Id": "mine"}, request_id="seven")
    spans = collector.trace(f"{0xA1:032x}", 7)
    whole, model, compute = (spans[name] for name in ("POST /v2/models/{model}/infer", "double", "compute"))
    assert (whole.parent, whole.kind, model.parent) == (f"{0xA1:016x}", SERVER, whole.id)
    assert {spans[name].parent for name in ("queue", "compute")} == {model.id}
    parts = [spans[name] for name in ("compute_input", "compute_infer", "compute_output")]
    assert {part.parent for part in parts} == {compute.id}
    assert all(part.within(compute) for part in parts)
    assert spans["queue"].end <= compute.start + 2000
    assert all(span.within(whole) for span in spans.values())
    batch = collector.wait_for(lambda span: compute.id in span.links)
    assert (batch.name, batch.attributes["slipway.batch.requests"]) == ("batch double", 1)
    assert compute.links == [batch.id]
    expected = {
        "http.request.method": "POST",
        "http.route": "/v2/models/{model}/infer",
        "http.response.status_code": 200,
        "url.path": INFER,
        "triton.model_name": "double",
        "triton.model_version": "1",
        "slipway.request_id": "mine",
    }
    assert expected.items() <= whole.attributes.items()
    assert model.attributes["triton.request_id"] == "seven"
    assert abs(whole.start / 1e9 - time.time()) < 3600, "by the clock on the wall"
    assert {"service.name": "tested", "deployment.environment.name": "test"}.items() <= collector.resource.items()
    assert collector.paths == {"/v1/traces"}


def test_requests_of_one_batch_are_linked_to_it(server: RunningServer, collector: Collector) -> None:
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda number: asked_by_http(server, "slowly", caller(number)), (0xB1, 0xB2, 0xB3)))
    traces = [collector.trace(f"{number:032x}", 7) for number in (0xB1, 0xB2, 0xB3)]
    batches = {link for spans in traces for link in spans["compute"].links}
    told = [collector.wait_for(lambda span, of=of: span.id == of) for of in batches]  # type: ignore[misc]
    assert sorted(link for batch in told for link in batch.links) == sorted(spans["compute"].id for spans in traces)
    assert len(batches) < 3, "some of them ran together"
    assert sum(batch.attributes["slipway.batch.rows"] for batch in told) == 3


def test_an_ensembles_steps_are_in_its_trace(server: RunningServer, collector: Collector) -> None:
    asked_by_http(server, "twice", caller(0xC1))
    collector.trace(f"{0xC1:032x}", 14)
    spans = [span for span in collector.spans if span.trace_id == f"{0xC1:032x}"]
    (ensemble,) = (span for span in spans if span.name == "twice")
    assert [span.parent for span in spans if span.name == "double"] == [ensemble.id] * 2


def test_grpc_has_the_same_and_says_where_it_is(server: RunningServer, collector: Collector) -> None:
    metadata = [*caller(0xD1).items(), ("x-request-id", "by-grpc")]
    with grpcclient.InferenceServerClient(server.grpc_address) as client:
        tensor = grpcclient.InferInput("x", [1, 4], "FP32").set_data_from_numpy(ROW)
        client.infer("double", [tensor], headers=dict(metadata))
        with pytest.raises(grpcclient.InferenceServerException, match="unknown model"):
            client.infer("nobody", [tensor], headers=caller(0xD2))
    spans = collector.trace(f"{0xD1:032x}", 7)
    whole = spans["inference.GRPCInferenceService/ModelInfer"]
    assert (whole.parent, whole.kind, spans["double"].parent) == (f"{0xD1:016x}", SERVER, whole.id)
    assert whole.attributes["rpc.response.status_code"] == "OK"
    assert whole.attributes["slipway.request_id"] == "by-grpc"
    (refused,) = collector.trace(f"{0xD2:032x}", 1).values()
    assert (refused.attributes["rpc.response.status_code"], refused.status) == ("INVALID_ARGUMENT", 0)


def test_each_message_of_a_stream_is_a_request_of_its_own(server: RunningServer, collector: Collector) -> None:
    came: list[Any] = []
    with grpcclient.InferenceServerClient(server.grpc_address) as client:
        client.start_stream(lambda result, error: came.append(error or result), headers=caller(0xE1))
        tensor = grpcclient.InferInput("x", [1, 4], "FP32").set_data_from_numpy(ROW)
        for _ in range(2):
            client.async_stream_infer("double", [tensor])
        until(lambda: len(came) == 2)
    collector.trace(f"{0xE1:032x}", 14)
    spans = [span for span in collector.spans if span.trace_id == f"{0xE1:032x}"]
    wholes = [span for span in spans if span.name == "inference.GRPCInferenceService/ModelStreamInfer"]
    assert [span.parent for span in wholes] == [f"{0xE1:016x}"] * 2
    assert {span.parent for span in spans if span.name == "double"} == {span.id for span in wholes}


def test_what_is_written_is_told_in_tokens(server: RunningServer, collector: Collector) -> None:
    prompt = {"model": "writer", "prompt": "hello", "max_tokens": 5, "temperature": 0, "ignore_eos": True}
    told = httpx.post(f"{server.url}/v1/completions", json=prompt, headers=caller(0xF1)).json()
    spans = collector.trace(f"{0xF1:032x}", 6)
    written = spans["text_completion writer"]
    assert spans["POST /v1/completions"].kind == SERVER
    assert {spans[name].parent for name in ("queue", "prefill", "decode")} == {written.id}
    assert written.parent == spans["writer"].id
    expected = {
        "gen_ai.operation.name": "text_completion",
        "gen_ai.request.model": "writer",
        "gen_ai.request.max_tokens": 5,
        "gen_ai.usage.input_tokens": told["usage"]["prompt_tokens"],
        "gen_ai.usage.output_tokens": told["usage"]["completion_tokens"],
        "gen_ai.response.finish_reasons": [told["choices"][0]["finish_reason"]],
    }
    assert expected.items() <= written.attributes.items()
    assert spans["decode"].attributes["gen_ai.usage.output_tokens"] == 5
    assert spans["queue"].end <= spans["prefill"].end <= spans["decode"].end
    streamed = {**prompt, "stream": True}
    assert "[DONE]" in httpx.post(f"{server.url}/v1/completions", json=streamed, headers=caller(0xF2)).text
    assert "decode" in collector.trace(f"{0xF2:032x}", 6), "a stream is over when its last event is"


def test_the_settings_say_which_requests_are_traced(server: RunningServer, collector: Collector) -> None:
    """Of those whose callers say nothing, on whichever way they go; the others go on as their callers want."""
    setting = f"{server.url}/v2/models/double/trace/setting"
    assert httpx.get(setting).json() == {
        "trace_level": ["TIMESTAMPS"],
        "trace_rate": "0",
        "trace_count": "-1",
        "trace_mode": "opentelemetry",
    }
    assert httpx.post(setting, json={"trace_rate": "3", "trace_count": "2"}).status_code == 200
    with connected(server) as connection:
        traced = []
        for _ in range(9):  # the usual tensor request, past the framework
            connection.sendall(message(ROW))
            traced.append(b"traceresponse" in replies(connection, 1)[0])
        connection.sendall(message(ROW, extra=f"traceparent: {caller(0x11, False)['traceparent']}\r\n".encode()))
        assert b"traceresponse" not in replies(connection, 1)[0]
        connection.sendall(message(ROW, extra=f"traceparent: {caller(0x12)['traceparent']}\r\n".encode()))
        assert f"traceresponse: 00-{0x12:032x}-".encode() in replies(connection, 1)[0]
    assert traced == [False, False, True] * 2 + [False] * 3
    assert httpx.get(setting).json()["trace_count"] == "0"
    assert httpx.post(setting, json={"trace_level": ["OFF"]}).status_code == 200
    assert "traceresponse" not in httpx.post(f"{server.url}{INFER}", json=JSON, headers=caller(0x13)).headers
    cleared = dict.fromkeys(("trace_level", "trace_rate", "trace_count"))
    assert httpx.post(setting, json=cleared).json()["trace_rate"] == "0"
    collector.trace(f"{0x12:032x}", 7)
    assert not {f"{0x11:032x}", f"{0x13:032x}"} & {span.trace_id for span in collector.spans}


def test_what_goes_wrong_is_in_the_trace_and_found_in_the_log(
    server: RunningServer, collector: Collector, lines: io.StringIO
) -> None:
    reply = httpx.post(f"{server.url}/v2/models/nobody/infer", json=JSON, headers=caller(0x21))
    assert reply.status_code == 400
    assert reply.headers["traceresponse"].startswith(f"00-{0x21:032x}-")
    (refused,) = collector.trace(f"{0x21:032x}", 1).values()
    assert refused.attributes["http.response.status_code"] == 400
    until(lambda: logged(lines, path="/v2/models/nobody/infer"))
    (line,) = logged(lines, path="/v2/models/nobody/infer")
    assert (line["trace_id"], line["status"], line["model"]) == (f"{0x21:032x}", 400, "nobody")
    assert line["request_id"] == reply.headers["x-request-id"], "which was made for it"


def test_of_a_callers_long_words_not_all_is_kept(server: RunningServer, collector: Collector) -> None:
    asked = {"model": "m" * 100_000, "prompt": "x"}
    assert httpx.post(f"{server.url}/v1/completions", json=asked, headers=caller(0x22)).status_code == 404
    assert httpx.get(f"{server.url}/{'p' * 10_000}", headers=caller(0x23)).status_code == 404
    (unknown,) = collector.trace(f"{0x22:032x}", 1).values()
    (nowhere,) = collector.trace(f"{0x23:032x}", 1).values()
    assert set(unknown.attributes["triton.model_name"]) == {"m"}
    assert len(unknown.attributes["triton.model_name"]) < 1000
    assert nowhere.attributes["url.path"].startswith("/pppp")
    assert len(nowhere.attributes["url.path"]) < 1000


@pytest.mark.parametrize("extra", [b"", b"Content-Encoding: identity\r\n"], ids=["past the framework", "through it"])
def test_a_request_has_a_line_and_an_id_that_can_do_no_harm(
    server: RunningServer, lines: io.StringIO, extra: bytes
) -> None:
    request_id = b'X-Request-Id: a b\xff{}"%0a-' + b"c" * 500
    with connected(server) as connection:
        connection.sendall(message(ROW, extra=extra + request_id + b"\r\n"))
        reply = replies(connection, 1)[0]
    until(lambda: logged(lines, path=INFER))
    (line,) = logged(lines, path=INFER)
    assert line["request_id"] == "ab0a-" + "c" * 123
    assert f"x-request-id: {line['request_id']}\r\n".encode() in reply
    body = reply.partition(b"\r\n\r\n")[2]
    expected = {"method": "POST", "model": "double", "status": 200, "bytes": len(body), "protocol": "http"}
    assert expected.items() <= line.items()
    assert 0 < line["duration_ms"] < 60_000
    assert {"time", "level", "logger", "message"} <= line.keys()


def test_of_the_usual_tensor_requests_only_failures_have_lines_at_a_rate_of_0(root: Path, lines: io.StringIO) -> None:
    wrong = message(np.full((99, 4), 1, np.float32))
    late = message(ROW, path="/v2/models/slowly/infer", extra=b"X-Request-Timeout-Ms: 0.001\r\n")
    with running(root, access_log_rate=0.0) as server, connected(server) as connection:
        for sent in (message(ROW), late, wrong, message(ROW)):
            connection.sendall(sent)
            replies(connection, 1)
        until(lambda: len(logged(lines, logger="slipway.access")) == 2)
    found = logged(lines, logger="slipway.access")
    assert [(line["model"], line["status"]) for line in found] == [("slowly", 503), ("double", 400)]


def test_calls_have_lines_too(server: RunningServer, lines: io.StringIO) -> None:
    with grpcclient.InferenceServerClient(server.grpc_address) as client:
        assert client.is_model_ready("double", headers={"x-request-id": "ready"})
    until(lambda: logged(lines, request_id="ready"))
    (line,) = logged(lines, request_id="ready")
    expected = {"path": "/inference.GRPCInferenceService/ModelReady", "status": "OK", "protocol": "grpc"}
    assert expected.items() <= line.items()


def test_a_collector_that_is_down_costs_spans_and_nothing_else(root: Path, lines: io.StringIO) -> None:
    """It comes up again, goes on, and the end of the server does not wait for it."""
    few = (("OTEL_BSP_SCHEDULE_DELAY", "20"), ("OTEL_BSP_MAX_QUEUE_SIZE", "16"))
    with collecting() as collector:
        collector.status = 400
        tracing = Tracing("opentelemetry", ("TIMESTAMPS",), 1, -1, 0, collector.url, (), few)
        with running(root, tracing=tracing) as server:
            for _ in range(5):
                assert httpx.post(f"{server.url}{INFER}", json=JSON).status_code == 200
            until(lambda: (server.metric("slipway_trace_spans_lost_total") or 0) >= 5)
            assert server.metric("slipway_trace_spans_exported_total") == 0
            collector.status = 200

            def arrives() -> bool:
                httpx.post(f"{server.url}{INFER}", json=JSON)
                return (server.metric("slipway_trace_spans_exported_total") or 0) > 0

            until(arrives)
        until(lambda: collector.spans)
    told = [line["message"] for line in logged(lines, level="WARNING")]
    assert len([it for it in told if it.startswith("spans do not reach the collector and are lost")]) == 1
    assert len([it for it in told if it.startswith("spans reach the collector again")]) == 1


def test_what_waits_is_sent_when_the_server_ends(root: Path, collector: Collector) -> None:
    later = (("OTEL_BSP_SCHEDULE_DELAY", "3600000"),)
    tracing = Tracing("opentelemetry", ("TIMESTAMPS",), 0, -1, 0, collector.url, (), later)
    with running(root, tracing=tracing, http_workers=2) as server:
        with connected(server) as connection:  # to a gateway, and from there on as a frame
            traceparent = f"traceparent: {caller(0x31)['traceparent']}\r\nX-Request-Id: gate\r\n"
            connection.sendall(message(ROW, extra=traceparent.encode()))
            reply = replies(connection, 1)[0]
        assert f"traceresponse: 00-{0x31:032x}-".encode() in reply
        assert b"x-request-id: gate\r\n" in reply
        proxied = httpx.post(f"{server.url}{INFER}", json={**JSON, "id": "x" * 70_000}, headers=caller(0x32))
        assert proxied.headers["traceresponse"].startswith(f"00-{0x32:032x}-")
        assert not any(span.trace_id == f"{0x31:032x}" for span in collector.spans)
    assert {"POST /v2/models/{model}/infer", "queue", "compute"} <= collector.trace(f"{0x31:032x}", 7).keys()
    assert collector.trace(f"{0x32:032x}", 7)["compute"].links


def test_without_its_packages_the_server_says_what_to_install(root: Path) -> None:
    arguments = ["slipway", "serve", str(root), "--otlp-endpoint", "http://localhost:4318", *FREE_PORTS]
    code = f"""import sys
sys.modules["opentelemetry.exporter.otlp.proto.http.trace_exporter"] = None
sys.argv = {arguments!r}
from serving.cli import main
main()"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "pip install 'slipway-serving[tracing]'" in done.stderr
    assert "Traceback" not in done.stderr
