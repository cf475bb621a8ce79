import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from serving.recording.record_file import RecordFile


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """As a disk is that has room for no more."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_the_disk_took_a_part_of_is_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    file = RecordFile(path)
    with files_of_at_most(20):
        file.append([b"one\n"])
        with pytest.raises(OSError, match="File too large"):
            file.append([b"another\n", b"that is too long\n"])
    assert path.read_text() == "one\n"
    file.append([b"two\n"])
    file.close()
    assert path.read_text() == "one\ntwo\n"
    assert file.size == 8


def test_earlier_files_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    for text in (b"one", b"two", b"three"):
        file = RecordFile(path)
        file.append([text])
        file.close()
    found = [Path(f"{path}{end}").read_text() for end in ("", ".1", ".2")]
    assert found == ["three", "one", "two"]


def test_it_is_its_owners_to_read_also_where_somebody_made_it_before(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.touch(0o644)
    RecordFile(path).close()
    assert path.stat().st_mode & 0o777 == 0o600
