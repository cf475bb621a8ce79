"""Memory for a body whose tensors lie where runtimes can use them. Rule: taken once, not touched before it is used."""

import numpy as np

from serving.transports.http.tensor_request import ALIGNMENT


def aligned(size: int, header_length: int) -> memoryview:
    """So many bytes; what follows `header_length` of them is aligned."""
    start = -header_length % ALIGNMENT
    memory = np.empty(start + size + ALIGNMENT, np.uint8)
    start += -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size].data
