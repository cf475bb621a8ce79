from pathlib import Path

import pytest

from serving.commands.places import Part, chosen, first_model, is_missing, listed, part_of_repository


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


def test_what_is_named_twice_is_one_repository(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "link").symlink_to("models")
    (tmp_path / "loop").symlink_to("loop")
    assert chosen([str(tmp_path / "loop")]) == [str(tmp_path / "loop")]
    a, b = str(tmp_path / "models"), str(tmp_path)
    named = [a, f"{a}/", f"file://{a}", b, str(tmp_path / "link"), "s3://c/d", "s3://c/d/", "s3://c/e"]
    assert chosen(named) == [a, b, "s3://c/d", "s3://c/e"]


@pytest.mark.parametrize(
    ("places", "words"),
    [
        (["model_repository"], "`slipway train digits-cnn` makes one"),
        (["s3://c/d", "my models"], "`slipway train digits-cnn --repository 'my models'` makes one"),
        (["s3://c/d"], "copy a model's folder there"),
    ],
)
def test_where_there_is_no_model_the_command_that_makes_one_is_told(places: list[str], words: str) -> None:
    assert first_model(places) == words


def test_a_part_of_a_repository_is_told_from_one(tmp_path: Path) -> None:
    (tmp_path / "m" / "1").mkdir(parents=True)
    (tmp_path / "m" / "1" / "model.pt").touch()
    has_file = Part("the folder of one model, since it has a 1/model.pt", tmp_path)
    assert part_of_repository(tmp_path / "m") == part_of_repository(f"file://{tmp_path}/m") == has_file
    assert part_of_repository(tmp_path / "m" / "1") == Part("the folder of one model's version", tmp_path)
    for place in (tmp_path, tmp_path / "no", "s3://bucket/m"):
        assert part_of_repository(place) is None
