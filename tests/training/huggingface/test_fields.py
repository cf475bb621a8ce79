from collections.abc import Callable
from typing import Any

import pytest

from training.errors import ImportRefused
from training.huggingface.fields import count, flag, must_be, real


def test_values_are_what_the_file_says_or_the_default() -> None:
    assert count({"n": 7}, "n") == 7
    assert count({"n": None}, "n", 3) == 3
    assert real({"x": 1}, "x") == 1.0
    assert real({}, "x", 0.5) == 0.5
    assert flag({"on": True}, "on")
    assert not flag({"on": None}, "on")


@pytest.mark.parametrize(
    ("ask", "value"),
    [
        *((count, value) for value in (0, -1, 1.0, True, "7", [7], {}, 1 << 21, 10**400)),
        *((real, value) for value in (0, -1.0, True, "1", float("nan"), float("inf"), [1.0])),
        *((flag, value) for value in (0, 1, "true", [])),
    ],
)
def test_a_wrong_value_is_named_with_what_is_expected(ask: Callable[..., Any], value: object) -> None:
    with pytest.raises(ImportRefused, match=r"^config\.json: 'field' is .+ is expected"):
        ask({"field": value}, "field")


@pytest.mark.parametrize("ask", [count, real])
def test_an_absent_value_is_named(ask: Callable[..., Any]) -> None:
    with pytest.raises(ImportRefused, match="'field' is absent"):
        ask({}, "field")


def test_of_some_fields_one_value_is_served() -> None:
    must_be({}, "hidden_act", "silu")
    must_be({"hidden_act": "silu"}, "hidden_act", "silu")
    with pytest.raises(ImportRefused, match="'hidden_act' is 'gelu', of which only 'silu' is served"):
        must_be({"hidden_act": "gelu"}, "hidden_act", "silu")
