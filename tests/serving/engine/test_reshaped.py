from collections.abc import Callable, Generator

import numpy as np
import pytest

from serving.backends.backend import ORDINARY_MEMORY, DecoupledInstance, input_memory
from serving.core.model_config import ModelConfig, parse
from serving.core.requests import NO_PARAMETERS, Arrays, Parameters
from serving.engine.reshaped import with_reshapes
from serving.errors import BackendFailed


class Recording:
    """Remembers its inputs and answers with `given`."""

    inputs = outputs = ()
    concurrency = 3
    reads_parameters = True

    def __init__(self, **given: np.ndarray) -> None:
        self.given = given
        self.seen: Arrays = {}
        self.closed = False

    def run(self, inputs: Arrays, _: Parameters = NO_PARAMETERS, /) -> Arrays:
        self.seen = inputs
        return self.given

    def stream(self, inputs: Arrays, _: Parameters, __: Callable[[], bool], /) -> Generator[Arrays, None, None]:
        self.seen = inputs
        yield {}
        yield self.given

    def close(self) -> None:
        self.closed = True


def config(input_dims: str, output_dims: str, max_batch_size: int = 8) -> ModelConfig:
    return parse(
        f"""max_batch_size: {max_batch_size}
        input [{{ name: "x" data_type: TYPE_FP32 {input_dims} }}, {{ name: "other" data_type: TYPE_FP32 dims: 1 }}]
        output {{ name: "y" data_type: TYPE_FP32 {output_dims} }}""",
        "m",
    )


def floats(*shape: int) -> np.ndarray:
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


def test_the_file_gets_its_shapes_and_the_caller_gets_theirs_and_nothing_is_copied() -> None:
    model = Recording(y=floats(2, 3, 2))
    instance = with_reshapes(
        model, config("dims: [ 2, 6 ] reshape { shape: [ 3, 4 ] }", "dims: [ 6 ] reshape { shape: [ 3, 2 ] }")
    )
    x, other = floats(2, 2, 6), floats(2, 1)
    y = instance.run({"x": x, "other": other})["y"]
    assert model.seen["x"].tolist() == x.reshape(2, 3, 4).tolist()
    assert y.tolist() == model.given["y"].reshape(2, 6).tolist()
    assert np.shares_memory(model.seen["x"], x)
    assert np.shares_memory(y, model.given["y"])
    assert model.seen["other"] is other


def test_variable_dimensions_keep_their_order() -> None:
    model = Recording(y=floats(1, 5, 2, 3))
    instance = with_reshapes(
        model,
        config(
            "dims: [ -1, 2, -1 ] reshape { shape: [ -1, 1, 2, -1 ] }", "dims: [ -1, -1 ] reshape { shape: [ 1, 1 ] }"
        ),
    )
    with pytest.raises(BackendFailed, match=r"'y' has shape \[1,5,2,3\], its config's reshape says \[-1,1,1\]"):
        instance.run({"x": floats(4, 7, 2, 5)})
    assert model.seen["x"].shape == (4, 7, 1, 2, 5)


def test_a_value_for_each_row_has_no_dimension_in_the_file() -> None:
    model = Recording(y=floats(3))
    instance = with_reshapes(model, config("dims: 1 reshape { }", "dims: 1 reshape { }"))
    assert instance.run({"x": floats(3, 1)})["y"].shape == (3, 1)
    assert model.seen["x"].shape == (3,)


def test_without_batches_the_whole_shape_is_the_files() -> None:
    model = Recording(y=floats(2, 7))
    instance = with_reshapes(
        model, config("dims: [ 2, 6 ] reshape { shape: 12 }", "dims: [ 2, -1, 1 ] reshape { shape: [ 2, -1 ] }", 0)
    )
    assert instance.run({"x": floats(2, 6)})["y"].shape == (2, 7, 1)
    assert model.seen["x"].shape == (12,)


def test_a_decoupled_models_responses_are_reshaped_too() -> None:
    model = Recording(y=floats(4))
    instance = with_reshapes(
        model, config("dims: [ 2, 2 ] reshape { shape: 4 }", "dims: [ 2, 2 ] reshape { shape: 4 }", 0)
    )
    assert isinstance(instance, DecoupledInstance)
    first, second = instance.stream({"x": floats(2, 2)}, NO_PARAMETERS, lambda: False)
    assert (first, second["y"].tolist()) == ({}, [[0, 1], [2, 3]])
    assert model.seen["x"].shape == (4,)


def test_an_instance_without_reshapes_is_left_alone() -> None:
    model = Recording()
    assert with_reshapes(model, config("dims: 1", "dims: 1")) is model


def test_everything_else_is_the_instances() -> None:
    model = Recording()
    instance = with_reshapes(model, config("dims: 1", "dims: 1 reshape { }"))
    assert (instance.concurrency, instance.reads_parameters) == (3, True)
    assert [str(spec) for spec in (*instance.inputs, *instance.outputs)] == [
        "x FP32 [-1,1]",
        "other FP32 [-1,1]",
        "y FP32 [-1,1]",
    ]
    assert input_memory(instance) is None
    instance.close()
    assert model.closed


def test_its_inputs_may_lie_where_the_instance_likes_them() -> None:
    model = Recording(y=floats(1))
    model.input_memory = ORDINARY_MEMORY
    assert input_memory(with_reshapes(model, config("dims: 1", "dims: 1 reshape { }"))) is ORDINARY_MEMORY
