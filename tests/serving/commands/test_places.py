import pytest

from serving.commands.places import chosen


def test_the_command_line_comes_before_the_environment_and_that_before_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SLIPWAY_MODEL_REPOSITORY", raising=False)
    assert chosen([]) == ["model_repository"]
    monkeypatch.setenv("SLIPWAY_MODEL_REPOSITORY", "/my models,s3://bucket/models")
    assert chosen([]) == ["/my models", "s3://bucket/models"]
    assert chosen(["a", "b"]) == ["a", "b"]
