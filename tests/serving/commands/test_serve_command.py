from pathlib import Path

import pytest

from tests.slipway_config import configuration, refusal, said


@pytest.mark.parametrize(
    ("arguments", "repositories"),
    [
        (["/a", "/b"], ["/a", "/b"]),
        (["--model-repository=/a", "--model-repository", "/b"], ["/a", "/b"]),
        (["--model-repository=/b", "/a"], ["/a", "/b"]),
    ],
)
def test_repositories_are_named_with_the_option_and_without_it_before_the_environment(
    arguments: list[str], repositories: list[str]
) -> None:
    told = configuration(*arguments, SLIPWAY_MODEL_REPOSITORY="/other")
    assert told["model_repository"] == {"value": repositories, "from": "flag"}


def test_a_value_out_of_range_is_refused_with_where_it_is_from(tmp_path: Path) -> None:
    file = tmp_path / "slipway.toml"
    file.write_text("http_port = 65536")
    assert "Invalid value for '--http-port': Input should be" in refusal("--http-port=65536")
    assert "65535; got '65536'" in refusal(SLIPWAY_HTTP_PORT="65536")
    assert "Invalid value for SLIPWAY_HTTP_PORT: Input should be" in refusal(SLIPWAY_HTTP_PORT="x")
    told = refusal("--config", str(file))
    assert f"Invalid value for http_port in {file}: Input should be" in told
    assert "65535; got 65536" in told
    file.write_text('model_control_mode = "pull"')
    assert "'pull' is not one of 'none', 'poll', 'explicit'" in refusal(SLIPWAY_CONFIG=str(file))


def test_what_is_refused_in_a_file_is_one_line(tmp_path: Path) -> None:
    told = refusal(SLIPWAY_CONFIG=str(tmp_path / "no.toml"))
    assert (
        told == f"slipway config: the configuration file {tmp_path}/no.toml can't be read: No such file or directory\n"
    )


def test_help_comes_before_a_file_that_is_no_good() -> None:
    assert "Usage" in said("--help", SLIPWAY_CONFIG="/no/such/file").stdout
