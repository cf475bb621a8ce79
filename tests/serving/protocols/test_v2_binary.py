import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tritonclient.utils import deserialize_bytes_tensor, serialize_byte_tensor

from serving.core.datatypes import DTYPES
from serving.errors import InvalidInput
from serving.protocols.v2_binary import decode_tensor, encode_tensor

NUMERIC = sorted(set(DTYPES) - {"BYTES"})


@given(st.data(), st.sampled_from(NUMERIC))
def test_numeric_tensors_survive_the_wire_bit_for_bit(data: st.DataObject, datatype: str) -> None:
    drawn = np.dtype(np.uint16) if datatype == "BF16" else DTYPES[datatype]
    array = data.draw(arrays.arrays(drawn, arrays.array_shapes(min_dims=0, min_side=0))).view(DTYPES[datatype])
    wire = bytes(encode_tensor(array))
    decoded = decode_tensor("x", datatype, array.shape, memoryview(wire))
    assert decoded.shape == array.shape
    assert decoded.dtype == array.dtype
    assert decoded.tobytes() == array.tobytes()


def test_numeric_tensors_are_views() -> None:
    body = np.float32([1, 2, 3]).tobytes()
    decoded = decode_tensor("x", "FP32", (3,), memoryview(body))
    assert np.shares_memory(decoded, np.frombuffer(body, np.uint8))
    array = np.float32([[1, 2], [3, 4]])
    assert np.shares_memory(np.frombuffer(encode_tensor(array), np.uint8), array)


def test_rows_that_are_not_contiguous_are_written_in_order() -> None:
    transposed = np.arange(6, dtype=np.int32).reshape(2, 3).T
    assert bytes(encode_tensor(transposed)) == np.ascontiguousarray(transposed).tobytes()


@given(arrays.arrays(object, arrays.array_shapes(min_side=0), elements=st.binary(max_size=20)))
def test_texts_survive_the_wire_and_are_the_clients_encoding(array: np.ndarray) -> None:
    wire = bytes(encode_tensor(array))
    assert wire == (serialize_byte_tensor(array).item() if array.size else b"")
    assert deserialize_bytes_tensor(wire).tolist() == array.ravel().tolist()
    decoded = decode_tensor("x", "BYTES", array.shape, memoryview(wire))
    assert decoded.shape == array.shape
    assert decoded.tolist() == array.tolist()


@pytest.mark.parametrize("length", [0, 7, 9, 16])
def test_another_number_of_bytes_than_the_shape_takes_is_refused(length: int) -> None:
    with pytest.raises(InvalidInput, match=rf"'x': FP32 \[2,1\] takes 8 bytes, got {length}"):
        decode_tensor("x", "FP32", (2, 1), memoryview(bytes(length)))


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        (b"", "got 0 bytes, too few"),
        (b"\x01\0\0\0a", "got 5 bytes, too few"),
        (b"\x01\0\0\0a\x01\0\0", "only 3 bytes available"),
        (b"\x01\0\0\0a\x09\0\0\0bc", "expecting string of length 9 but only 2 bytes available"),
        (b"\x00\0\0\0" * 3, "expected 2 string elements for inference input 'x', got 3"),
        (b"\xff\xff\xff\xff" * 2, "expecting string of length 4294967295"),
    ],
)
def test_texts_that_do_not_add_up_are_refused(wire: bytes, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        decode_tensor("x", "BYTES", (2,), memoryview(wire))


def test_any_byte_but_0_is_true() -> None:
    decoded = decode_tensor("x", "BOOL", (4,), memoryview(bytes([0, 1, 2, 255])))
    assert decoded.tolist() == [False, True, True, True]
    assert decoded.tobytes() == bytes([0, 1, 1, 1])


def test_unknown_datatypes_are_refused() -> None:
    with pytest.raises(InvalidInput, match="'FP8' is not one of"):
        decode_tensor("x", "FP8", (1,), memoryview(b"a"))
