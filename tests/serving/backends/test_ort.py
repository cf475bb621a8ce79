import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from serving.backends import ort
from serving.engine.repository import ModelRepository
from serving.errors import InvalidInput, ModelLoadFailed
from tests import tiny_models


def test_texts_are_bytes_outside_and_strings_inside(tmp_path: Path) -> None:
    tiny_models.add_identity(tmp_path, "text", "TYPE_STRING", "string")
    instance = ort.load(tmp_path / "text" / "1", ModelRepository(tmp_path).config("text"), "cpu")
    words = np.array([["é".encode(), b"", b"a\0b\0"]], object)
    assert instance.run({"in": words})["out"].tolist() == [["é".encode(), b"", b"a\0b\0"]]


def test_bytes_that_are_no_text_are_the_callers_mistake(tmp_path: Path) -> None:
    tiny_models.add_identity(tmp_path, "text", "TYPE_STRING", "string")
    instance = ort.load(tmp_path / "text" / "1", ModelRepository(tmp_path).config("text"), "cpu")
    with pytest.raises(InvalidInput, match="input 'in' holds bytes that are not UTF-8"):
        instance.run({"in": np.array([[b"fine", b"\xff"]], object)})


def test_a_thread_count_that_is_no_number_is_a_reason(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path, extra='parameters { key: "intra_op_thread_count" value { string_value: "two" } }')
    with pytest.raises(ModelLoadFailed, match="intra_op_thread_count must be a number"):
        ort.load(tmp_path / "double" / "1", ModelRepository(tmp_path).config("double"), "cpu")


def test_tensors_that_the_protocol_cannot_carry_are_a_reason(tmp_path: Path) -> None:
    folder = tiny_models.write_config(
        tmp_path,
        "seq",
        """backend: "onnxruntime" input { name: "x" data_type: TYPE_FP32 dims: 1 }
        output { name: "y" data_type: TYPE_FP32 dims: 1 }""",
    )
    tiny_models.write_onnx(
        folder / "1" / "model.onnx", "g (float[1] x) => (seq(float[1]) y) { y = SequenceConstruct(x) }"
    )
    with pytest.raises(ModelLoadFailed, match=r"'y' is a seq\(tensor\(float\)\)"):
        ort.load(folder / "1", ModelRepository(tmp_path).config("seq"), "cpu")


def test_the_runtime_is_told_to_upload_nothing_before_it_is_imported(tmp_path: Path) -> None:
    """Where it has nowhere to keep its device id it says so, unless it was told in time."""
    tiny_models.add_double(tmp_path)
    code = f"""
import pathlib
from serving.backends import ort
from serving.engine.repository import ModelRepository
root = pathlib.Path({str(tmp_path)!r})
ort.load(root / "double" / "1", ModelRepository(root).config("double"), "cpu")
"""
    environment = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[3],
        env={**environment, "HOME": "/proc/none"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


def with_a_default(root: Path, optional: str, graph: str = "g (float[2] x, float[2] bias) => (float[2] y)") -> Path:
    """y = x + bias, whose graph may have a value for bias."""
    folder = tiny_models.write_config(
        root,
        "biased",
        f"""backend: "onnxruntime" input [{{ name: "x" data_type: TYPE_FP32 dims: 2 }},
        {{ name: "bias" data_type: TYPE_FP32 dims: 2 {optional} }}]
        output {{ name: "y" data_type: TYPE_FP32 dims: 2 }}""",
    )
    tiny_models.write_onnx(folder / "1" / "model.onnx", graph + "{ y = Add(x, bias) }", bias=np.float32([10, 20]))
    return folder / "1"


@pytest.mark.parametrize("optional", ["optional: true", ""])
def test_an_input_that_the_graph_has_a_value_for_may_be_fed(tmp_path: Path, optional: str) -> None:
    directory = with_a_default(tmp_path, optional)
    instance = ort.load(directory, ModelRepository(tmp_path).config("biased"), "cpu")
    assert [spec.name for spec in instance.inputs] == ["x", "bias"]
    assert instance.run({"x": np.float32([1, 2])})["y"].tolist() == [11, 22]
    assert instance.run({"x": np.float32([1, 2]), "bias": np.float32([0, 1])})["y"].tolist() == [1, 3]


def test_an_input_that_the_graph_has_no_value_for_cannot_be_optional(tmp_path: Path) -> None:
    directory = with_a_default(tmp_path, "optional: true")
    tiny_models.write_onnx(
        directory / "model.onnx", "g (float[2] x, float[2] bias) => (float[2] y) { y = Add(x, bias) }"
    )
    with pytest.raises(ModelLoadFailed, match="optional input 'bias' has no default in the file"):
        ort.load(directory, ModelRepository(tmp_path).config("biased"), "cpu")
