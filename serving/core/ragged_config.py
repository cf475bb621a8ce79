"""A config's `allow_ragged_batch`, `batch_input` and `batch_output`: how requests of different shapes share a batch.

Rule: a ragged input is a flat row of all requests' elements to the model, and callers see nothing of batch inputs.
The messages are Triton's (core/src/model_config_utils.cc) where it has one.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from tritonclient.grpc.model_config_pb2 import BatchInput as BatchInputConfig
from tritonclient.grpc.model_config_pb2 import BatchOutput as BatchOutputConfig
from tritonclient.grpc.model_config_pb2 import DataType, ModelConfig

from serving.core.datatypes import from_config
from serving.core.requests import TensorSpec
from serving.core.tensor_config import input_specs, output_specs
from serving.errors import ModelLoadFailed

_BACKENDS = ("onnxruntime", "pytorch")


@dataclass(frozen=True, slots=True)
class BatchInput:
    """What the model is told, as inputs of these `names`, of the shapes that the input `source` has in a batch; `kind`
    is Triton's, `rank` how many dimensions a row of `source` has."""

    kind: str
    names: tuple[str, ...]
    datatype: str
    source: str
    rank: int

    @property
    def specs(self) -> tuple[TensorSpec, ...]:
        shape = (-1, self.rank) if self.kind == "BATCH_ITEM_SHAPE" else (-1,)
        return tuple(TensorSpec(name, self.datatype, shape) for name in self.names)


@dataclass(frozen=True, slots=True)
class Scattered:
    """An output of which each request gets as many elements as its shape says: where that is -1, the size is that of
    the same dimension of the request's input `source`."""

    source: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RaggedConfig:
    """`flat` are the ragged inputs, `scattered` is by output."""

    flat: frozenset[str]
    batch_inputs: tuple[BatchInput, ...]
    scattered: Mapping[str, Scattered]


def ragged_config(config: ModelConfig) -> RaggedConfig | None:
    """None where it says nothing of all that. Raises `ModelLoadFailed`."""
    flat = frozenset(str(tensor.name) for tensor in config.input if tensor.allow_ragged_batch)
    if not (flat or config.batch_input or config.batch_output):
        return None
    _check_model(config, flat)
    inputs = {spec.name: spec for spec in input_specs(config)}
    outputs = {spec.name: spec for spec in output_specs(config)}
    batch_inputs = tuple(_batch_input(each, inputs) for each in config.batch_input)
    names = [*inputs, *(name for each in batch_inputs for name in each.names)]
    if len(set(names)) < len(names):
        raise ModelLoadFailed(f"config.pbtxt lists an input twice, batch inputs among them: {', '.join(names)}")
    scattered = {
        str(name): _scattered(each, str(name), inputs, outputs)
        for each in config.batch_output
        for name in each.target_name
    }
    _check_reshapes(config, {*flat, *scattered})
    return RaggedConfig(flat, batch_inputs, scattered)


def _check_model(config: ModelConfig, flat: Collection[str]) -> None:
    what = "'input.allow_ragged_batch', 'batch_input' and 'batch_output'"
    if config.backend not in _BACKENDS:
        raise ModelLoadFailed(
            f"{what} are for {' and '.join(_BACKENDS)} models, this is of kind '{config.backend or 'ensemble'}'"
        )
    if not config.max_batch_size:
        raise ModelLoadFailed(f"{what} need batches; set max_batch_size")
    if config.HasField("sequence_batching"):
        raise ModelLoadFailed(f"{what} are not supported together with sequence_batching; use dynamic_batching")
    for tensor in config.input:
        if tensor.optional and tensor.name in flat:
            raise ModelLoadFailed(f"'allow_ragged_batch' is not supported for optional input '{tensor.name}'")


def _check_reshapes(config: ModelConfig, names: Collection[str]) -> None:
    for tensor in (*config.input, *config.output):
        if tensor.HasField("reshape") and tensor.name in names:
            raise ModelLoadFailed(f"'{tensor.name}' is ragged or scattered, and can't have a 'reshape' too")


def _batch_input(given: BatchInputConfig, inputs: Mapping[str, TensorSpec]) -> BatchInput:
    kind = BatchInputConfig.Kind.Name(given.kind)
    source = _source(f"batch input kind '{kind}'", list(map(str, given.source_input)), inputs)
    if given.data_type not in (DataType.TYPE_INT32, DataType.TYPE_FP32):
        raise ModelLoadFailed("batch input data type must be TYPE_INT32 or TYPE_FP32")
    if not given.target_name:
        raise ModelLoadFailed(f"batch input kind '{kind}' must specify 'target_name', an input of the model's file")
    names = tuple(map(str, given.target_name))
    return BatchInput(kind, names, from_config(DataType.Name(given.data_type)), source, len(inputs[source].shape) - 1)


def _scattered(
    given: BatchOutputConfig, name: str, inputs: Mapping[str, TensorSpec], outputs: Mapping[str, TensorSpec]
) -> Scattered:
    kind = BatchOutputConfig.Kind.Name(given.kind)
    source = _source(f"batch output kind '{kind}'", list(map(str, given.source_input)), inputs)
    if name not in outputs:
        raise ModelLoadFailed(f"unknown target output name '{name}'")
    shape = outputs[name].shape
    if -1 in shape[len(inputs[source].shape) :]:
        raise ModelLoadFailed(f"batch output '{name}' has more dimensions of an open size than its source '{source}'")
    return Scattered(source, shape)


def _source(what: str, sources: list[str], inputs: Mapping[str, TensorSpec]) -> str:
    if len(sources) != 1:
        raise ModelLoadFailed(f"{what} expects 1 source input, got {len(sources)}")
    if sources[0] not in inputs:
        raise ModelLoadFailed(f"unknown source input name '{sources[0]}'")
    return sources[0]
