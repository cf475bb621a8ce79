import json

import numpy as np
import pytest
from tritonclient.grpc.service_pb2 import ModelInferRequest

from loadtests.asking import CannotTest
from loadtests.inputs import tensor_calls
from loadtests.inputs.model import Model
from loadtests.inputs.tensors import Tensors
from serving.protocols import v2_binary, v2_json

MODEL = Model("a/b", decoupled=True)
TENSORS = Tensors(
    {"x": np.arange(4, dtype=np.float32).reshape(2, 2), "text": np.array([[b"a"], [b"bc"]], object)}, rows=2
)
SEQUENCE = {"sequence_id": 7, "sequence_start": True}


def test_binary_tensors_follow_their_head() -> None:
    call = tensor_calls.binary_call(MODEL, TENSORS, SEQUENCE)
    assert (call.path, call.rows) == ("/v2/models/a%2Fb/infer", 2)
    length = int(dict(call.headers)["Inference-Header-Content-Length"])
    request, _ = v2_json.decode_request("m", "", call.body, length, lambda *_: pytest.fail("no shared memory"))
    assert request.inputs["x"].tolist() == [[0, 1], [2, 3]]
    assert request.inputs["text"].tolist() == [[b"a"], [b"bc"]]
    assert (request.sequence_id, request.sequence_start) == (7, True)
    assert json.loads(call.body[:length])["parameters"]["binary_data_output"] is True


def test_json_holds_numbers_and_texts() -> None:
    document = json.loads(tensor_calls.json_call(MODEL, TENSORS, {}).body)
    assert [(each["shape"], each["data"]) for each in document["inputs"]] == [
        ([2, 2], [0.0, 1.0, 2.0, 3.0]),
        ([2, 1], ["a", "bc"]),
    ]


def test_a_message_holds_raw_contents() -> None:
    call = tensor_calls.grpc_call(MODEL, TENSORS, {**SEQUENCE, "name": "n", "part": 0.5}, hang_up_after=3)
    assert (call.path, call.stream, call.hang_up_after) == (
        "/inference.GRPCInferenceService/ModelStreamInfer",
        True,
        3,
    )
    message = ModelInferRequest.FromString(call.body)
    assert message.model_name == "a/b"
    assert message.raw_input_contents[1] == v2_binary.encode_tensor(TENSORS.arrays["text"])
    assert message.parameters["sequence_id"].int64_param == 7
    assert message.parameters["sequence_start"].bool_param
    assert (message.parameters["name"].string_param, message.parameters["part"].double_param) == ("n", 0.5)


def test_generate_takes_flat_members() -> None:
    one = Tensors({"x": np.array([[1, 2]], np.int64), "text": np.array([[b"a"]], object)})
    call = tensor_calls.generate_call(MODEL, one, {"top_k": 1}, hang_up_after=0)
    assert json.loads(call.body) == {"x": [1, 2], "text": "a", "top_k": 1}
    assert call.stream


@pytest.mark.parametrize("array", [np.zeros(2, np.float16), np.array([b"\xff"], object)])
def test_what_json_can_not_hold_is_told(array: np.ndarray) -> None:
    with pytest.raises(CannotTest, match=r"'x' .*: use --protocol v2-binary"):
        tensor_calls.json_call(MODEL, Tensors({"x": array}), {})
