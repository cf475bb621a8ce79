"""A model as its callers see it, whatever its file is fed: with their shapes, and without batch inputs.

Rule: for whoever runs a model before its callers do; those go through `execution`, which puts requests together.
"""

from serving.backends.backend import ModelInstance
from serving.core.model_config import ModelConfig
from serving.core.ragged_config import RaggedConfig, ragged_config
from serving.core.requests import NO_PARAMETERS, Arrays, Parameters
from serving.core.tensor_config import input_specs, output_specs
from serving.engine.reshaped import with_reshapes
from serving.scheduling.batching import concatenate
from serving.scheduling.ragged import divide, join


def as_called(instance: ModelInstance, config: ModelConfig) -> ModelInstance:
    """The instance itself where callers and file see the same."""
    instance = with_reshapes(instance, config)
    ragged = ragged_config(config)
    return instance if ragged is None else RaggedInstance(instance, ragged, config)


class RaggedInstance:
    """Each row of what it is run with is a request of its own. Closing it closes the instance."""

    def __init__(self, instance: ModelInstance, ragged: RaggedConfig, config: ModelConfig) -> None:
        self._instance = instance
        self._ragged = ragged
        self.inputs = input_specs(config)
        self.outputs = output_specs(config)
        self.concurrency = instance.concurrency
        self.reads_parameters = instance.reads_parameters

    def run(self, inputs: Arrays, parameters: Parameters = NO_PARAMETERS, /) -> Arrays:
        count = len(next(iter(inputs.values())))
        rows = [{name: array[row : row + 1] for name, array in inputs.items()} for row in range(count)]
        outputs = self._instance.run(join(self._ragged, rows), parameters)
        return concatenate(divide(self._ragged, rows, [1] * count, outputs))

    def close(self) -> None:
        self._instance.close()
