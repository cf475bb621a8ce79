"""Scenarios as TOML files: those that come with Slipway, and people's own.

Rule: what nobody knows is refused by its name and the nearest that is known, before anything is sent.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from enum import StrEnum
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar, get_args, get_type_hints

from loadtests.scenarios.scenario import InvalidScenario, Scenario
from serving.core.did_you_mean import did_you_mean

_SHIPPED = Path(__file__).parent
_WORDS = {float: "a number", int: "a whole number", str: "a text"}
_SHOWN = 60  # characters

_T = TypeVar("_T")


def shipped() -> dict[str, Scenario]:
    """By name."""
    return {path.stem: read(path) for path in sorted(_SHIPPED.glob("*.toml"))}


def found(name: str) -> Scenario:
    """The shipped one of this name, or else that in a file. Raises `InvalidScenario`."""
    inside = _SHIPPED / f"{name}.toml"
    if Path(name).name == name and inside.is_file():
        return read(inside)
    if not Path(name).is_file():
        known = [path.stem for path in sorted(_SHIPPED.glob("*.toml"))]
        raise InvalidScenario(f"'{name}' is no file and no scenario{did_you_mean(name, known)}")
    return read(Path(name))


def read(path: Path) -> Scenario:
    """Raises `InvalidScenario`."""
    try:
        return _made(Scenario, tomllib.loads(path.read_text()), "")
    except OSError as error:
        raise InvalidScenario(f"{path} can't be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidScenario(f"{path} is not TOML: {error}") from None
    except InvalidScenario as error:
        raise InvalidScenario(f"{path}: {error}") from None


def lasting(scenario: Scenario, seconds: float) -> Scenario:
    """The same in another time. What is repeated comes as often as before, and what is asked of the server stays."""
    times = seconds / scenario.seconds
    return replace(
        scenario,
        parts=tuple(
            replace(part, phases=tuple(replace(phase, seconds=phase.seconds * times) for phase in part.phases))
            for part in scenario.parts
        ),
        actions=tuple(replace(each, at=each.at * times) for each in scenario.actions),
    )


def _made(kind: type[_T], table: Mapping[str, Any], at: str) -> _T:
    known: dict[str, Field[Any]] = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    for name in table:
        if name not in known:
            raise InvalidScenario(f"there is no {at}{name[:_SHOWN]}{did_you_mean(name, known, at)}")
    for name, field in known.items():
        if field.default is MISSING and field.default_factory is MISSING and name not in table:
            raise InvalidScenario(f"it lacks {at}{name}")
    hints = get_type_hints(kind)
    return kind(**{name: _value(hints[name], value, f"{at}{name}") for name, value in table.items()})


def _value(kind: Any, value: Any, at: str) -> Any:
    if is_dataclass(kind) and isinstance(kind, type):
        if not isinstance(value, dict):
            raise InvalidScenario(f"{at} must be a table, written as [{at}], got {value!r:.{_SHOWN}}")
        return _made(kind, value, f"{at}.")
    arguments = get_args(kind)
    if NoneType in arguments:
        return _value(arguments[0], value, at)
    if arguments:
        if not isinstance(value, list):
            raise InvalidScenario(f"{at} must be a list{_written(arguments[0], at)}, got {value!r:.{_SHOWN}}")
        return tuple(_value(arguments[0], each, at) for each in value)
    return _plain(kind, value, at)


def _plain(kind: Any, value: Any, at: str) -> Any:
    if issubclass(kind, StrEnum):
        if value not in list(kind):
            raise InvalidScenario(f"{at} must be one of {', '.join(kind)}, got {value!r:.{_SHOWN}}")
        return kind(value)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise InvalidScenario(f"{at} must be {_WORDS[kind]}, got {value!r:.{_SHOWN}}")
    return value


def _written(kind: Any, at: str) -> str:
    return f", written as [[{at}]]" if is_dataclass(kind) else ""
