import pytest

from serving.core import model_config
from serving.core.torch_options import TorchOptions, torch_fields, torch_options
from serving.errors import ModelLoadFailed


def options(**parameters: str) -> TorchOptions:
    config = model_config.ModelConfig()
    for name, value in parameters.items():
        config.parameters[name].string_value = value
    return torch_options(config)


def test_an_empty_config_leaves_the_defaults_which_are_tritons_but_for_shared_weights() -> None:
    assert options() == TorchOptions(
        intra_op_threads=0,
        inter_op_threads=0,
        inference_mode=True,
        optimized_execution=True,
        weight_sharing=True,
        cache_cleaning=False,
        cudnn=True,
    )


def test_parameters_have_tritons_names_and_meaning() -> None:
    assert options(
        INTRA_OP_THREAD_COUNT="2",
        INTER_OP_THREAD_COUNT="3",
        INFERENCE_MODE="false",
        DISABLE_OPTIMIZED_EXECUTION="true",
        ENABLE_WEIGHT_SHARING="false",
        ENABLE_CACHE_CLEANING="true",
        DISABLE_CUDNN="true",
    ) == TorchOptions(2, 3, False, False, False, True, False)


def test_thread_counts_have_onnxs_names_too_and_may_not_contradict_themselves() -> None:
    assert options(intra_op_thread_count="2").intra_op_threads == 2
    assert options(intra_op_thread_count="2", INTRA_OP_THREAD_COUNT="2").intra_op_threads == 2
    with pytest.raises(ModelLoadFailed, match=r"INTRA_OP_THREAD_COUNT and .*intra_op_thread_count .* differ"):
        options(intra_op_thread_count="2", INTRA_OP_THREAD_COUNT="3")


def test_what_cannot_be_meant_names_the_parameter() -> None:
    with pytest.raises(ModelLoadFailed, match=r"parameters\.INFERENCE_MODE must be true, false, 1 or 0, got 'on'"):
        options(INFERENCE_MODE="on")


def test_what_is_for_gpus_is_acted_on_only_where_the_config_may_use_one() -> None:
    assert "parameters.DISABLE_CUDNN" not in torch_fields(model_config.parse("", "m"))
    assert "parameters.DISABLE_CUDNN" in torch_fields(model_config.parse("instance_group { kind: KIND_MODEL }", "m"))
