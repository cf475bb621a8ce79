import json
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.core.requests import InferRequest, InferResponse
from serving.errors import RegionNotFound, SlipwayError
from serving.protocols.outputs import RequestedOutput, RequestedOutputs
from serving.protocols.v2_json import decode_request, encode_response


class Memory:
    """One region, `r`, of 16 bytes."""

    def __init__(self) -> None:
        self.bytes = bytearray(np.float32([1, 2, 3, 4]).tobytes())

    def window(self, name: str, offset: int, byte_size: int) -> "Memory":
        if name != "r":
            raise RegionNotFound(f"Unable to find shared memory region: '{name}'")
        self.start, self.end = offset, offset + byte_size
        return self

    def read(self) -> memoryview:
        return memoryview(self.bytes)[self.start : self.end]

    def write(self, data: bytes | memoryview, _: str) -> None:
        self.bytes[self.start : self.start + len(data)] = data


def decode(document: Any, blobs: bytes = b"") -> tuple[InferRequest, RequestedOutputs]:
    header = json.dumps(document).encode()
    return decode_request("m", "3", header + blobs, len(header) if blobs else None, Memory().window)


def x(**changes: Any) -> dict[str, Any]:
    """A valid input; a change to None takes the member out."""
    tensor = {"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2], **changes}
    return {key: value for key, value in tensor.items() if value is not None}


def test_a_whole_request() -> None:
    request, requested = decode(
        {
            "id": "abc",
            "parameters": {"timeout": 1500, "binary_data_output": True, "colour": "red"},
            "inputs": [x()],
            "outputs": [{"name": "y", "parameters": {"binary_data": False}}, {"name": "z"}],
        }
    )
    assert (request.model_name, request.model_version, request.id) == ("m", "3", "abc")
    assert request.inputs["x"].tolist() == [[1, 2]]
    assert request.output_names == ("y", "z")
    assert request.timeout == pytest.approx(1.5e-3)
    assert [requested.of(name).is_binary for name in ("y", "z", "unlisted")] == [False, False, True]
    assert request.parameters == {"colour": "red"}


def test_the_parameters_of_scheduling_and_of_sequences() -> None:
    given = {"priority": 2, "sequence_id": "a-1", "sequence_start": True, "sequence_end": False}
    request, _ = decode({"inputs": [x()], "parameters": given})
    assert (request.priority, request.sequence_id) == (2, "a-1")
    assert (request.sequence_start, request.sequence_end, request.parameters) == (True, False, {})


def test_an_input_may_come_from_shared_memory_and_an_output_go_there() -> None:
    region = {"shared_memory_region": "r", "shared_memory_byte_size": 8}
    request, requested = decode(
        {
            "inputs": [x(data=None, parameters={**region, "shared_memory_offset": 8})],
            "outputs": [{"name": "y", "parameters": region}],
        }
    )
    assert request.inputs["x"].tolist() == [[3, 4]]
    assert requested.need_work
    body, _ = encode_response(InferResponse("m", "1", {"y": np.float32([[7, 8]])}), requested)
    assert json.loads(body)["outputs"] == [{"name": "y", "datatype": "FP32", "shape": [1, 2]}]


def test_binary_and_json_inputs_may_be_mixed() -> None:
    blobs = np.int32([5, 6]).tobytes() + b"\x01\0\0\0a"
    request, _ = decode(
        {
            "inputs": [
                x(name="a", datatype="INT32", data=None, parameters={"binary_data_size": 8}),
                x(name="b"),
                x(name="c", datatype="BYTES", shape=[1], data=None, parameters={"binary_data_size": 5}),
            ]
        },
        blobs,
    )
    assert request.inputs["a"].tolist() == [[5, 6]]
    assert request.inputs["b"].tolist() == [[1, 2]]
    assert request.inputs["c"].tolist() == [b"a"]


def region(name: str, byte_size: int) -> dict[str, Any]:
    return {"shared_memory_region": name, "shared_memory_byte_size": byte_size}


def asking(**parameters: Any) -> dict[str, Any]:
    return {"inputs": [x()], "outputs": [{"name": "y", "parameters": parameters}]}


BINARY = {"data": None, "parameters": {"binary_data_size": 8}}


@pytest.mark.parametrize(
    ("document", "blobs", "reason"),
    [
        ([], b"", "must be a JSON object"),
        ({}, b"", "'inputs': the request has no member 'inputs'"),
        ({"inputs": {}}, b"", "'inputs': expected a list"),
        ({"inputs": [1]}, b"", "'inputs': expected a list of objects"),
        ({"inputs": [x(name=None)]}, b"", "no member 'name'"),
        ({"inputs": [x(name=5)]}, b"", "'name': expected a string"),
        ({"inputs": [x(), x()]}, b"", "input 'x' already exists"),
        ({"inputs": [x(datatype=None)]}, b"", "input 'x' has no member 'datatype'"),
        ({"inputs": [x(datatype="FLOAT")]}, b"", "'FLOAT' is not one of BOOL"),
        ({"inputs": [x(shape=None)]}, b"", "input 'x' has no member 'shape'"),
        ({"inputs": [x(shape="2")]}, b"", "'shape': expected a list"),
        ({"inputs": [x(shape=[-1, 2])]}, b"", "'shape' of input 'x'"),
        ({"inputs": [x(shape=[1.0, 2])]}, b"", "'shape' of input 'x'"),
        ({"inputs": [x(shape=[True, 2])]}, b"", "'shape' of input 'x'"),
        ({"inputs": [x(shape=[1] * 65)]}, b"", "at most 64"),
        ({"inputs": [x(shape=[2**62, 2**62])]}, b"", "too large"),
        ({"inputs": [x(shape=[2**62, 0], data=[])]}, b"", "too large"),
        ({"inputs": [x(data=None)]}, b"", "But no field is set for input 'x'"),
        ({"inputs": [x(parameters={"binary_data_size": 8})]}, b"", "But set 'data' 'binary_data_size' for input 'x'"),
        ({"inputs": [x(parameters=[])]}, b"", "'parameters': expected an object"),
        ({"inputs": [x(parameters={"shared_memory_region": "r"})]}, b"", "But set 'data' 'shared_memory_region'"),
        ({"inputs": [x(data=None, parameters={"shared_memory_region": 1})]}, b"", "'shared_memory_region': expected a"),
        (
            {"inputs": [x(data=None, parameters={"shared_memory_region": "r"})]},
            b"",
            "'shared_memory_byte_size' of input",
        ),
        ({"inputs": [x(data=None, parameters=region("q", 8))]}, b"", "Unable to find shared memory region: 'q'"),
        (
            {"inputs": [x(data=None, parameters=region("r", 12))]},
            b"",
            "takes 8 bytes, 'shared_memory_byte_size' is",
        ),
        ({"inputs": [x(data=None, parameters=region("r", -8))]}, b"", "must be a number of bytes, got -8"),
        ({"inputs": [x(data=None, parameters={"binary_data_size": -1})]}, b"", "must be a number of bytes, got -1"),
        ({"inputs": [x(data=None, parameters={"binary_data_size": "8"})]}, b"", "must be a number of bytes"),
        ({"inputs": [x(**BINARY)]}, b"1234", "unexpected size for input 'x', expecting 4 additional bytes"),
        ({"inputs": [x(**BINARY)]}, b"12345678abc", "unexpected additional input data: 3 bytes"),
        ({"inputs": [x(shape=[1, 3], **BINARY)]}, b"12345678", r"FP32 \[1,3\] takes 12 bytes, got 8"),
        ({"inputs": [x()], "id": 7}, b"", "'id': expected a string"),
        ({"inputs": [x()], "parameters": []}, b"", "'parameters': expected an object"),
        ({"inputs": [x()], "parameters": {"timeout": "1"}}, b"", "'timeout': expected microseconds, 0 to .*, got '1'"),
        ({"inputs": [x()], "parameters": {"timeout": 2**63}}, b"", "'timeout'"),
        ({"inputs": [x()], "parameters": {"sequence_id": -1}}, b"", "Unable to parse 'sequence_id'"),
        ({"inputs": [x()], "parameters": {"triton_x": 1}}, b"", "starting with 'triton_' are reserved"),
        ({"inputs": [x()], "parameters": {"mine": [1]}}, b"", "parameter 'mine' has invalid type"),
        ({"inputs": [x()], "parameters": {"timeout": -1}}, b"", "'timeout'"),
        (
            {"inputs": [x()], "parameters": {"binary_data_output": 1}},
            b"",
            "'binary_data_output': expected true",
        ),
        ({"inputs": [x()], "outputs": {}}, b"", "'outputs': expected a list"),
        ({"inputs": [x()], "outputs": [{}]}, b"", "an item of 'outputs' has no member 'name'"),
        ({"inputs": [x()], "outputs": [{"name": "y"}] * 2}, b"", "output 'y' already exists"),
        (asking(classification=0), b"", "'classification' of output 'y' must be a number of classes of at least 1"),
        (asking(classification=True), b"", "'classification'"),
        (asking(classification=1, **region("r", 8)), b"", "can't set both 'shared_memory_region' and 'classification'"),
        (asking(binary_data=True, **region("r", 8)), b"", "can't set both 'shared_memory_region' and 'binary_data'"),
        (asking(**region("q", 8)), b"", "Unable to find shared memory region: 'q'"),
        ({"inputs": [x()], "outputs": [{"name": "y", "parameters": {"binary_data": 1}}]}, b"", "'binary_data'"),
    ],
)
def test_every_wrong_member_is_named(document: Any, blobs: bytes, reason: str) -> None:
    with pytest.raises(SlipwayError, match=reason):
        decode(document, blobs)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=5), children, max_size=4),
    max_leaves=10,
)


@given(st.data(), st.sampled_from(["name", "shape", "datatype", "data", "parameters"]), st.binary(max_size=20))
def test_any_value_in_any_member_is_read_or_refused_in_words(data: st.DataObject, member: str, blobs: bytes) -> None:
    tensor = {**x(), member: data.draw(json_values)}
    header = json.dumps({"inputs": [tensor]}).encode()
    with suppress(SlipwayError):  # anything else fails the test
        decode_request("m", "", header + blobs, len(header), Memory().window)


def test_a_json_response() -> None:
    response = InferResponse("m", "1", {"y": np.float32([[0.5, 2]]), "t": np.array([[b"a"]], object)}, "abc")
    body, header_length = encode_response(response, RequestedOutputs())
    assert header_length is None
    assert json.loads(body) == {
        "id": "abc",
        "model_name": "m",
        "model_version": "1",
        "outputs": [
            {"name": "y", "datatype": "FP32", "shape": [1, 2], "data": [0.5, 2.0]},
            {"name": "t", "datatype": "BYTES", "shape": [1, 1], "data": ["a"]},
        ],
    }


def test_a_binary_response_has_its_tensors_behind_the_header_in_order() -> None:
    response = InferResponse("m", "1", {"a": np.int16([1, 2]), "b": np.float32([0.5]), "c": np.int8([7])})
    body, header_length = encode_response(
        response, RequestedOutputs(RequestedOutput(is_binary=True), {"b": RequestedOutput()})
    )
    assert header_length is not None
    header = json.loads(body[:header_length])
    assert "id" not in header
    assert [output.get("parameters") for output in header["outputs"]] == [
        {"binary_data_size": 4},
        None,
        {"binary_data_size": 1},
    ]
    assert body[header_length:] == np.int16([1, 2]).tobytes() + b"\x07"


def test_not_a_number_is_written_as_triton_writes_it() -> None:
    response = InferResponse("m", "1", {"y": np.float32([np.nan, np.inf])})
    body, _ = encode_response(response, RequestedOutputs())
    assert b'"data":[NaN,Infinity]' in body
