"""A model whose config gives tensors a `reshape`: callers' shapes on one side, the file's on the other.

Rule: arrays are reshaped as views; whoever runs the model sees callers' shapes only.
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import closing

import numpy as np

from serving.backends.backend import DecoupledInstance, ModelInstance, input_memory
from serving.core.model_config import ModelConfig
from serving.core.requests import NO_PARAMETERS, Arrays, Parameters, format_shape
from serving.core.tensor_config import Reshape, input_specs, output_specs, reshapes
from serving.errors import BackendFailed

Shape = tuple[int, ...]


def with_reshapes(instance: ModelInstance, config: ModelConfig) -> ModelInstance:
    """The instance itself where the config has none."""
    has_some = any(tensor.HasField("reshape") for tensor in (*config.input, *config.output))
    return ReshapedInstance(instance, config) if has_some else instance


class ReshapedInstance:
    """`stream` is for a `DecoupledInstance`. Closing it closes the instance."""

    def __init__(self, instance: ModelInstance, config: ModelConfig) -> None:
        self._instance = instance
        self.inputs = input_specs(config)
        self.outputs = output_specs(config)
        self.concurrency = instance.concurrency
        self.reads_parameters = instance.reads_parameters
        self.input_memory = input_memory(instance)
        self._input_reshapes = reshapes(config.input, config.max_batch_size)
        self._output_reshapes = reshapes(config.output, config.max_batch_size)

    def run(self, inputs: Arrays, parameters: Parameters = NO_PARAMETERS, /) -> Arrays:
        return _to_caller(self._instance.run(_to_file(inputs, self._input_reshapes), parameters), self._output_reshapes)

    def stream(
        self, inputs: Arrays, parameters: Parameters, is_cancelled: Callable[[], bool], /
    ) -> Generator[Arrays, None, None]:
        assert isinstance(self._instance, DecoupledInstance)
        inputs = _to_file(inputs, self._input_reshapes)
        with closing(self._instance.stream(inputs, parameters, is_cancelled)) as responses:
            for outputs in responses:
                yield _to_caller(outputs, self._output_reshapes)

    def close(self) -> None:
        self._instance.close()


def _to_file(inputs: Arrays, reshapes: Mapping[str, Reshape]) -> Arrays:
    """Inputs fit the callers' shapes, which was checked before they were queued."""
    return {
        name: _reshaped(array, reshapes[name].caller, reshapes[name].file) if name in reshapes else array
        for name, array in inputs.items()
    }


def _to_caller(outputs: Arrays, reshapes: Mapping[str, Reshape]) -> Arrays:
    for name, reshape in reshapes.items():
        if name in outputs and not _fits(outputs[name].shape, reshape.file):
            raise BackendFailed(
                f"output '{name}' has shape {format_shape(outputs[name].shape)}, its config's reshape says "
                f"{format_shape(reshape.file)}"
            )
    return {
        name: _reshaped(array, reshapes[name].file, reshapes[name].caller) if name in reshapes else array
        for name, array in outputs.items()
    }


def _reshaped(array: np.ndarray, source: Shape, target: Shape) -> np.ndarray:
    """The sizes of `source`'s variable dimensions become those of `target`'s, in order."""
    variable = iter([size for size, expected in zip(array.shape, source, strict=True) if expected == -1])
    return array.reshape([next(variable) if size == -1 else size for size in target])


def _fits(shape: Shape, expected: Shape) -> bool:
    return len(shape) == len(expected) and all(size in (-1, found) for found, size in zip(shape, expected, strict=True))
