import numpy as np
import pytest

from serving.core.requests import InferResponse
from serving.errors import InvalidInput
from serving.protocols.outputs import RequestedOutput, RequestedOutputs, check, decode_window, placed


class Window:
    def __init__(self, content: bytes = b"") -> None:
        self.content = content

    def read(self) -> memoryview:
        return memoryview(self.content)

    def write(self, data: bytes | memoryview, what: str) -> None:
        self.content = bytes(data) + what.encode()


def test_each_output_becomes_what_was_asked_for() -> None:
    window = Window()
    outputs = {"a": np.int8([[1, 2]]), "b": np.int8([[1, 2]]), "c": np.int8([[3]])}
    requested = RequestedOutputs(
        listed={
            "a": RequestedOutput(classification=1),
            "b": RequestedOutput(window=window),
            "absent": RequestedOutput(),
        }
    )
    response = placed(InferResponse("m", "1", outputs, labels={"a": ("low", "high")}), requested, has_batch=True)
    assert response.outputs["a"].tolist() == [[b"2:1:high"]]
    assert response.outputs["b"] is outputs["b"]
    assert response.outputs["c"] is outputs["c"]
    assert window.content == b"\x01\x02output 'b'"


def test_most_requests_need_no_work() -> None:
    assert not RequestedOutputs(RequestedOutput(is_binary=True), {"y": RequestedOutput()}).need_work


def test_memory_that_does_not_fit_the_shape_is_never_read() -> None:
    def never(*_: object) -> Window:
        return Window(b"123456789")

    with pytest.raises(InvalidInput, match=r"input 'x': INT32 \[2\] takes 8 bytes, 'shared_memory_byte_size' is 9"):
        decode_window("x", "INT32", (2,), ("r", 0, 9), never)


def test_what_can_not_be_had_together_is_refused() -> None:
    for wanted in (
        RequestedOutput(window=Window(), classification=1),
        RequestedOutput(window=Window(), is_binary=True),
    ):
        with pytest.raises(InvalidInput, match="Output can't set both 'shared_memory_region'"):
            check("y", wanted)


@pytest.mark.parametrize(
    ("default", "listed", "expected"),
    [
        (True, {}, True),
        (False, {}, False),
        (False, {"y": True}, True),
        (True, {"y": False}, False),
        (True, {"y": True, "z": False}, False),
    ],
)
def test_the_default_counts_where_no_output_is_listed(default: bool, listed: dict[str, bool], expected: bool) -> None:
    outputs = {name: RequestedOutput(is_binary) for name, is_binary in listed.items()}
    assert RequestedOutputs(RequestedOutput(default), outputs).are_binary == expected
