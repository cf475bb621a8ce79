"""Every field that Triton's ModelConfig has, set on a model of each kind: it acts, is refused, or is warned about.

Rule: the fields are the message's own, so that one which a newer protocol adds fails here until it is dealt with.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf import text_format
from google.protobuf.descriptor import Descriptor
from tritonclient.grpc.model_config_pb2 import ModelConfig

from serving.core import ensemble, model_config, response_cache_config
from serving.core.onnx_options import onnx_options
from serving.core.rollout_policy import rollout_policy
from serving.core.sequence_config import sequence_config
from serving.engine.config_warnings import config_warnings
from serving.engine.load_policy import LoadPolicy
from serving.errors import ModelLoadFailed

TENSORS = """name: "m" max_batch_size: 8
input { name: "x" data_type: TYPE_FP32 dims: 4 } output { name: "y" data_type: TYPE_FP32 dims: 4 }"""
KINDS = {
    "onnx": f'{TENSORS} backend: "onnxruntime"',
    "torchscript": f'{TENSORS} backend: "pytorch"',
    "python": f'{TENSORS} backend: "python"',
    "ensemble": f"""{TENSORS} platform: "ensemble" ensemble_scheduling {{ step {{ model_name: "d" model_version: -1
        input_map {{ key: "x" value: "x" }} output_map {{ key: "y" value: "y" }} }} }}""",
}
MODELS = ("onnx", "torchscript", "python")

# What a field needs beside it, to be read at all.
BESIDE = {
    "dynamic_batching.default_priority_level": "dynamic_batching { priority_levels: 2 }",
    "dynamic_batching.priority_levels": "dynamic_batching { default_priority_level: 1 }",
    "dynamic_batching.priority_queue_policy": "dynamic_batching { priority_levels: 2 default_priority_level: 1 }",
    "model_warmup": 'model_warmup { name: "w" inputs { key: "k" value { data_type: TYPE_FP32 dims: 4 } } }',
    "sequence_batching.state": """sequence_batching { state { input_name: "i" output_name: "o" data_type: TYPE_FP32
        dims: 1 initial_state { name: "s" data_type: TYPE_FP32 dims: 1 zero_data: true } } }""",
    "sequence_batching.control_input": """sequence_batching { control_input { name: "c" control {
        kind: CONTROL_SEQUENCE_START int32_false_true: [ 0, 1 ] } } }""",
    "batch_input": 'batch_input { target_name: "n" data_type: TYPE_INT32 source_input: "x" }',
    "batch_output": 'batch_output { target_name: "y" source_input: "x" }',
    "optimization.execution_accelerators.cpu": """optimization { execution_accelerators {
        cpu_execution_accelerator { name: "openvino" } } }""",
    "optimization.execution_accelerators.gpu": """instance_group { kind: KIND_GPU gpus: 0 }
        optimization { execution_accelerators { gpu_execution_accelerator { name: "cuda" } } }""",
}
RAGGED = ("batch_input", "batch_output", "input.allow_ragged_batch")
# What is no value of a field where 1, "text" or true would be none.
VALUES: dict[str, Any] = {
    "backend": None,  # each kind sets its own
    "platform": None,
    "name": "m",
    "input.name": "x",
    "output.name": "y",
    "input.dims": None,
    "output.dims": None,
    "input.data_type": 11,
    "batch_input.data_type": 11,
    "batch_input.source_input": "x",
    "batch_output.source_input": "x",
    "batch_output.target_name": "y",
    "batch_input.kind": 4,
    "batch_output.kind": 0,
    "output.data_type": 11,
    "sequence_batching.state.data_type": 11,
    "sequence_batching.state.initial_state.data_type": 11,
    "input.reshape.shape": 4,
    "output.reshape.shape": 4,
    "instance_group.kind": 2,
    "instance_group.gpus": None,  # beside KIND_GPU, as above
    "optimization.execution_accelerators.cpu_execution_accelerator.name": "openvino",
    "optimization.execution_accelerators.gpu_execution_accelerator.name": "cuda",
    "sequence_batching.control_input.control.int32_false_true": None,  # two of them, as above
    "sequence_batching.control_input.control.fp32_false_true": None,
    "sequence_batching.control_input.control.bool_false_true": None,
    "sequence_batching.control_input.control.data_type": None,  # of correlation ids, see test_sequence_config
    "sequence_batching.control_input.control.kind": None,
    "ensemble_scheduling.step.input_map.*": "x",
    "ensemble_scheduling.step.output_map.*": "y",
}

EVERYWHERE = {
    "name",
    "max_batch_size",
    "version_policy.latest.num_versions",
    "version_policy.all",
    "version_policy.specific.versions",
    "input.name",
    "input.data_type",
    "output.name",
    "output.data_type",
    "output.label_filename",
}
OF_MODELS = {
    "input.reshape.shape",
    "output.reshape.shape",
    "default_model_filename",
    "instance_group.name",
    "instance_group.kind",
    "instance_group.count",
    "dynamic_batching.preferred_batch_size",
    "dynamic_batching.max_queue_delay_microseconds",
    "dynamic_batching.preserve_ordering",
    "dynamic_batching.priority_levels",
    "dynamic_batching.default_priority_level",
    *(
        f"dynamic_batching.{whose}.{field}"
        for whose in ("default_queue_policy", "priority_queue_policy.*")
        for field in ("timeout_action", "default_timeout_microseconds", "allow_timeout_override", "max_queue_size")
    ),
    "sequence_batching.direct.max_queue_delay_microseconds",
    "sequence_batching.direct.minimum_slot_utilization",
    "sequence_batching.oldest.max_candidate_sequences",
    "sequence_batching.oldest.preferred_batch_size",
    "sequence_batching.oldest.max_queue_delay_microseconds",
    "sequence_batching.max_sequence_idle_microseconds",
    "sequence_batching.control_input.name",
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
    "model_warmup.inputs.*.data_type",
    "model_warmup.inputs.*.dims",
    "model_warmup.inputs.*.zero_data",
    "model_warmup.inputs.*.random_data",
    "model_warmup.inputs.*.input_data_file",
    "response_cache.enable",
}
OF_GRAPHS = {
    "input.allow_ragged_batch",
    *(f"batch_input.{field}" for field in ("kind", "target_name", "data_type", "source_input")),
    *(f"batch_output.{field}" for field in ("kind", "target_name", "source_input")),
}
OF_ONE_KIND = {
    "onnx": {
        *OF_GRAPHS,
        "optimization.graph.level",
        "optimization.execution_accelerators.cpu_execution_accelerator.name",
        "optimization.execution_accelerators.cpu_execution_accelerator.parameters.*",
        "optimization.execution_accelerators.gpu_execution_accelerator.name",
        "optimization.execution_accelerators.gpu_execution_accelerator.parameters.*",
    },
    "torchscript": OF_GRAPHS,
    "python": {"input.optional", "model_transaction_policy.decoupled", "parameters.*.string_value"},
    "ensemble": {
        "ensemble_scheduling.step.model_name",
        "ensemble_scheduling.step.model_version",
        "ensemble_scheduling.step.input_map.*",
        "ensemble_scheduling.step.output_map.*",
    },
}
REFUSED = {
    **dict.fromkeys(RAGGED, ("python", "ensemble")),
    **dict.fromkeys(("ensemble_scheduling",), MODELS),
    **dict.fromkeys(("dynamic_batching", "sequence_batching", "instance_group", "model_warmup"), ("ensemble",)),
    "optimization.execution_accelerators.gpu": ("ensemble",),  # for its instance_group
    "response_cache.enable": ("ensemble",),
    "model_transaction_policy.decoupled": ("onnx", "torchscript", "ensemble"),
    "input.optional": ("onnx", "torchscript"),
    "sequence_batching.iterative_sequence": MODELS,
    "sequence_batching.oldest.preserve_ordering": MODELS,
    "sequence_batching.state.initial_state.data_file": MODELS,
}


def fields(message: Descriptor, above: str = "") -> Iterator[str]:
    """The paths of all values that a message can hold; a map's keys are `*`."""
    for field in message.fields:
        path, inner = f"{above}{field.name}", field.message_type
        if inner is not None and inner.GetOptions().map_entry:
            path, inner = f"{path}.*", inner.fields_by_name["value"].message_type
        if inner is None or not inner.fields:
            yield path
        else:
            yield from fields(inner, f"{path}.")


ALL = [path for path in fields(ModelConfig.DESCRIPTOR) if VALUES.get(path, "") is not None]


def put(message: Any, path: str, value: Any) -> None:
    """At the first element of what is repeated; a map's first key."""
    name, _, below = path.partition(".")
    field = message.DESCRIPTOR.fields_by_name[name]
    there = getattr(message, name)
    if below.startswith("*"):
        keys = list(there) or ([1] if field.message_type.fields_by_name["key"].cpp_type != 9 else ["text"])
        if below == "*":
            there[keys[0]] = value or "text"
        else:
            put(there[keys[0]], below.removeprefix("*."), value)
    elif field.message_type is not None:
        if field.is_repeated:
            there = there[0] if there else there.add()
        there.SetInParent()
        if below:
            put(there, below, value)
    else:
        default = "text" if field.cpp_type == field.CPPTYPE_STRING else True if field.cpp_type == 7 else 1
        chosen = default if value is None else value
        if field.is_repeated:
            there[:] = [chosen]
        else:
            setattr(message, name, chosen)


def with_field(kind: str, path: str) -> ModelConfig:
    config = text_format.Parse(KINDS[kind], ModelConfig())
    for prefix, beside in BESIDE.items():
        if path.startswith(prefix):
            config.MergeFrom(text_format.Parse(beside, ModelConfig()))
    put(config, path, VALUES.get(path))
    return config


def outcome(config: ModelConfig, path: str) -> str:
    """As a load finds it, before it opens the model's file."""
    try:
        if ensemble.is_ensemble(config):
            ensemble.graph(config)
        config = model_config.complete(config)
        rollout_policy(config)
        response_cache_config.check(config)
        sequence_config(config)
        if config.backend == "onnxruntime":
            onnx_options(config)
    except ModelLoadFailed as error:
        return f"refused: {error}"
    told = [text.split("'")[1] for text in config_warnings(config, LoadPolicy(has_response_cache=True))]
    return "warned" if any(_is_field(path, each) for each in told) else f"no word of it, but of {told}"


def _is_field(path: str, told: str) -> bool:
    """Of a map, and of what is empty, the beginning is told."""
    return f"{path}.".startswith(f"{told.rsplit('.', 1)[0] if '*' in path else told}.")


def expected(kind: str, path: str) -> str:
    if any(path.startswith(prefix) and kind in kinds for prefix, kinds in REFUSED.items()):
        return "refused"
    if path in EVERYWHERE | OF_ONE_KIND[kind] or (path in OF_MODELS and kind != "ensemble"):
        return "no word of it, but of []"
    return "warned"


@pytest.mark.parametrize("kind", KINDS)
def test_each_field_acts_or_is_refused_or_is_warned_about(kind: str) -> None:
    outcomes = {path: outcome(with_field(kind, path), path) for path in ALL}
    wrong = {path: found for path, found in outcomes.items() if not found.startswith(expected(kind, path))}
    assert not wrong
