import json

import pytest

from serving.core import manifest
from serving.errors import ModelLoadFailed

HASH = "0123456789abcdef" * 4


def encoded(document: object) -> bytes:
    return json.dumps(document).encode()


def test_files_and_their_hashes_are_read_in_lower_case() -> None:
    files = {"model.onnx": {"sha256": HASH.upper(), "size": 7}, "notes.txt": {"sha256": HASH}}
    read = manifest.decode(encoded({"files": files, "created": "2026-01-02T03:04:05Z", "metrics": {"accuracy": 0.9}}))
    assert read.sha256 == {"model.onnx": HASH, "notes.txt": HASH}
    assert (read.created, read.metrics) == ("2026-01-02T03:04:05Z", {"accuracy": 0.9})


@pytest.mark.parametrize("others", [{}, {"created": 20260102, "metrics": "good"}, {"unheard": ["of"]}])
def test_what_its_publisher_says_besides_is_taken_or_left(others: dict[str, object]) -> None:
    read = manifest.decode(encoded({"files": {}, **others}))
    assert (read.sha256, read.created, read.metrics) == ({}, "", {})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "manifest.json is no JSON"),
        (b"{", "manifest.json is no JSON"),
        (b"\xff\xfe", "manifest.json is no JSON"),
        (b"[" * 100_000, "manifest.json is no JSON"),
        (b"9" * 10_000, "manifest.json is no JSON"),
        (encoded([1, 2]), "must be an object, got a list of 2"),
        (encoded(None), "must be an object, got None"),
        (encoded({"files": [HASH]}), "'files' must be an object, got a list of 1"),
        (encoded({"files": {"a.bin": HASH}}), r"files\['a.bin'\].sha256 must be 64 hexadecimal digits"),
        (encoded({"files": {"a.bin": {"size": 1}}}), r"files\['a.bin'\].sha256 must be 64 hexadecimal digits"),
        (encoded({"files": {"a.bin": {"sha256": 64}}}), r"files\['a.bin'\].sha256 must be 64 hexadecimal digits"),
        (encoded({"files": {"a.bin": {"sha256": HASH[1:]}}}), r"files\['a.bin'\].sha256 must be 64 hexadecimal"),
    ],
)
def test_what_is_wrong_is_named(content: bytes, reason: str) -> None:
    with pytest.raises(ModelLoadFailed, match=reason):
        manifest.decode(content)


def test_a_reason_stays_short_however_long_a_name_is() -> None:
    with pytest.raises(ModelLoadFailed) as failure:
        manifest.decode(encoded({"files": {"x" * 10_000: {}}}))
    assert len(str(failure.value)) < 300


def test_one_that_says_what_goes_in_and_out_may_list_no_files() -> None:
    assert manifest.decode(encoded({"inputs": [], "outputs": []})).sha256 == {}
