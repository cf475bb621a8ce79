"""A model's configuration completed from its files, where config.pbtxt leaves something open or is not there.

Source: Triton's core/src/model_config_utils.cc and onnxruntime_backend's AutoCompleteConfig. Rule: what the config says
is kept.
"""

from collections.abc import Collection

from serving.core.brief import what_it_has
from serving.core.datatypes import to_config
from serving.core.model_config import DEFAULT_FILENAMES, PLATFORMS, ModelConfig
from serving.core.requests import TensorSpec
from serving.errors import ModelLoadFailed

DEFAULT_MAX_BATCH_SIZE = 4
"""Triton's, for models whose file says that they can batch and whose config says nothing."""

_SCHEDULERS = ("dynamic_batching", "sequence_batching", "ensemble_scheduling")


def with_backend(config: ModelConfig, files: Collection[str]) -> ModelConfig:
    """The backend whose default file is among the `files` of a version's folder."""
    if config.backend or config.platform:
        return config
    named = str(config.default_model_filename)
    names = {named} if named else set(files)
    found = [backend for backend, filename in DEFAULT_FILENAMES.items() if filename in names]
    if not found:
        raise ModelLoadFailed(f"must specify 'platform' or 'backend' for '{config.name}': {_why(named, files)}")
    completed = _copy(config)
    completed.backend = found[0]
    completed.platform = PLATFORMS[found[0]]
    return completed


def _fixed(*specs: TensorSpec) -> str:
    return ", ".join(f"'{spec.name}'" for spec in specs if spec.shape[:1] != (-1,))


def with_tensors(config: ModelConfig, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]) -> ModelConfig:
    """Inputs and outputs as the model's file has them; with batches if every first dimension is open."""
    completed = _copy(config)
    can_batch = all(spec.shape[:1] == (-1,) for spec in (*inputs, *outputs))
    if completed.max_batch_size and not can_batch:
        raise ModelLoadFailed(
            f"autofill failed for model '{config.name}': model does not support batching while non-zero "
            f"max_batch_size is specified: the first dimension of {_fixed(*inputs, *outputs)} is fixed in the file; "
            "export it open (dynamic), or set max_batch_size to 0"
        )
    if can_batch and not (completed.max_batch_size or completed.input or completed.output):
        completed.max_batch_size = DEFAULT_MAX_BATCH_SIZE
    if completed.max_batch_size > 1 and not any(completed.HasField(scheduler) for scheduler in _SCHEDULERS):
        completed.dynamic_batching.SetInParent()
    first = 1 if completed.max_batch_size else 0
    for tensors, specs in ((completed.input, inputs), (completed.output, outputs)):
        if not tensors:
            for spec in specs:
                tensor = tensors.add(name=spec.name, data_type=to_config(spec.datatype), dims=spec.shape[first:])
                if first and not tensor.dims:  # a value for each row of a batch, which callers send as [rows,1]
                    tensor.dims.append(1)
                    tensor.reshape.SetInParent()
    return completed


def _why(named: str, files: Collection[str]) -> str:
    usual, has = ", ".join(DEFAULT_FILENAMES.values()), what_it_has(files)
    if named and named not in files:
        return f"its version folder has no file '{named}', which default_model_filename names{has}"
    if named:
        return f"'{named}' does not tell it, as {usual} do; backends are {', '.join(PLATFORMS)}"
    return f"its version folder has none of {usual}" + (
        has and f"{has}: rename the model's file, or name it by backend and default_model_filename"
    )


def _copy(config: ModelConfig) -> ModelConfig:
    completed = ModelConfig()
    completed.CopyFrom(config)
    return completed
