from pathlib import Path

import httpx
import pytest

from serving.access.key_file import entry
from serving.access.keys import Key, digest_of
from serving.access.scope import USUAL, Scope
from serving.commands.access_config import InvalidAccess, access_of, with_keys_of
from serving.commands.serve_options import ServeOptions
from serving.key_watch import keys_of
from serving.settings import Access
from tests import python_models
from tests.slipway_command import serving, typed, url_in
from tests.slipway_config import refusal, said


def test_keys_are_told_apart_by_their_place() -> None:
    keys = access_of(ServeOptions(api_key=["a", "b", "a"])).keys
    assert [(key.name, key.digest, key.scopes) for key in keys] == [
        ("api-key", digest_of("a"), USUAL),
        ("api-key-2", digest_of("b"), USUAL),
    ]


def test_a_file_adds_its_keys(tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    file.write_text(entry(Key("shop", digest_of("s"))))
    access = access_of(ServeOptions(api_key=["a"]))
    assert [key.name for key in with_keys_of(file, access).keys] == ["api-key", "shop"]


def test_a_key_that_clients_show_from_the_same_shell_stays_the_files(tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    file.write_text(entry(shop := Key("shop", digest_of("s"), frozenset([Scope.METADATA]))))
    access = with_keys_of(file, access_of(ServeOptions(api_key=["a", "s"])))
    assert access.keys == (Key("api-key", digest_of("a")), shop)
    assert access.key_file is not None
    file.write_text(entry(Key("other", digest_of("o"))))
    assert [key.name for key in keys_of(access.key_file)] == ["api-key", "other"], "what is taken out of it is no key"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "can't be read: No such file or directory"),
        (b"\xff", "can't be read: it is no text"),
        (b"", r"keys.toml: it has no \[\[keys\]\]"),
        (entry(Key("api-key", digest_of("b"))).encode(), "two keys are called 'api-key'"),
    ],
)
def test_a_file_that_is_none_is_told(tmp_path: Path, content: bytes | None, why: str) -> None:
    file = tmp_path / "keys.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InvalidAccess, match=why):
        with_keys_of(file, Access((Key("api-key", digest_of("a")),)))


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--api-key", "with space"], "--api-key: a key is of visible ASCII characters"),
        (["--admin-host", "0.0.0.0"], "--admin-host needs --admin-port"),
        (["--ssl-keyfile", "k.pem"], "--ssl-keyfile needs --ssl-certfile"),
        (["--ssl-ca-certs", "c.pem"], "--ssl-ca-certs needs --ssl-certfile"),
        (["--allow-origin", "https://a/b"], "--allow-origin: expected a page's origin"),
        (["--allow-origin", "app.example"], "--allow-origin: expected a page's origin"),
        (["--http-restricted-api", "nope:k=v"], "--http-restricted-api: there is no category 'nope'"),
        (["--grpc-restricted-protocol", "health"], "--grpc-restricted-protocol: expected CATEGORY"),
    ],
)
def test_what_makes_no_sense_is_told(arguments: list[str], why: str) -> None:
    assert why in " ".join(refusal(*arguments).replace("│", "").split())


def test_what_is_secret_is_shown_to_nobody(tmp_path: Path) -> None:
    words = ["--api-key=hush-1", "--http-restricted-api=health:key=hush-2"]
    for style in ([], ["--json"], ["--toml"]):
        result = said(*style, *words, SLIPWAY_GRPC_RESTRICTED_PROTOCOL="health:key=hush-3")
        assert result.exit_code == 0
        assert "(secret)" in result.output
        assert "hush" not in result.output
    file = tmp_path / "slipway.toml"
    file.write_text('api_key = "hush-4"')
    assert "api_key must be a list of strings, got something else" in refusal("--config", str(file))


TELLS = """
import os
import numpy as np
class Model:
    def execute(self, request):
        told = [name for name, value in os.environ.items() if "hush" in value]
        return {"y": np.full((1, 1), len(told), np.float32)}
"""
CONFIG = """input { name: "x" data_type: TYPE_FP32 dims: [1, 1] } output { name: "y" data_type: TYPE_FP32 dims: [1, 1] }
instance_group { kind: KIND_CPU }"""


def test_a_server_knows_its_keys_and_its_models_do_not(tmp_path: Path) -> None:
    """Commands ask with the key of their environment; what a model prints of its own has none."""
    python_models.add_model(tmp_path / "models", "tells", CONFIG + python_models.ISOLATED, TELLS)
    file = tmp_path / "keys.toml"
    file.write_text(entry(Key("ops", digest_of("ops-key"), frozenset(Scope))))
    told = {"SLIPWAY_API_KEY": "hush-key", "SLIPWAY_API_KEY_FILE": str(file), "SLIPWAY_AUTO_TUNE_SECS": "0"}
    with serving(tmp_path / "models", **told) as (_, banner):
        assert "api-key, ops, with their keys" in banner
        assert "hush" not in banner
        url = url_in(banner)
        asked = {"inputs": [{"name": "x", "shape": [1, 1], "datatype": "FP32", "data": [0]}]}
        headers = {"Authorization": "Bearer hush-key"}
        reply = httpx.post(f"{url}/v2/models/tells/infer", json=asked, headers=headers)
        assert reply.json()["outputs"][0]["data"] == [0]
        promoted = typed("models", "rollback", "tells", "--url", url, SLIPWAY_API_KEY="hush-key")
        assert "the server answered 403: the API key 'api-key' lacks the scope 'admin'" in promoted.stderr
        assert "answered 401" in typed("models", "rollback", "tells", "--url", url, SLIPWAY_API_KEY="").stderr
        assert "answered 400" in typed("models", "rollback", "tells", "--url", url, SLIPWAY_API_KEY="ops-key").stderr
