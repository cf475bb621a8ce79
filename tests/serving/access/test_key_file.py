import pytest

from serving.access.key_file import InvalidKeyFile, entry, read
from serving.access.keys import Key, digest_of
from serving.access.scope import Scope

DIGEST = digest_of("k").hex()


def test_an_entry_is_read_as_it_was_written() -> None:
    keys = (
        Key("shop", digest_of("a")),
        Key("ops@home", digest_of("b"), frozenset(Scope), 2.5, 8),
    )
    assert read("\n".join(map(entry, keys))) == keys


def test_without_scopes_a_key_may_ask_but_change_nothing() -> None:
    [key] = read(f'[[keys]]\nname = "a"\nsha256 = "{DIGEST}"\n')
    assert key.scopes == {Scope.INFERENCE, Scope.METADATA}
    assert key.rate is key.concurrency is None


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ("rates = 1", r"key 'a': there is no 'rates'; did you mean rate\?"),
        ("rate = 0", "key 'a': 'rate' must be a number above 0"),
        ("rate = inf", "key 'a': 'rate' must be a number above 0"),
        ("rate = nan", "key 'a': 'rate' must be a number above 0"),
        ("rate = true", "key 'a': 'rate' must be a number above 0"),
        ("concurrency = 1.5", "key 'a': 'concurrency' must be a whole number above 0"),
        ('scopes = ["admn"]', r"key 'a': there is no scope 'admn'; did you mean admin\?"),
        ("scopes = []", "key 'a': 'scopes' must be a list of inference, metadata, admin"),
        ('scopes = "admin"', "key 'a': 'scopes' must be a list"),
    ],
)
def test_an_error_names_the_key_and_the_field(fields: str, why: str) -> None:
    with pytest.raises(InvalidKeyFile, match=why):
        read(f'[[keys]]\nname = "a"\nsha256 = "{DIGEST}"\n{fields}\n')


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", r"it has no \[\[keys\]\]; `slipway keys new NAME`"),
        ("keys = 1", r"it has no \[\[keys\]\]"),
        ("[key]\n", "there is no 'key'"),
        ("x = ", "it is no TOML"),
        ("[[keys]]\nname = 'a b'\n", "key 1: 'name' must be"),
        ("[[keys]]\nname = 'a'\n", "key 'a': 'sha256' must be 64 hexadecimal digits"),
        (f"[[keys]]\nname='a'\nsha256='{DIGEST}'\n[[keys]]\nname='a'\nsha256='{'0' * 64}'", "two keys are called 'a'"),
        (f"[[keys]]\nname='a'\nsha256='{DIGEST}'\n[[keys]]\nname='b'\nsha256='{DIGEST}'", "'b' is the same key as 'a'"),
    ],
)
def test_what_is_no_key_file_is_told(text: str, why: str) -> None:
    with pytest.raises(InvalidKeyFile, match=why):
        read(text)


def test_a_key_in_the_place_of_its_digest_is_not_shown() -> None:
    with pytest.raises(InvalidKeyFile) as raised:
        read("[[keys]]\nname = 'a'\nsha256 = 'slipway-secret'\n")
    assert "slipway-secret" not in str(raised.value)
