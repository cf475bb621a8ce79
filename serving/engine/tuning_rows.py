"""What a model is fed while it is measured: rows that its owner gave, or zeros.

Rule: a row should make the work of a real one; where a size is open and nobody gave a row, there is none.
"""

from pathlib import Path

import numpy as np

from serving.backends.backend import ModelInstance
from serving.core import golden
from serving.core.model_config import ModelConfig
from serving.core.requests import Arrays
from serving.engine.warm_up import sample_inputs, zeros
from serving.errors import ModelLoadFailed


def rows_for(instance: ModelInstance, config: ModelConfig, directory: Path) -> Arrays:
    """At least one row; for a model without batches its input itself. Raises `ModelLoadFailed` where there is none."""
    path = directory / golden.FILENAME
    if path.is_file():
        return golden.decode(path.read_bytes()).inputs
    if config.model_warmup:
        return sample_inputs(config.model_warmup[0], config, directory.parent)
    first = 1 if config.max_batch_size else 0
    for spec in instance.inputs:
        if -1 in spec.shape[first:]:
            raise ModelLoadFailed(
                f"input '{spec.name}' has an open size; a model_warmup sample or golden rows say what is usual"
            )
    return zeros(instance)


def batch_of(rows: Arrays, count: int) -> Arrays:
    """So many rows, the same ones again where there are fewer."""
    return {name: np.ascontiguousarray(array[np.arange(count) % len(array)]) for name, array in rows.items()}
