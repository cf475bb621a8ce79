from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from training.export.measuring import answers, opened, timings

ROWS = {"rows": np.ones((3, 64), np.float32)}


def _products(path: Path, count: int) -> Path:
    """A model of so many products, one after the other, with a matrix that leaves what it multiplies as it was."""
    names = ["rows", *(f"value{number}" for number in range(1, count)), "same"]
    nodes = [helper.make_node("MatMul", [names[at], "matrix"], [names[at + 1]]) for at in range(count)]
    matrix = helper.make_tensor("matrix", TensorProto.FLOAT, (64, 64), np.eye(64, dtype=np.float32).tobytes(), raw=True)
    tensors = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 64]) for name in ("rows", "same")]
    graph = helper.make_graph(nodes, "products", tensors[:1], tensors[1:], [matrix])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)
    return path


def test_a_file_with_a_hundred_times_the_work_is_slower(tmp_path: Path) -> None:
    sessions = {
        "little": opened(_products(tmp_path / "little.onnx", 1)),
        "much": opened(_products(tmp_path / "much.onnx", 200)),
    }
    found = timings(sessions, ROWS)

    assert found["little"].speedup == pytest.approx(1)
    assert found["much"].speedup < 0.5
    assert found["much"].milliseconds["32"] > found["little"].milliseconds["32"] > 0


def test_answers_are_by_the_names_of_outputs(tmp_path: Path) -> None:
    found = answers(opened(_products(tmp_path / "model.onnx", 2)), {**ROWS, "unknown": ROWS["rows"]})

    assert np.array_equal(found["same"], ROWS["rows"])
