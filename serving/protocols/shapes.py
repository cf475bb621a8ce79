"""How many tensors a request may have, and of what shape, whichever protocol carries them.

Rule: checked before time or memory is spent on them.
"""

import math
from collections.abc import Sequence

from serving.core.requests import TensorSpec
from serving.errors import InvalidInput

MAX_TENSORS = 4096  # more than any model has
MAX_DIMENSIONS = 64  # numpy's own limit
MAX_ELEMENTS = 2**40  # more than any body holds, far less than what overflows an array's strides


def check_count(member: str, count: int) -> None:
    """`member` is "inputs" or "outputs". Raises `InvalidInput`."""
    if count > MAX_TENSORS:
        raise InvalidInput(f"Unable to parse '{member}': expected at most {MAX_TENSORS} tensors, got {count}")


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


def filled(spec: TensorSpec, count: int) -> tuple[int, ...] | None:
    """The shape in which a flat list of `count` elements is the tensor; None where there is none.

    The innermost open dimension takes all that the fixed ones leave, the other open ones are 1.
    """
    rest, remainder = divmod(count, math.prod(dim for dim in spec.shape if dim != -1))
    if remainder or (rest != 1 and -1 not in spec.shape):
        return None
    innermost = max((axis for axis, dim in enumerate(spec.shape) if dim == -1), default=-1)
    return tuple((rest if axis == innermost else 1) if dim == -1 else dim for axis, dim in enumerate(spec.shape))
