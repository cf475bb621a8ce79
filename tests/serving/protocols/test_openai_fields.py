from typing import Any

import pytest

from serving.errors import InvalidInput
from serving.protocols import openai_fields
from serving.protocols.openai_fields import Fields


def refused(code: str, param: str, read: Any) -> str:
    with pytest.raises(InvalidInput) as caught:
        read()
    assert (caught.value.code, caught.value.param) == (code, param)
    return str(caught.value)


def test_null_is_as_good_as_absent() -> None:
    for fields in (Fields({}), Fields(dict.fromkeys("tfionl"))):
        assert (fields.text("t", "x"), fields.flag("f", True), fields.integer("i", 7)) == ("x", True, 7)
        assert (fields.object("o"), fields.number("n", 0.5, 0), fields.optional_integer("i")) == (None, 0.5, None)
        assert fields.list_of("l", openai_fields.text_item) == ()


def test_what_is_there_has_its_type() -> None:
    fields = Fields({"t": "x", "f": True, "i": 3.0, "n": 1, "o": {"a": 1}, "l": ["a"]})
    assert (fields.text("t"), fields.flag("f"), fields.integer("i", 0), fields.number("n", 0, 0)) == ("x", True, 3, 1.0)
    assert fields.list_of("l", openai_fields.text_item) == ("a",)
    inner = fields.fields("o")
    assert inner is not None
    assert (inner.integer("a", 0), inner.param("a")) == (1, "o.a")


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (7, lambda fields: fields.text("x")),
        ("true", lambda fields: fields.flag("x")),
        (True, lambda fields: fields.integer("x", 0)),
        (1.5, lambda fields: fields.integer("x", 0)),
        ("1", lambda fields: fields.number("x", 0, 0)),
        ([], lambda fields: fields.object("x")),
        ("a", lambda fields: fields.list_of("x", openai_fields.text_item)),
    ],
)
def test_another_type_is_told(value: Any, read: Any) -> None:
    assert "'x' must be " in refused("invalid_type", "x", lambda: read(Fields({"x": value})))


@pytest.mark.parametrize("value", [-1, 11, 10**400, float("nan"), float("inf")])
def test_numbers_out_of_bounds_are_told(value: float) -> None:
    words = refused("invalid_value", "x", lambda: Fields({"x": value}).number("x", 0, 0, 10))
    assert words.startswith("'x' must be ")


def test_bounds_are_told() -> None:
    fields = Fields({"x": 5})
    assert "from 1 to 3, got 5" in refused("invalid_value", "x", lambda: fields.integer("x", 0, 1, 3))
    assert "at least 6, got 5" in refused("invalid_value", "x", lambda: fields.integer("x", 0, 6))


def test_what_is_missing_is_told() -> None:
    words = refused("missing_required_parameter", "a.x", lambda: Fields({}, "a").required_text("x"))
    assert words == "the request must have a member 'a.x'"
    refused("missing_required_parameter", "x", lambda: Fields({"x": ""}).required_text("x"))


def test_an_item_of_a_list_is_named() -> None:
    fields = Fields({"x": ["a", 1]})
    refused("invalid_type", "x[1]", lambda: fields.list_of("x", openai_fields.text_item))
    assert openai_fields.token_id("x", 7) == 7
    refused("invalid_value", "x", lambda: openai_fields.token_id("x", -1))
    refused("invalid_type", "x", lambda: openai_fields.token_id("x", True))


@pytest.mark.parametrize("body", [b"", b"[1]", b"{", b'"x"', b'{"a": "\xff"}', b'{"a": "\\ud800"}', b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInput):
        openai_fields.body(body)
