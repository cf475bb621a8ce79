import pytest

from serving.core import model_config
from serving.engine.config_warnings import config_warnings, label_warnings
from serving.engine.load_policy import LoadPolicy

PLAIN = """name: "m" backend: "onnxruntime" max_batch_size: 8
input { name: "x" data_type: TYPE_FP32 dims: 4 }
output { name: "y" data_type: TYPE_FP32 dims: 2 label_filename: "labels.txt" }"""

LABELS = {"y": ("dark", "bright")}


def warnings(
    extra: str = "", policy: LoadPolicy | None = None, labels: dict[str, tuple[str, ...]] = LABELS
) -> list[str]:
    config = model_config.complete(model_config.parse(f"{PLAIN} {extra}", "m"))
    return [*config_warnings(config, policy or LoadPolicy()), *label_warnings(config, labels)]


def test_what_is_honoured_needs_no_word() -> None:
    assert warnings() == []
    assert warnings("dynamic_batching { preferred_batch_size: 4 }") == []
    assert warnings("response_cache { enable: true }", LoadPolicy(has_response_cache=True)) == []


def test_what_has_no_effect_is_named() -> None:
    assert warnings("optimization { cuda { graphs: true } }") == [
        "config.pbtxt sets 'optimization.cuda.graphs', which has no effect here"
    ]
    (cache,) = warnings("response_cache { enable: true }")
    assert cache.startswith("config.pbtxt sets 'response_cache.enable', which has no effect unless")


def test_a_models_own_threads_have_no_effect_where_all_share_one_pool() -> None:
    threads = 'parameters { key: "intra_op_thread_count" value { string_value: "2" } }'
    assert warnings(threads) == []
    assert warnings(threads, LoadPolicy(shares_threads=True)) == [
        "config.pbtxt sets 'parameters.intra_op_thread_count', which has no effect while all ONNX models share one "
        "thread pool"
    ]


def test_labels_that_do_not_match_the_classes_are_counted() -> None:
    assert warnings(labels={"y": ("dark",)}) == ["output 'y' has 2 classes and labels.txt 1"]


@pytest.mark.parametrize("tensor", ["TYPE_INT64 dims: 3", "TYPE_FP32 dims: [ 1, 8, 8 ]"])
def test_labels_of_what_is_no_score_per_class_are_not_counted(tensor: str) -> None:
    output = f'output {{ name: "z" data_type: {tensor} label_filename: "labels.txt" }}'
    assert warnings(output, labels={**LABELS, "z": ("dark",)}) == []
