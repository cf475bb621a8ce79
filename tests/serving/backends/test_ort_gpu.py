import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from serving.backends import ort
from serving.backends.backend import input_memory
from serving.backends.ort_gpu import missing_library
from serving.core import model_config
from serving.core.model_config import ModelConfig
from serving.engine.repository import ModelRepository
from serving.errors import BackendFailed, ModelLoadFailed
from tests import tiny_models
from tests.gpus import DEVICE, needs_onnx_gpu

GPU = "instance_group { kind: KIND_GPU }"
SAYS_WHY = """
import sys
from pathlib import Path
from serving.backends import ort
from serving.backends.backend import input_memory
from serving.core import model_config
from serving.engine.repository import ModelRepository
root = Path(sys.argv[1])
ort.load(root / "double" / "1", model_config.complete(ModelRepository(root).config("double")), "cuda:0")
"""


def config_of(root: Path, extra: str = "") -> ModelConfig:
    tiny_models.add_double(root, extra=GPU + extra)
    return model_config.complete(ModelRepository(root).config("double"))


def test_the_library_that_is_missing_is_named(tmp_path: Path) -> None:
    library = Path(onnxruntime.__file__).parent / "capi" / "libonnxruntime_providers_shared.so"
    if not library.exists():
        pytest.skip("only Linux says which")
    content = library.read_bytes().replace(b"libc.so.6\0", b"libq.so.6\0")
    (tmp_path / "libonnxruntime_providers_cuda.so").write_bytes(content)
    assert missing_library(tmp_path).startswith(", since libq.so.6 can't be loaded; install Slipway's gpu extra")


def test_where_nothing_is_said_its_log_may(tmp_path: Path) -> None:
    assert missing_library(tmp_path) == "; its log says why"
    shutil.copy(__file__, tmp_path / "libonnxruntime_providers_cuda.so")
    assert missing_library(tmp_path) == "; its log says why"


@needs_onnx_gpu
def test_a_gpu_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadFailed, match=r"invalid or unsupported gpu id 99\. GPUs are: 0"):
        ort.load(tmp_path / "double" / "1", config_of(tmp_path), "cuda:99")


@needs_onnx_gpu
def test_a_driver_that_shows_no_gpu_is_a_reason(tmp_path: Path) -> None:
    config_of(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", SAYS_WHY, tmp_path],
        env={"CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert "but no GPUs are available: CUDA" in done.stderr
    assert "no CUDA-capable device is detected" in done.stderr
    assert "see whether nvidia-smi lists one" in done.stderr


@needs_onnx_gpu
def test_more_memory_than_it_may_use_fails_that_batch_alone(tmp_path: Path) -> None:
    limit = 'parameters { key: "gpu_mem_limit" value { string_value: "4000000" } }'
    same = 'parameters { key: "arena_extend_strategy" value { string_value: "1" } }'
    instance = ort.load(tmp_path / "double" / "1", config_of(tmp_path, limit + same), DEVICE)
    with pytest.raises(BackendFailed, match=r"\(gpu_mem_limit\) is used up: \d+ bytes are left, 16000000 were asked"):
        instance.run({"x": np.ones((1_000_000, 4), np.float32)})
    assert instance.run({"x": np.ones((2, 4), np.float32)})["y"].tolist() == [[2] * 4] * 2


@needs_onnx_gpu
def test_batches_of_a_model_with_convolutions_change_their_size_seldom(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    other = input_memory(ort.load(tmp_path / "double" / "1", config, DEVICE))
    tiny_models.write_onnx(
        tmp_path / "double" / "1" / "model.onnx",
        "g (float[n, 4] x) => (float[n, 4] y) { t = Unsqueeze(x, one) u = Conv(t, w) y = Squeeze(u, one) }",
        one=np.array([1], np.int64),
        w=np.full((1, 1, 1), 2, np.float32),
    )
    convolution = input_memory(ort.load(tmp_path / "double" / "1", config, DEVICE))
    assert other is not None
    assert convolution is not None
    assert other.size_for is None
    assert convolution.size_for is not None
    assert [convolution.size_for(rows) for rows in (3, 5, 2)] == [4, 8, 8]
