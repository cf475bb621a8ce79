"""Parameters of a run as people give them: a TOML file, and what they type in place of its values.

    [train]                 fields of `TrainConfig`
    optimizer = "adamw"

    [model]                 the recipe's hyper-parameters
    hidden = 256

    [data]                  how the recipe reads the user's data
    target = "diagnosis"

A table `[search]` is for `slipway search` (training/search/space.py).

Rule: what nobody knows is refused by its name and the nearest that is known, before anything is trained.
"""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from serving.core.did_you_mean import did_you_mean
from training.errors import InvalidConfig

Value = int | float | str | bool
Changes = Mapping[str, Value]
"""What is changed of a recipe: `TrainConfig`'s fields by name, hyper-parameters as `model.NAME`, and what is said of
the data as `data.NAME`."""

MODEL = "model."
DATA = "data."
_TRAIN = "train."
_SECTIONS = ("train", "model", "data")
_SEARCH = "search"
_SHOWN = 100  # characters


def given(file: Path | None, texts: Iterable[str] | None, /, **options: Value | None) -> Changes:
    """What a file says, what was typed in place of that, and what `options` of their own say in place of both. Raises
    `InvalidConfig`, and OSError."""
    said = {name: value for name, value in options.items() if value is not None}
    return {**(read(file) if file else {}), **typed(texts or ()), **said}


def read(path: Path) -> Changes:
    """Raises `InvalidConfig`, and OSError."""
    try:
        document = tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidConfig(f"{path} is not TOML: {error}") from None
    found: dict[str, Value] = {}
    for section, content in document.items():
        if section == _SEARCH:
            continue
        if section not in _SECTIONS or not isinstance(content, dict):
            raise InvalidConfig(f"{path} has '{section}'{did_you_mean(section, [f'[{it}]' for it in _SECTIONS])}")
        for name, value in content.items():
            if not isinstance(value, Value):
                raise InvalidConfig(f"{path}: {section}.{name} must be a number, a text, true or false, got {value!r}")
            found[name if section == "train" else f"{section}.{name}"] = value
    return found


def typed(texts: Iterable[str]) -> Changes:
    """Such as `optimizer=adamw` and `model.hidden=256`. Raises `InvalidConfig`."""
    found: dict[str, Value] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InvalidConfig(f"--set takes NAME=VALUE, such as optimizer=adamw, got '{text[:_SHOWN]}'")
        found[name.strip().removeprefix(_TRAIN)] = _value(value.strip())
    return found


def fitting(name: str, value: Value, like: Any) -> Value:
    """`value` in the type that stands there now. Raises `InvalidConfig`."""
    kind = type(like)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise InvalidConfig(f"{name} must be {_NAMES[kind]}, got {value!r}")
    return value


def check_known(name: str, known: Iterable[str], recipe: str, prefix: str = "") -> None:
    """Raises `InvalidConfig` for a parameter that a recipe does not have."""
    known = list(known)
    if name not in known:
        raise InvalidConfig(f"{recipe} has no parameter '{prefix}{name[:_SHOWN]}'{did_you_mean(name, known, prefix)}")


_NAMES = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


def _value(text: str) -> Value:
    try:
        value = tomllib.loads(f"it = {text}")["it"]
    except tomllib.TOMLDecodeError:
        return text
    return value if isinstance(value, Value) else text
