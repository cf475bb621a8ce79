from pathlib import Path

import pytest

from serving.backends.manifest import describe
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


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "manifest.json is no JSON"),
        ("[]", "manifest.json must be an object, got a list of 0"),
        ("{}", "'inputs' must be a list of tensors, got None"),
        (f"{{{INPUTS}}}", "'outputs' must be a list of tensors, got None"),
        ('{"inputs": []}', "'inputs' must be a list of tensors, got a list of 0"),
        ('{"inputs": [7]}', r"inputs\[0\] must be an object, got 7"),
        ('{"inputs": [{"name": ""}]}', r"inputs\[0\].name must be a text, got ''"),
        ('{"inputs": [{"name": "x", "datatype": "float"}]}', r"inputs\[0\].datatype must be one of .*, got 'float'"),
        ('{"inputs": [{"name": "x", "datatype": ["FP32"]}]}', r"datatype must be one of .*, got a list of 1"),
        ('{"inputs": [{"name": "x", "datatype": "FP32", "shape": [-2]}]}', r"shape must be a list of sizes"),
        ('{"inputs": [{"name": "x", "datatype": "FP32", "shape": [true]}]}', r"shape must be a list of sizes"),
        ('{"inputs": [{"name": "x", "datatype": "FP32"}]}', r"shape must be .*, got None"),
    ],
)
def test_one_that_does_not_say_it_is_a_reason(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(ModelLoadFailed, match=reason):
        described(tmp_path, text)


def test_one_that_is_no_text_is_a_reason(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes(b'{"inputs": "\xff"}')
    with pytest.raises(ModelLoadFailed, match=r"manifest\.json is no JSON"):
        describe(tmp_path, ModelConfig())
