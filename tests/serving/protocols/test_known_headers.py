import json
from typing import Any

import numpy as np
import pytest

from serving.core.requests import InferResponse
from serving.errors import InvalidInput
from serving.protocols import known_headers, v2_json
from serving.protocols.known_headers import KnownRequests, KnownResponses
from serving.protocols.outputs import RequestedOutput, RequestedOutputs, Window

BINARY = RequestedOutputs(RequestedOutput(is_binary=True))


def no_window(*_: object) -> Window:
    raise NotImplementedError


def tensor(name: str, array: np.ndarray, datatype: str) -> dict[str, Any]:
    size = {"binary_data_size": array.nbytes}
    return {"name": name, "shape": array.shape, "datatype": datatype, "parameters": size}


def body(document: dict[str, Any], *arrays: np.ndarray) -> tuple[bytes, int]:
    header = json.dumps(document).encode()
    return b"".join([header, *(array.tobytes() for array in arrays)]), len(header)


def two_inputs(number: float) -> tuple[bytes, int]:
    first, second = np.full((2, 3), number, np.float32), np.arange(4, dtype=np.int64) + int(number)
    inputs = [tensor("a", first, "FP32"), tensor("b", second, "INT64")]
    parameters = {"binary_data_output": True, "priority": 2, "timeout": 5000, "own": "x"}
    return body({"inputs": inputs, "parameters": parameters, "outputs": [{"name": "c"}]}, first, second)


def assert_same(found: Any, expected: Any) -> None:
    (request, requested), (other, other_requested) = found, expected
    assert requested == other_requested
    assert list(request.inputs) == list(other.inputs)
    for name, array in request.inputs.items():
        assert array.dtype == other.inputs[name].dtype
        assert array.tolist() == other.inputs[name].tolist()
        assert array.flags.writeable == other.inputs[name].flags.writeable
    fields = [name for name in request.__slots__ if name != "inputs"]
    assert [getattr(request, name) for name in fields] == [getattr(other, name) for name in fields]


def test_a_header_that_was_seen_before_means_the_same_with_other_tensors() -> None:
    known = KnownRequests()
    for number in (1.5, 2.5, 1.5, -3.0):
        arguments = ("m", "3", *two_inputs(number), no_window)
        assert_same(known.decode(*arguments), v2_json.decode_request(*arguments))


def test_it_is_not_read_again() -> None:
    known = KnownRequests()
    text, length = two_inputs(1)
    first, _ = known.decode("m", "", text, length, no_window)
    again, _ = known.decode("m", "", text, length, no_window)
    assert again.parameters is first.parameters


def test_models_and_versions_are_told_apart() -> None:
    known = KnownRequests()
    asked = [known.decode(name, version, *two_inputs(1), no_window)[0] for name in "mn" for version in ("", "2")]
    assert [(it.model_name, it.model_version) for it in asked] == [("m", ""), ("m", "2"), ("n", ""), ("n", "2")]


@pytest.mark.parametrize("change", [lambda text: text[:-1], lambda text: text + b"\0", lambda text: text[:-40]])
def test_a_body_of_another_size_is_refused_as_ever(change: Any) -> None:
    known = KnownRequests()
    text, length = two_inputs(1)
    known.decode("m", "", text, length, no_window)
    with pytest.raises(InvalidInput) as expected:
        v2_json.decode_request("m", "", change(text), length, no_window)
    with pytest.raises(InvalidInput) as error:
        known.decode("m", "", change(text), length, no_window)
    assert str(error.value) == str(expected.value)


FLOATS = np.ones((1, 2), np.float32)
TRUE = np.array([[1, 2]], np.uint8)  # as the wire may carry it
TEXT = np.frombuffer(b"\x01\0\0\0a\x02\0\0\0bc", np.uint8)


@pytest.mark.parametrize(
    ("document", "arrays"),
    [
        ({"id": "7", "inputs": [tensor("a", FLOATS, "FP32")]}, [FLOATS]),
        ({"inputs": [tensor("a", TRUE, "BOOL")]}, [TRUE]),
        ({"inputs": [{**tensor("a", TEXT, "BYTES"), "shape": [2]}]}, [TEXT]),
        ({"inputs": [tensor("a", FLOATS[:0], "FP32")]}, []),
        (
            {"inputs": [{"name": "j", "shape": [2], "datatype": "INT8", "data": [1, 2]}, tensor("a", FLOATS, "FP32")]},
            [FLOATS],
        ),
        (
            {
                "inputs": [tensor("a", FLOATS, "FP32")],
                "outputs": [{"name": "c", "parameters": {"classification": 2}}],
            },
            [FLOATS],
        ),
    ],
    ids=["id", "BOOL", "BYTES", "empty", "JSON", "classes"],
)
def test_what_is_more_than_numbers_behind_a_header_is_read_each_time(
    document: dict[str, Any], arrays: list[np.ndarray]
) -> None:
    known = KnownRequests()
    arguments = ("m", "", *body(document, *arrays), no_window)
    for _ in range(2):
        assert_same(known.decode(*arguments), v2_json.decode_request(*arguments))
    assert known.decode(*arguments)[1] is not known.decode(*arguments)[1]


def test_headers_don_t_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_headers, "MOST", 3)
    known = KnownRequests()
    for number in [*range(10), 9, 8]:
        document = {"inputs": [tensor("a", FLOATS, "FP32")], "parameters": {"own": number}}
        request, _ = known.decode("m", "", *body(document, FLOATS), no_window)
        assert request.parameters == {"own": number}
    assert len(known) == 3
    document["parameters"] = {"own": "x" * known_headers.LONGEST}
    known.decode("m", "", *body(document, FLOATS), no_window)
    assert len(known) == 3


def response(rows: int, request_id: str = "", version: str = "1") -> InferResponse:
    outputs = {"c": np.full((rows, 2), 0.5, np.float32), "d": np.zeros(rows, np.int8)}
    return InferResponse("m", version, outputs, request_id)


def test_a_response_s_header_is_the_one_it_would_have() -> None:
    known = KnownResponses()
    for made in (response(1), response(2), response(1), response(1, "7"), response(1, "8"), response(1, version="2")):
        payload, length = v2_json.encode_response(made, BINARY)
        assert known.header(made) == payload[:length]


def test_it_is_kept_unless_it_names_one_request() -> None:
    known = KnownResponses()
    assert known.header(response(1)) is known.header(response(1))
    assert len(known) == 1
    known.header(response(1, "7"))
    assert len(known) == 1
