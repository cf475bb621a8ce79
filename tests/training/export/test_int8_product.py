import numpy as np
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from tests.tiny_decoders import TINY
from training.export.decoder_onnx import Graph
from training.export.int8_product import Int8Products

RANDOM = np.random.default_rng(0)
WEIGHT = RANDOM.normal(size=(96, 80)).astype(np.float32)
ROWS = RANDOM.normal(size=(17, 96)).astype(np.float32)


def product(rows: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """`rows` is read twice, as a gate and what it opens do."""
    graph = Graph(TINY)
    products = Int8Products(graph)
    products.add("x", weight, "w", "y")
    products.add("x", weight, "w_again", "again")
    x, *made = (helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("x", "y", "again"))
    session = ort.InferenceSession(graph.model("product", [x], made).SerializeToString())
    y, again = session.run(None, {"x": rows})
    np.testing.assert_array_equal(y, again)
    return np.asarray(y)


def test_it_is_the_product_but_for_half_a_step_of_each_number() -> None:
    exact = ROWS @ WEIGHT
    row_steps, column_steps = np.abs(ROWS).max(1, keepdims=True) / 127, np.abs(WEIGHT).max(0, keepdims=True) / 127
    most = (row_steps / 2) @ np.abs(WEIGHT).sum(0, keepdims=True) + (np.abs(ROWS).sum(1) + 96 * row_steps[:, 0])[
        :, None
    ] * (column_steps / 2)

    found = product(ROWS, WEIGHT)

    assert (np.abs(found - exact) <= most).all()
    assert np.abs(found - exact).std() < 0.02 * exact.std()


def test_numbers_that_have_the_steps_are_multiplied_exactly() -> None:
    rows, weight = (RANDOM.integers(-127, 128, size).astype(np.float32) for size in ((5, 96), (96, 8)))
    rows[:, 0], weight[0] = 127, -127

    np.testing.assert_allclose(product(rows, weight), rows @ weight, rtol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 16])
def test_a_rows_result_is_the_same_to_the_last_bit_whatever_is_beside_it(count: int) -> None:
    beside = ROWS[:count].copy()
    beside[1:] *= 1e4

    np.testing.assert_array_equal(product(beside, WEIGHT)[0], product(ROWS[:1], WEIGHT)[0])


def test_rows_and_columns_of_nothing_give_nothing() -> None:
    rows, weight = ROWS[:2].copy(), WEIGHT.copy()
    rows[0], weight[:, 3] = 0, 0

    found = product(rows, weight)

    assert not found[0].any()
    assert not found[:, 3].any()
    assert found[1].any()
