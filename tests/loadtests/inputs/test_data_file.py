from pathlib import Path

import numpy as np
import pytest

from loadtests.asking import CannotTest
from loadtests.inputs.data_file import Arrays, Files, Items, read


def test_lines_keep_their_places(tmp_path: Path) -> None:
    path = tmp_path / "bodies.jsonl"
    path.write_text('\ufeff{"inputs": [1]}\n\n"a prompt"\n')
    found = read(path)
    assert isinstance(found, Items)
    assert [(item.where, item.value) for item in found.items] == [
        (f"{path}, line 1", {"inputs": [1]}),
        (f"{path}, line 3", "a prompt"),
    ]


def test_files_are_told_by_what_they_hold(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text('{"inputs": "a"}')
    (tmp_path / "some.txt").write_text("one\ntwo")
    np.save(tmp_path / "rows.npy", np.ones(3))
    np.savez(tmp_path / "named.npz", x=np.ones(3))
    (tmp_path / "a.PNG").write_bytes(b"1")
    (tmp_path / "pictures").mkdir()
    for name in ("b.png", "a.jpg", "notes.md"):
        (tmp_path / "pictures" / name).write_bytes(name.encode())
    items = {name: read(tmp_path / name) for name in ("one.json", "some.txt")}
    assert [len(each.items) for each in items.values() if isinstance(each, Items)] == [1, 2]
    arrays = [read(tmp_path / name) for name in ("rows.npy", "named.npz")]
    assert [list(each.arrays) for each in arrays if isinstance(each, Arrays)] == [[""], ["x"]]
    assert read(tmp_path / "a.PNG") == Files((b"1",), False)
    assert read(tmp_path / "pictures") == Files((b"a.jpg", b"b.png"), False)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.jsonl", b'{"a": 1}\n{"a": \n', r"a\.jsonl, line 2: it is no JSON: .*"),
        ("a.txt", b"one\n\xff", r"a\.txt, line 2: it is no UTF-8"),
        ("a.txt", b"\n \n", "there is nothing in it"),
        ("a.npz", b"PK nonsense", r"no file that numpy\.save or numpy\.savez writes"),
        ("a.csv", b"1,2", r"can't be told by '\.csv'; it can be \.jsonl"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CannotTest, match=words):
        read(tmp_path / name)


def test_what_is_not_there_and_folders_of_something_else_are_told(tmp_path: Path) -> None:
    with pytest.raises(CannotTest, match="there is no such file in"):
        read(tmp_path / "nope.jsonl")
    with pytest.raises(CannotTest, match="neither pictures nor recordings"):
        read(tmp_path)
    for name in ("a.png", "a.wav"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(CannotTest, match="both pictures and recordings"):
        read(tmp_path)
