import pytest

from serving.core.model_config import parse, unhonoured
from serving.core.parameter_names import advice


def warnings(backend: str, name: str) -> list[str]:
    text = f'backend: "{backend}" parameters {{ key: "{name}" value {{ string_value: "1" }} }}'
    config = parse(text, "m")
    return [advice(config, field) for field in unhonoured(config)]


@pytest.mark.parametrize(
    ("backend", "name", "meant"),
    [
        ("onnxruntime", "intra_op_threads", "intra_op_thread_count"),
        ("onnxruntime", "Execution_Mode", "execution_mode"),
        ("onnxruntime", "enable_memory_arena_shrinkage", "memory.enable_memory_arena_shrinkage"),
        ("pytorch", "inter_op_thread_cont", "INTER_OP_THREAD_COUNT"),
        ("pytorch", "inference_mode", "INFERENCE_MODE"),
        ("onnxruntime", "strategy", "rollout.strategy"),
        ("pytorch", "percent", "rollout.percent"),
        ("onnxruntime", "minRequests", "rollout.min_requests"),
        ("onnxruntime", "rollout_percent", "rollout.percent"),
        ("onnxruntime", "autotune", "auto_tune"),
        ("pytorch", "latency_objective", "latency_objective_ms"),
    ],
)
def test_a_parameter_that_is_nearly_one_is_answered_with_it(backend: str, name: str, meant: str) -> None:
    assert warnings(backend, name) == [f"; did you mean parameters.{meant}?"]


@pytest.mark.parametrize("name", ["author", "tokenizer_dir", "gpu_mem_limit"])
def test_an_owners_own_parameter_and_one_for_gpus_get_no_advice(name: str) -> None:
    assert warnings("onnxruntime", name) == [""]


def test_what_has_an_effect_and_what_python_models_read_is_not_warned_of() -> None:
    assert warnings("onnxruntime", "execution_mode") == []
    assert warnings("python", "strategy") == []


def test_other_fields_get_no_advice() -> None:
    config = parse("optimization { priority: PRIORITY_MAX }", "m")
    assert [advice(config, field) for field in unhonoured(config)] == [""]
