from pathlib import Path

from serving.engine.inside import inside


def test_what_leads_out_of_the_folder_is_no_file_of_it(tmp_path: Path) -> None:
    folder, secret = tmp_path / "folder", tmp_path / "secret"
    (folder / "below").mkdir(parents=True)
    secret.touch()
    (folder / "link").symlink_to(secret)
    (folder / "around").symlink_to("below")
    assert inside(folder, "link") is None
    assert inside(folder, "../secret") is None
    assert inside(folder, str(secret)) is None
    assert inside(folder, "around/file") == folder / "below" / "file"


def test_the_folder_may_be_reached_by_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "current").symlink_to("real")
    assert inside(tmp_path / "current", "file") == tmp_path / "real" / "file"
