import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from serving.engine.changed_outputs import changed_outputs
from serving.engine.loading import load_model
from serving.engine.repository import ModelRepository
from serving.engine.servable import Servable
from tests import tiny_models

Make = Callable[..., Servable]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """A model without a graph's help: Python's code is what its config says."""
    loop = asyncio.new_event_loop()
    made: list[Servable] = []

    def load(outputs: str, labels: str = "") -> Servable:
        root = tmp_path / str(len(made))
        io = 'input { name: "x" data_type: TYPE_FP32 dims: 4 }'
        folder = tiny_models.write_config(root, "m", f'backend: "python" max_batch_size: 8 {io} {outputs}')
        (folder / "labels.txt").write_text(labels)
        (folder / "1").mkdir()
        (folder / "1" / "model.py").write_text("class Model:\n    def execute(self, request): ...\n")
        served = load_model(ModelRepository(root), "m", None, loop)["1"].served
        assert served is not None
        made.append(served)
        return served

    yield load
    for model in made:
        assert model.close(10)
    loop.close()


def output(name: str = "y", dims: int = 2, kind: str = "FP32", extra: str = 'label_filename: "labels.txt"') -> str:
    return f'output {{ name: "{name}" data_type: TYPE_{kind} dims: {dims} {extra} }}'


def test_the_same_outputs_are_no_change(make: Make) -> None:
    assert changed_outputs(make(output(), "cat\ndog"), make(output(), "cat\ndog")) == ""


@pytest.mark.parametrize(
    ("outputs", "labels", "words"),
    [
        (output(dims=3), "cat\ndog\neel", "y FP32 [-1,3] was y FP32 [-1,2]"),
        (output(kind="FP64"), "cat\ndog", "y FP64 [-1,2] was y FP32 [-1,2]"),
        (output(), "dog\ncat", "'y' has other labels"),
        (output(extra=""), "", "'y' has other labels"),
        (output(name="z", extra=""), "", "there is no output 'y'; there is a new output 'z'"),
    ],
)
def test_a_change_that_callers_notice_is_named(make: Make, outputs: str, labels: str, words: str) -> None:
    found = changed_outputs(make(output(), "cat\ndog"), make(outputs, labels))
    assert found == f"its outputs are not those of version 1: {words}"
