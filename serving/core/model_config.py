"""config.pbtxt: read with protobuf's text format into Triton's own `ModelConfig` message, checked and completed.

Rule: what a model's config asks for is honoured, or named by `unhonoured`, or refused by `complete`; never ignored.
"""

from collections.abc import Iterable, Iterator

from google.protobuf import json_format, text_format
from google.protobuf.message import Message
from tritonclient.grpc.model_config_pb2 import ModelConfig

from serving.core.batching_config import OBJECTIVE, batching_config
from serving.core.config_errors import explain
from serving.core.instance_groups import complete_groups, devices
from serving.core.isolation import FIELD as ISOLATION
from serving.core.isolation import isolation
from serving.core.onnx_options import onnx_fields
from serving.core.ragged_config import ragged_config
from serving.core.tensor_config import check_tensors, input_specs, output_specs
from serving.core.torch_options import torch_fields
from serving.errors import ModelLoadFailed

__all__ = [
    "DEFAULT_FILENAMES",
    "ENSEMBLE",
    "PLATFORMS",
    "ModelConfig",
    "check_filename",
    "complete",
    "devices",
    "input_specs",
    "output_specs",
    "parse",
    "parse_json",
    "select_versions",
    "unhonoured",
]

ENSEMBLE = "ensemble"  # the platform of models that have no file, only steps; see `core/ensemble.py`
PLATFORMS = {"onnxruntime": "onnxruntime_onnx", "pytorch": "pytorch_libtorch", "python": "python"}
DEFAULT_FILENAMES = {"onnxruntime": "model.onnx", "pytorch": "model.pt", "python": "model.py"}

# Paths of the fields that Slipway acts on; whatever else a config sets is reported by `unhonoured`.
_HONOURED = {
    "name",
    "platform",
    "backend",
    "max_batch_size",
    "default_model_filename",
    "version_policy.latest.num_versions",
    "version_policy.all",
    "version_policy.specific.versions",
    "input.name",
    "input.data_type",
    "input.dims",
    "input.reshape",
    "input.reshape.shape",
    "input.optional",
    "input.allow_ragged_batch",
    "batch_input.kind",
    "batch_input.target_name",
    "batch_input.data_type",
    "batch_input.source_input",
    "batch_output.kind",
    "batch_output.target_name",
    "batch_output.source_input",
    "output.name",
    "output.data_type",
    "output.dims",
    "output.reshape",
    "output.reshape.shape",
    "output.label_filename",
    "instance_group.name",
    "instance_group.kind",
    "instance_group.count",
    "instance_group.gpus",
    "dynamic_batching",
    "dynamic_batching.preferred_batch_size",
    "dynamic_batching.max_queue_delay_microseconds",
    "dynamic_batching.preserve_ordering",
    "dynamic_batching.default_queue_policy.timeout_action",
    "dynamic_batching.default_queue_policy.default_timeout_microseconds",
    "dynamic_batching.default_queue_policy.max_queue_size",
    "dynamic_batching.default_queue_policy.allow_timeout_override",
    "dynamic_batching.priority_levels",
    "dynamic_batching.default_priority_level",
    "sequence_batching",
    "sequence_batching.direct",
    "sequence_batching.direct.max_queue_delay_microseconds",
    "sequence_batching.direct.minimum_slot_utilization",
    "sequence_batching.oldest",
    "sequence_batching.oldest.max_candidate_sequences",
    "sequence_batching.oldest.preferred_batch_size",
    "sequence_batching.oldest.max_queue_delay_microseconds",
    "sequence_batching.max_sequence_idle_microseconds",
    "sequence_batching.control_input.name",
    "sequence_batching.control_input.control",
    "sequence_batching.control_input.control.kind",
    "sequence_batching.control_input.control.int32_false_true",
    "sequence_batching.control_input.control.fp32_false_true",
    "sequence_batching.control_input.control.bool_false_true",
    "sequence_batching.control_input.control.data_type",
    "sequence_batching.state.input_name",
    "sequence_batching.state.output_name",
    "sequence_batching.state.data_type",
    "sequence_batching.state.dims",
    "sequence_batching.state.initial_state.name",
    "sequence_batching.state.initial_state.data_type",
    "sequence_batching.state.initial_state.dims",
    "sequence_batching.state.initial_state.zero_data",
    "model_warmup.name",
    "model_warmup.batch_size",
    "model_warmup.count",
    "model_transaction_policy",
    "model_transaction_policy.decoupled",
    "response_cache.enable",
    f"parameters.{OBJECTIVE}",
    ISOLATION,
    "parameters.auto_tune",
    "parameters.nan_check",
}
# With keys of their owner's, or read elsewhere.
_HONOURED_BELOW = (
    "ensemble_scheduling.step.input_map.",
    "ensemble_scheduling.step.output_map.",
    "model_warmup.inputs.",
    "parameters.audio.",
    "parameters.generation.",
    "parameters.isolation.",
    "parameters.rollout.",
)

# An ensemble has no file, queue or instances; its models do.
_HONOURED_IN_ENSEMBLES = {
    "name",
    "platform",
    "max_batch_size",
    "version_policy.latest.num_versions",
    "version_policy.all",
    "version_policy.specific.versions",
    "input.name",
    "input.data_type",
    "input.dims",
    "output.name",
    "output.data_type",
    "output.dims",
    "output.label_filename",
    "model_transaction_policy",
    "response_cache.enable",
    "ensemble_scheduling.step.model_name",
    "ensemble_scheduling.step.model_version",
}

# Such a model reads its parameters itself; these are Triton's own, for the process that it would have there.
_TRITONS_OWN = {"parameters.EXECUTION_ENV_PATH", "parameters.FORCE_CPU_ONLY_INPUT_TENSORS"}

# What only models with batches need.
_BATCHES = {"dynamic_batching.preferred_batch_size", "dynamic_batching.max_queue_delay_microseconds"}

# And what one backend alone acts on.
_HONOURED_BY = {"onnxruntime": onnx_fields, "pytorch": torch_fields}


def parse(text: str, model_name: str, renames: bool = False) -> ModelConfig:
    """Raises `ModelLoadFailed` naming line and column, or, unless it `renames`, the name that differs from the
    directory's."""
    try:
        config = text_format.Parse(text, ModelConfig())
    except text_format.ParseError as error:
        raise ModelLoadFailed(f"config.pbtxt, line:column {explain(str(error))}") from None
    except ValueError as error:  # a number that no enum can have
        raise ModelLoadFailed(f"config.pbtxt: {str(error)[:100]}") from None
    if renames:
        config.name = model_name
    return _named(config, model_name)


def parse_json(text: str, model_name: str) -> ModelConfig:
    """protobuf's JSON, numbers as such or as strings. Raises `ModelLoadFailed`."""
    try:
        config = json_format.Parse(text, ModelConfig())
    except (json_format.ParseError, RecursionError) as error:
        raise ModelLoadFailed(f"the config is no ModelConfig in JSON: {explain(str(error))}"[:1000]) from None
    return _named(config, model_name)


def _named(config: ModelConfig, model_name: str) -> ModelConfig:
    if config.name and config.name != model_name:
        raise ModelLoadFailed(
            f"unexpected directory name '{model_name}' for model '{config.name}', directory name must equal model name"
        )
    config.name = model_name
    return config


def complete(config: ModelConfig) -> ModelConfig:
    """A checked copy with Triton's defaults filled in. Raises `ModelLoadFailed` for what can't be served."""
    completed = ModelConfig()
    completed.CopyFrom(config)
    _refuse_what_is_missing(completed)
    if completed.platform != ENSEMBLE:
        _complete_backend(completed)
        _check_optional_inputs(completed)
    check_tensors(completed)
    batching_config(completed)
    ragged_config(completed)
    if not completed.HasField("version_policy"):
        completed.version_policy.latest.num_versions = 1
    if completed.platform != ENSEMBLE:
        complete_groups(completed)
        isolation(completed)
    return completed


def select_versions(config: ModelConfig, available: Iterable[int]) -> list[int]:
    """The versions that `version_policy` serves, lowest first (Triton's latest, all, specific)."""
    versions = sorted(available)
    policy = config.version_policy
    match policy.WhichOneof("policy_choice"):
        case "all":
            return versions
        case "specific":
            return [version for version in versions if version in policy.specific.versions]
        case _:
            return versions[-(policy.latest.num_versions or 1) :]


def unhonoured(config: ModelConfig) -> list[str]:
    """The fields that this config sets and Slipway does not act on, such as `optimization.cuda.graphs`."""
    return sorted({field for field in _set_fields(config, "") if not _is_honoured(field, config)})


def _is_honoured(field: str, config: ModelConfig) -> bool:
    if field.startswith(_HONOURED_BELOW):
        return True
    if config.platform == ENSEMBLE:
        return field in _HONOURED_IN_ENSEMBLES
    if field in _BATCHES and (config.max_batch_size < 2 or config.model_transaction_policy.decoupled):
        return False
    if field == "dynamic_batching.default_priority_level" or field.startswith(
        "dynamic_batching.priority_queue_policy."
    ):
        return bool(config.dynamic_batching.priority_levels)
    if config.backend == "python" and field.startswith("parameters."):
        return field not in _TRITONS_OWN
    return field in _HONOURED or (config.backend in _HONOURED_BY and field in _HONOURED_BY[config.backend](config))


def _set_fields(message: Message, prefix: str) -> Iterator[str]:
    for field, value in message.ListFields():
        path = f"{prefix}{field.name}"
        if field.message_type is None:
            yield path
        elif field.message_type.GetOptions().map_entry:
            yield from (f"{path}.{key}" for key in value)
        else:
            children = [value] if isinstance(value, Message) else value
            yield from (name for child in children for name in list(_set_fields(child, f"{path}.")) or [path])


def _refuse_what_is_missing(config: ModelConfig) -> None:
    if config.model_transaction_policy.decoupled and "python" not in (config.backend, config.platform):
        raise ModelLoadFailed("'model_transaction_policy.decoupled': only python models can be decoupled")
    if config.sequence_batching.oldest.preserve_ordering:
        raise ModelLoadFailed(
            "'sequence_batching.oldest.preserve_ordering' is not supported; the answers of one sequence are in order "
            "without it"
        )


def _complete_backend(config: ModelConfig) -> None:
    backends = {platform: backend for backend, platform in PLATFORMS.items()}
    if config.platform and config.platform not in backends:
        raise ModelLoadFailed(f"unexpected platform '{config.platform}', known are {', '.join(backends)}, {ENSEMBLE}")
    if config.backend and config.backend not in PLATFORMS:
        raise ModelLoadFailed(f"unexpected backend '{config.backend}', known are {', '.join(PLATFORMS)}")
    if not (config.platform or config.backend):
        raise ModelLoadFailed(f"must specify 'platform' or 'backend' for '{config.name}'")
    config.backend = config.backend or backends[config.platform]
    if config.platform and config.platform != PLATFORMS[config.backend]:
        raise ModelLoadFailed(f"unexpected 'platform' and 'backend' pair, got: {config.platform}, {config.backend}")
    config.platform = PLATFORMS[config.backend]
    config.default_model_filename = config.default_model_filename or DEFAULT_FILENAMES[config.backend]
    check_filename(config.default_model_filename)


def check_filename(filename: str) -> None:
    """Raises `ModelLoadFailed` for what would lead out of the version's folder; "" is the backend's default."""
    if "/" in filename or not filename.isprintable() or len(filename.encode()) > 255 or filename in (".", ".."):
        raise ModelLoadFailed("default_model_filename must be the name of a file in the version's folder")


def _check_optional_inputs(config: ModelConfig) -> None:
    optional = [tensor.name for tensor in config.input if tensor.optional]
    if not optional or config.backend == "python":
        return
    if config.backend != "onnxruntime":
        raise ModelLoadFailed("'input.optional': only python and onnxruntime models can do without an input")
    if config.max_batch_size:
        raise ModelLoadFailed(f"optional input '{optional[0]}' is not supported for models that support batching")
