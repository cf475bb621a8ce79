import pytest

from serving.core.model_config import ModelConfig, parse
from serving.core.tensor_config import (
    Reshape,
    check_tensors,
    input_specs,
    output_specs,
    reshaped_input_specs,
    reshaped_output_specs,
    reshapes,
)
from serving.errors import ModelLoadFailed


def model(dims: str, reshape: str, max_batch_size: int = 8, extra: str = "") -> ModelConfig:
    config = parse(
        f"""max_batch_size: {max_batch_size} input {{ name: "x" data_type: TYPE_FP32 dims: 1 }}
        output {{ name: "y" data_type: TYPE_FP32 dims: {dims} reshape {{ {reshape} }} }} {extra}""",
        "m",
    )
    check_tensors(config)
    return config


def test_callers_see_dims_and_the_file_sees_reshape() -> None:
    config = model("[ 2, 6 ]", "shape: [ 3, 4 ]")
    assert [spec.shape for spec in output_specs(config)] == [(-1, 2, 6)]
    assert [spec.shape for spec in reshaped_output_specs(config)] == [(-1, 3, 4)]
    assert input_specs(config) == reshaped_input_specs(config)
    assert reshapes(config.output, 8) == {"y": Reshape((-1, 2, 6), (-1, 3, 4))}
    assert reshapes(config.input, 8) == {}


def test_without_batches_shapes_are_whole() -> None:
    assert reshapes(model("[ 2, 6 ]", "shape: [ 12 ]", 0).output, 0) == {"y": Reshape((2, 6), (12,))}


def test_an_empty_reshape_is_a_value_for_each_row() -> None:
    assert reshapes(model("[ 1 ]", "").output, 8) == {"y": Reshape((-1, 1), (-1,))}


@pytest.mark.parametrize(
    ("dims", "shape"),
    [
        ("[ 2, 4, -1, 6 ]", "[ 8, -1, 1, 6 ]"),
        ("[ -1, -1 ]", "[ -1, 1, -1 ]"),
        ("[ 1, -1 ]", "[ -1 ]"),
        ("[ 1, 1 ]", "[ ]"),
    ],
)
def test_shapes_of_the_same_elements_are_taken(dims: str, shape: str) -> None:
    model(dims, f"shape: {shape}")


@pytest.mark.parametrize(
    ("dims", "shape", "max_batch_size", "reason"),
    [
        ("[ 4 ]", "[ 5 ]", 8, r"'y' has different size for dims and reshape: dims are \[4\], reshape.shape is \[5\]"),
        ("[ 2, -1 ]", "[ -1 ]", 8, "different size for dims and reshape"),
        ("[ -1, 2 ]", "[ 2, -1 ]", 8, "different size for dims and reshape"),
        ("[ -1, -1 ]", "[ -1 ]", 8, "different size for dims and reshape"),
        ("[ 2 ]", "[ ]", 8, "different size for dims and reshape"),
        ("[ 4 ]", "[ 0 ]", 8, "'y' reshape dimension must be integer >= 1, or -1"),
        ("[ 4 ]", "[ -2 ]", 8, "'y' reshape dimension must be integer >= 1, or -1"),
        ("[ 1 ]", "[ ]", 0, "'y' cannot have empty reshape for non-batching model as scalar tensors are not supported"),
    ],
)
def test_other_shapes_are_refused(dims: str, shape: str, max_batch_size: int, reason: str) -> None:
    with pytest.raises(ModelLoadFailed, match=reason):
        model(dims, f"shape: {shape}", max_batch_size)


def test_a_state_cannot_be_reshaped() -> None:
    states = 'sequence_batching { state { input_name: "s" output_name: "y" data_type: TYPE_FP32 dims: 4 } }'
    with pytest.raises(ModelLoadFailed, match="output 'y' is a sequence's state, which can't have a 'reshape'"):
        model("[ 4 ]", "shape: [ 2, 2 ]", extra=states)
