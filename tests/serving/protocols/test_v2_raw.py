import numpy as np
import pytest

from serving.core.requests import TensorSpec
from serving.errors import InvalidInput
from serving.protocols.v2_raw import decode_request


def test_the_bytes_are_one_row_of_the_only_input() -> None:
    body = np.float32([1, 2, 3, 4]).tobytes()
    request, requested = decode_request("m", "1", body, [TensorSpec("x", "FP32", (-1, 2, 2))], has_batch=True)
    assert request.inputs["x"].tolist() == [[[1, 2], [3, 4]]]
    assert requested.of("anything").is_binary


def test_one_open_dimension_is_deduced() -> None:
    body = np.int16(range(6)).tobytes()
    request, _ = decode_request("m", "", body, [TensorSpec("x", "INT16", (-1, 2))], has_batch=False)
    assert request.inputs["x"].shape == (3, 2)


def test_text_needs_no_length_in_front() -> None:
    request, _ = decode_request("m", "", b"hello", [TensorSpec("x", "BYTES", (-1, 1))], has_batch=True)
    assert request.inputs["x"].tolist() == [[b"hello"]]


@pytest.mark.parametrize(
    ("inputs", "body", "reason"),
    [
        ([], b"", "must only have 1 input .found 1. to be deduced but got 0 inputs in 'm' model configuration"),
        ([TensorSpec("a", "INT8", (1,))] * 2, b"", "but got 2 inputs"),
        (
            [TensorSpec("a", "INT8", (-1, -1))],
            b"12",
            "can not be deduced because there are more than one",
        ),
        ([TensorSpec("a", "INT32", (-1, 2))], b"1234", "4 bytes are no multiple of 8"),
        ([TensorSpec("a", "INT32", (2,))], b"1234", r"INT32 \[2\] takes 8 bytes, got 4"),
        ([TensorSpec("a", "BYTES", (2,))], b"ab", "For BYTE datatype raw input 'a', the model must have input shape"),
    ],
)
def test_what_the_metadata_leave_open_is_said(inputs: list[TensorSpec], body: bytes, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        decode_request("m", "", body, inputs, has_batch=False)
