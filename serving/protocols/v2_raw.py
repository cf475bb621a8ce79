"""A request that is nothing but one tensor's bytes: the binary extension with a header length of 0.

Source: Triton's extension_binary_data.md, "Raw Binary Request". Rule: the model's metadata says what the bytes are.
"""

import math
from collections.abc import Sequence

from serving.core.datatypes import dtype_of
from serving.core.requests import InferRequest, TensorSpec
from serving.errors import InvalidInput
from serving.protocols.outputs import RequestedOutput, RequestedOutputs
from serving.protocols.v2_binary import decode_tensor

_ALL_BINARY = RequestedOutputs(RequestedOutput(is_binary=True))


def decode_request(
    model_name: str, model_version: str, body: bytes | memoryview, inputs: Sequence[TensorSpec], has_batch: bool
) -> tuple[InferRequest, RequestedOutputs]:
    """One row where the model batches; every output is answered as binary data.

    Raises `InvalidInput` where the model's metadata leave open what the bytes are.
    """
    if len(inputs) != 1:
        raise InvalidInput(
            f"Raw request must only have 1 input (found 1) to be deduced but got {len(inputs)} inputs in "
            f"'{model_name}' model configuration"
        )
    (spec,) = inputs
    row = spec.shape[1:] if has_batch else spec.shape
    first = (1,) if has_batch else ()
    if spec.datatype == "BYTES":
        if row not in ((1,), (-1,), ()):
            raise InvalidInput(f"For BYTE datatype raw input '{spec.name}', the model must have input shape [1]")
        shape: tuple[int, ...] = (*first, *(1 for _ in row))
        data = memoryview(len(body).to_bytes(4, "little") + bytes(body))
    else:
        shape = (*first, *_deduced(spec, row, len(body)))
        data = memoryview(body)
    array = decode_tensor(spec.name, spec.datatype, shape, data)
    return InferRequest(model_name, {spec.name: array}, model_version), _ALL_BINARY


def _deduced(spec: TensorSpec, row: tuple[int, ...], byte_size: int) -> tuple[int, ...]:
    if row.count(-1) > 1:
        raise InvalidInput(
            f"The shape of the raw input '{spec.name}' can not be deduced because there are more than one "
            "variable-sized dimension"
        )
    fixed = math.prod(dim for dim in row if dim != -1) * dtype_of(spec.datatype).itemsize
    if -1 in row and byte_size % fixed:
        raise InvalidInput(
            f"The shape of the raw input '{spec.name}' can not be deduced: {byte_size} bytes are no multiple of {fixed}"
        )
    return tuple(byte_size // fixed if dim == -1 else dim for dim in row)
