import numpy as np
import pytest

from serving.transports.http.aligned_memory import aligned


@pytest.mark.parametrize("header_length", [0, 1, 63, 64, 65, 1000])
def test_tensors_behind_the_header_are_aligned(header_length: int) -> None:
    memory = aligned(5000, header_length)
    assert len(memory) == 5000
    assert np.frombuffer(memory, np.uint8, offset=header_length).ctypes.data % 64 == 0
