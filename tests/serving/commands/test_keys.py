import re

import pytest

from serving.access.key_file import read
from serving.access.keys import digest_of
from serving.access.scope import USUAL, Scope
from tests.integration.test_command_line import typed


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
