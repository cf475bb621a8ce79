"""The tensor route over a real socket: what it answers, and every way a request can be wrong."""

import gzip
import json
import logging
import socket
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from serving.transports.http.infer import HEADER_LENGTH
from tests import tiny_models
from tests.running_server import RunningServer, running

GOOD = {"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}


def infer(server: RunningServer, model: str = "double", **request: Any) -> httpx.Response:
    return httpx.post(f"{server.url}/v2/models/{model}/infer", **(request or {"json": {"inputs": [GOOD]}}))


def test_json_in_json_out(tiny_server: RunningServer) -> None:
    reply = infer(tiny_server, json={"id": "7", "inputs": [GOOD]})
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/json"
    assert HEADER_LENGTH not in reply.headers
    assert reply.json() == {
        "id": "7",
        "model_name": "double",
        "model_version": "1",
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [1, 4], "data": [2, 4, 6, 8]}],
    }


def test_binary_in_binary_out(tiny_server: RunningServer) -> None:
    tensor = {"name": "x", "shape": [2, 4], "datatype": "FP32", "parameters": {"binary_data_size": 32}}
    header = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    body = header + np.arange(8, dtype=np.float32).tobytes()
    reply = infer(tiny_server, content=body, headers={HEADER_LENGTH: str(len(header))})
    assert reply.headers["content-type"] == "application/octet-stream"
    blob = reply.content[int(reply.headers[HEADER_LENGTH]) :]
    assert np.frombuffer(blob, np.float32).tolist() == [0, 2, 4, 6, 8, 10, 12, 14]


def test_a_named_version_answers(tiny_server: RunningServer) -> None:
    reply = httpx.post(f"{tiny_server.url}/v2/models/double/versions/1/infer", json={"inputs": [GOOD]})
    assert reply.json()["model_version"] == "1"


def test_the_content_type_does_not_matter(tiny_server: RunningServer) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}  # curl's default
    assert infer(tiny_server, content=json.dumps({"inputs": [GOOD]}), headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "z"}, "unexpected inference input 'z'"),
        ({"datatype": "INT32"}, "'x' data-type is 'INT32', but model 'double' expects 'FP32'"),
        ({"datatype": "FLOAT"}, "datatype 'FLOAT' is not one of"),
        ({"shape": [1, 5], "data": [1] * 5}, "Expected [-1,4], got [1,5]"),
        ({"shape": [4]}, "Expected [-1,4], got [4]"),
        ({"shape": [9, 4], "data": [1] * 36}, "batch-size must be <= 8"),
        ({"shape": [0, 4], "data": []}, "batch-size must be at least 1"),
        ({"data": [1, 2, 3]}, "takes 4 elements, got 3"),
        ({"name": "\ud800"}, "failed to parse the request JSON"),
        ({"name": "z" * 100_000}, "unexpected inference input"),
        ({"data": [1, 2, 3, "4"]}, "FP32 takes a number, got a string"),
        ({"shape": [-1, 4]}, "Unable to parse 'shape'"),
    ],
)
def test_a_wrong_tensor_is_named(tiny_server: RunningServer, change: dict[str, Any], message: str) -> None:
    reply = infer(tiny_server, content=json.dumps({"inputs": [{**GOOD, **change}]}))
    assert reply.status_code == 400
    assert reply.json().keys() == {"error"}
    assert message in reply.json()["error"]
    assert infer(tiny_server).status_code == 200, "the server keeps serving"


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/v2/models/nope/infer", 400, "Request for unknown model: 'nope' is not found"),
        ("/v2/models/double/versions/2/infer", 404, "'double' version 2 is not found"),
        ("/v2/models/double/versions/one/infer", 404, "'double' version one is not found"),
        ("/v2/models/double/predict", 404, "Not Found"),
        ("/v2/models/double/infer/", 404, "Not Found"),
    ],
)
def test_wrong_models_versions_and_paths(tiny_server: RunningServer, path: str, status: int, message: str) -> None:
    reply = httpx.post(tiny_server.url + path, json={"inputs": [GOOD]})
    assert reply.status_code == status
    assert message in reply.json()["error"]


def test_a_wrong_method_is_405(tiny_server: RunningServer) -> None:
    reply = httpx.get(f"{tiny_server.url}/v2/models/double/infer")
    assert (reply.status_code, reply.json()) == (405, {"error": "Method Not Allowed"})


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[1, 2]", b"null", b"[" * 100_000, b'{"inputs": ' * 5000])
def test_a_body_that_is_no_request(tiny_server: RunningServer, body: bytes) -> None:
    reply = infer(tiny_server, content=body)
    assert reply.status_code == 400
    assert reply.json()["error"]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("abc", "Unable to parse Inference-Header-Content-Length, got: abc"),
        ("-1", "Unable to parse"),
        ("99999", "in range (0, "),
        ("9" * 40, "Unable to parse"),
        ("10", "failed to parse the request JSON"),
    ],
)
def test_a_wrong_header_length(tiny_server: RunningServer, header: str, message: str) -> None:
    reply = infer(tiny_server, content=json.dumps({"inputs": [GOOD]}), headers={HEADER_LENGTH: header})
    assert reply.status_code == 400
    assert message in reply.json()["error"]


def test_a_truncated_binary_body(tiny_server: RunningServer) -> None:
    tensor = {"name": "x", "shape": [1, 4], "datatype": "FP32", "parameters": {"binary_data_size": 16}}
    header = json.dumps({"inputs": [tensor]}).encode()
    reply = infer(tiny_server, content=header + bytes(10), headers={HEADER_LENGTH: str(len(header))})
    assert (reply.status_code, reply.json()["error"]) == (
        400,
        "unexpected size for input 'x', expecting 6 additional bytes",
    )


@pytest.mark.parametrize(("coding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_bodies_may_be_compressed_both_ways(tiny_server: RunningServer, coding: str, compress: Any) -> None:
    rows = {"name": "in", "shape": [1, 4000], "datatype": "FP32", "data": [1] * 4000}
    body = compress(json.dumps({"inputs": [rows]}).encode())
    headers = {"content-encoding": coding, "accept-encoding": coding}
    reply = infer(tiny_server, "identity_fp32", content=body, headers=headers)
    assert reply.status_code == 200
    assert reply.headers["content-encoding"] == coding
    assert int(reply.headers["content-length"]) < 4000
    assert reply.json()["outputs"][0]["data"] == [1] * 4000


def test_the_header_length_counts_what_is_unpacked(tiny_server: RunningServer) -> None:
    tensor = {"name": "in", "shape": [1, 4000], "datatype": "FP32", "parameters": {"binary_data_size": 16000}}
    header = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    headers = {HEADER_LENGTH: str(len(header)), "content-encoding": "gzip", "accept-encoding": "gzip"}
    reply = infer(tiny_server, "identity_fp32", content=gzip.compress(header + bytes(16000)), headers=headers)
    assert reply.headers["content-encoding"] == "gzip"
    assert reply.content[int(reply.headers[HEADER_LENGTH]) :] == bytes(16000)


def test_small_replies_are_not_worth_it(tiny_server: RunningServer) -> None:
    assert "content-encoding" not in infer(tiny_server).headers


@pytest.mark.parametrize(
    ("coding", "body", "status"),
    [
        ("br", b"x", 501),
        ("gzip", b"not gzip", 400),
        ("gzip", gzip.compress(b"{}")[:-3], 400),
        ("gzip", gzip.compress(bytes(2**20) * 65), 413),
    ],
)
def test_bodies_that_can_not_be_unpacked(tiny_server: RunningServer, coding: str, body: bytes, status: int) -> None:
    reply = infer(tiny_server, content=body, headers={"content-encoding": coding})
    assert reply.status_code == status
    assert reply.json()["error"]
    assert infer(tiny_server).status_code == 200


def test_one_tensors_bytes_are_a_request(tiny_server: RunningServer) -> None:
    reply = infer(tiny_server, content=np.float32([1, 2, 3, 4]).tobytes(), headers={HEADER_LENGTH: "0"})
    header = json.loads(reply.content[: int(reply.headers[HEADER_LENGTH])])
    assert header["outputs"] == [
        {"name": "y", "datatype": "FP32", "shape": [1, 4], "parameters": {"binary_data_size": 16}}
    ]
    assert reply.content[-16:] == np.float32([2, 4, 6, 8]).tobytes()


def test_an_outputs_best_classes_with_their_labels(tiny_server: RunningServer) -> None:
    picture = {"name": "image", "shape": [1, 1, 4, 4], "datatype": "FP32", "data": [255] * 16}
    outputs = [{"name": "scores", "parameters": {"classification": 2}}]
    reply = infer(tiny_server, "brightness", json={"inputs": [picture], "outputs": outputs})
    assert reply.json()["outputs"] == [
        {"name": "scores", "datatype": "BYTES", "shape": [1, 2], "data": ["1.000000:1:bright", "0.000000:0:dark"]}
    ]


def test_shared_memory_has_to_be_switched_on(tiny_server: RunningServer) -> None:
    region = {"shared_memory_region": "r", "shared_memory_byte_size": 16}
    tensor = {"name": "x", "shape": [1, 4], "datatype": "FP32", "parameters": region}
    reply = infer(tiny_server, json={"inputs": [tensor]})
    assert reply.status_code == 501
    assert "--allow-shared-memory" in reply.json()["error"]


def test_a_value_that_the_model_refuses_is_the_models_failure(tiny_server: RunningServer) -> None:
    def ask(index: int) -> httpx.Response:
        tensor = {"name": "index", "shape": [1, 1], "datatype": "INT64", "data": [index]}
        return infer(tiny_server, "lookup", json={"inputs": [tensor]})

    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(ask, [0, 1, 2, 99, 0, 1, 2]))
    assert [reply.status_code for reply in replies] == [200, 200, 200, 500, 200, 200, 200]
    assert [reply.json()["outputs"][0]["data"] for reply in replies if reply.status_code == 200] == [
        [10.0], [20.0], [30.0], [10.0], [20.0], [30.0],
    ]  # fmt: skip
    assert "the model failed on this request" in replies[3].json()["error"]


def test_half_floats_travel_in_binary_only(tiny_server: RunningServer) -> None:
    tensor = {"name": "in", "shape": [1, 2], "datatype": "FP16", "data": [1, 2]}
    reply = infer(tiny_server, "identity_fp16", json={"inputs": [tensor]})
    assert reply.status_code == 400
    assert "receiving FP16 data via JSON is not supported" in reply.json()["error"]


def test_not_a_number_comes_and_goes(tiny_server: RunningServer) -> None:
    body = '{"inputs": [{"name": "in", "shape": [1, 3], "datatype": "FP32", "data": [NaN, Infinity, -Infinity]}]}'
    reply = infer(tiny_server, "identity_fp32", content=body)
    assert b'"data":[NaN,Infinity,-Infinity]' in reply.content


def test_a_large_request_is_answered_like_a_small_one(tmp_path: Path) -> None:
    tiny_models.add_identity(tmp_path, "identity", "TYPE_FP32", "float")
    values = np.random.default_rng(0).random(200_000).astype(np.float32)
    with running(tmp_path) as server:
        tensor = {"name": "in", "shape": [1, len(values)], "datatype": "FP32", "data": values.tolist()}
        reply = infer(server, "identity", json={"inputs": [tensor]})
    assert np.float32(reply.json()["outputs"][0]["data"]).tolist() == values.tolist()


def test_a_full_queue_is_503_with_retry_after(tmp_path: Path) -> None:
    tiny_models.add_double(
        tmp_path,
        extra="""dynamic_batching {
          max_queue_delay_microseconds: 3600000000 default_queue_policy { max_queue_size: 1 } }""",
    )
    with ThreadPoolExecutor(1) as pool, running(tmp_path) as server:
        accepted = pool.submit(infer, server)
        server.wait_for_pending("double", 1)
        refused = infer(server)
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "1"
        assert "Exceeds maximum queue size" in refused.json()["error"]
    assert accepted.result().status_code == 200, "stopping holds nothing back"


def test_a_request_whose_timeout_expires_in_the_queue_is_503(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path, extra="dynamic_batching { max_queue_delay_microseconds: 3600000000 }")
    with running(tmp_path) as server:
        reply = infer(server, json={"inputs": [GOOD], "parameters": {"timeout": 1000}})
    assert (reply.status_code, reply.json()) == (503, {"error": "Request timeout expired"})


def test_aborted_bodies_harm_nobody(tiny_server: RunningServer, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", tiny_server.http_port)) as caller:
            caller.sendall(b"POST /v2/models/double/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
    assert infer(tiny_server).status_code == 200
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
