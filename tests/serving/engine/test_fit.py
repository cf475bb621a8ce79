import numpy as np
import pytest

from serving.core.requests import InferRequest, TensorSpec
from serving.engine import fit
from serving.errors import InvalidInput

INPUTS = {"a": TensorSpec("a", "FP32", (-1, 4)), "b": TensorSpec("b", "INT32", (-1, -1))}
NONE: frozenset[str] = frozenset()
OUTPUTS = {"y": TensorSpec("y", "FP32", (-1, 4))}


def request(outputs: tuple[str, ...] = (), **inputs: np.ndarray) -> InferRequest:
    return InferRequest("m", inputs, output_names=outputs)


def floats(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


def ints(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.int32)


def test_a_request_that_fits_tells_its_rows() -> None:
    assert fit.check(request(("y",), a=floats(3, 4), b=ints(3, 7)), INPUTS, NONE, OUTPUTS, 8) == 3


def test_without_batches_a_request_is_one_row_and_its_shape_is_whole() -> None:
    specs = {"a": TensorSpec("a", "FP32", (2, 4))}
    assert fit.check(request(a=floats(2, 4)), specs, NONE, OUTPUTS, 0) == 1


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (
            request(a=floats(1, 4)),
            r"expected 2 inputs but got 1 inputs for model 'm'. Got input\(s\) \['a'\], but missing",
        ),
        (
            request(a=floats(1, 4), b=ints(1, 1), c=ints(1)),
            "unexpected inference input 'c' for model 'm', it takes: a, b",
        ),
        (request(("z",), a=floats(1, 4), b=ints(1, 1)), "unexpected inference output 'z' for model 'm', it gives: y"),
        (request(a=ints(1, 4), b=ints(1, 1)), "'a' data-type is 'INT32', but model 'm' expects 'FP32'"),
        (request(a=floats(1, 5), b=ints(1, 1)), r"Expected \[-1,4\], got \[1,5\]. NOTE: Setting a non-zero max_batch"),
        (request(a=floats(4), b=ints(1, 1)), r"Expected \[-1,4\], got \[4\]"),
        (request(a=floats(1, 4), b=ints(2, 1)), "'b' has 2 rows, 'a' has 1"),
        (request(a=floats(9, 4), b=ints(9, 1)), "batch-size must be <= 8 for 'm', got 9"),
        (request(a=floats(0, 4), b=ints(0, 1)), "batch-size must be at least 1"),
    ],
)
def test_what_does_not_fit_is_named(wrong: InferRequest, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        fit.check(wrong, INPUTS, NONE, OUTPUTS, 8)


def test_a_model_without_batches_gets_no_note_about_them() -> None:
    with pytest.raises(InvalidInput) as failure:
        fit.check(request(a=floats(5)), {"a": TensorSpec("a", "FP32", (4,))}, NONE, OUTPUTS, 0)
    assert "NOTE" not in str(failure.value)


def test_requests_stack_when_their_rows_have_equal_shapes() -> None:
    one, two, other = (
        fit.batch_key(request(a=floats(n, 4), b=ints(n, m)), INPUTS) for n, m in ((1, 3), (2, 3), (1, 5))
    )
    assert one == two != other


def test_the_order_in_which_a_request_names_its_inputs_does_not_matter() -> None:
    one, other = request(a=floats(1, 4), b=ints(1, 3)), request(b=ints(1, 3), a=floats(1, 4))
    assert fit.batch_key(one, INPUTS) == fit.batch_key(other, INPUTS)


def test_an_optional_input_may_be_absent_and_then_stacks_with_its_like() -> None:
    optional = frozenset({"b"})
    assert fit.check(request(a=floats(2, 4)), INPUTS, optional, OUTPUTS, 8) == 2
    with pytest.raises(InvalidInput, match="expected number of inputs between 1 and 2 but got 1 inputs"):
        fit.check(request(b=ints(2, 4)), INPUTS, optional, OUTPUTS, 8)
    absent, present = request(a=floats(1, 4)), request(a=floats(1, 4), b=ints(1, 1))
    assert fit.batch_key(absent, INPUTS) != fit.batch_key(present, INPUTS)
