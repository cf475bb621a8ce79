from dataclasses import fields, replace
from pathlib import Path

import pytest
import typer

from serving.commands.chosen_settings import chosen_settings
from serving.commands.serve_options import KINDS, ModelControlMode, ServeOptions
from serving.settings import Settings

OPTIONS = ServeOptions()
ACCESS = (
    *("api_key", "admin_port", "admin_host", "metrics_host", "ssl_certfile", "ssl_keyfile", "ssl_ca_certs"),
    *("allow_origin", "http_restricted_api", "grpc_restricted_protocol"),
)
OF_KIND = {str: "/x", int: 7, float: 0.75, list: ["a"]}


def test_without_a_choice_the_settings_are_their_defaults() -> None:
    assert chosen_settings(OPTIONS, {}) == Settings((Path("model_repository"),))


@pytest.mark.parametrize("name", [name for name in KINDS if name not in ("log_style", "api_key_file")])
def test_what_is_chosen_is_set(name: str) -> None:
    """`log_style` is no setting of the server, and a file of keys is read when it starts."""
    special = {
        "model_name": "m",
        "cache_config": "local,size=7",
        "otlp_endpoint": "http://h:4318",
        "model_control_mode": ModelControlMode.EXPLICIT,
        "trace_config": ["rate=7"],
        "backend_config": ["onnxruntime,enable-global-threadpool=1"],
        "allow_origin": ["https://a"],
        "http_restricted_api": ["health:key=v"],
        "grpc_restricted_protocol": ["health:key=v"],
    }
    needed: dict[str, dict[str, object]] = {
        "load_model": {"model_control_mode": ModelControlMode.EXPLICIT},
        "admin_host": {"admin_port": 7},
        "ssl_keyfile": {"ssl_certfile": Path("/c")},
        "ssl_ca_certs": {"ssl_certfile": Path("/c")},
    }
    value = special.get(name) or OF_KIND.get(KINDS[name]) or not getattr(OPTIONS, name)
    base = replace(OPTIONS, **needed.get(name, {}))  # type: ignore[arg-type]
    settings, others = chosen_settings(replace(base, **{name: value}), {}), chosen_settings(base, {})
    changed = [each.name for each in fields(Settings) if getattr(settings, each.name) != getattr(others, each.name)]
    elsewhere = {
        "model_repository": "model_repositories",
        "cache_config": "response_cache_byte_size",
        "backend_config": "enable_global_threadpool",
        "trace_config": "tracing",
        "otlp_endpoint": "tracing",
        **dict.fromkeys(ACCESS, "access"),
    }
    assert changed == [elsewhere.get(name, name)]


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"load_model": ["m"]}, "--load-model needs --model-control-mode explicit"),
        (
            {"model_name": "m", "model_repository": ["a", "b"]},
            "--model-name is for one folder or file .*; got 2 places",
        ),
        (
            {"model_name": "m", "model_repository": ["s3://a/b"]},
            "--model-name is for one folder or file .*; got s3://a/b",
        ),
        ({"grpc_max_message_size": 2**31}, "--grpc-max-message-size is at most 2147483647 bytes, or -1; got"),
        ({"host": ""}, "--host must be an address; 0.0.0.0 is every network"),
        *(
            ({"model_name": name}, "--model-name: .* can't be a folder's name")
            for name in ("a/b", "..", "", "a\nb", "ä" * 128, "\udcff")
        ),
        ({"record_rate": 0.0}, "--record-rate must be above 0 and at most 1, the share of all requests; got 0"),
        ({"record_rate": float("nan")}, "--record-rate must be above 0 and at most 1"),
        ({"cache_config": "local,size=1", "response_cache_byte_size": 1}, "Incompatible flags"),
        ({"backend_config": ["x"]}, "--backend-config"),
        ({"trace_config": ["x"]}, "--trace-config"),
        ({"trace_file": Path("/t"), "otlp_endpoint": "http://h"}, "--trace-file"),
        ({"model_repository": ["ftp://h/m"]}, "got 'ftp://'"),
    ],
)
def test_what_can_not_be_together_is_refused(chosen: dict[str, object], words: str) -> None:
    with pytest.raises(typer.BadParameter, match=words):
        chosen_settings(replace(OPTIONS, **chosen), {})  # type: ignore[arg-type]
