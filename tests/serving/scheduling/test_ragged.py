import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.core.model_config import parse
from serving.core.ragged_config import RaggedConfig, ragged_config
from serving.core.requests import Arrays
from serving.errors import BackendFailed
from serving.scheduling.ragged import divide, join


def config(more: str, ragged: str = "true") -> RaggedConfig:
    found = ragged_config(
        parse(
            f"""backend: "onnxruntime" max_batch_size: 8
            input {{ name: "x" data_type: TYPE_FP32 dims: [-1, -1] allow_ragged_batch: {ragged} }}
            input {{ name: "flag" data_type: TYPE_INT32 dims: 1 }}
            output {{ name: "y" data_type: TYPE_FP32 dims: [-1, 2] }} {more}""",
            "m",
        )
    )
    assert found is not None
    return found


def told(kind: str, datatype: str = "TYPE_INT32") -> str:
    return f'batch_input {{ kind: {kind} target_name: "told" data_type: {datatype} source_input: "x" }}'


def request(*shape: int, flag: int = 0) -> Arrays:
    x = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    return {"x": x, "flag": np.full((shape[0], 1), flag, np.int32)}


# The first is what model_config.proto has as its example: a batch of 2 with shape [3,1] and one of 1 with [2,2].
REQUESTS = [request(2, 3, 1, flag=1), request(1, 2, 2, flag=2)]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("BATCH_ELEMENT_COUNT", [6, 4]),
        ("BATCH_ACCUMULATED_ELEMENT_COUNT", [6, 10]),
        ("BATCH_ACCUMULATED_ELEMENT_COUNT_WITH_ZERO", [0, 6, 10]),
        ("BATCH_ITEM_SHAPE", [[3, 1], [3, 1], [2, 2]]),
        ("BATCH_ITEM_SHAPE_FLATTEN", [3, 1, 3, 1, 2, 2]),
    ],
)
@pytest.mark.parametrize(("datatype", "dtype"), [("TYPE_INT32", np.int32), ("TYPE_FP32", np.float32)])
def test_the_model_is_told_of_the_shapes(kind: str, expected: list[int], datatype: str, dtype: type) -> None:
    inputs = join(config(told(kind, datatype)), REQUESTS)
    assert inputs["told"].tolist() == expected
    assert inputs["told"].dtype == dtype


def test_of_the_largest_request_only_the_size_is_told() -> None:
    assert join(config(told("BATCH_MAX_ELEMENT_COUNT_AS_SHAPE")), REQUESTS)["told"].shape == (6,)


def test_ragged_inputs_lie_flat_one_behind_the_other_and_others_are_stacked() -> None:
    inputs = join(config(""), REQUESTS)
    assert inputs["x"].tolist() == [0, 1, 2, 3, 4, 5, 0, 1, 2, 3]
    assert inputs["flag"].tolist() == [[1], [1], [2]]


def test_batch_inputs_may_tell_of_inputs_that_are_not_ragged() -> None:
    inputs = join(config(told("BATCH_ELEMENT_COUNT"), ragged="false"), [request(2, 2, 1), request(1, 2, 1)])
    assert (inputs["told"].tolist(), inputs["x"].shape) == ([4, 2], (3, 2, 1))


SCATTER = 'batch_output { target_name: "y" kind: BATCH_SCATTER_WITH_INPUT_SHAPE source_input: "x" }'


def test_a_scattered_output_has_each_requests_sizes_where_its_own_are_open() -> None:
    requests = [request(2, 3, 1), request(1, 2, 2)]
    outputs = {"y": np.arange(16, dtype=np.float32), "z": np.arange(3)}
    first, second = divide(config(SCATTER), requests, [2, 1], outputs)
    assert (first["y"].shape, second["y"].shape) == ((2, 3, 2), (1, 2, 2))
    assert [*first["y"].flat, *second["y"].flat] == list(range(16))
    assert (first["z"].tolist(), second["z"].tolist()) == ([0, 1], [2])


def test_an_output_of_another_size_is_the_models_failure() -> None:
    with pytest.raises(BackendFailed, match=r"'y' has 5 elements, and 4 are expected in shapes of \[1,2,2\], as inp"):
        divide(config(SCATTER), [request(1, 2, 9)], [1], {"y": np.zeros(5)})


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 4)), min_size=1, max_size=6))
def test_what_was_joined_can_be_divided_again(sizes: list[tuple[int, int]]) -> None:
    """A model that gives back what it gets, and cuts it where it is told to."""
    ragged = config(told("BATCH_ACCUMULATED_ELEMENT_COUNT_WITH_ZERO") + SCATTER)
    requests = [request(rows, length, 2) for rows, length in sizes]
    inputs = join(ragged, requests)
    answers = divide(ragged, requests, [rows for rows, _ in sizes], {"y": inputs["x"]})
    ends = inputs["told"]
    for number, (asked, answer) in enumerate(zip(requests, answers, strict=True)):
        assert np.array_equal(answer["y"], asked["x"])
        assert np.array_equal(inputs["x"][ends[number] : ends[number + 1]], asked["x"].reshape(-1))
