"""Golden rows for a version that was not exported here: inputs, and what its model answers to them now.

Rule: they are asked again in the way in which a server asks before it gives a version traffic, and are none unless the
answers are the same.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from serving.backends import backend
from serving.backends.backend import ModelInstance
from serving.core import golden, model_config
from serving.core.golden import GoldenRows
from serving.core.model_config import ModelConfig
from serving.core.requests import Arrays, InferRequest
from serving.engine import fit
from serving.engine.as_called import as_called
from serving.engine.self_check import self_check
from serving.engine.warm_up import random_data
from serving.errors import InvalidInput, ModelLoadFailed

_OPEN = 8
"""What a dimension of any size is in random inputs."""
_ANY_NUMBER = 2**31


class NoGoldenRows(Exception):
    """Of a model that can be served all the same; the text says why."""


def why_none(config: ModelConfig) -> str:
    """Why a model is not asked at all; "" for one that can be."""
    if config.platform == model_config.ENSEMBLE:
        return "an ensemble has no files; its models have golden rows of their own"
    if config.backend == "python":
        return "a Python model is not run, since its code may do anything"
    if config.HasField("sequence_batching") or config.model_transaction_policy.decoupled:
        return "a model with sequences, or a decoupled one, has none"
    return ""


def random_inputs(config: ModelConfig, rows: int) -> Arrays:
    """The same for the same config. Without batches there is one input, whatever the number of rows."""
    first = 1 if config.max_batch_size else 0
    return {
        spec.name: random_data(
            spec.datatype,
            (*[rows] * first, *(_OPEN if dim == -1 else dim for dim in spec.shape[first:])),
        )
        for spec in model_config.input_specs(config)
    }


def golden_rows(directory: Path, config: ModelConfig, inputs: Arrays) -> GoldenRows:
    """`inputs` with what the model in a version's `directory` answers. `config` is completed.

    Raises `InvalidInput` for inputs that don't fit or can't be answered, `ModelLoadFailed` for a model that can't be
    loaded, `NoGoldenRows` for one that does not answer twice in the same way.
    """
    _check_fit(config, inputs)
    loaded = backend.find(config.backend)(directory, config, model_config.devices(config)[0])
    try:
        instance = as_called(loaded, config)
        rows = GoldenRows(inputs, _answers(instance, config, inputs))
        if len({array.shape[:1] or None for array in (*inputs.values(), *rows.outputs.values())}) != 1:
            raise NoGoldenRows("golden rows need as many rows of each input as of each output")
        _prove(instance, config, rows)
    finally:
        loaded.close()
    return rows


def _check_fit(config: ModelConfig, inputs: Arrays) -> None:
    specs = {spec.name: spec for spec in model_config.input_specs(config)}
    optional = frozenset(tensor.name for tensor in config.input if tensor.optional)
    fit.check(InferRequest(config.name, inputs), specs, optional, {}, _ANY_NUMBER if config.max_batch_size else 0)


def _answers(instance: ModelInstance, config: ModelConfig, inputs: Arrays) -> Arrays:
    """In batches as large as the model takes; the outputs that its config lists."""
    rows = len(next(iter(inputs.values())))
    size = config.max_batch_size or rows
    parts = []
    for start in range(0, rows, size):
        try:
            parts.append(instance.run({name: array[start : start + size] for name, array in inputs.items()}))
        except Exception as error:  # a model may raise anything
            raise InvalidInput(f"the model can't answer these inputs: {error}") from error
    return {
        tensor.name: np.concatenate([np.atleast_1d(part[tensor.name]) for part in parts]) for tensor in config.output
    }


def _prove(instance: ModelInstance, config: ModelConfig, rows: GoldenRows) -> None:
    with TemporaryDirectory(prefix="slipway-") as folder:
        (Path(folder) / golden.FILENAME).write_bytes(golden.encode(rows))
        try:
            self_check([instance], config, Path(folder))
        except ModelLoadFailed as error:
            raise NoGoldenRows(f"the model does not answer the same twice: {error}") from None
