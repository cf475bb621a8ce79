from pathlib import Path

import pytest

from serving.engine.published import CARD, NOTHING_PUBLISHED, REPORT, Published, read_published


def test_what_is_there_is_read_as_it_is(tmp_path: Path) -> None:
    assert read_published(tmp_path) == NOTHING_PUBLISHED
    (tmp_path / REPORT).write_bytes(b"<p>good</p>")
    (tmp_path / CARD).write_bytes(b"# good\n")
    (tmp_path / "example.wav").write_bytes(b"RIFF")

    assert read_published(tmp_path) == Published(b"<p>good</p>", b"# good\n", b"RIFF", "example.wav")


@pytest.mark.parametrize("name", [REPORT, CARD, "example.png"])
def test_what_is_no_file_or_too_large_is_none(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.mkdir()
    assert read_published(tmp_path) == NOTHING_PUBLISHED
    path.rmdir()
    with path.open("wb") as file:
        file.truncate(2**30)
    assert read_published(tmp_path) == NOTHING_PUBLISHED


@pytest.mark.parametrize("name", [REPORT, CARD, "example.png"])
def test_a_link_is_followed_inside_the_versions_folder_only(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "1"
    folder.mkdir()
    (tmp_path / "secret").write_text("of the machine")
    (folder / name).symlink_to("../secret")
    assert read_published(folder) == NOTHING_PUBLISHED
    (folder / "real").write_text("of the version")
    (folder / name).unlink()
    (folder / name).symlink_to("real")
    (tmp_path / "2").symlink_to(folder)
    assert read_published(tmp_path / "2") != NOTHING_PUBLISHED
