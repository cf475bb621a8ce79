"""Requests that are huge, or no messages at all. Rule: each is refused, and meanwhile the server answers others."""

import json
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import grpc
import httpx
import numpy as np
import psutil
import pytest
from tritonclient.grpc import service_pb2 as messages

from tests.conformance.asking import Question, Tensor, over_grpc, over_http
from tests.grpc_client import channel_to, stub_of
from tests.running_server import RunningServer

MANY = 10**6
SERVICE = "/inference.GRPCInferenceService"
INFER = f"{SERVICE}/ModelInfer"
ROW = list(range(16))
HUGE_SHAPES = [[2**63 - 1, 2], [2**31] * 4, [2**62], [1] * 65, [0, 2**62], [2**40 + 1], [1] * 10**5]


def served_meanwhile(server: RunningServer, ask: Callable[[], Any]) -> Any:
    """What `ask` returns; until it does, others are answered over both protocols."""
    with ThreadPoolExecutor(1) as pool, stub_of(server) as stub, httpx.Client(timeout=10) as http:
        asked = pool.submit(ask)
        while True:
            is_last = bool(wait([asked], timeout=0.1).done)
            assert http.get(f"{server.url}/v2/health/live").status_code == 200
            assert stub.ServerLive(messages.ServerLiveRequest(), timeout=10).live
            if is_last:
                return asked.result()


def posted(server: RunningServer, path: str, body: bytes) -> httpx.Response:
    return served_meanwhile(server, lambda: httpx.post(server.url + path, content=body, timeout=60))


def refused(answer: httpx.Response) -> str:
    assert 400 <= answer.status_code < 500, answer.text[:500]
    assert len(answer.content) < 10_000
    return answer.json()["error"]


def call(server: RunningServer, message: messages.ModelInferRequest) -> grpc.RpcError:
    def ask() -> grpc.RpcError:
        with stub_of(server) as stub, pytest.raises(grpc.RpcError) as failure:
            stub.ModelInfer(message, timeout=60)
        return failure.value

    return served_meanwhile(server, ask)


@pytest.mark.parametrize("shape", [*HUGE_SHAPES, [2**64], [10**100]], ids=lambda shape: str(shape)[:20])
@pytest.mark.parametrize("source", [{"data": [1]}, {"parameters": {"binary_data_size": 0}}], ids=["json", "binary"])
@pytest.mark.parametrize("datatype", ["INT32", "BYTES"])
def test_huge_shapes_over_http(server: RunningServer, shape: list[int], source: dict[str, Any], datatype: str) -> None:
    tensor = {"name": "IN", "datatype": datatype, "shape": shape, **source}
    path = f"/v2/models/identity_{datatype.lower()}/infer"
    assert "IN" in refused(httpx.post(server.url + path, json={"inputs": [tensor]}))


@pytest.mark.parametrize("shape", HUGE_SHAPES, ids=lambda shape: str(shape)[:20])
@pytest.mark.parametrize("is_raw", [True, False])
def test_huge_shapes_over_grpc(server: RunningServer, shape: list[int], is_raw: bool) -> None:
    message = messages.ModelInferRequest(model_name="identity_int32")
    tensor = message.inputs.add(name="IN", datatype="INT32", shape=shape)
    if is_raw:
        message.raw_input_contents.append(b"\1\0\0\0")
    else:
        tensor.contents.int_contents.append(1)
    failure = call(server, message)
    assert (failure.code(), "IN" in failure.details()) == (grpc.StatusCode.INVALID_ARGUMENT, True)


def test_a_million_inputs_over_http(server: RunningServer) -> None:
    inputs = b",".join(b'{"name":"%d","datatype":"INT32","shape":[0],"data":[]}' % n for n in range(MANY))
    body = b'{"inputs":[%s]}' % inputs
    assert "1000001 times '{', at most 100000" in refused(posted(server, "/v2/models/simple/infer", body))


def test_a_million_outputs_over_http(server: RunningServer) -> None:
    outputs = b",".join(b'{"name":"%d"}' % n for n in range(MANY))
    body = b'{"inputs":[],"outputs":[%s]}' % outputs
    assert "1000001 times '{', at most 100000" in refused(posted(server, "/v2/models/simple/infer", body))


@pytest.mark.parametrize("field", [b"inputs", b"outputs"])
def test_more_tensors_than_any_model_has_over_http(server: RunningServer, field: bytes) -> None:
    tensors = b",".join(b'{"name":"%d","datatype":"INT32","shape":[0],"data":[]}' % n for n in range(5000))
    body = b'{"inputs":[],"%s":[%s]}' % (field, tensors)
    assert "expected at most 4096 tensors" in refused(posted(server, "/v2/models/simple/infer", body))


def test_a_hundred_thousand_parameters_over_http(server: RunningServer) -> None:
    parameters = b",".join(b'"%d":1' % n for n in range(MANY // 10))
    body = b'{"inputs":[],"parameters":{%s}}' % parameters
    assert "inputs" in refused(posted(server, "/v2/models/simple/infer", body))
    generated = b'{"parameters":{%s}}' % parameters
    assert "inputs" in refused(posted(server, "/v2/models/mock_llm/generate", generated))


def test_a_million_elements_too_many(server: RunningServer) -> None:
    body = b'{"inputs":[{"name":"INPUT0","datatype":"INT32","shape":[1,16],"data":[%s0]}]}' % (b"[0]," * MANY)
    assert "INPUT0" in refused(posted(server, "/v2/models/simple/infer", body))


def test_texts_of_a_million_characters(server: RunningServer) -> None:
    text = "x" * MANY
    for question in (
        Question("simple", [Tensor(text, "INT32", [1, 16], ROW)], id=text),
        Question("simple", [Tensor("INPUT0", text, [1, 16], ROW)]),
        Question("simple", [], outputs=[(text, {})]),
        Question("simple", [], parameters={f"triton_{text}": 1}),
        Question("simple_dyna_sequence", [Tensor("INPUT", "INT32", [1, 1], [1])], parameters={"sequence_id": text}),
    ):
        answer = over_http(server, question)
        assert (answer.status, 0 < len(answer.message) <= 2000) == (400, True)
        called = over_grpc(server, question)
        assert (called.status, 0 < len(called.message) <= 2000) == (grpc.StatusCode.INVALID_ARGUMENT, True)


def test_a_million_inputs_over_grpc(server: RunningServer) -> None:
    message = messages.ModelInferRequest(model_name="simple")
    message.inputs.extend([messages.ModelInferRequest.InferInputTensor(name="x", datatype="INT32", shape=[0])] * MANY)
    message.raw_input_contents.extend([b""] * MANY)
    failure = call(server, message)
    assert failure.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "expected at most 4096 tensors" in failure.details()


def test_more_raw_contents_than_inputs(server: RunningServer) -> None:
    message = messages.ModelInferRequest(model_name="simple")
    message.raw_input_contents.extend([b"x"] * MANY)
    failure = call(server, message)
    assert (failure.code(), "raw_input_contents" in failure.details()) == (grpc.StatusCode.INVALID_ARGUMENT, True)


def test_parameters_without_a_value(server: RunningServer) -> None:
    for name in ("timeout", "priority", "sequence_id", "mine"):
        message = messages.ModelInferRequest(model_name="simple")
        message.parameters[name].SetInParent()
        failure = call(server, message)
        assert (failure.code(), name in failure.details()) == (grpc.StatusCode.INVALID_ARGUMENT, True)


METHODS = [method.name for method in messages.DESCRIPTOR.services_by_name["GRPCInferenceService"].methods]


@pytest.mark.parametrize("method", METHODS)
def test_random_bytes_as_messages(server: RunningServer, method: str) -> None:
    """Some of them are messages by accident."""
    numbers = random.Random(method)
    with channel_to(server) as channel:
        unary, stream = (call(f"{SERVICE}/{method}") for call in (channel.unary_unary, channel.stream_stream))
        for size in (*range(1, 20), 100, 1000, 100_000):
            body = numbers.randbytes(size)
            if method == "ModelStreamInfer":
                is_answered(lambda body: list(stream(iter([body]), timeout=30)), body)
            else:
                is_answered(lambda body: unary(body, timeout=30), body)
        alive = channel.unary_unary(f"{SERVICE}/ServerLive")(b"", timeout=10)
    assert messages.ServerLiveResponse.FromString(alive).live


def is_answered(ask: Callable[[bytes], object], body: bytes) -> None:
    """Well, or with an error that is foreseen."""
    code, details = outcome(ask, body)
    assert code not in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNKNOWN), body
    assert "server's log has the details" not in details, body


def outcome(ask: Callable[[bytes], object], body: bytes) -> tuple[grpc.StatusCode, str]:
    try:
        ask(body)
    except grpc.RpcError as error:
        return error.code(), error.details()
    return grpc.StatusCode.OK, ""


def changed(sound: bytes, count: int) -> Iterator[bytes]:
    """With one to four of its bytes different."""
    numbers = random.Random(0)
    for _ in range(count):
        body = bytearray(sound)
        for _ in range(numbers.randint(1, 4)):
            body[numbers.randrange(len(body))] = numbers.randrange(256)
        yield bytes(body)


def test_messages_with_some_bytes_changed(server: RunningServer) -> None:
    message = messages.ModelInferRequest(model_name="simple", id="1")
    for name in ("INPUT0", "INPUT1"):
        message.inputs.add(name=name, datatype="INT32", shape=[1, 16])
        message.raw_input_contents.append(np.arange(16, dtype=np.int32).tobytes())
    message.parameters["timeout"].int64_param = 10**7
    with channel_to(server) as channel:
        infer = channel.unary_unary(INFER)
        for body in changed(message.SerializeToString(), 500):
            is_answered(lambda body: infer(body, timeout=30), body)


def test_json_with_some_bytes_changed(server: RunningServer) -> None:
    tensors = [{"name": name, "datatype": "INT32", "shape": [1, 16], "data": ROW} for name in ("INPUT0", "INPUT1")]
    sound = json.dumps({"id": "1", "inputs": tensors, "outputs": [{"name": "OUTPUT0"}]}).encode()
    with httpx.Client() as http:
        for body in changed(sound, 500):
            assert http.post(f"{server.url}/v2/models/simple/infer", content=body).status_code in (200, 400), body


MIB = 1024 * 1024


def test_refused_requests_leave_no_memory_behind(server: RunningServer) -> None:
    """What is measured is this process, which the server is a part of."""
    body = b'{"inputs":[{"name":"INPUT0","datatype":"INT32","shape":[1,16],"data":[%s0]}]}' % (b"0," * 500_000)
    message = messages.ModelInferRequest(model_name="simple")
    message.inputs.add(name="INPUT0", datatype="INT32", shape=[1, 16])
    message.raw_input_contents.append(bytes(MIB))
    before = 0
    with stub_of(server) as stub, httpx.Client() as http:
        for number in range(200):
            if number == 70:  # allocators have what they keep
                before = psutil.Process().memory_info().rss
            assert http.post(f"{server.url}/v2/models/simple/infer", content=body).status_code == 400
            with pytest.raises(grpc.RpcError):
                stub.ModelInfer(message)
    assert psutil.Process().memory_info().rss - before < 64 * MIB
