"""What goes into a model's file and comes out: the caller's tensors, and those of its sequences and of ragged batches.

Rule: callers see `model_config.input_specs`, backends see these.
"""

from dataclasses import replace

from serving.core.model_config import ModelConfig
from serving.core.ragged_config import ragged_config
from serving.core.requests import TensorSpec
from serving.core.sequence_config import control_specs, sequence_config, state_specs
from serving.core.tensor_config import reshaped_input_specs, reshaped_output_specs


def file_input_specs(config: ModelConfig) -> tuple[TensorSpec, ...]:
    """Raises `ModelLoadFailed` for a `sequence_batching` that is wrong."""
    ragged, sequences = ragged_config(config), sequence_config(config)
    if ragged is not None:
        specs = [replace(it, shape=(-1,)) if it.name in ragged.flat else it for it in reshaped_input_specs(config)]
        return (*specs, *(spec for each in ragged.batch_inputs for spec in each.specs))
    if sequences is None:
        return reshaped_input_specs(config)
    return (*reshaped_input_specs(config), *control_specs(sequences), *state_specs(sequences)[0])


def file_output_specs(config: ModelConfig) -> tuple[TensorSpec, ...]:
    """A state may also be an output that callers see. Raises `ModelLoadFailed`."""
    sequences = sequence_config(config)
    outputs = reshaped_output_specs(config)
    if sequences is None:
        return outputs
    names = {spec.name for spec in outputs}
    return (*outputs, *(spec for spec in state_specs(sequences)[1] if spec.name not in names))
