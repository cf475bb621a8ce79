import json

import pytest

from serving.core import manifest
from serving.core.requests import TensorSpec
from serving.errors import ModelLoadFailed

HASH = "0123456789abcdef" * 4


def test_files_and_their_hashes_are_read_in_lower_case() -> None:
    files = {"model.onnx": {"sha256": HASH.upper(), "size": 7}, "notes.txt": {"sha256": HASH}}
    read = manifest.decode(
        json.dumps({"files": files, "created": "2026-01-02", "metrics": {"loss": float("nan")}}).encode()
    )
    assert manifest.hashes(read) == {"model.onnx": HASH, "notes.txt": HASH}


def test_what_goes_in_and_out_is_read_and_then_no_files_need_be_listed() -> None:
    read = manifest.decode(b'{"inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 3]}]}')
    assert manifest.tensors(read, "inputs") == (TensorSpec("x", "FP32", (-1, 3)),)
    assert manifest.hashes(read) == {}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "manifest.json is no JSON"),
        (b"{", "manifest.json is no JSON"),
        (b"\xff\xfe", "manifest.json is no JSON"),
        (b'{"inputs": "\xff"}', "manifest.json is no JSON"),
        (b"[" * 100_000, "manifest.json is no JSON"),
        (b"9" * 10_000, "manifest.json is no JSON"),
        (b"[1, 2]", "must be an object, got a list of 2"),
        (b"null", "must be an object, got None"),
    ],
)
def test_one_that_is_no_object_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(ModelLoadFailed, match=reason):
        manifest.decode(content)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ([HASH], "'files' must be an object, got a list of 1"),
        ({"a.bin": HASH}, r"files\['a.bin'\].sha256 must be 64 hexadecimal digits"),
        ({"a.bin": {"size": 1}}, r"files\['a.bin'\].sha256 must be 64 hexadecimal digits"),
        ({"a.bin": {"sha256": 64}}, r"files\['a.bin'\].sha256 must be 64 hexadecimal digits"),
        ({"a.bin": {"sha256": HASH[1:]}}, r"files\['a.bin'\].sha256 must be 64 hexadecimal digits"),
    ],
)
def test_what_is_wrong_with_files_is_named(files: object, reason: str) -> None:
    with pytest.raises(ModelLoadFailed, match=reason):
        manifest.hashes({"files": files})


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        (None, "'inputs' must be a list of tensors, got None"),
        ([], "'inputs' must be a list of tensors, got a list of 0"),
        ([7], r"inputs\[0\] must be an object, got 7"),
        ([{"name": ""}], r"inputs\[0\].name must be a text, got ''"),
        ([{"name": "x", "datatype": "float"}], r"inputs\[0\].datatype must be one of .*, got 'float'"),
        ([{"name": "x", "datatype": ["FP32"]}], r"datatype must be one of .*, got a list of 1"),
        ([{"name": "x", "datatype": "FP32", "shape": [-2]}], r"shape must be a list of sizes"),
        ([{"name": "x", "datatype": "FP32", "shape": [True]}], r"shape must be a list of sizes"),
        ([{"name": "x", "datatype": "FP32"}], r"shape must be .*, got None"),
    ],
)
def test_what_is_wrong_with_tensors_is_named(inputs: object, reason: str) -> None:
    with pytest.raises(ModelLoadFailed, match=reason):
        manifest.tensors({"inputs": inputs}, "inputs")


def test_a_reason_stays_short_however_long_a_name_is() -> None:
    with pytest.raises(ModelLoadFailed) as failure:
        manifest.hashes({"files": {"x" * 10_000: {}}})
    assert len(str(failure.value)) < 300
