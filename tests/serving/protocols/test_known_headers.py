import json
from typing import Any

import numpy as np
import pytest

from serving.core.requests import InferRequest, InferResponse
from serving.protocols import known_headers, v2_json
from serving.protocols.known_headers import Known, KnownResponses, Layout, json_header, layout
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


def read(text: bytes, length: int) -> tuple[InferRequest, Layout | None]:
    request, requested = v2_json.decode_request("m", "3", text, length, no_window)
    return request, layout(request, requested, length, len(text))


def test_behind_the_same_header_tensors_lie_in_the_same_places() -> None:
    _, found = read(*two_inputs(1.5))
    assert found is not None
    for number in (2.5, 1.5, -3.0):
        text, length = two_inputs(number)
        assert found.size == len(text)
        expected, inputs = read(text, length)[0].inputs, found.read(text)
        assert list(inputs) == list(expected)
        for name, array in inputs.items():
            assert array.dtype == expected[name].dtype
            assert array.tolist() == expected[name].tolist()
            assert not array.flags.writeable


FLOATS = np.ones((1, 2), np.float32)
TRUE = np.array([[1, 2]], np.uint8)  # as the wire may carry it
TEXT = np.frombuffer(b"\x01\0\0\0a\x02\0\0\0bc", np.uint8)
JSON = {"name": "j", "shape": [2], "datatype": "INT8", "data": [1, 2]}
CLASSES = [{"name": "c", "parameters": {"classification": 2}}]


@pytest.mark.parametrize(
    ("document", "arrays"),
    [
        ({"id": "7", "inputs": [tensor("a", FLOATS, "FP32")]}, [FLOATS]),
        ({"inputs": [tensor("a", TRUE, "BOOL")]}, [TRUE]),
        ({"inputs": [{**tensor("a", TEXT, "BYTES"), "shape": [2]}]}, [TEXT]),
        ({"inputs": [tensor("a", FLOATS[:0], "FP32")]}, []),
        ({"inputs": [JSON, tensor("a", FLOATS, "FP32")]}, [FLOATS]),
        ({"inputs": [tensor("a", FLOATS, "FP32")], "outputs": CLASSES}, [FLOATS]),
        ({"inputs": [tensor("a", FLOATS, "FP32")], "parameters": {"own": "x" * known_headers.LONGEST}}, [FLOATS]),
    ],
    ids=["id", "BOOL", "BYTES", "empty", "JSON", "classes", "long"],
)
def test_what_is_more_than_numbers_behind_a_header_has_no_layout(
    document: dict[str, Any], arrays: list[np.ndarray]
) -> None:
    assert read(*body(document, *arrays))[1] is None


def test_what_is_known_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_headers, "MOST", 3)
    known: Known[int, int] = Known()
    for number in [*range(10), 9, 8]:
        known.put(number, number)
    assert len(known) == 3
    assert [known.get(number) for number in (6, 7, 8, 9)] == [None, 7, 8, 9]


def response(rows: int, request_id: str = "", version: str = "1") -> InferResponse:
    outputs = {"c": np.full((rows, 2), 0.5, np.float32), "d": np.zeros(rows, np.int8)}
    return InferResponse("m", version, outputs, request_id)


def test_a_response_s_header_is_the_one_it_would_have() -> None:
    known = KnownResponses(json_header)
    for made in (response(1), response(2), response(1), response(1, "7"), response(1, "8"), response(1, version="2")):
        payload, length = v2_json.encode_response(made, BINARY)
        assert known.header(made) == payload[:length]


def test_it_is_kept_unless_it_names_one_request() -> None:
    known = KnownResponses(json_header)
    assert known.header(response(1)) is known.header(response(1))
    assert len(known) == 1
    known.header(response(1, "7"))
    assert len(known) == 1
