import re
import stat
from pathlib import Path

import pytest

from serving.access.key_file import read
from serving.access.keys import digest_of
from serving.access.scope import USUAL, Scope
from tests.slipway_command import typed


def test_a_key_is_shown_once_and_its_entry_does_not_tell_it() -> None:
    made = [typed("keys", "new", "shop") for _ in range(2)]
    keys = [re.search(r"  (slipway-\S{43})\n", each.stderr)[1] for each in made]  # type: ignore[index]
    assert keys[0] != keys[1]
    assert keys[0] not in made[0].stdout
    [entry] = read(made[0].stdout)
    assert (entry.name, entry.digest, entry.scopes) == ("shop", digest_of(keys[0]), USUAL)


def test_entries_are_put_one_behind_the_other() -> None:
    first = typed("keys", "new", "ops", "--scope", "admin", "--rate", "2.5", "--concurrency", "4").stdout
    found = read(first + typed("keys", "new", "shop").stdout)
    assert [(key.name, key.scopes) for key in found] == [("ops", {Scope.ADMIN}), ("shop", USUAL)]
    assert (found[0].rate, found[0].concurrency) == (2.5, 4)


def test_a_file_that_it_makes_is_its_owners_alone_and_takes_one_entry_after_the_other(tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    first = typed("keys", "new", "shop", "--file", str(file))
    assert (stat.S_IMODE(file.stat().st_mode), first.stdout) == (0o600, "")
    assert f"slipway serve --api-key-file {file}" in first.stderr
    key = re.search(r"  (slipway-\S{43})\n", first.stderr)[1]  # type: ignore[index]
    file.write_text(f"{file.read_text().rstrip()} # for the shop")
    typed("keys", "new", "ops", "--scope", "admin", "--file", str(file))
    assert [(each.name, each.scopes) for each in read(file.read_text())] == [("shop", USUAL), ("ops", {Scope.ADMIN})]
    assert read(file.read_text())[0].digest == digest_of(key)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"[[keys]]\nname = 'a'\nsha256 = '" + b"0" * 64 + b"'\n", "two keys are called 'a'"),
        (b"http_port = 9000\n", "there is no 'http_port', only [[keys]]"),
        (b"\xff", "can't decode byte 0xff"),
    ],
)
def test_a_file_that_would_be_none_is_left_as_it_is(tmp_path: Path, content: bytes, why: str) -> None:
    file = tmp_path / "keys.toml"
    file.write_bytes(content)
    refused = typed("keys", "new", "a", "--file", str(file), COLUMNS="400")
    assert refused.returncode == 2
    assert why in refused.stderr
    assert "slipway-" not in refused.stderr
    assert file.read_bytes() == content


def test_a_file_that_can_not_be_written_is_told() -> None:
    refused = typed("keys", "new", "a", "--file", "/no/such/folder/keys.toml", COLUMNS="400")
    assert "nothing was added to /no/such/folder/keys.toml: No such file or directory" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["a b"], "a name has up to 64 letters, digits and . _ - @; got 'a b'"),
        (["a", "--rate", "0"], "--rate is a number above 0"),
        (["a", "--rate", "nan"], "--rate is a number above 0"),
        (["a", "--concurrency", "0"], "--concurrency"),
        (["a", "--scope", "root"], "'root' is not one of 'inference', 'metadata', 'admin'"),
    ],
)
def test_what_can_be_no_key_is_told(arguments: list[str], why: str) -> None:
    made = typed("keys", "new", *arguments)
    assert made.returncode == 2
    assert why in " ".join(made.stderr.replace("│", "").split())
