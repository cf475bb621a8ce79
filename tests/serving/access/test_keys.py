import pytest

from serving.access.keys import Key, Keyring, digest_of, is_usable, shown_in


def test_a_key_is_found_by_itself_only() -> None:
    ring = Keyring([Key("a", digest_of("first")), Key("b", digest_of("second"))])
    found = ring.find("second")
    assert found is not None
    assert found.name == "b"
    assert ring.find("") is ring.find("Second") is ring.find(digest_of("second").hex()) is None


def test_nothing_that_is_kept_shows_it() -> None:
    key = Key("a", digest_of("secret-key"))
    assert "secret-key" not in repr(key) + repr(vars(Keyring([key])))


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ([("authorization", "Bearer k")], "k"),
        ([("authorization", "bearer  k ")], "k"),
        ([("x-api-key", "k")], "k"),
        ([("x-api-key", "k"), ("authorization", "Bearer k")], "k"),
        ([("x-api-key", "k"), ("authorization", "Bearer other")], ""),
        ([("authorization", "Bearer k"), ("authorization", "Bearer other")], ""),
        ([("authorization", "k")], ""),
        ([("authorization", "Basic azpr")], ""),
        ([("authorization", "Bearer ")], ""),
        ([("cookie", "Bearer k")], ""),
        ([], ""),
    ],
)
def test_how_a_key_is_shown(headers: list[tuple[str, str]], key: str) -> None:
    assert shown_in(headers) == key


def test_a_usable_key_can_be_said_in_a_header() -> None:
    assert is_usable("sk-1!~")
    assert not any(map(is_usable, ("", "with space", "tab\t", "ümlaut", "line\n")))
