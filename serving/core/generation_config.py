"""What a config.pbtxt says of a model that writes text.

    backend: "onnxruntime"
    parameters { key: "generation.task"         value { string_value: "text-generation" } }
    parameters { key: "generation.max_num_seqs" value { string_value: "16" } }

Rule: values only; names are vLLM's, and what goes in and out is what Triton's vLLM backend has.
"""

from dataclasses import dataclass

from tritonclient.grpc import model_config_pb2 as proto

from serving.core import model_config
from serving.core.did_you_mean import did_you_mean
from serving.core.instance_groups import devices
from serving.core.isolation import FIELD as ISOLATION
from serving.core.isolation import is_isolated
from serving.core.model_config import ModelConfig
from serving.core.model_parameters import number, switch, text, whole_number
from serving.errors import ModelLoadFailed

PREFIX = "generation."
TASK = f"{PREFIX}task"
TEXT, TEXT_TO_TEXT = "text-generation", "text2text-generation"
TASKS = (TEXT, TEXT_TO_TEXT)
"""A decoder goes on with a text; an encoder reads it first, and a decoder answers."""

TEXT_INPUT, TEXT_OUTPUT = "text_input", "text_output"
STREAM, SAMPLING, EXCLUDE_INPUT = "stream", "sampling_parameters", "exclude_input_in_output"

_NAMES = (
    "task",
    "max_num_seqs",
    "max_model_len",
    "max_num_batched_tokens",
    "max_num_queued_reqs",
    "enable_prefix_caching",
    "itl_objective_ms",
)
PARAMETERS = tuple(PREFIX + name for name in _NAMES)
_OPTIONAL_INPUTS = ((STREAM, proto.TYPE_BOOL), (SAMPLING, proto.TYPE_STRING), (EXCLUDE_INPUT, proto.TYPE_BOOL))


@dataclass(frozen=True, slots=True)
class GenerationConfig:
    """`max_num_seqs` sequences are written at a time, each of up to `max_model_len` tokens with its prompt; 0 is what
    the model was made for. A step takes `max_num_batched_tokens` at most, and so few of a prompt's that those who read
    along wait no longer than `itl_objective` seconds for the next token; 0 sets no such bound. `max_num_queued_reqs`
    requests may wait."""

    max_num_seqs: int = 16
    max_model_len: int = 0
    max_num_batched_tokens: int = 512
    max_num_queued_reqs: int = 256
    enable_prefix_caching: bool = True
    itl_objective: float = 0.0
    task: str = TEXT


def is_generating(config: ModelConfig) -> bool:
    return any(name.startswith(PREFIX) for name in config.parameters)


def generation_config(config: ModelConfig) -> GenerationConfig:
    """Raises `ModelLoadFailed` naming a parameter that is wrong."""
    for name in config.parameters:
        if name.startswith(PREFIX) and name not in PARAMETERS:
            short = name.removeprefix(PREFIX)
            raise ModelLoadFailed(f"parameters.{name[:60]} is not known{did_you_mean(short, _NAMES, PREFIX)}")
    task = text(config, TASK)
    if task not in TASKS:
        raise ModelLoadFailed(f"parameters.{TASK} must be {' or '.join(TASKS)}, got '{(task or '')[:50]}'")
    default = GenerationConfig()

    def positive(name: str, otherwise: int, highest: int) -> int:
        return whole_number(config, PREFIX + name, highest, "a number above 0") or otherwise

    milliseconds = number(config, f"{PREFIX}itl_objective_ms", 1e6, "milliseconds")
    read = GenerationConfig(
        max_num_seqs=positive("max_num_seqs", default.max_num_seqs, 4096),
        max_model_len=positive("max_model_len", default.max_model_len, 1 << 24),
        max_num_batched_tokens=positive("max_num_batched_tokens", default.max_num_batched_tokens, 1 << 20),
        max_num_queued_reqs=positive("max_num_queued_reqs", default.max_num_queued_reqs, 1 << 20),
        enable_prefix_caching=_prefix_caching(config, task),
        itl_objective=0.0 if milliseconds is None else milliseconds / 1000,
        task=task,
    )
    if read.max_num_batched_tokens <= read.max_num_seqs:
        raise ModelLoadFailed(
            f"parameters.{PREFIX}max_num_batched_tokens must be more than the {read.max_num_seqs} of {PREFIX}"
            f"max_num_seqs, so that prompts are read beside them, got {read.max_num_batched_tokens}"
        )
    return read


def _prefix_caching(config: ModelConfig, task: str) -> bool:
    name = f"{PREFIX}enable_prefix_caching"
    wanted = switch(config, name, task == TEXT)
    if wanted and task != TEXT:
        raise ModelLoadFailed(
            f"parameters.{name} can't be true with {TASK} {task}: an encoder reads a text both ways, so that what "
            "begins alike is not read alike; leave it out"
        )
    return wanted


def complete(config: ModelConfig) -> ModelConfig:
    """A copy with the inputs and outputs that such a model has. Raises `ModelLoadFailed`."""
    generation_config(config)
    plain = ModelConfig()
    plain.CopyFrom(config)
    for field in ("input", "output", "model_transaction_policy"):
        plain.ClearField(field)
    completed = model_config.complete(_with_tensors(plain))
    completed.model_transaction_policy.decoupled = True
    for name, datatype in _OPTIONAL_INPUTS:
        completed.input.add(name=name, data_type=datatype, dims=[1], optional=True)
    _refuse_others(config, completed)
    if len(devices(completed)) != 1:
        raise ModelLoadFailed(
            f"instance_group: a model with {TASK} has one instance, which writes {PREFIX}max_num_seqs sequences at a "
            f"time; the config asks for {len(devices(completed))}"
        )
    return completed


def _with_tensors(config: ModelConfig) -> ModelConfig:
    config.input.add(name=TEXT_INPUT, data_type=proto.TYPE_STRING, dims=[1])
    config.output.add(name=TEXT_OUTPUT, data_type=proto.TYPE_STRING, dims=[1])
    return config


def _refuse_others(config: ModelConfig, completed: ModelConfig) -> None:
    """What is written there may be what `complete` gave before, and nothing else."""
    for field in ("input", "output"):
        if getattr(config, field) and getattr(config, field) != getattr(completed, field):
            raise ModelLoadFailed(f"{field}: a model with {TASK} has its own, leave it out of config.pbtxt")
    for field in ("dynamic_batching", "sequence_batching", "ensemble_scheduling"):
        if config.HasField(field):
            raise ModelLoadFailed(f"{field}: a model with {TASK} has a scheduler of its own, leave it out")
    if is_isolated(config):
        raise ModelLoadFailed(f"{ISOLATION}: a model with {TASK} runs in the server's process, leave it out")
    if config.max_batch_size:
        raise ModelLoadFailed(f"max_batch_size must be 0, got {config.max_batch_size}: see {PREFIX}max_num_seqs")
