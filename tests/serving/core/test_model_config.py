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
        (f'backend: "pytorch" {IO} instance_group {{ kind: KIND_MODEL }}', "KIND_MODEL is not supported"),
    ],
)
def test_what_cannot_be_served_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(ModelLoadFailed, match=reason):
        completed(text)


def test_fields_without_effect_are_named() -> None:
    config = completed(
        f"""backend: "onnxruntime" {IO} optimization {{ cuda {{ graphs: true }} }} response_cache {{ enable: true }}
        dynamic_batching {{ preferred_batch_size: 4 max_queue_delay_microseconds: 1 }}
        parameters {{ key: "intra_op_thread_count" value {{ string_value: "1" }} }}
        parameters {{ key: "colour" value {{ string_value: "red" }} }}"""
    )
    assert model_config.unhonoured(config) == [
        "dynamic_batching.preferred_batch_size",
        "optimization.cuda.graphs",
        "parameters.colour",
        "response_cache.enable",
    ]


def test_instances_and_devices() -> None:
    config = completed(
        f'backend: "pytorch" {IO} instance_group [{{ kind: KIND_GPU count: 2 }}, {{ kind: KIND_CPU }}, {{ count: 1 }}]'
    )
    assert model_config.devices(config) == ["cuda", "cuda", "cpu", "cpu"]


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


def test_thread_counts() -> None:
    text = (
        f"""backend: "onnxruntime" {IO} parameters {{ key: "intra_op_thread_count" value {{ string_value: "%s" }} }}"""
    )
    assert model_config.thread_count(completed(text % 3), "intra_op_thread_count") == 3
    assert model_config.thread_count(completed(text % 3), "inter_op_thread_count") == 0
    with pytest.raises(ModelLoadFailed, match="must be a number of threads, at most 1024, got 'many'"):
        model_config.thread_count(completed(text % "many"), "intra_op_thread_count")


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
