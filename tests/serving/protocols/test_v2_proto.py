from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from tritonclient.grpc.service_pb2 import ModelInferRequest

from serving.core.datatypes import DTYPES
from serving.core.requests import InferRequest, InferResponse
from serving.errors import InvalidInput
from serving.protocols.outputs import RequestedOutput, RequestedOutputs
from serving.protocols.v2_binary import encode_tensor
from serving.protocols.v2_proto import decode_request, encode_response, read_version, wants_empty_final


class Memory:
    """A window whose content is the name, offset and size by which it was opened."""

    def __init__(self, *region: object) -> None:
        self.region = region

    def read(self) -> memoryview:
        return memoryview(bytes(self.region[2]))

    def write(self, *_: object) -> None:
        raise AssertionError("codecs write nothing")


def decode(message: ModelInferRequest) -> tuple[InferRequest, RequestedOutputs]:
    return decode_request(message, Memory)


def message_with(name: str = "x", datatype: str = "FP32", shape: tuple[int, ...] = (1, 2)) -> ModelInferRequest:
    message = ModelInferRequest(model_name="m")
    message.inputs.add(name=name, datatype=datatype, shape=shape)
    return message


def raw(data: bytes = bytes(8), **tensor: Any) -> ModelInferRequest:
    message = message_with(**tensor)
    message.raw_input_contents.append(data)
    return message


def typed(member: str, values: list[Any], **tensor: Any) -> ModelInferRequest:
    message = message_with(**tensor)
    message.inputs[0].contents.SetInParent()
    getattr(message.inputs[0].contents, member).extend(values)
    return message


def refused(message: ModelInferRequest, words: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        decode(message)
    assert words in str(refusal.value)


@pytest.mark.parametrize("datatype", DTYPES)
def test_raw_contents_of_every_datatype(datatype: str) -> None:
    array = np.array([[1, 0, 1]]).astype(DTYPES[datatype])
    if datatype == "BYTES":
        array[0] = [b"one", b"", b"\xff"]
    message = raw(bytes(encode_tensor(array)), datatype=datatype, shape=(1, 3))
    (decoded,) = decode(message)[0].inputs.values()
    assert (decoded.dtype, decoded.tolist()) == (array.dtype, array.tolist())


@pytest.mark.parametrize(
    ("member", "datatype", "values"),
    [
        ("bool_contents", "BOOL", [True, False]),
        ("int_contents", "INT8", [-128, 127]),
        ("int_contents", "INT16", [-(2**15), 2**15 - 1]),
        ("int_contents", "INT32", [-(2**31), 2**31 - 1]),
        ("int64_contents", "INT64", [-(2**63), 2**63 - 1]),
        ("uint_contents", "UINT8", [0, 255]),
        ("uint_contents", "UINT16", [0, 2**16 - 1]),
        ("uint_contents", "UINT32", [0, 2**32 - 1]),
        ("uint64_contents", "UINT64", [0, 2**64 - 1]),
        ("fp32_contents", "FP32", [0.5, float("inf")]),
        ("fp64_contents", "FP64", [0.1, -1e300]),
        ("bytes_contents", "BYTES", [b"one", b"\xff"]),
    ],
)
def test_typed_contents_of_every_datatype_that_has_them(member: str, datatype: str, values: list[Any]) -> None:
    array = decode(typed(member, values, datatype=datatype))[0].inputs["x"]
    assert (array.dtype, array.tolist()) == (DTYPES[datatype], [values])


def test_typed_contents_may_be_empty_where_the_shape_is() -> None:
    assert decode(typed("fp32_contents", [], shape=(0, 2)))[0].inputs["x"].shape == (0, 2)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (typed("int_contents", [1, 128], datatype="INT8"), "INT8 takes integers from -128 to 127, got from 1 to 128"),
        (typed("uint_contents", [1, 2**16], datatype="UINT16"), "UINT16 takes integers from 0 to 65535"),
        (
            typed("int_contents", [1, 2]),
            "unexpected explicit tensor data for input tensor 'x' for model 'm' of type 'INT32', expected datatype",
        ),
        (typed("fp32_contents", [1.0, 2.0], datatype="FP16"), "FP16 has no typed contents"),
        (typed("fp32_contents", [1.0, 2.0], datatype="BF16"), "BF16 has no typed contents"),
        (typed("fp32_contents", [1.0]), "FP32 [1,2] takes 2 elements, got 1"),
        (typed("bytes_contents", [b"a"] * 3, datatype="BYTES"), "BYTES [1,2] takes 2 elements, got 3"),
        (typed("fp32_contents", [1.0], datatype="FLOAT"), "datatype 'FLOAT' is not one of"),
        (raw(datatype=""), "datatype '' is not one of"),
        (message_with(), "unable to find data for input tensor 'x' for model 'm' in request."),
        (raw(bytes(7)), "input byte size mismatch for input 'x': FP32 [1,2] takes 8 bytes, got 7"),
        (
            raw(shape=(-1, 2)),
            "All input dimensions should be specified for input 'x' for model 'm', got [-1,2]",
        ),
        (raw(shape=(2**40, 2**40)), "is too large"),
        (raw(shape=(1,) * 65), "at most 64 integers"),
        (raw(shape=(2**39,)), "takes 2199023255552 bytes, got 8"),
        (raw(b"\x05\0\0\0ab", datatype="BYTES", shape=(1,)), "incomplete string data"),
    ],
)
def test_an_input_that_is_not_what_it_says(message: ModelInferRequest, words: str) -> None:
    refused(message, words)


def test_raw_and_typed_contents_do_not_mix() -> None:
    message = raw()
    message.inputs.add(name="y", datatype="FP32", shape=[1]).contents.fp32_contents.append(1.0)
    refused(message, "contents field must not be specified when using raw_input_contents for 'y' for model 'm'")


def test_raw_contents_that_belong_to_no_input() -> None:
    message = raw()
    message.raw_input_contents.append(b"more")
    refused(message, "raw_input_contents has 1 entries more than there are inputs for them")


def test_an_input_and_an_output_are_named_once() -> None:
    twice = raw()
    twice.inputs.add().CopyFrom(twice.inputs[0])
    refused(twice, "input 'x' already exists in request")
    asked_twice = raw()
    asked_twice.outputs.add(name="y")
    asked_twice.outputs.add(name="y")
    refused(asked_twice, "output 'y' already exists in request")


def test_the_rest_of_a_request() -> None:
    message = raw()
    message.model_version, message.id = "3", "seven"
    message.outputs.add(name="y")
    for name, choice, value in (
        ("timeout", "int64_param", 1_500_000),
        ("priority", "uint64_param", 2),
        ("sequence_id", "string_param", "s"),
        ("sequence_start", "bool_param", True),
        ("temperature", "double_param", 0.5),
        ("triton_enable_empty_final_response", "bool_param", True),
    ):
        setattr(message.parameters[name], choice, value)
    request, _ = decode(message)
    assert (request.model_name, request.model_version, request.id) == ("m", "3", "seven")
    assert (request.output_names, request.timeout, request.priority) == (("y",), 1.5, 2)
    assert (request.sequence_id, request.sequence_start, request.sequence_end) == ("s", True, False)
    assert request.parameters == {"temperature": 0.5}
    assert wants_empty_final(message)
    assert not wants_empty_final(raw())


@pytest.mark.parametrize(
    ("set_parameter", "words"),
    [
        (
            lambda given: given["x"].SetInParent(),
            "invalid value type for 'x' parameter, expected int64_param, bool",
        ),
        (lambda given: setattr(given["triton_x"], "bool_param", True), "starting with 'triton_' are reserved"),
        (lambda given: setattr(given["sequence_start"], "int64_param", 1), "'sequence_start'"),
        (
            lambda given: setattr(given["triton_enable_empty_final_response"], "int64_param", 1),
            "'triton_enable_empty_final_response' parameter, expected bool_param.",
        ),
    ],
)
def test_a_wrong_parameter_is_named(set_parameter: Callable[[Any], None], words: str) -> None:
    message = raw()
    set_parameter(message.parameters)
    refused(message, words)


def in_shared_memory(tensor: Any, **parameters: Any) -> None:
    for name, value in {"region": "r", "byte_size": 8, **parameters}.items():
        choice = "string_param" if isinstance(value, str) else "int64_param"
        setattr(tensor.parameters[f"shared_memory_{name}"], choice, value)


def test_inputs_in_shared_memory_take_no_raw_contents() -> None:
    message = message_with("first")
    in_shared_memory(message.inputs[0])
    message.inputs.add(name="second", datatype="FP32", shape=[1])
    message.raw_input_contents.append(np.float32(5).tobytes())
    request, _ = decode(message)
    assert {name: array.tolist() for name, array in request.inputs.items()} == {"first": [[0, 0]], "second": [5]}


def test_outputs_into_shared_memory_and_as_classes() -> None:
    message = raw()
    in_shared_memory(message.outputs.add(name="there"), offset=4)
    message.outputs.add(name="best").parameters["classification"].int64_param = 3
    _, requested = decode(message)
    window = requested.of("there").window
    assert isinstance(window, Memory)
    assert window.region == ("r", 4, 8)
    assert requested.of("best").classification == 3
    assert requested.need_work


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"region": 1}, "'shared_memory_region' parameter of input tensor 'x' for model 'm', expected string_param."),
        ({"byte_size": "8"}, "'shared_memory_byte_size' parameter of input tensor 'x' for model 'm', expected int64"),
        ({"offset": -1}, "'shared_memory_offset' parameter of input tensor 'x' for model 'm', expected >= 0, got -1"),
        ({"byte_size": 4}, "takes 8 bytes, 'shared_memory_byte_size' is 4"),
    ],
)
def test_wrong_shared_memory_is_named(parameters: dict[str, Any], words: str) -> None:
    message = message_with()
    in_shared_memory(message.inputs[0], **parameters)
    refused(message, words)


def test_shared_memory_needs_a_size_and_no_contents() -> None:
    without_size = message_with()
    without_size.inputs[0].parameters["shared_memory_region"].string_param = "r"
    refused(without_size, "'shared_memory_byte_size' of input tensor 'x' for model 'm' is missing")
    with_contents = typed("fp32_contents", [1.0, 2.0])
    in_shared_memory(with_contents.inputs[0])
    refused(with_contents, "unexpected 'content' provided when using shared memory for input tensor 'x' for model 'm'")


@pytest.mark.parametrize("count", [0, -1, "three"])
def test_classification_takes_a_number_of_classes(count: Any) -> None:
    message = raw()
    parameter = message.outputs.add(name="y").parameters["classification"]
    setattr(parameter, "string_param" if isinstance(count, str) else "int64_param", count)
    refused(message, "'classification' parameter of output tensor 'y', expected ")


def test_a_response_has_an_entry_of_raw_contents_for_every_output() -> None:
    outputs = {
        "number": np.array([[1.5, 2]], ml_dtypes.bfloat16),
        "text": np.array([b"ab"], object),
        "there": np.zeros((2, 2)),
        "empty": np.zeros((0, 2), np.int8),
    }
    requested = RequestedOutputs(listed={"there": RequestedOutput(window=Memory())})
    message = encode_response(InferResponse("m", "3", outputs, "seven"), requested)
    assert (message.model_name, message.model_version, message.id) == ("m", "3", "seven")
    assert [(output.name, output.datatype, list(output.shape)) for output in message.outputs] == [
        ("number", "BF16", [1, 2]),
        ("text", "BYTES", [1]),
        ("there", "FP64", [2, 2]),
        ("empty", "INT8", [0, 2]),
    ]
    assert list(message.raw_output_contents) == [outputs["number"].tobytes(), b"\x02\0\0\0ab", b"", b""]


@pytest.mark.parametrize("text", ["", "1", "12"])
def test_a_version(text: str) -> None:
    assert read_version(text) == text


@pytest.mark.parametrize("text", ["-1", "one", "1.0", " 1", "01", "٣"])
def test_what_is_no_version(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"failed to get model version .* \(details: stol\)"):
        read_version(text)
