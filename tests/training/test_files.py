import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from training import files


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """The kernel itself fails the write, part way, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_file_is_written_with_its_directory(tmp_path: Path) -> None:
    files.replace(tmp_path / "a" / "b" / "file", b"content")

    assert (tmp_path / "a" / "b" / "file").read_bytes() == b"content"


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    files.replace(tmp_path / "file", b"old")
    files.replace(tmp_path / "file", b"new")

    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"new"


def test_an_interrupted_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    files.replace(tmp_path / "file", b"old")

    with files_no_larger_than(64 * 1024), pytest.raises(OSError, match="too large"):
        files.replace(tmp_path / "file", bytes(256 * 1024))

    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"old"


def test_what_others_wrote_can_be_synced(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")

    files.sync(tmp_path / "file")
    files.sync_directory(tmp_path)

    assert (tmp_path / "file").read_bytes() == b"content"


def test_of_several_files_all_are_replaced_or_none(tmp_path: Path) -> None:
    files.replace_all(tmp_path, {"one": b"old", "other": b"old"})
    with files_no_larger_than(64 * 1024), pytest.raises(OSError, match=r"too large: '.*/other'"):
        files.replace_all(tmp_path, {"one": b"new", "other": bytes(256 * 1024)})

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"one": b"old", "other": b"old"}


def test_a_line_is_added_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    files.append(path, b"first\n")
    with files_no_larger_than(8), pytest.raises(OSError, match=r"'.*/lines'"):
        files.append(path, b"second\n")
    files.append(path, b"third\n")

    assert path.read_bytes() == b"first\nthird\n"
