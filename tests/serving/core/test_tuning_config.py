import pytest

from serving.core import model_config, tuning_config
from serving.core.model_config import ModelConfig
from serving.errors import ModelLoadFailed

TENSORS = 'input { name: "x" data_type: TYPE_FP32 dims: 4 } output { name: "y" data_type: TYPE_FP32 dims: 4 }'


def written(extra: str = "", backend: str = "onnxruntime") -> ModelConfig:
    return model_config.parse(f'backend: "{backend}" max_batch_size: 8 {TENSORS} {extra}', "m")


def completed(extra: str = "", backend: str = "onnxruntime") -> ModelConfig:
    return model_config.complete(written(extra, backend))


def parameter(name: str, value: str) -> str:
    return f'parameters {{ key: "{name}" value {{ string_value: "{value}" }} }}'


def fixed(extra: str, backend: str = "onnxruntime") -> tuple[int, int]:
    return tuning_config.fixed(written(extra, backend), completed(extra, backend))


def test_what_the_config_says_is_fixed_and_the_rest_is_open() -> None:
    assert fixed("") == (0, 0)
    assert fixed("instance_group [{ count: 2 }, { count: 1 }]") == (3, 0)
    assert fixed("instance_group { kind: KIND_CPU }") == (1, 0)
    assert fixed(parameter("intra_op_thread_count", "4")) == (0, 4)
    assert fixed(parameter("INTRA_OP_THREAD_COUNT", "4"), "pytorch") == (0, 4)
    assert fixed(parameter("intra_op_thread_count", "0")) == (0, 0), "which means the runtime's own choice"


@pytest.mark.parametrize(
    ("backend", "name"), [("onnxruntime", "intra_op_thread_count"), ("pytorch", "INTRA_OP_THREAD_COUNT")]
)
def test_a_tuned_config_says_what_was_chosen_in_fields_that_have_an_effect(backend: str, name: str) -> None:
    config = completed(backend=backend)
    tuned = tuning_config.with_setting(config, 3, 2)
    assert model_config.devices(tuned) == ["cpu"] * 3
    assert tuned.parameters[name].string_value == "2"
    assert model_config.unhonoured(tuned) == []
    assert model_config.devices(config) == ["cpu"], "the one that it was made of stays as it is"


def test_what_its_owner_wrote_stays() -> None:
    config = completed("instance_group [{ count: 2 }, { count: 1 }]" + parameter("intra_op_thread_count", "4"))
    assert tuning_config.with_setting(config, 3, 4) == config
    lower = completed(parameter("intra_op_thread_count", "4"), "pytorch")
    assert list(tuning_config.with_setting(lower, 1, 4).parameters) == ["intra_op_thread_count"]


def test_a_count_of_zero_is_filled_in() -> None:
    config = completed(parameter("intra_op_thread_count", "0"))
    assert tuning_config.with_setting(config, 1, 2).parameters["intra_op_thread_count"].string_value == "2"


def test_it_can_be_switched_off() -> None:
    assert tuning_config.auto_tune(completed())
    assert not tuning_config.auto_tune(completed(parameter("auto_tune", "false")))
    with pytest.raises(ModelLoadFailed, match=r"parameters\.auto_tune must be true, false, 1 or 0, got 'never'"):
        tuning_config.auto_tune(completed(parameter("auto_tune", "never")))


@pytest.mark.parametrize(
    ("backend", "extra", "reason"),
    [
        ("python", "", "only ONNX and TorchScript"),
        ("onnxruntime", "instance_group [{ kind: KIND_CPU }, { kind: KIND_GPU }]", "on the CPU"),
        ("pytorch", "instance_group { kind: KIND_MODEL }", "on the CPU"),
        ("onnxruntime", "sequence_batching { }", "sequences"),
        (
            "onnxruntime",
            'optimization { execution_accelerators { cpu_execution_accelerator { name: "openvino" } } }',
            "accelerator",
        ),
        ("pytorch", parameter("ENABLE_WEIGHT_SHARING", "false"), "may keep state"),
        ("onnxruntime", parameter("isolation", "process"), "processes of its own"),
    ],
)
def test_some_models_are_left_as_they_are(backend: str, extra: str, reason: str) -> None:
    assert reason in tuning_config.why_not(completed(extra, backend))
    assert tuning_config.why_not(completed(backend="onnxruntime")) == ""


def test_what_changes_a_models_speed_is_told_from_what_does_not() -> None:
    usual = tuning_config.what_matters(completed())
    for same in (
        "dynamic_batching { max_queue_delay_microseconds: 5 }",
        parameter("latency_objective_ms", "5"),
        parameter("rollout.percent", "5"),
        parameter("intra_op_thread_count", "1"),
    ):
        assert tuning_config.what_matters(completed(same)) == usual
    for other in ("optimization { graph { level: 2 } }", parameter("execution_mode", "1")):
        assert tuning_config.what_matters(completed(other)) != usual
