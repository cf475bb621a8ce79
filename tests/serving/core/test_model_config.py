import pytest

from serving.core import model_config
from serving.core.requests import TensorSpec
from serving.errors import ModelLoadFailed

IO = """input { name: "x" data_type: TYPE_FP32 dims: 4 } output { name: "y" data_type: TYPE_STRING dims: -1 }"""


def completed(text: str) -> model_config.ModelConfig:
    return model_config.complete(model_config.parse(text, "m"))


def test_defaults_are_tritons() -> None:
    config = completed(f'platform: "onnxruntime_onnx" {IO}')
    assert (config.name, config.backend, config.default_model_filename) == ("m", "onnxruntime", "model.onnx")
    assert config.version_policy.latest.num_versions == 1
    assert model_config.devices(config) == ["cpu"]
    assert completed(f'backend: "pytorch" {IO}').default_model_filename == "model.pt"


def test_completing_leaves_the_original_alone() -> None:
    config = model_config.parse(f'backend: "pytorch" {IO}', "m")
    model_config.complete(config)
    assert config.platform == ""


def test_shapes_get_a_batch_dimension_only_when_the_model_batches() -> None:
    single, batched = (
        completed(f'backend: "onnxruntime" {IO}'),
        completed(f'backend: "onnxruntime" max_batch_size: 2 {IO}'),
    )
    assert model_config.input_specs(single) == (TensorSpec("x", "FP32", (4,)),)
    assert model_config.input_specs(batched) == (TensorSpec("x", "FP32", (-1, 4)),)
    assert model_config.output_specs(batched) == (TensorSpec("y", "BYTES", (-1, -1)),)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("backend: onnxruntime", r"line:column 1:10"),
        ("input { data_type: 99999999999 }", "config.pbtxt: Value out of range: 99999999999"),
        ('no_such_field: "x"', r'1:1 .*no field named "no_such_field"'),
        ('name: "other"', "directory name must equal model name"),
        (IO, "must specify 'platform' or 'backend' for 'm'"),
        (f'backend: "tensorflow" {IO}', "unexpected backend 'tensorflow', known are onnxruntime, pytorch"),
        (f'platform: "tensorrt_plan" {IO}', "unexpected platform 'tensorrt_plan'"),
        (f'backend: "pytorch" platform: "onnxruntime_onnx" {IO}', "unexpected 'platform' and 'backend' pair"),
        (f'backend: "pytorch" max_batch_size: -1 {IO}', "'max_batch_size' must be non-negative"),
        (f'backend: "pytorch" default_model_filename: "../x" {IO}', "must be the name of a file"),
        ('backend: "pytorch"', "lists no input"),
        ('backend: "pytorch" input { name: "x" data_type: TYPE_FP32 dims: 1 }', "lists no output"),
        ('backend: "pytorch" input { data_type: TYPE_FP32 dims: 1 }', "model input must specify 'name'"),
        ('backend: "pytorch" input { name: "x" dims: 1 }', "'x' must specify 'data_type'"),
        ('backend: "pytorch" input { name: "x" data_type: TYPE_FP32 }', "'x' must specify 'dims'"),
        ('backend: "pytorch" input { name: "x" data_type: TYPE_FP32 dims: 0 }', "dimension must be integer >= 1"),
        (f'backend: "pytorch" {IO} input {{ name: "x" data_type: TYPE_FP32 dims: 1 }}', "lists an input twice: x, x"),
        (f'backend: "pytorch" {IO} model_transaction_policy {{ decoupled: true }}', "decoupled"),
        (
            f'backend: "pytorch" {IO} sequence_batching {{ oldest {{ preserve_ordering: true }} }}',
            "'sequence_batching.oldest.preserve_ordering' is not supported",
        ),
        (
            f'backend: "pytorch" max_batch_size: 2 {IO} dynamic_batching {{ preferred_batch_size: 3 }}',
            "preferred size must be <= max batch size",
        ),
        (
            IO.replace("dims: 4", "dims: 4 optional: true") + 'backend: "pytorch"',
            "'input.optional': only python and onnxruntime models",
        ),
        (
            IO.replace("dims: 4", "dims: 4 optional: true") + 'platform: "onnxruntime_onnx" max_batch_size: 2',
            "optional input 'x' is not supported for models that support batching",
        ),
        (
            IO.replace("dims: 4", "dims: 4 reshape { shape: [ 5 ] }") + 'backend: "pytorch"',
            "'x' has different size for dims and reshape",
        ),
        (f'backend: "onnxruntime" {IO} instance_group {{ kind: KIND_MODEL }}', "do not place themselves"),
    ],
)
def test_what_cannot_be_served_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(ModelLoadFailed, match=reason):
        completed(text)


def test_fields_without_effect_are_named() -> None:
    config = completed(
        f"""backend: "onnxruntime" {IO} optimization {{ cuda {{ graphs: true }} }} response_cache {{ enable: true }}
        dynamic_batching {{ max_queue_delay_microseconds: 1 priority_queue_policy {{ key: 2 value {{ }} }} }}
        parameters {{ key: "intra_op_thread_count" value {{ string_value: "1" }} }}
        parameters {{ key: "colour" value {{ string_value: "red" }} }}"""
    )
    assert model_config.unhonoured(config) == [
        "dynamic_batching.max_queue_delay_microseconds",
        "dynamic_batching.priority_queue_policy.2",
        "optimization.cuda.graphs",
        "parameters.colour",
    ]


def test_what_batching_and_tensors_can_ask_for_has_an_effect() -> None:
    policy = "{ timeout_action: DELAY default_timeout_microseconds: 1 allow_timeout_override: true max_queue_size: 1 }"
    config = completed(
        f"""backend: "onnxruntime" max_batch_size: 4
        input {{ name: "x" data_type: TYPE_FP32 dims: 1 reshape {{ }} }}
        output {{ name: "y" data_type: TYPE_FP32 dims: 4 reshape {{ shape: [ 2, 2 ] }} }}
        dynamic_batching {{ preferred_batch_size: 4 max_queue_delay_microseconds: 1 default_queue_policy {policy}
          priority_levels: 2 default_priority_level: 1 priority_queue_policy {{ key: 2 value {policy} }} }}"""
    )
    assert model_config.unhonoured(config) == []
    ordered = completed(f'backend: "pytorch" {IO} dynamic_batching {{ preserve_ordering: true }}')
    assert model_config.unhonoured(ordered) == []


@pytest.mark.parametrize(
    ("backend", "unknown"),
    [
        ("onnxruntime", ["parameters.INFERENCE_MODE"]),
        ("pytorch", ["optimization.graph.level", "parameters.execution_mode"]),
    ],
)
def test_what_another_backend_would_act_on_is_named(backend: str, unknown: list[str]) -> None:
    config = completed(
        f"""backend: "{backend}" {IO} optimization {{ graph {{ level: 1 }} }}
        parameters {{ key: "intra_op_thread_count" value {{ string_value: "1" }} }}
        parameters {{ key: "execution_mode" value {{ string_value: "1" }} }}
        parameters {{ key: "INFERENCE_MODE" value {{ string_value: "true" }} }}"""
    )
    assert model_config.unhonoured(config) == unknown


def test_a_python_model_reads_its_parameters_but_not_tritons_own() -> None:
    names = ("EXECUTION_ENV_PATH", "FORCE_CPU_ONLY_INPUT_TENSORS", "colour")
    given = " ".join(f'parameters {{ key: "{name}" value {{ string_value: "x" }} }}' for name in names)
    config = completed(f'backend: "python" {IO} {given}')
    assert model_config.unhonoured(config) == [f"parameters.{name}" for name in names[:2]]


@pytest.mark.parametrize(
    "without", ["max_batch_size: 1", "max_batch_size: 4 model_transaction_policy { decoupled: true }"]
)
def test_what_batches_would_need_has_no_effect_on_models_without(without: str) -> None:
    config = completed(f'backend: "python" {IO} {without} dynamic_batching {{ max_queue_delay_microseconds: 1 }}')
    assert model_config.unhonoured(config) == ["dynamic_batching.max_queue_delay_microseconds"]


@pytest.mark.parametrize(
    ("policy", "served"),
    [
        ("", [11]),
        ("version_policy { latest { num_versions: 2 } }", [9, 11]),
        ("version_policy { all { } }", [1, 9, 11]),
        ("version_policy { specific { versions: [ 1, 11, 12 ] } }", [1, 11]),
    ],
)
def test_version_policy(policy: str, served: list[int]) -> None:
    config = completed(f'backend: "pytorch" {IO} {policy}')
    assert model_config.select_versions(config, [11, 1, 9]) == served


def test_an_ensemble_has_no_backend_no_file_and_no_instances() -> None:
    config = completed(
        f"""platform: "ensemble" {IO} ensemble_scheduling {{ max_inflight_requests: 3 step {{
        model_name: "m" model_version: -1 input_map {{ key: "a" value: "x" }} output_map {{ key: "b" value: "y" }}
        }} }}"""
    )
    assert (config.platform, config.backend, config.default_model_filename) == ("ensemble", "", "")
    assert not config.instance_group
    assert config.version_policy.latest.num_versions == 1
    assert model_config.unhonoured(config) == ["ensemble_scheduling.max_inflight_requests"]
