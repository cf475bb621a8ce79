import pytest

from serving.access.gate import Asked, Callers, Gate, too_many
from serving.access.keys import Key, digest_of
from serving.access.restricted import of_http
from serving.access.scope import Category, Scope
from serving.access.table import Needs
from serving.errors import Forbidden, Restricted, Unauthenticated

OPEN = Needs(frozenset(), frozenset([Category.HEALTH]))
INFER = Needs(frozenset([Scope.INFERENCE]), frozenset([Category.INFERENCE]))
LOAD = Needs(frozenset([Scope.ADMIN]), frozenset([Category.MODEL_REPOSITORY]))
KEYS = Callers([Key("shop", digest_of("s")), Key("ops", digest_of("o"), frozenset(Scope), concurrency=1)])


def asked(key: str = "", address: str = "10.0.0.1", **headers: str) -> Asked:
    return Asked(key, address, lambda name: headers.get(name, ""))


def test_with_keys_nobody_asks_without_one_but_for_what_is_open() -> None:
    gate = Gate(KEYS)
    assert gate.admit(OPEN, asked()).name == ""
    for near in ("127.0.0.1", "10.0.0.1"):
        with pytest.raises(Unauthenticated, match="Authorization: Bearer KEY"):
            gate.admit(INFER, asked(address=near))
        with pytest.raises(Unauthenticated, match="does not know that API key"):
            gate.admit(LOAD, asked("x", near))


def test_a_key_is_good_for_its_scopes() -> None:
    gate = Gate(KEYS)
    assert gate.admit(INFER, asked("s")).name == "shop"
    assert gate.admit(LOAD, asked("o")).name == "ops"
    with pytest.raises(Forbidden, match=r"'shop' lacks the scope 'admin', .* it has inference, metadata"):
        gate.admit(LOAD, asked("s", "127.0.0.1"))


def test_what_a_key_may_ask_is_one_amount_for_all_doors() -> None:
    found = [Gate(KEYS).admit(INFER, asked("o")).allowance for _ in range(2)]
    assert found[0] is found[1] is not None
    assert Gate(KEYS).admit(INFER, asked("s")).allowance is None


def test_without_keys_only_this_machine_changes_the_server() -> None:
    gate = Gate()
    assert gate.admit(INFER, asked()).name == ""
    assert gate.admit(LOAD, asked(address="::ffff:127.0.0.1")).name == ""
    for elsewhere in ("10.0.0.1", ""):
        with pytest.raises(Forbidden, match="slipway keys new NAME --scope admin"):
            gate.admit(LOAD, asked(address=elsewhere))
    assert Gate(is_for_all=True).admit(LOAD, asked()).name == ""


@pytest.mark.parametrize("header", ["x-forwarded-for", "via", "forwarded", "x-real-ip"])
def test_whom_a_proxy_on_this_machine_asks_for_is_elsewhere(header: str) -> None:
    with pytest.raises(Forbidden, match="slipway keys new"):
        Gate().admit(LOAD, asked(address="127.0.0.1", **{header: "127.0.0.1"}))


@pytest.mark.parametrize("is_for_all", [True, False])
def test_a_page_from_elsewhere_has_no_browser_change_the_server(is_for_all: bool) -> None:
    gate = Gate(is_for_all=is_for_all, origins=["https://ours.example"])
    for origin in ("http://evil.example:8000", "null"):
        with pytest.raises(Forbidden, match="--allow-origin"):
            gate.admit(LOAD, asked(address="127.0.0.1", origin=origin))
    for origin in ("http://localhost:8000", "https://ours.example"):
        gate.admit(LOAD, asked(address="127.0.0.1", origin=origin))


def test_a_restricted_category_wants_its_header_whatever_else_is_shown() -> None:
    gate = Gate(KEYS, of_http(["model-repository,health:admin-key=secret"]))
    for needs in (LOAD, OPEN):
        with pytest.raises(Restricted, match="expecting header 'admin-key'"):
            gate.admit(needs, asked("o", "127.0.0.1", **{"admin-key": "Secret"}))
    gate.admit(OPEN, asked(**{"admin-key": "secret"}))
    gate.admit(LOAD, asked("o", **{"admin-key": "secret"}))
    with pytest.raises(Unauthenticated):
        gate.admit(LOAD, asked(**{"admin-key": "secret"}))


def test_without_keys_the_header_of_a_category_is_as_good_as_a_key() -> None:
    gate = Gate(restrictions=of_http(["model-repository:admin-key=secret"]))
    gate.admit(LOAD, asked(**{"admin-key": "secret"}))
    with pytest.raises(Forbidden, match="slipway keys new"):
        gate.admit(Needs(LOAD.scopes, frozenset([Category.LOGGING])), asked(**{"admin-key": "secret"}))


def test_what_is_answered_at_another_door_is_refused_here() -> None:
    gate = Gate(KEYS, closed="at the other port", closed_scopes=frozenset([Scope.ADMIN]))
    gate.admit(INFER, asked("o"))
    with pytest.raises(Forbidden, match="at the other port"):
        gate.admit(LOAD, asked("o", "127.0.0.1"))
    with pytest.raises(Unauthenticated):  # where it is, is nobody's business
        gate.admit(LOAD, asked())


def test_whoever_asks_too_much_is_told_when_to_come_back_in_whole_seconds() -> None:
    assert [too_many("a", wait).retry_after for wait in (0.01, 1.0, 1.5)] == [1, 1, 2]
