"""ModelInfer over a real socket: what it answers, and every way a request can be wrong."""

import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import tritonclient.grpc as client
from tritonclient.grpc import service_pb2 as messages
from tritonclient.utils import InferenceServerException

from tests import python_models, tiny_models
from tests.grpc_client import channel_to, output, request, stub_of
from tests.running_server import RunningServer, running

HELD = "dynamic_batching { max_queue_delay_microseconds: 3600000000 }"
"""For an hour, or until 8 rows are there."""

ONE_ROW = [[1, 2, 3, 4]]


def refusal(server: RunningServer, message: messages.ModelInferRequest) -> tuple[grpc.StatusCode, str]:
    with stub_of(server) as stub, pytest.raises(grpc.RpcError) as error:
        stub.ModelInfer(message)
    return error.value.code(), error.value.details()


def test_tensors_in_tensors_out(tiny_server: RunningServer) -> None:
    with stub_of(tiny_server) as stub:
        response = stub.ModelInfer(request("double", "seven", x=ONE_ROW))
    assert (response.model_name, response.model_version, response.id) == ("double", "1", "seven")
    (tensor,) = response.outputs
    assert (tensor.name, tensor.datatype, list(tensor.shape)) == ("y", "FP32", [1, 4])
    assert not tensor.HasField("contents")
    assert output(response) == [2, 4, 6, 8]


def test_typed_contents_are_answered_with_raw_ones(tiny_server: RunningServer) -> None:
    message = messages.ModelInferRequest(model_name="simple", model_version="1")
    for name in ("INPUT0", "INPUT1"):
        tensor = message.inputs.add(name=name, datatype="INT32", shape=[1, 16])
        tensor.contents.int_contents.extend(range(16))
    message.outputs.add(name="OUTPUT1")
    with stub_of(tiny_server) as stub:
        response = stub.ModelInfer(message)
    assert [tensor.name for tensor in response.outputs] == ["OUTPUT1"]
    assert output(response, np.int32) == [0] * 16


@pytest.mark.parametrize("compression", [None, "gzip", "deflate"])
def test_tritons_own_client(tiny_server: RunningServer, compression: str | None) -> None:
    text = np.array([["slipway", "", "\N{SHIP}" * 1000]], dtype=object)
    with client.InferenceServerClient(tiny_server.grpc_address) as triton:
        tensor = client.InferInput("in", text.shape, "BYTES")
        tensor.set_data_from_numpy(text)
        result = triton.infer("identity_text", [tensor], request_id="7", compression_algorithm=compression)
    assert [item.decode() for item in result.as_numpy("out")[0]] == text[0].tolist()
    assert result.get_response().id == "7"


async def test_tritons_own_asynchronous_client(tiny_server: RunningServer) -> None:
    from tritonclient.grpc import aio

    async with aio.InferenceServerClient(tiny_server.grpc_address) as triton:
        tensor = aio.InferInput("x", [1, 4], "FP32")
        tensor.set_data_from_numpy(np.array(ONE_ROW, np.float32))
        assert (await triton.infer("double", [tensor])).as_numpy("y").tolist() == [[2, 4, 6, 8]]


def test_a_large_request_is_answered_like_a_small_one(tiny_server: RunningServer) -> None:
    values = np.random.default_rng(0).random((1, 3_000_000)).astype(np.float32)  # 12 MB, three times grpc's own limit
    with stub_of(tiny_server) as stub:
        response = stub.ModelInfer(request("identity_fp32", **{"in": values}))
    assert response.raw_output_contents[0] == values.tobytes()


def test_a_message_above_the_limit_is_refused(tmp_path: Path) -> None:
    tiny_models.add_identity(tmp_path, "identity", "TYPE_FP32", "float")
    with running(tmp_path, grpc_max_message_size=1000) as server:
        code, details = refusal(server, request("identity", **{"in": np.zeros((1, 1000), np.float32)}))
        assert (code, "larger than max" in details) == (grpc.StatusCode.RESOURCE_EXHAUSTED, True)
        with stub_of(server) as stub:
            assert output(stub.ModelInfer(request("identity", **{"in": [[1, 2]]}))) == [1, 2]


INVALID, NOT_FOUND = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"model_name": "nope"}, INVALID, "Request for unknown model: 'nope' is not found"),
        ({"model_name": "n" * 100_000}, INVALID, "Request for unknown model"),
        ({"model_version": "2"}, NOT_FOUND, "'double' version 2 is not found"),
        ({"model_version": "one"}, INVALID, "failed to get model version from specified version string 'one'"),
        ({"outputs": [messages.ModelInferRequest.InferRequestedOutputTensor(name="z")]}, INVALID, "output 'z'"),
        ({"raw_input_contents": [bytes(15)]}, INVALID, "takes 16 bytes, got 15"),
        ({"raw_input_contents": []}, INVALID, "unable to find data for input tensor 'x' for model 'double'"),
        ({"inputs": [], "raw_input_contents": []}, INVALID, "missing required input(s) ['x']"),
    ],
)
def test_a_wrong_request(tiny_server: RunningServer, change: dict[str, Any], code: grpc.StatusCode, words: str) -> None:
    good = request("double", x=ONE_ROW)
    fields = {field.name: value for field, value in good.ListFields()}
    found, details = refusal(tiny_server, messages.ModelInferRequest(**{**fields, **change}))
    assert (found, words in details) == (code, True), details
    with stub_of(tiny_server) as stub:
        assert output(stub.ModelInfer(good)) == [2, 4, 6, 8], "the server keeps serving"


def test_bytes_that_are_no_message(tiny_server: RunningServer, caplog: pytest.LogCaptureFixture) -> None:
    with channel_to(tiny_server) as channel, pytest.raises(grpc.RpcError) as error:
        channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")(b"\xff\xff\xff")
    assert error.value.code() == INVALID
    assert "Error parsing message" in error.value.details()
    assert not caplog.records


def test_what_the_model_refuses_is_its_own_failure(tiny_server: RunningServer) -> None:
    code, details = refusal(tiny_server, request("lookup", index=np.array([[99]])))
    assert (code, "the model failed on this request" in details) == (grpc.StatusCode.INTERNAL, True)


def test_a_decoupled_model_is_asked_by_stream(tmp_path: Path) -> None:
    python_models.add_mock_llm(tmp_path)
    with running(tmp_path) as server:
        assert refusal(server, request("mock_llm")) == (
            grpc.StatusCode.UNIMPLEMENTED,
            "ModelInfer RPC doesn't support models with decoupled transaction policy; use ModelStreamInfer",
        )


def test_the_best_classes(tiny_server: RunningServer) -> None:
    message = request("brightness", image=np.full((1, 1, 4, 4), 255, np.float32))
    message.outputs.add(name="scores").parameters["classification"].int64_param = 2
    with client.InferenceServerClient(tiny_server.grpc_address) as triton, stub_of(tiny_server) as stub:
        result = client.InferResult(stub.ModelInfer(message))
        assert triton.is_server_live()
    assert result.as_numpy("scores").tolist() == [[b"1.000000:1:bright", b"0.000000:0:dark"]]


@pytest.mark.skipif(sys.platform != "linux", reason="POSIX shared memory of Linux")
def test_tensors_in_shared_memory(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    segment = Path(f"/dev/shm/slipway_test_{uuid.uuid4().hex}")
    segment.write_bytes(np.arange(8, dtype=np.float32).tobytes())
    try:
        with (
            running(tmp_path, allow_shared_memory=True) as server,
            client.InferenceServerClient(server.grpc_address) as triton,
        ):
            triton.register_system_shared_memory("region", f"/{segment.name}", 32)
            there = client.InferInput("x", [1, 4], "FP32")
            there.set_shared_memory("region", 16, offset=16)
            wanted = client.InferRequestedOutput("y")
            wanted.set_shared_memory("region", 16)
            result = triton.infer("double", [there], outputs=[wanted])
            assert list(result.get_response().raw_output_contents) == [b""]
            wanted.set_shared_memory("region", 15)
            with pytest.raises(InferenceServerException, match="should be at least 16 bytes to hold the results"):
                triton.infer("double", [there], outputs=[wanted])
        assert np.frombuffer(segment.read_bytes(), np.float32).tolist() == [8, 10, 12, 14, 4, 5, 6, 7]
    finally:
        segment.unlink()


def test_a_caller_that_cancels_leaves_the_queue(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path, extra=HELD)
    with running(tmp_path) as server, stub_of(server) as stub:
        call = stub.ModelInfer.future(request("double", x=ONE_ROW))
        server.wait_for_pending("double", 1)
        call.cancel()
        server.wait_for_pending("double", 0)


def test_a_caller_whose_time_is_up_leaves_the_queue(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path, extra=HELD)
    with running(tmp_path) as server, stub_of(server) as stub:
        with pytest.raises(grpc.RpcError) as error:
            stub.ModelInfer(request("double", x=ONE_ROW), timeout=0.5)
        both = (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE)  # the client's word, or the server's
        assert error.value.code() in both
        server.wait_for_pending("double", 0)


def test_a_full_queue_and_a_timeout_in_it_are_unavailable(tmp_path: Path) -> None:
    policy = "max_queue_delay_microseconds: 3600000000 default_queue_policy { max_queue_size: 1 }"
    tiny_models.add_double(tmp_path, extra=f"dynamic_batching {{ {policy} }}")
    with running(tmp_path) as server, stub_of(server) as stub:
        hasty = request("double", x=ONE_ROW)
        hasty.parameters["timeout"].int64_param = 1000
        assert refusal(server, hasty) == (grpc.StatusCode.UNAVAILABLE, "Request timeout expired")
        accepted = stub.ModelInfer.future(request("double", x=ONE_ROW))
        server.wait_for_pending("double", 1)
        code, details = refusal(server, request("double", x=ONE_ROW))
        assert (code, "Exceeds maximum queue size" in details) == (grpc.StatusCode.UNAVAILABLE, True)
        accepted.cancel()


def test_concurrent_calls_share_batches(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path, extra=HELD)
    with running(tmp_path) as server, stub_of(server) as stub, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: output(stub.ModelInfer(request("double", x=[[n] * 4]))), range(8)))
        statistics = stub.ModelStatistics(messages.ModelStatisticsRequest(name="double")).model_stats[0]
    assert answers == [[2 * n] * 4 for n in range(8)]
    assert statistics.execution_count == 1
