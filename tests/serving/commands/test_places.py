from pathlib import Path

import pytest

from serving.commands.places import chosen, is_missing, listed


def test_the_command_line_comes_before_the_environment_and_that_before_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SLIPWAY_MODEL_REPOSITORY", raising=False)
    assert chosen([]) == ["model_repository"]
    monkeypatch.setenv("SLIPWAY_MODEL_REPOSITORY", "/my models,s3://bucket/models")
    assert chosen([]) == ["/my models", "s3://bucket/models"]
    assert chosen(["a", "b"]) == ["a", "b"]


def test_a_folder_that_is_not_there_is_missing_and_of_an_address_nobody_knows(tmp_path: Path) -> None:
    places = [str(tmp_path), f"file://{tmp_path}", str(tmp_path / "no"), "s3://bucket/models"]
    assert list(map(is_missing, places)) == [False, False, True, False]


def test_folders_are_named_by_their_full_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert listed(["models", f"file://{tmp_path}/b", "s3://c/d"]) == f"{tmp_path}/models and {tmp_path}/b and s3://c/d"
