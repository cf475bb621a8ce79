import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from serving.core.datatypes import DTYPES
from serving.core.requests import InferRequest, InferResponse, TensorSpec
from serving.errors import InvalidInput
from serving.protocols import generate

LLM = (
    TensorSpec("PROMPT", "BYTES", (-1, 1)),
    TensorSpec("STREAM", "BOOL", (-1, 1)),
    TensorSpec("input_ids", "INT32", (-1, -1)),
)


def decode(document: Any, specs: tuple[TensorSpec, ...] = LLM) -> InferRequest:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return generate.decode_request("llm", "3", body, specs)


def encode(id: str = "", **outputs: np.ndarray) -> bytes:  # noqa: A002 (the member's name)
    return generate.encode_response(InferResponse("llm", "3", outputs, id))


def test_members_are_inputs_or_else_parameters() -> None:
    request = decode({"PROMPT": "hi", "STREAM": False, "temperature": 0.5, "top_k": 3, "echo": True, "stop": "x"})
    assert (request.model_name, request.model_version, request.id) == ("llm", "3", "")
    assert request.inputs["PROMPT"].tolist() == [[b"hi"]]
    assert request.inputs["STREAM"].tolist() == [[False]]
    assert request.parameters == {"temperature": 0.5, "top_k": 3, "echo": True, "stop": "x"}


def test_parameters_may_be_nested_and_hold_inputs() -> None:
    request = decode({"parameters": {"PROMPT": "hi", "top_k": 3}, "seed": 1})
    assert request.inputs["PROMPT"].tolist() == [[b"hi"]]
    assert request.parameters == {"top_k": 3, "seed": 1}


def test_the_id_is_also_a_parameter() -> None:
    request = decode({"id": "7", "PROMPT": "hi"})
    assert (request.id, request.parameters) == ("7", {"id": "7"})
    assert decode({"id": 7}, (TensorSpec("id", "INT32", (1,)),)).inputs["id"].tolist() == [7], "unless it is an input"


def test_what_the_server_knows_means_what_it_means_elsewhere() -> None:
    request = decode({"sequence_id": 1, "sequence_start": True, "priority": 2, "parameters": {"timeout": 3000000}})
    assert (request.sequence_id, request.sequence_start, request.priority, request.timeout) == (1, True, 2, 3.0)
    assert request.parameters == {}
    with pytest.raises(InvalidInput, match="starting with 'triton_' are reserved"):
        decode({"triton_final_response": True})


@pytest.mark.parametrize(
    ("shape", "count", "expected"),
    [
        ((1,), 1, (1,)),
        ((-1,), 0, (0,)),
        ((-1,), 5, (5,)),
        ((-1, 1), 3, (3, 1)),
        ((-1, 4), 8, (2, 4)),
        ((-1, -1), 5, (1, 5)),
        ((-1, -1, 2), 6, (1, 3, 2)),
        ((2, -1, 3), 12, (2, 2, 3)),
        ((), 1, ()),
    ],
)
def test_the_innermost_open_dimension_takes_the_rest(
    shape: tuple[int, ...], count: int, expected: tuple[int, ...]
) -> None:
    assert decode({"x": [1] * count}, (TensorSpec("x", "INT32", shape),)).inputs["x"].shape == expected


@given(st.lists(st.integers(1, 4) | st.just(-1), max_size=4), st.integers(0, 24))
def test_a_shape_holds_all_elements_or_is_refused(dims: list[int], count: int) -> None:
    specs = (TensorSpec("x", "INT32", tuple(dims)),)
    rest, remainder = divmod(count, math.prod(dim for dim in dims if dim != -1))
    if remainder or (rest != 1 and -1 not in dims):
        with pytest.raises(InvalidInput, match="The schema can not convert input 'x' to tensor with proper shape"):
            decode({"x": list(range(count))}, specs)
        return
    array = decode({"x": list(range(count))}, specs).inputs["x"]
    assert array.reshape(-1).tolist() == list(range(count))
    assert all(expected in (-1, found) for expected, found in zip(dims, array.shape, strict=True))


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b'{"PROMPT": "a", "PROMPT": "b"}', "input 'PROMPT' already exists in request"),
        (b'{"PROMPT": "a", "parameters": {"PROMPT": "b"}}', "'parameters': input 'PROMPT' already exists in request"),
        (b'{"top_k": 1, "top_k": 2}', "parameter 'top_k' already exists in request"),
        (b'{"parameters": {}, "parameters": {}}', "parameter 'parameters' already exists"),
        ({"top_k": [1]}, "parameter 'top_k' has invalid type. It should be either 'int', 'bool', or 'string'."),
        ({"top_k": None}, "parameter 'top_k' has invalid type."),
        ({"PARAMS": {"a": 1}}, "parameter 'PARAMS' has invalid type. .* Got an object"),
        ({"parameters": {"a": {}}}, "Converting keyword: 'parameters': parameter 'a' has invalid type"),
        ({"parameters": {"parameters": {}}}, "Converting keyword: 'parameters': parameter 'parameters' has invalid"),
        ({"parameters": 1}, "Expected JSON object for keyword: 'parameters': got 1"),
        ({"seed": 2**64}, "parameter 'seed' is an integer of more than 64 bits"),
        ({"id": 7}, "Unable to parse 'id': expected a string, got 7"),
        ({"id": None}, "'id' has invalid type"),
        ({"PROMPT": 1}, "input 'PROMPT': BYTES takes a string, got an integer"),
        ({"PROMPT": None}, "BYTES takes a string, got null"),
        ({"PROMPT": {"text": "a"}}, "BYTES takes a string, got an object"),
        ({"PROMPT": [["a"]]}, "input 'PROMPT': expected one element or a flat list of them"),
        ({"STREAM": "yes"}, "BOOL takes true or false, got a string"),
        ({"input_ids": [1, 2**31]}, "INT32 takes integers from"),
        ({"input_ids": [1, 2.5]}, "INT32 takes an integer, got a number"),
        ([{"PROMPT": "a"}], "the request must be a JSON object"),
        (b"null", "the request must be a JSON object"),
        (b"", "failed to parse the request JSON buffer"),
        (b"{", "failed to parse the request JSON buffer"),
        (b"\xff", "failed to parse the request JSON buffer"),
        ('{"PROMPT": "a"}'.encode("utf-16"), "failed to parse the request JSON buffer"),
        (b'{"PROMPT": "\\ud800"}', "failed to parse the request JSON buffer"),
        (b'{"\\ud800": 1}', "failed to parse the request JSON buffer"),
        (b'{"a": ' * 100_000, "nested too deeply"),
        (b'{"a": %b}' % (b"1" * 10_000), "failed to parse the request JSON buffer"),
    ],
)
def test_what_can_not_be_understood_is_named(document: Any, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        decode(document)


def test_parameters_can_not_be_an_inputs_name() -> None:
    with pytest.raises(InvalidInput, match="Keyword 'parameters' for nested schema also given as input tensor name"):
        decode({"parameters": {}}, (TensorSpec("parameters", "INT32", (1,)),))


def test_a_byte_order_mark_and_literals_that_are_no_numbers_are_read() -> None:
    request = decode(b'\xef\xbb\xbf{"x": [NaN, -Infinity], "y": Infinity}', (TensorSpec("x", "FP32", (-1,)),))
    assert np.isnan(request.inputs["x"][0])
    assert request.inputs["x"][1] == -math.inf
    assert request.parameters == {"y": math.inf}


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: (
    st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["PROMPT", "STREAM", "input_ids", "parameters", "id"]) | st.text(), inner)
)) | st.binary())  # fmt: skip
def test_any_body_is_a_request_or_refused(document: Any) -> None:
    try:
        request = decode(document)
    except InvalidInput:
        return
    assert request.inputs.keys() <= {"PROMPT", "STREAM", "input_ids"}
    assert not request.inputs.keys() & request.parameters.keys()


def test_a_response_is_flat_and_its_keys_are_in_order() -> None:
    body = encode(id="7", zeta=np.int64([[1, 2], [3, 4]]), TEXT=np.array([[b"hi"]], object), empty=np.float32([]))
    assert body == b'{"TEXT":"hi","empty":[],"id":"7","model_name":"llm","model_version":"3","zeta":[1,2,3,4]}'


def test_one_element_is_written_like_one_of_several() -> None:
    assert b'"y":0.1}' in encode(y=np.float32([0.1]))
    assert b'"y":[0.1,2.0]}' in encode(y=np.float32([0.1, 2]))
    assert b'"y":true}' in encode(y=np.array(True))
    assert b'"y":NaN}' in encode(x=np.int8([1]), y=np.float32([np.nan]))
    assert b'"x":1,"y":[Infinity,1.0]}' in encode(x=np.int8([1]), y=np.float32([np.inf, 1]))


@given(st.data(), st.sampled_from(sorted(set(DTYPES) - {"FP16", "BF16", "BYTES"})))
def test_tensors_survive(data: st.DataObject, datatype: str) -> None:
    array = data.draw(arrays.arrays(DTYPES[datatype], st.integers(0, 4)))
    text = json.dumps({"x": json.loads(encode(x=array))["x"]}).encode()
    decoded = decode(text, (TensorSpec("x", datatype, (-1,)),)).inputs["x"]
    assert decoded.dtype == array.dtype
    np.testing.assert_array_equal(decoded, array)


@pytest.mark.parametrize(("array", "reason"), [(np.array([b"\xff"], object), "not UTF-8"), (np.float16([1]), "FP16")])
def test_what_json_can_not_hold_is_refused(array: np.ndarray, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        encode(y=array)
