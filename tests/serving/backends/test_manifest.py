from pathlib import Path

import pytest

from serving.backends.manifest import describe, read
from serving.core.model_config import ModelConfig
from serving.core.requests import TensorSpec
from serving.errors import ModelLoadFailed

INPUTS = '"inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 3]}]'
OUTPUTS = '"outputs": [{"name": "y", "datatype": "INT64", "shape": [-1]}]'


def described(folder: Path, text: str) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
    (folder / "manifest.json").write_text(text)
    return describe(folder, ModelConfig())


def test_it_says_what_goes_in_and_out(tmp_path: Path) -> None:
    assert described(tmp_path, f'{{"model": "m", {INPUTS}, {OUTPUTS}}}') == (
        (TensorSpec("x", "FP32", (-1, 3)),),
        (TensorSpec("y", "INT64", (-1,)),),
    )


def test_a_version_without_one_is_told_what_to_write(tmp_path: Path) -> None:
    config = ModelConfig()
    config.input.add(name="x")
    with pytest.raises(ModelLoadFailed, match=r"lists no output, .* has no manifest.json that does; add input"):
        describe(tmp_path, config)


def test_one_that_does_not_say_it_is_a_reason(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadFailed, match="'outputs' must be a list of tensors, got None"):
        described(tmp_path, f"{{{INPUTS}}}")


def test_one_that_cant_be_read_or_is_far_too_large_is_a_reason(tmp_path: Path) -> None:
    assert read(tmp_path) is None
    (tmp_path / "manifest.json").write_bytes(b" " * (1 << 24) + b"{}")
    with pytest.raises(ModelLoadFailed, match=r"manifest\.json is no JSON"):
        read(tmp_path)
