import re

import pytest

from serving.core.remembered import NOTHING, Remembered, RolledBack, decode, encode

FILES = {"2/": (1, 2), "2/model.onnx": (10, 20, 30), "2/etag": "abc"}


def test_what_is_written_is_read_again() -> None:
    models = {
        "digits": Remembered("2", FILES, {"10": RolledBack(FILES, "slow", "abc"), "3": RolledBack({}, "by hand")}),
        "new": NOTHING,
        "émilie": Remembered("0"),
    }
    assert decode(encode(models)) == models
    assert decode(encode({})) == {}


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"[1]",
        b'"digits"',
        b'{"digits": 1}',
        b'{"digits": {"current": "1"}}',
        b'{"digits": {"current": "1", "files": [], "rolled_back": {}}}',
        b'{"digits": {"current": "1", "files": {}, "rolled_back": {"2": {"files": {}}}}}',
        b'{"digits": {"current": "1", "files": {}, "rolled_back": 7}}',
        b'{"digits": {"current": "1", "files": {}, "rolled_back": {"x": {"files": {}, "reason": ""}}}}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_what_it_did_not_write_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="it is no record of models and their versions: ") as refused:
        decode(text)
    assert not re.search("object (has no|is not)|'[a-z_]+'$", str(refused.value))  # Python's words, which say nothing


def test_a_version_served_last_while_its_files_are_the_same() -> None:
    before = Remembered("2", FILES)
    there = {"config.pbtxt": 1, "1/model.onnx": 5, **FILES}
    assert before.served("2", there)
    assert before.served("2", {**there, "config.pbtxt": 2, "3/model.onnx": 9})
    assert not before.served("1", there)
    assert not before.served("2", {**there, "2/model.onnx": (10, 21, 30)})
    assert not NOTHING.served("", {})
