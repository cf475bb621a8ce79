from pathlib import Path

import pytest

from serving.commands.configuration import InvalidConfiguration, from_environment, from_file, unknown
from tests.option_table import every_command

KINDS = {"http_port": int, "record_rate": float, "web_page": bool, "host": str, "load_model": list}
KINDS |= {"model_repository": list, "trace_config": list, "shutdown_timeout": int}


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "slipway.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_a_file_has_options_by_name_with_underscores_or_hyphens(tmp_path: Path) -> None:
    file = written(tmp_path, 'http-port = 1\nrecord_rate = 1\nweb_page = false\nload_model = ["a b", "c"]\nhost = "::"')
    assert from_file(file, KINDS) == {
        "http_port": 1,
        "record_rate": 1,
        "web_page": False,
        "load_model": ["a b", "c"],
        "host": "::",
    }


def test_a_file_may_say_of_which_format_it_is(tmp_path: Path) -> None:
    assert from_file(written(tmp_path, "version = 1\nhttp_port = 2"), KINDS) == {"http_port": 2}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('http_port = "8000"', ": http_port must be a whole number, got '8000'"),
        ("http_port = 8000.0", ": http_port must be a whole number, got 8000.0"),
        ("http-port = true", ": http-port must be a whole number, got true"),
        ("record_rate = '1'", ": record_rate must be a number, got '1'"),
        ("record_rate = true", ": record_rate must be a number, got true"),
        ("web_page = 1", ": web_page must be true or false, got 1"),
        ("host = 127", ": host must be a string in quotes, got 127"),
        ('load_model = "a"', ": load_model must be a list of strings, got 'a'"),
        ("load_model = [1]", ": load_model must be a list of strings, got [1]"),
        ("http_prt = 1", ": there is no option 'http_prt'; did you mean http_port?"),
        ("exit-timeout-secs = 1", ": there is no option 'exit-timeout-secs'; did you mean shutdown_timeout?"),
        ("port = 1", ": there is no option 'port'; did you mean http_port?"),
        ("qqq = 1", ": there is no option 'qqq'"),
        ("[server]\nhttp_port = 1", ": server is a table; options have none, they are at the file's top"),
        ("http_port = 1\nhttp-port = 2", ": http_port is there with hyphens too; leave one out"),
        (
            "host = '::'\nhttp_port 1",
            " is no TOML: Expected '=' after a key in a key/value pair (at line 2, column 11)",
        ),
        ("host = '::'\nhttp_port =", " is no TOML: Invalid value (at line 2, the end)"),
        (
            "version = 2\nof_later = 1",
            " is of version 2, and this Slipway reads 1; it needs a newer Slipway, or `version = 1` and options that "
            "this one has (slipway config shows them)",
        ),
        ("version = '1'", ": version, the file's format, must be 1, got '1'"),
        ("version = true", ": version, the file's format, must be 1, got true"),
        ("version = 0", ": version, the file's format, must be 1, got 0"),
        (b"host = '::'\nweb_page = \xff", " is no TOML: what is no UTF-8 (at line 2)"),
        ("a = " + "[" * 5000, " is no TOML that can be read: it is nested too deeply"),
    ],
)
def test_what_a_file_cant_say_is_told_in_one_line(text: str | bytes, words: str, tmp_path: Path) -> None:
    file = written(tmp_path, text)
    with pytest.raises(InvalidConfiguration) as told:
        from_file(file, KINDS)
    assert str(told.value) == f"{file}{words}"


def test_a_long_value_is_told_in_part(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfiguration, match=r"got 'x{99}\.\.\."):
        from_file(written(tmp_path, f'http_port = "{"x" * 1000}"'), KINDS)


def test_a_file_that_cant_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfiguration, match=f"{tmp_path}/no can't be read: No such file"):
        from_file(tmp_path / "no", KINDS)
    with pytest.raises(InvalidConfiguration, match=f"{tmp_path} can't be read: Is a directory"):
        from_file(tmp_path, KINDS)


def test_the_environment_has_lists_with_commas_or_where_values_have_those_with_spaces() -> None:
    environment = {
        "SLIPWAY_MODEL_REPOSITORY": "/my models, s3://b/c,",
        "SLIPWAY_LOAD_MODEL": "a,b c",
        "SLIPWAY_TRACE_CONFIG": "rate=1 opentelemetry,url=x",
        "SLIPWAY_HTTP_PORT": "",
        "SLIPWAY_HOST": "::",
        "OTHER_HOST": "x",
    }
    assert from_environment(environment, KINDS) == {
        "model_repository": ["/my models", "s3://b/c"],
        "load_model": ["a", "b", "c"],
        "trace_config": ["rate=1", "opentelemetry,url=x"],
        "host": "::",
    }


def of_a_service(name: str, port: int = 8000) -> dict[str, str]:
    """What Kubernetes sets in every container beside a Service of that name, which has a port called http."""
    prefix, address = name.upper().replace("-", "_"), f"tcp://10.0.0.1:{port}"
    of_port = {"": address, "_PROTO": "tcp", "_PORT": str(port), "_ADDR": "10.0.0.1"}
    return {
        f"{prefix}_SERVICE_HOST": "10.0.0.1",
        f"{prefix}_SERVICE_PORT": str(port),
        f"{prefix}_SERVICE_PORT_HTTP": str(port),
        f"{prefix}_PORT": address,
        **{f"{prefix}_PORT_{port}_TCP{end}": value for end, value in of_port.items()},
    }


def test_what_kubernetes_says_of_services_is_nothing_to_us() -> None:
    services = of_a_service("slipway") | of_a_service("slipway-http") | of_a_service("slipway-predictor-default", 80)
    assert services["SLIPWAY_HTTP_PORT"] == "tcp://10.0.0.1:8000"
    assert (from_environment(services, KINDS), unknown(services, KINDS)) == ({}, [])
    assert from_environment(services | {"SLIPWAY_HTTP_PORT": "9000"}, KINDS) == {"http_port": "9000"}


def test_a_variable_without_effect_is_told_with_the_nearest_that_has_one() -> None:
    environment = {"SLIPWAY_HTTP_PRT": "1", "SLIPWAY_PORT": "8000", "SLIPWAY_QQQ": "", "SLIPWAY_HOST": "::"}
    assert unknown(environment, KINDS) == [
        "the environment's SLIPWAY_HTTP_PRT has no effect: there is no such option; did you mean SLIPWAY_HTTP_PORT?",
        "the environment's SLIPWAY_PORT has no effect: there is no such option; did you mean SLIPWAY_HTTP_PORT?",
        "the environment's SLIPWAY_QQQ has no effect: there is no such option",
    ]


def test_variables_of_every_command_are_known() -> None:
    variables = {each.envvar for command in every_command() for each in command.params if each.envvar}
    assert variables == {"SLIPWAY_CONFIG", "SLIPWAY_URL", "SLIPWAY_MODEL_CACHE", "SLIPWAY_MODEL_CODE"}
    assert unknown(dict.fromkeys(variables, "x"), {"model_cache": str, "model_code": str}) == []
