import pytest

from serving.errors import InvalidInput
from serving.protocols.shapes import MAX_TENSORS, check_count, check_shape


@pytest.mark.parametrize("shape", [[], [0], [2, 3], [1] * 64, [0, 2**39]])
def test_what_an_array_can_have(shape: list[int]) -> None:
    assert check_shape("x", shape) == tuple(shape)


@pytest.mark.parametrize("shape", [[-1, 4], [1] * 65, [True], ["1"], [2**40, 2], [0, 2**62], [10] * 64, [1] * 10**6])
def test_anything_else_is_refused_with_the_inputs_name_and_few_words(shape: list[object]) -> None:
    with pytest.raises(InvalidInput, match="Unable to parse 'shape' of input 'x'") as refusal:
        check_shape("x", shape)
    assert len(str(refusal.value)) < 300


def test_more_tensors_than_any_model_has_are_refused() -> None:
    check_count("inputs", MAX_TENSORS)
    with pytest.raises(InvalidInput, match="Unable to parse 'inputs': expected at most 4096 tensors, got 4097"):
        check_count("inputs", MAX_TENSORS + 1)
