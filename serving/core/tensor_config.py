"""A config's `input` and `output` blocks: checked, and read as callers and as the model's file have them.

Rule: a caller sees `dims`, the file sees `reshape.shape` where there is one; both have the same number of elements.
The messages are Triton's (core/src/model_config_utils.cc) where it has one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import prod
from typing import TypeAlias

from tritonclient.grpc.model_config_pb2 import DataType, ModelConfig, ModelInput, ModelOutput

from serving.core.datatypes import from_config
from serving.core.requests import TensorSpec
from serving.errors import ModelLoadFailed

Tensor: TypeAlias = ModelInput | ModelOutput


@dataclass(frozen=True, slots=True)
class Reshape:
    """The shapes on either side, with the batch dimension; their variable dimensions belong together in order."""

    caller: tuple[int, ...]
    file: tuple[int, ...]


def input_specs(config: ModelConfig) -> tuple[TensorSpec, ...]:
    """As callers see them."""
    return tuple(_spec(tensor, _caller_shape(tensor, config.max_batch_size)) for tensor in config.input)


def output_specs(config: ModelConfig) -> tuple[TensorSpec, ...]:
    return tuple(_spec(tensor, _caller_shape(tensor, config.max_batch_size)) for tensor in config.output)


def reshaped_input_specs(config: ModelConfig) -> tuple[TensorSpec, ...]:
    """As the model's file has them."""
    return tuple(_spec(tensor, _file_shape(tensor, config.max_batch_size)) for tensor in config.input)


def reshaped_output_specs(config: ModelConfig) -> tuple[TensorSpec, ...]:
    return tuple(_spec(tensor, _file_shape(tensor, config.max_batch_size)) for tensor in config.output)


def reshapes(tensors: Iterable[Tensor], max_batch_size: int) -> dict[str, Reshape]:
    """By name, of the tensors that have one."""
    return {
        str(tensor.name): Reshape(_caller_shape(tensor, max_batch_size), _file_shape(tensor, max_batch_size))
        for tensor in tensors
        if tensor.HasField("reshape")
    }


def check_tensors(config: ModelConfig) -> None:
    """Raises `ModelLoadFailed`."""
    if config.max_batch_size < 0:
        raise ModelLoadFailed(f"'max_batch_size' must be non-negative value for {config.name}")
    for kind, tensors in (("input", config.input), ("output", config.output)):
        if not tensors:
            raise ModelLoadFailed(
                f"config.pbtxt lists no {kind}, and this kind of file does not say what it is; add an {kind} "
                "{ name data_type dims } block"
            )
        for tensor in tensors:
            _check_tensor(kind, tensor, config.max_batch_size)
        names = [tensor.name for tensor in tensors]
        if len(set(names)) < len(names):
            raise ModelLoadFailed(f"config.pbtxt lists an {kind} twice: {', '.join(names)}")
    states = {state.output_name for state in config.sequence_batching.state}
    for tensor in config.output:
        if tensor.HasField("reshape") and tensor.name in states:
            raise ModelLoadFailed(f"model output '{tensor.name}' is a sequence's state, which can't have a 'reshape'")


def _check_tensor(kind: str, tensor: Tensor, max_batch_size: int) -> None:
    if not tensor.name:
        raise ModelLoadFailed(f"model {kind} must specify 'name'")
    where = f"model {kind} '{tensor.name}'"
    if tensor.data_type not in DataType.values() or not tensor.data_type:
        raise ModelLoadFailed(f"{where} must specify 'data_type'")
    if not (tensor.dims or max_batch_size):
        raise ModelLoadFailed(f"{where} must specify 'dims'")
    _check_dimensions(where, tensor.dims)
    if tensor.HasField("reshape"):
        _check_reshape(where, tensor.dims, tensor.reshape.shape, max_batch_size)


def _check_reshape(where: str, dims: Sequence[int], shape: Sequence[int], max_batch_size: int) -> None:
    if not (shape or max_batch_size):
        raise ModelLoadFailed(
            f"{where} cannot have empty reshape for non-batching model as scalar tensors are not supported"
        )
    _check_dimensions(f"{where} reshape", shape)
    if _sizes_between_variable(dims) != _sizes_between_variable(shape):
        raise ModelLoadFailed(
            f"{where} has different size for dims and reshape: dims are {list(dims)}, reshape.shape is {list(shape)}"
        )


def _check_dimensions(where: str, dims: Sequence[int]) -> None:
    if any(dim < 1 and dim != -1 for dim in dims):
        raise ModelLoadFailed(f"{where} dimension must be integer >= 1, or -1 to indicate a variable-size dimension")


def _sizes_between_variable(dims: Sequence[int]) -> list[int]:
    """[2, 4, -1, 6] -> [8, -1, 6]: shapes that agree in this hold the same elements in the same order."""
    sizes: list[int] = []
    for is_variable, group in groupby(dims, key=lambda dim: dim == -1):
        run = list(group)
        sizes += run if is_variable else [prod(run)]
    return [size for size in sizes if size != 1]


def _caller_shape(tensor: Tensor, max_batch_size: int) -> tuple[int, ...]:
    return (*_batch(max_batch_size), *tensor.dims)


def _file_shape(tensor: Tensor, max_batch_size: int) -> tuple[int, ...]:
    return (*_batch(max_batch_size), *(tensor.reshape.shape if tensor.HasField("reshape") else tensor.dims))


def _batch(max_batch_size: int) -> tuple[int, ...]:
    return (-1,) if max_batch_size else ()


def _spec(tensor: Tensor, shape: tuple[int, ...]) -> TensorSpec:
    return TensorSpec(str(tensor.name), from_config(DataType.Name(tensor.data_type)), shape)
