from pathlib import Path

from training.export.versions import versions, without_version


def test_versions_are_the_numbered_folders_in_numeric_order(tmp_path: Path) -> None:
    for name in ("10", "9", ".publishing-1", "latest"):
        (tmp_path / name).mkdir()
    (tmp_path / "11").write_text("a file")

    assert versions(tmp_path) == [9, 10]


def test_a_model_without_a_folder_has_no_versions(tmp_path: Path) -> None:
    assert versions(tmp_path / "absent") == []


def test_only_models_with_a_folder_can_lack_a_version(tmp_path: Path) -> None:
    (tmp_path / "empty" / ".publishing-1").mkdir(parents=True)
    (tmp_path / "full" / "1").mkdir(parents=True)

    assert without_version(["absent", "empty", "full"], tmp_path) == ["empty"]
