from pathlib import Path

from serving.engine.published_report import FILENAME, read_report


def test_a_report_is_read_as_it_is(tmp_path: Path) -> None:
    assert read_report(tmp_path) == b""
    (tmp_path / FILENAME).write_bytes(b"<p>good</p>")
    assert read_report(tmp_path) == b"<p>good</p>"


def test_what_is_no_page_or_too_large_is_none(tmp_path: Path) -> None:
    path = tmp_path / FILENAME
    path.mkdir()
    assert read_report(tmp_path) == b""
    path.rmdir()
    with path.open("wb") as file:
        file.truncate(2**30)
    assert read_report(tmp_path) == b""
