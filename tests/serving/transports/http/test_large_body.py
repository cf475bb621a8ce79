import numpy as np
import pytest

from serving.transports.http.large_body import LargeBody, aligned


@pytest.mark.parametrize("header_length", [0, 1, 63, 64, 65, 1000])
def test_tensors_behind_the_header_are_aligned(header_length: int) -> None:
    memory = aligned(5000, header_length)
    assert len(memory) == 5000
    assert np.frombuffer(memory, np.uint8, offset=header_length).ctypes.data % 64 == 0


def test_pieces_become_one_body() -> None:
    body = LargeBody(10, 3)
    body.append(b"abcd")
    assert body.so_far() == b"abcd"
    body.append(b"efghij")
    assert bytes(body.whole()) == b"abcdefghij"
    whole = body.whole()
    body.drop()
    assert (body.so_far(), bytes(whole)) == (b"", b"abcdefghij")
