"""Does a request fit its model? Checked before it is queued, so that a batch can't fail for one request's shape.

Rule: pure, and constant work per tensor: names, datatypes and shapes are compared, values never.
The messages are Triton's (core/src/infer_request.cc), whose clients' tests look for parts of them.
"""

from collections.abc import Hashable, Mapping

import numpy as np

from serving.core.datatypes import datatype_of
from serving.core.model_config import ModelConfig, input_specs
from serving.core.ragged_config import ragged_config
from serving.core.requests import InferRequest, TensorSpec, format_shape
from serving.errors import InvalidInput

_NOTE = (
    "NOTE: Setting a non-zero max_batch_size in the model config requires a batch dimension to be prepended to each "
    "input shape. If you want to specify the full shape including the batch dim in your input dims config, try setting "
    "max_batch_size to zero."
)

Specs = Mapping[str, TensorSpec]


def check(request: InferRequest, inputs: Specs, optional: frozenset[str], outputs: Specs, max_batch_size: int) -> int:
    """The number of rows the request adds to a batch. Raises `InvalidInput` naming the tensor.

    `optional` names the inputs that may be absent.
    """
    _check_names(request, inputs, optional, outputs)
    for name, array in request.inputs.items():
        _check_tensor(request.model_name, inputs[name], array, max_batch_size)
    return _check_rows(request, max_batch_size) if max_batch_size else 1


def batch_key(request: InferRequest, inputs: Specs, reads_parameters: bool = False) -> Hashable:
    """Equal for requests that can run together: the shapes of one row of each input that is stacked, in the model's
    order, and where the model reads them the parameters, of which it gets one set for a batch."""
    shapes = tuple(request.inputs[name].shape[1:] if name in request.inputs else None for name in inputs)
    if not reads_parameters:
        return shapes
    return shapes, frozenset((name, type(value), value) for name, value in request.parameters.items())


def stacked_inputs(config: ModelConfig) -> dict[str, TensorSpec]:
    """Those whose rows must have equal shapes in a batch: all but ragged ones."""
    ragged = ragged_config(config)
    flat = () if ragged is None else ragged.flat
    return {spec.name: spec for spec in input_specs(config) if spec.name not in flat}


def _check_names(request: InferRequest, inputs: Specs, optional: frozenset[str], outputs: Specs) -> None:
    model = request.model_name
    if request.inputs.keys() != inputs.keys():
        for name in request.inputs:
            if name not in inputs:
                raise InvalidInput(
                    f"unexpected inference input '{name}' for model '{model}', it takes: {', '.join(inputs)}"
                )
        missing = [name for name in inputs if name not in request.inputs and name not in optional]
        if missing:
            raise InvalidInput(
                f"{_expected_count(inputs, optional)} but got {len(request.inputs)} inputs for model '{model}'. "
                f"Got input(s) {list(request.inputs)}, but missing required input(s) {missing}. "
                "Please provide all required input(s)."
            )
    for name in request.output_names:
        if name not in outputs:
            raise InvalidInput(
                f"unexpected inference output '{name}' for model '{model}', it gives: {', '.join(outputs)}"
            )


def _expected_count(inputs: Specs, optional: frozenset[str]) -> str:
    required = len(inputs) - len(optional)
    return (
        f"expected number of inputs between {required} and {len(inputs)}" if optional else f"expected {required} inputs"
    )


def _check_tensor(model: str, spec: TensorSpec, array: np.ndarray, max_batch_size: int) -> None:
    datatype = datatype_of(array.dtype)
    if datatype != spec.datatype:
        raise InvalidInput(
            f"inference input '{spec.name}' data-type is '{datatype}', but model '{model}' expects '{spec.datatype}'"
        )
    shape = array.shape
    fits = len(shape) == len(spec.shape) and all(
        expected in (-1, found) for expected, found in zip(spec.shape, shape, strict=True)
    )
    if not fits:
        raise InvalidInput(
            f"unexpected shape for input '{spec.name}' for model '{model}'. "
            f"Expected {format_shape(spec.shape)}, got {format_shape(shape)}." + (f" {_NOTE}" if max_batch_size else "")
        )


def _check_rows(request: InferRequest, max_batch_size: int) -> int:
    if not request.inputs:
        raise InvalidInput(f"'{request.model_name}' needs at least one input, which gives the batch its size")
    first, *others = request.inputs.items()
    rows = len(first[1])
    for name, array in others:
        if len(array) != rows:
            raise InvalidInput(
                f"input '{name}' batch size does not match other inputs for '{request.model_name}': "
                f"'{name}' has {len(array)} rows, '{first[0]}' has {rows}"
            )
    if rows > max_batch_size:
        raise InvalidInput(
            f"inference request batch-size must be <= {max_batch_size} for '{request.model_name}', got {rows}"
        )
    if rows == 0:
        raise InvalidInput(f"inference request batch-size must be at least 1 for '{request.model_name}', got 0")
    return rows
