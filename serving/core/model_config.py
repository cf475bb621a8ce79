"""config.pbtxt: read with protobuf's text format into Triton's own `ModelConfig` message, checked and completed.

Rule: what a model's config asks for is honoured, or named by `unhonoured`, or refused by `complete`; never ignored.
"""

from collections.abc import Iterable, Iterator

from google.protobuf import json_format, text_format
from google.protobuf.message import Message
from tritonclient.grpc.model_config_pb2 import DataType, ModelConfig, ModelInput, ModelOutput

from serving.core.datatypes import from_config
from serving.core.requests import TensorSpec
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
    "thread_count",
    "unhonoured",
]

ENSEMBLE = "ensemble"  # the platform of models that have no file, only steps; see `core/ensemble.py`
PLATFORMS = {"onnxruntime": "onnxruntime_onnx", "pytorch": "pytorch_libtorch", "python": "python"}
MAX_INSTANCES = 256
MAX_THREADS = 1024
MAX_PRIORITY_LEVELS = 64
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
    "output.name",
    "output.data_type",
    "output.dims",
    "output.label_filename",
    "instance_group.name",
    "instance_group.kind",
    "instance_group.count",
    "dynamic_batching",
    "dynamic_batching.max_queue_delay_microseconds",
    "dynamic_batching.default_queue_policy.default_timeout_microseconds",
    "dynamic_batching.default_queue_policy.max_queue_size",
    "dynamic_batching.default_queue_policy.allow_timeout_override",
    "dynamic_batching.priority_levels",
    "dynamic_batching.default_priority_level",
    "parameters.intra_op_thread_count",
    "parameters.inter_op_thread_count",
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
    "model_transaction_policy",
    "model_transaction_policy.decoupled",
    "ensemble_scheduling.step.model_name",
    "ensemble_scheduling.step.model_version",
}
_HONOURED_MAPS = ("ensemble_scheduling.step.input_map.", "ensemble_scheduling.step.output_map.")
# Fields whose absence would change what a request means: a model that needs one is not served without it.
_REQUIRED = {"batch_input": "batch inputs", "batch_output": "batch outputs"}


def parse(text: str, model_name: str) -> ModelConfig:
    """Raises `ModelLoadFailed` naming line and column, or the name that differs from the directory's."""
    try:
        config = text_format.Parse(text, ModelConfig())
    except text_format.ParseError as error:
        raise ModelLoadFailed(f"config.pbtxt, line:column {error}") from None
    return _named(config, model_name)


def parse_json(text: str, model_name: str) -> ModelConfig:
    """protobuf's JSON, numbers as such or as strings. Raises `ModelLoadFailed`."""
    try:
        config = json_format.Parse(text, ModelConfig())
    except (json_format.ParseError, RecursionError) as error:
        raise ModelLoadFailed(f"the config is no ModelConfig in JSON: {error}"[:1000]) from None
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
    _check_tensors(completed)
    _check_priorities(completed)
    if not completed.HasField("version_policy"):
        completed.version_policy.latest.num_versions = 1
    if completed.platform == ENSEMBLE:
        return completed
    if not completed.instance_group:
        completed.instance_group.add(kind="KIND_CPU", count=1)
    for number, group in enumerate(completed.instance_group):
        group.name = group.name or f"{completed.name}_{number}"
        group.count = group.count or 1
        if not 1 <= group.count <= MAX_INSTANCES:
            raise ModelLoadFailed(f"instance_group count must be in range [1, {MAX_INSTANCES}], got {group.count}")
    if sum(group.count for group in completed.instance_group) > MAX_INSTANCES:
        raise ModelLoadFailed(f"instance_group counts must be at most {MAX_INSTANCES} together")
    return completed


def input_specs(config: ModelConfig) -> tuple[TensorSpec, ...]:
    return tuple(_spec(tensor, config.max_batch_size) for tensor in config.input)


def output_specs(config: ModelConfig) -> tuple[TensorSpec, ...]:
    return tuple(_spec(tensor, config.max_batch_size) for tensor in config.output)


def devices(config: ModelConfig) -> list[str]:
    """One entry per instance, `"cpu"` or `"cuda"`; KIND_AUTO is the CPU."""
    return [
        "cuda" if group.kind == group.KIND_GPU else "cpu" for group in config.instance_group for _ in range(group.count)
    ]


def thread_count(config: ModelConfig, parameter: str) -> int:
    """`intra_op_thread_count` or `inter_op_thread_count`; 0 (the runtime's own choice) when it is not set."""
    text = config.parameters[parameter].string_value if parameter in config.parameters else "0"
    if not (text.isascii() and text.isdecimal()) or len(text) > 4 or int(text) > MAX_THREADS:
        raise ModelLoadFailed(
            f"parameters.{parameter} must be a number of threads, at most {MAX_THREADS}, got '{text}'"
        )
    return int(text)


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
    fields = {field for field in _set_fields(config, "") if not field.startswith(_HONOURED_MAPS)} - _HONOURED
    if config.backend == "python":  # such a model reads its parameters itself, and does without optional inputs
        fields = {field for field in fields if field != "input.optional" and not field.startswith("parameters.")}
    return sorted(fields)


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
    for field, words in _REQUIRED.items():
        if any(descriptor.name == field for descriptor, _ in config.ListFields()):
            raise ModelLoadFailed(f"'{field}': {words} are not supported")
    if config.model_transaction_policy.decoupled and "python" not in (config.backend, config.platform):
        raise ModelLoadFailed("'model_transaction_policy.decoupled': only python models can be decoupled")
    if any(tensor.optional for tensor in config.input) and "python" not in (config.backend, config.platform):
        raise ModelLoadFailed("'input.optional': only python models can do without an input")
    if any(tensor.allow_ragged_batch for tensor in config.input):
        raise ModelLoadFailed(
            "'input.allow_ragged_batch': ragged batches are not supported; without it, requests of "
            "different shapes run in batches of their own"
        )
    policies = (config.dynamic_batching.default_queue_policy, *config.dynamic_batching.priority_queue_policy.values())
    if any(policy.timeout_action == policy.DELAY for policy in policies):
        raise ModelLoadFailed("'timeout_action': DELAY is not supported; expired requests are rejected (REJECT)")
    if any(tensor.HasField("reshape") for tensor in (*config.input, *config.output)):
        raise ModelLoadFailed(
            "'reshape' of inputs and outputs is not supported; give the shapes that the file has, or reshape inside it"
        )
    if any(group.kind == group.KIND_MODEL for group in config.instance_group):
        raise ModelLoadFailed("'instance_group.kind': KIND_MODEL is not supported")


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


def _check_priorities(config: ModelConfig) -> None:
    levels, default = config.dynamic_batching.priority_levels, config.dynamic_batching.default_priority_level
    if levels > MAX_PRIORITY_LEVELS:
        raise ModelLoadFailed(f"dynamic batching priority_levels must be at most {MAX_PRIORITY_LEVELS}, got {levels}")
    if levels and not 1 <= default <= levels:
        raise ModelLoadFailed(f"default priority level must be in range [1, {levels}] for {config.name}, got {default}")


def _check_tensors(config: ModelConfig) -> None:
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


def _check_tensor(kind: str, tensor: ModelInput | ModelOutput, max_batch_size: int) -> None:
    if not tensor.name:
        raise ModelLoadFailed(f"model {kind} must specify 'name'")
    if tensor.data_type not in DataType.values() or not tensor.data_type:
        raise ModelLoadFailed(f"model {kind} '{tensor.name}' must specify 'data_type'")
    if not (tensor.dims or max_batch_size):
        raise ModelLoadFailed(f"model {kind} '{tensor.name}' must specify 'dims'")
    if any(dim < 1 and dim != -1 for dim in tensor.dims):
        raise ModelLoadFailed(
            f"model {kind} '{tensor.name}' dimension must be integer >= 1, or -1 to indicate a variable-size dimension"
        )


def _spec(tensor: ModelInput | ModelOutput, max_batch_size: int) -> TensorSpec:
    batch = (-1,) if max_batch_size else ()
    return TensorSpec(tensor.name, from_config(DataType.Name(tensor.data_type)), (*batch, *tensor.dims))
