import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from serving.core import model_config
from serving.engine.measuring import Measurement
from serving.engine.repository import ModelRepository
from serving.engine.trial_run import UNFINISHED, Effort, at_length, at_load, try_out
from serving.errors import ModelLoadFailed
from serving.scheduling.tuning import Question
from tests import tiny_models

BRIEF = Effort(1, 4, stops_early=True)


def tried(root: Path, name: str, effort: Effort = BRIEF, cores: int = 2) -> Measurement:
    config = model_config.complete(ModelRepository(root).config(name))
    question = Question(cores, max_batch_size=config.max_batch_size)
    return try_out(root / name / "1", config, question, effort)


@pytest.mark.parametrize("name", ["double", "affine"])
def test_every_setting_of_a_real_model_is_measured_at_every_batch(tmp_path: Path, name: str) -> None:
    {"double": tiny_models.add_double, "affine": tiny_models.add_torchscript}[name](tmp_path)
    found = {(it.setting.brief, it.rows) for it in tried(tmp_path, name).measured}
    assert found == {(setting, rows) for setting in ("2 x 1", "1 x 2", "1 x 1") for rows in (1, 4, 8)}


def test_a_model_without_batches_is_measured_with_its_one_input(tmp_path: Path) -> None:
    folder = tiny_models.write_config(
        tmp_path,
        "pair",
        """backend: "onnxruntime" input { name: "x" data_type: TYPE_FP32 dims: [ 2, 4 ] }
        output { name: "y" data_type: TYPE_FP32 dims: [ 2, 4 ] }""",
    )
    tiny_models.write_onnx(folder / "1" / "model.onnx", "g (float[2, 4] x) => (float[2, 4] y) { y = Add(x, x) }")
    assert {it.rows for it in tried(tmp_path, "pair", cores=1).measured} == {1}


def test_callers_shapes_are_what_a_reshaped_model_is_fed(tmp_path: Path) -> None:
    folder = tiny_models.write_config(
        tmp_path,
        "m",
        """backend: "onnxruntime" max_batch_size: 2
        input { name: "x" data_type: TYPE_FP32 dims: 1 reshape { } }
        output { name: "y" data_type: TYPE_FP32 dims: 1 reshape { } }""",
    )
    tiny_models.write_onnx(folder / "1" / "model.onnx", "g (float[n] x) => (float[n] y) { y = Add(x, x) }")
    assert {it.rows for it in tried(tmp_path, "m", cores=1).measured} == {1, 2}


class Slow(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for _ in range(100_000):
            x = x * 1
        return x


def test_a_model_that_takes_long_or_never_ends_is_not_waited_for(tmp_path: Path) -> None:
    tiny_models.add_endless(tmp_path, "slow")
    torch.jit.script(Slow()).save(tmp_path / "slow" / "1" / "model.pt")
    with pytest.raises(ModelLoadFailed, match=r"four runs of a row take longer than the [\d.]+ s that are left"):
        tried(tmp_path, "slow", Effort(0.1, 4, stops_early=True))
    running = [thread for thread in threading.enumerate() if thread.name == UNFINISHED]
    assert running
    for thread in running:  # it uses its instance, and the process can't end before it
        thread.join()


def test_a_model_that_can_not_answer_says_why(tmp_path: Path) -> None:
    tiny_models.write_onnx(
        tiny_models.write_config(
            tmp_path,
            "picky",
            """backend: "onnxruntime" max_batch_size: 8 input { name: "index" data_type: TYPE_INT64 dims: 1 }
            output { name: "entry" data_type: TYPE_FP32 dims: 1 }""",
        )
        / "1"
        / "model.onnx",
        """g (int64[n, 1] index) => (float[n, 1] entry) {
            before = Sub(index, four)
            entry = Gather <axis=0> (table, before)
        }""",
        table=np.array([10.0, 20.0, 30.0], np.float32),
        four=np.array(4, np.int64),
    )
    with pytest.raises(ModelLoadFailed, match=r"it can't answer what it is measured with: .*indices element out of"):
        tried(tmp_path, "picky")


def test_a_model_too_large_to_be_in_memory_several_times_is_not_loaded(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    with (tmp_path / "double" / "1" / "weights.bin").open("wb") as file:
        file.truncate(600_000_000)  # takes no room on disk
    with pytest.raises(ModelLoadFailed, match="too large to be in memory 2 times"):
        tried(tmp_path, "double")


def test_a_model_that_takes_longer_to_load_than_there_is_time_is_not_measured(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    with pytest.raises(ModelLoadFailed, match="to load it 2 times takes longer than 1e-06 s"):
        tried(tmp_path, "double", Effort(1e-6, 4, stops_early=True))


def test_at_length_is_more_batches_and_all_of_the_time() -> None:
    assert (at_load(3).factor, at_load(3).stops_early) == (4, True)
    assert (at_length(20).factor, at_length(20).stops_early) == (2, False)
