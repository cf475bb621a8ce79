from pathlib import Path

import numpy as np
import pytest

from serving.core import model_config
from serving.core.model_config import ModelConfig
from serving.engine.golden_rows import golden_rows, random_inputs, why_none
from serving.engine.loading import completed_config
from serving.engine.repository import ModelRepository
from serving.errors import InvalidInput, ModelLoadFailed
from tests import python_models, tiny_models


def config_of(root: Path, name: str) -> ModelConfig:
    return completed_config(ModelRepository(root), name)


def test_rows_are_answered_in_batches_as_large_as_the_model_takes(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path, max_batch_size=2)
    config = config_of(tmp_path, "double")
    inputs = random_inputs(config, 5)
    assert inputs["x"].shape == (5, 4)
    assert len(np.unique(inputs["x"])) == 20
    rows = golden_rows(tmp_path / "double" / "1", config, inputs)
    assert (rows.outputs["y"] == 2 * inputs["x"]).all()


def test_random_inputs_are_the_same_each_time_and_fit_open_sizes_and_texts(tmp_path: Path) -> None:
    tiny_models.add_identity(tmp_path, "text", "TYPE_STRING", "string")
    config = config_of(tmp_path, "text")
    first, second = (random_inputs(config, 3)["in"] for _ in range(2))
    assert first.shape == (3, 8)
    assert (first == second).all()
    assert (golden_rows(tmp_path / "text" / "1", config, {"in": first}).outputs["out"] == first).all()


def test_without_batches_there_is_one_input(tmp_path: Path) -> None:
    folder = tiny_models.write_config(tmp_path, "flat", "")
    tiny_models.write_onnx(folder / "1" / "model.onnx", "g (float[2, 3] x) => (float[2, 3] y) { y = Neg(x) }")
    config = config_of(tmp_path, "flat")
    rows = golden_rows(folder / "1", config, random_inputs(config, 5))
    assert rows.inputs["x"].shape == (2, 3)
    assert rows.rows == 2


def test_only_outputs_that_callers_see_are_kept(tmp_path: Path) -> None:
    tiny_models.add_add_sub(tmp_path)
    path = tmp_path / "simple" / "config.pbtxt"
    path.write_text(path.read_text().replace(', { name: "OUTPUT1" data_type: TYPE_INT32 dims: 16 }', ""))
    config = config_of(tmp_path, "simple")
    assert set(golden_rows(tmp_path / "simple" / "1", config, random_inputs(config, 2)).outputs) == {"OUTPUT0"}


def test_what_does_not_fit_or_can_not_be_answered_is_the_inputs_fault(tmp_path: Path) -> None:
    tiny_models.add_lookup(tmp_path)
    config, version = config_of(tmp_path, "lookup"), tmp_path / "lookup" / "1"
    with pytest.raises(InvalidInput, match=r"unexpected shape for input 'index'.* Expected \[-1,1\], got \[1,2\]"):
        golden_rows(version, config, {"index": np.zeros((1, 2), np.int64)})
    with pytest.raises(InvalidInput, match=r"the model can't answer these inputs: .*indices"):
        golden_rows(version, config, {"index": np.full((1, 1), 99)})


def test_a_model_that_does_not_answer_the_same_twice_has_none(tmp_path: Path) -> None:
    folder = tiny_models.write_config(tmp_path, "dice", "")
    tiny_models.write_onnx(
        folder / "1" / "model.onnx", "g (float[n, 4] x) => (float[n, 4] y) { r = RandomUniformLike(x) y = Add(x, r) }"
    )
    config = config_of(tmp_path, "dice")
    with pytest.raises(ModelLoadFailed, match=r"the model does not answer the same twice: .*output 'y' differs in"):
        golden_rows(folder / "1", config, random_inputs(config, 2))


def test_outputs_without_rows_of_their_own_have_none(tmp_path: Path) -> None:
    folder = tiny_models.write_config(tmp_path, "sum", "")
    tiny_models.write_onnx(
        folder / "1" / "model.onnx", "g (float[4] x) => (float[1] y) { y = ReduceSum<keepdims=1>(x) }"
    )
    config = config_of(tmp_path, "sum")
    with pytest.raises(ModelLoadFailed, match="golden rows need as many rows of each input as of each output"):
        golden_rows(folder / "1", config, random_inputs(config, 2))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('backend: "python"', "a Python model is not run, since its code may do anything"),
        ('backend: "onnxruntime" sequence_batching { }', "a model with sequences, or a decoupled one, has none"),
        ('platform: "ensemble"', "an ensemble has no files"),
        ('backend: "onnxruntime"', ""),
    ],
)
def test_some_models_are_not_asked(text: str, reason: str) -> None:
    assert why_none(model_config.parse(text, "m")).startswith(reason)
    assert bool(why_none(model_config.parse(text, "m"))) is bool(reason)


def test_a_python_models_code_is_not_even_imported(tmp_path: Path) -> None:
    python_models.add_affine(tmp_path)
    assert why_none(config_of(tmp_path, "python_affine"))
