"""Every option, in each of the ways in which it can be chosen."""

from pathlib import Path

import pytest
import typer

from serving.commands.serve_command import origin
from serving.commands.serve_options import KINDS
from tests.option_table import PAGE, named_options, replaced, serve_command

CHOSEN: dict[str, tuple[str, str, object]] = {
    "model_repository": ("/a,s3://b/c", '["/a", "s3://b/c"]', ["/a", "s3://b/c"]),
    "load_model": ("a,b", '["a", "b"]', ["a", "b"]),
    "trace_config": ("rate=1 count=2", '["rate=1", "count=2"]', ["rate=1", "count=2"]),
    "backend_config": (
        "onnxruntime,enable-global-threadpool=1",
        '["onnxruntime,enable-global-threadpool=1"]',
        ["onnxruntime,enable-global-threadpool=1"],
    ),
    "api_key": ("k-1 k-2", '["k-1", "k-2"]', ["k-1", "k-2"]),
    "allow_origin": ("https://a http://b:1", '["https://a", "http://b:1"]', ["https://a", "http://b:1"]),
    "http_restricted_api": ("health:key=v", '["health:key=v"]', ["health:key=v"]),
    "grpc_restricted_protocol": ("health:key=v", '["health:key=v"]', ["health:key=v"]),
    "cache_config": ("local,size=7", '"local,size=7"', "local,size=7"),
    "otlp_endpoint": ("http://h:1", '"http://h:1"', "http://h:1"),
    "model_control_mode": ("explicit", '"explicit"', "explicit"),
    "model_code": ("never", '"never"', "never"),
    "log_style": ("json", '"json"', "json"),
    "record_rate": ("0.5", "0.5", 0.5),
    "access_log_rate": ("0.5", "0.5", 0.5),
}
OF_KIND: dict[type, tuple[str, str, object]] = {
    str: ("/x y", '"/x y"', "/x y"),
    int: ("7", "7", 7),
    float: ("7.5", "7.5", 7.5),
}


def chosen(name: str) -> tuple[str, str, object]:
    """As text, in TOML, and what comes of it; of a switch what it isn't unless told."""
    if KINDS[name] is bool:
        is_on = next(not option.default for option in named_options() if option.name == name)
        return str(is_on).lower(), str(is_on).lower(), is_on
    return CHOSEN.get(name) or OF_KIND[KINDS[name]]


def test_each_option_has_a_flag_a_variable_and_a_key_of_one_name() -> None:
    assert [each.name for each in named_options()] == ["config", *KINDS]
    for option in named_options():
        assert option.opts == [f"--{option.name.replace('_', '-')}"]


def taken(*arguments: str) -> dict[str, tuple[object, str]]:
    """By option its value, before all are looked at together, and where it is from."""
    context = serve_command().make_context("serve", list(arguments))
    values = {name: context.params[name] for name in KINDS}
    return {
        name: (str(value) if isinstance(value, Path) else value, origin(context, name))
        for name, value in values.items()
    }


def test_each_option_can_be_chosen_by_flag_by_variable_and_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLIPWAY_AUTO_TUNE_SECS", raising=False)
    assert {source for _, source in taken().values()} == {"default"}
    all_of_them = {name: chosen(name) for name in KINDS}
    flags = [
        f"--{name.replace('_', '-')}={each}"
        for name, (text, _, value) in all_of_them.items()
        for each in (value if isinstance(value, list) else [text])
    ]
    by_flag = {name: (value, "flag") for name, (_, _, value) in all_of_them.items()}
    assert taken(*flags) == by_flag
    file = tmp_path / "slipway.toml"
    file.write_text("\n".join(f"{name} = {toml}" for name, (_, toml, _) in all_of_them.items()))
    in_file = {name: (value, "file") for name, (_, _, value) in all_of_them.items()}
    assert taken("--config", str(file)) == in_file
    for name, (text, _, _) in all_of_them.items():
        monkeypatch.setenv(f"SLIPWAY_{name.upper()}", text)
    by_variable = {name: (value, f"SLIPWAY_{name.upper()}") for name, (_, _, value) in all_of_them.items()}
    assert taken() == taken("--config", str(file)) == by_variable, "the environment comes before the file"
    assert taken(*flags, "--config", str(file)) == by_flag, "and the command line before both"


@pytest.mark.parametrize(
    "arguments",
    [
        "--grpc-max-connection-age-secs inf",
        "--grpc-max-connection-age-secs 2147484",
        "--lame-duck-secs inf",
    ],
)
def test_what_no_part_can_be_told_is_out_of_range(arguments: str) -> None:
    with pytest.raises(typer.BadParameter, match="less than or equal to"):
        taken(*arguments.split())


def test_the_table_in_the_documentation_is_that_of_the_options() -> None:
    page = PAGE.read_text()
    assert page == replaced(page), "python -m tests.option_table writes it anew"
