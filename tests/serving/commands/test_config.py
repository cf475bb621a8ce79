import os
from pathlib import Path

import pytest

from tests.slipway_config import configuration, said


def line(text: str, name: str) -> list[str]:
    """The cells of an option's row."""
    row = next(each for each in text.splitlines() if each.startswith(f"│ {name} "))
    return [cell.strip() for cell in row.strip("│").split("│")]


def test_people_see_values_and_where_they_are_from(tmp_path: Path) -> None:
    file = tmp_path / "slipway.toml"
    file.write_text("web_page = false\nhttp_port = 9000")
    told = said("/a", "--config", str(file), "--http-port=7", SLIPWAY_GRPC_PORT="8")
    assert told.exit_code == 0
    names = ("model_repository", "http_port", "grpc_port", "web_page", "host", "trace_file")
    assert [line(told.stdout, name)[1:] for name in names] == [
        ["/a", "flag"],
        ["7", "flag"],
        ["8", "SLIPWAY_GRPC_PORT"],
        ["false", str(file)],
        ["127.0.0.1", "default"],
        ["", "default"],
    ]


def test_what_it_writes_as_a_file_says_the_same(tmp_path: Path) -> None:
    file = tmp_path / "slipway.toml"
    arguments = ["/a b", 's3://b/"c"', "--no-web-page", "--lame-duck-secs=1.5", "--host=\u00fc\x7f", "--log-style=json"]
    arguments += ["--trace-config=rate=1", "--trace-config", "opentelemetry,url=http://h"]
    file.write_text(said("--toml", *arguments).stdout)
    before, after = configuration(*arguments), configuration("--config", str(file))
    assert [each["value"] for each in after.values()][1:] == [each["value"] for each in before.values()][1:]
    chosen = {name for name, each in after.items() if each["from"] == "file"}
    assert chosen == {"model_repository", "web_page", "lame_duck_secs", "host", "log_style", "trace_config"}
    assert file.read_text().startswith("version = 1\n")
    assert "# grpc_port = 8001\n" in file.read_text()


def test_an_endpoint_may_be_opentelemetrys_and_passwords_are_not_shown() -> None:
    variable, endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT", "http://me:secret@collector:4318"
    told = configuration("https://me:secret@h/models", **{variable: endpoint})
    assert told["otlp_endpoint"] == {"value": "http://collector:4318", "from": variable}
    assert told["model_repository"]["value"] == ["https://h/models"]
    assert configuration("--otlp-endpoint=http://x", **{variable: endpoint})["otlp_endpoint"]["value"] == "http://x"


def test_what_is_no_text_is_shown_as_far_as_it_is() -> None:
    for way in ((), ("--toml",)):
        assert "/m\ufffd" in said(*way, SLIPWAY_STATE_FILE=os.fsdecode(b"/m\xff")).stdout


def test_a_variable_without_effect_is_told_beside_it() -> None:
    told = said("--json", SLIPWAY_HTTP_PRT="1", SLIPWAY_PORT="tcp://10.0.0.1:8000")
    assert told.exit_code == 0
    assert told.stderr == (
        "slipway config: the environment's SLIPWAY_HTTP_PRT has no effect: there is no such option; did you mean "
        "SLIPWAY_HTTP_PORT?\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [("--load-model", "m"), ("--record-rate", "2"), ("--cache-config", "x"), ("--json", "--toml")],
)
def test_what_serve_would_refuse_is_refused(arguments: tuple[str, ...]) -> None:
    told = said(*arguments)
    assert told.exit_code == 2
    assert arguments[0] in told.stderr
    assert told.stdout == ""
