"""The members of a JSON object that a person wrote, each as the type that is expected.

Rule: null is as good as absent; members that nobody asks for are ignored; what is wrong is told with OpenAI's `param`
and `code`.
"""

import math
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from serving.core.brief import brief
from serving.errors import InvalidInput
from serving.protocols import json_text

T = TypeVar("T")

INT64 = 2**63


def wrong_type(param: str, expected: str, got: object) -> InvalidInput:
    return InvalidInput(f"'{param}' must be {expected}, got {brief(got)}", param, "invalid_type")


def wrong_value(param: str, words: str) -> InvalidInput:
    return InvalidInput(words, param, "invalid_value")


class Fields:
    """`path` is the name of the object itself within the body, "" for the body."""

    def __init__(self, document: dict[str, Any], path: str = "") -> None:
        self._document = document
        self._prefix = f"{path}." if path else ""

    def __contains__(self, name: str) -> bool:
        """Also where it is null."""
        return name in self._document

    def param(self, name: str) -> str:
        return self._prefix + name

    def value(self, name: str) -> Any:
        return self._document.get(name)

    def text(self, name: str, default: str = "") -> str:
        return str(self._typed(name, str, "a string", default))

    def required_text(self, name: str) -> str:
        if not (found := self.text(name)):
            self.missing(name)
        return found

    def missing(self, name: str) -> NoReturn:
        param = self.param(name)
        raise InvalidInput(f"the request must have a member '{param}'", param, "missing_required_parameter")

    def flag(self, name: str, default: bool = False) -> bool:
        return bool(self._typed(name, bool, "true or false", default))

    def object(self, name: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self._typed(name, dict, "an object", None)
        return found

    def fields(self, name: str) -> "Fields | None":
        found = self.object(name)
        return None if found is None else Fields(found, self.param(name))

    def integer(self, name: str, default: int, low: int = -INT64, high: int = INT64 - 1) -> int:
        found = self.value(name)
        if found is None:
            return default
        if type(found) is float and found.is_integer():
            found = int(found)
        if type(found) is not int:
            raise wrong_type(self.param(name), "an integer", found)
        self._check(name, found, low, high)
        return found

    def optional_integer(self, name: str, low: int = -INT64, high: int = INT64 - 1) -> int | None:
        return None if self.value(name) is None else self.integer(name, 0, low, high)

    def number(self, name: str, default: float, low: float, high: float = math.inf) -> float:
        found = self.value(name)
        if found is None:
            return default
        number = finite(self.param(name), found)
        self._check(name, number, low, high)
        return number

    def list_of(self, name: str, check: Callable[[str, Any], T]) -> tuple[T, ...]:
        """`check(param, item)` for each item."""
        found = self._typed(name, list, "a list", [])
        return tuple(check(f"{self.param(name)}[{index}]", item) for index, item in enumerate(found))

    def _typed(self, name: str, kind: type, expected: str, default: Any) -> Any:
        found = self.value(name)
        if found is None:
            return default
        if type(found) is not kind:
            raise wrong_type(self.param(name), expected, found)
        return found

    def _check(self, name: str, number: float, low: float, high: float) -> None:
        if not low <= number <= high:
            param = self.param(name)
            bounds = f"at least {low}" if high in (math.inf, INT64 - 1) else f"from {low} to {high}"
            raise wrong_value(param, f"'{param}' must be {bounds}, got {brief(number)}")


def body(text: bytes) -> Fields:
    """Raises `InvalidInput` where it is no JSON object."""
    document = json_text.loads(text)
    if type(document) is not dict:
        raise InvalidInput(f"the body must be a JSON object, got {brief(document)}")
    return Fields(document)


def finite(param: str, value: Any) -> float:
    if type(value) not in (int, float):
        raise wrong_type(param, "a number", value)
    if not -1e308 <= value <= 1e308:  # also what is no number, and integers of any length
        raise wrong_value(param, f"'{param}' must be a finite number, got {brief(value)}")
    return float(value)


def token_id(param: str, value: Any) -> int:
    if type(value) is not int:
        raise wrong_type(param, "a token's number", value)
    if not 0 <= value < 2**31:
        raise wrong_value(param, f"'{param}' must be a token's number, got {brief(value)}")
    return value


def text_item(param: str, value: Any) -> str:
    if type(value) is not str:
        raise wrong_type(param, "a string", value)
    return value
