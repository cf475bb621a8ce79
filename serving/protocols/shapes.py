"""What shape a caller may give an input, whichever protocol carries it.

Rule: checked before anything of that shape is allocated.
"""

import math
from collections.abc import Sequence

from serving.errors import InvalidInput

MAX_DIMENSIONS = 64  # numpy's own limit
MAX_ELEMENTS = 2**40  # more than any body holds, far less than what overflows an array's strides


def check_shape(name: str, shape: Sequence[object]) -> tuple[int, ...]:
    """Raises `InvalidInput` naming the input."""
    if len(shape) > MAX_DIMENSIONS or any(type(dim) is not int or dim < 0 for dim in shape):
        raise InvalidInput(
            f"Unable to parse 'shape' of input '{name}': expected at most {MAX_DIMENSIONS} integers >= 0, "
            f"got {str(list(shape[: MAX_DIMENSIONS + 1]))[:100]}"
        )
    dims: tuple[int, ...] = tuple(shape)  # type: ignore[arg-type]  # checked above
    if math.prod(max(dim, 1) for dim in dims) > MAX_ELEMENTS:
        raise InvalidInput(f"Unable to parse 'shape' of input '{name}': {str(list(dims))[:100]} is too large")
    return dims
