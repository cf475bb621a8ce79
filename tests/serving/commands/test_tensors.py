import pytest

from serving.commands.tensors import infer_request
from serving.core.requests import TensorSpec
from serving.errors import InvalidInput

ROWS = TensorSpec("x", "FP32", (-1, 4))
PICTURE = TensorSpec("x", "FP32", (-1, 1, 2, 2))
TEXT = TensorSpec("x", "BYTES", (-1, 1))
TOKENS = TensorSpec("x", "INT64", (-1, -1))
NO_BATCH = TensorSpec("x", "FP32", (4,))


@pytest.mark.parametrize(
    ("spec", "given", "shape"),
    [
        (ROWS, [1, 2, 3, 4], [1, 4]),
        (ROWS, [1, 2, 3, 4, 5, 6, 7, 8], [2, 4]),
        (ROWS, [[1, 2, 3, 4]], [1, 4]),
        (ROWS, [1, 2, 3], [1, 3]),  # which the server refuses in its own words
        (PICTURE, [1, 2, 3, 4], [1, 1, 2, 2]),
        (PICTURE, [[1, 2], [3, 4]], [1, 1, 2, 2]),
        (PICTURE, [[[[1, 2], [3, 4]]], [[[1, 2], [3, 4]]]], [2, 1, 2, 2]),
        (TEXT, "hello", [1, 1]),
        (TEXT, ["a", "b"], [2, 1]),
        (TOKENS, [5, 6, 7], [1, 3]),
        (TOKENS, [[5, 6], [7, 8]], [2, 2]),
        (NO_BATCH, [1, 2, 3, 4], [4]),
    ],
)
def test_the_shape_is_what_was_probably_meant(spec: TensorSpec, given: object, shape: list[int]) -> None:
    for document in (given, {"x": given}):
        (tensor,) = infer_request(document, [spec])["inputs"]
        assert list(tensor["shape"]) == shape
        assert tensor["data"] == (given if isinstance(given, list) else [given])
        assert (tensor["name"], tensor["datatype"]) == ("x", spec.datatype)


def test_parameters_travel_unless_an_input_has_that_name() -> None:
    assert infer_request({"x": "a", "parameters": {"n": 1}}, [TEXT])["parameters"] == {"n": 1}
    named = infer_request({"parameters": "a"}, [TensorSpec("parameters", "BYTES", (1,))])
    assert [tensor["name"] for tensor in named["inputs"]] == ["parameters"]
    assert "parameters" not in named


def test_a_list_for_several_inputs_and_an_unknown_name_are_answered_with_the_inputs() -> None:
    inputs = [ROWS, TensorSpec("z", "BYTES", (-1, 1))]
    takes = r'\{"x": \.\.\., "z": \.\.\.\}, with x FP32 \[-1,4\], z BYTES \[-1,1\]'
    with pytest.raises(InvalidInput, match=f"the model has 2 inputs, so that each needs its name: {takes}"):
        infer_request([1], inputs)
    with pytest.raises(InvalidInput, match=f"the model has no input 'y'; it takes {takes}"):
        infer_request({"y": 1}, inputs)
