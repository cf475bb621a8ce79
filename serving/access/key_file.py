"""A file of API keys: what each is called, its SHA-256, and what it is good for.

    [[keys]]
    name = "shop"
    sha256 = "…"
    scopes = ["inference", "metadata"]   # unless given
    rate = 100                           # requests per second, unless given any number
    concurrency = 8                      # requests at a time, unless given any number

Rule: an error names the key and the field, and never shows a value that may be a key.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.access.keys import Key
from serving.access.scope import USUAL, Scope
from serving.core.did_you_mean import did_you_mean, instead

_FIELDS = ("name", "sha256", "scopes", "rate", "concurrency")
_NAME = re.compile(r"[\w.@-]{1,64}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}")
_HOW = "`slipway keys new NAME` makes a key and its entry"


class InvalidKeyFile(ValueError):
    """The text says what is wrong."""


@dataclass(frozen=True, slots=True)
class KeyFile:
    """`beside` it there are keys that are in no file."""

    path: Path
    beside: tuple[Key, ...] = ()


def read(text: str) -> tuple[Key, ...]:
    """At least one. Raises `InvalidKeyFile`."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidKeyFile(f"it is no TOML: {error}") from None
    rows = document.pop("keys", None)
    if document:
        raise InvalidKeyFile(f"there is no '{min(document)[:50]}', only [[keys]]; {_HOW}")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise InvalidKeyFile(f"it has no [[keys]]; {_HOW}")
    return checked(_key(row, number) for number, row in enumerate(rows, 1))


def checked(keys: Iterable[Key]) -> tuple[Key, ...]:
    """Each name and each key once. Raises `InvalidKeyFile`."""
    names: set[str] = set()
    digests: dict[bytes, str] = {}
    keys = tuple(keys)
    for key in keys:
        if key.name in names:
            raise InvalidKeyFile(f"two keys are called '{key.name}'")
        names.add(key.name)
        if (other := digests.setdefault(key.digest, key.name)) != key.name:
            raise InvalidKeyFile(f"'{key.name}' is the same key as '{other}'")
    return keys


def entry(key: Key) -> str:
    """As `read` takes it."""
    scopes = ", ".join(f'"{scope}"' for scope in Scope if scope in key.scopes)
    lines = ["[[keys]]", f'name = "{key.name}"', f'sha256 = "{key.digest.hex()}"', f"scopes = [{scopes}]"]
    lines += [] if key.rate is None else [f"rate = {key.rate:g}"]
    lines += [] if key.concurrency is None else [f"concurrency = {key.concurrency}"]
    return "\n".join(lines) + "\n"


def is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


def _key(row: Mapping[str, Any], number: int) -> Key:
    name = row.get("name")
    if not isinstance(name, str) or not is_name(name):
        raise InvalidKeyFile(f"key {number}: 'name' must be up to 64 letters, digits and . _ - @")
    for field in row:
        if field not in _FIELDS:
            raise InvalidKeyFile(f"key '{name}': there is no '{field[:50]}'{did_you_mean(field, _FIELDS)}")
    digest = row.get("sha256")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise InvalidKeyFile(f"key '{name}': 'sha256' must be 64 hexadecimal digits, not the key itself; {_HOW}")
    rate, concurrency = row.get("rate"), row.get("concurrency")
    if rate is not None and not _is_positive(rate, float):
        raise InvalidKeyFile(f"key '{name}': 'rate' must be a number above 0, the requests per second")
    if concurrency is not None and not _is_positive(concurrency, int):
        raise InvalidKeyFile(f"key '{name}': 'concurrency' must be a whole number above 0, the requests at a time")
    return Key(name, bytes.fromhex(digest), _scopes(row.get("scopes"), name), rate, concurrency)


def _scopes(given: object, name: str) -> frozenset[Scope]:
    if given is None:
        return USUAL
    if not isinstance(given, list) or not given:
        raise InvalidKeyFile(f"key '{name}': 'scopes' must be a list of {', '.join(Scope)}")
    for each in given:
        if each not in list(Scope):
            raise InvalidKeyFile(f"key '{name}': there is no scope '{str(each)[:50]}'{instead(str(each), list(Scope))}")
    return frozenset(map(Scope, given))


def _is_positive(value: object, kind: type) -> bool:
    fits = isinstance(value, int) or (kind is float and isinstance(value, float))
    return fits and not isinstance(value, bool) and 0 < value < float("inf")  # type: ignore[operator]
