"""What a search may try: for each parameter, a range or a list of values.

    [search]
    learning_rate = { low = 1e-4, high = 1e-1, log = true }
    optimizer = ["adam", "adamw"]
    model.hidden = [64, 128]

Rule: what nobody knows, and values that no training would take, are refused before the first trial.
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from serving.core.did_you_mean import did_you_mean
from training.errors import InvalidConfig
from training.settings import MODEL, Changes, Value, fitting

TABLE = "search"
_FORM = "a list of values, or a table such as {low = 1e-4, high = 1e-1, log = true}"


@dataclass(frozen=True, slots=True)
class Range:
    """From `low` to `high`, both of which may be tried; `log` where factors count, not differences."""

    low: float
    high: float
    log: bool = False
    whole: bool = False

    @property
    def ends(self) -> tuple[Value, ...]:
        return self.low, self.high

    def holds(self, value: Value) -> bool:
        return isinstance(value, int | float) and self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Choice:
    values: tuple[Value, ...]

    @property
    def ends(self) -> tuple[Value, ...]:
        return self.values

    def holds(self, value: Value) -> bool:
        return value in self.values


Dimension = Range | Choice
Space = Mapping[str, Dimension]
"""By a parameter's name, as in `Changes`."""


def read(path: Path) -> Mapping[str, Any]:
    """The file's table `[search]`, flat, and nothing of it checked; empty where there is none. Raises OSError."""
    table = tomllib.loads(path.read_text()).get(TABLE, {})
    if not isinstance(table, dict):
        raise InvalidConfig(f"{path}: search must be a table, got {table!r}")
    model = table.pop(MODEL.rstrip("."), {})
    if not isinstance(model, dict):
        raise InvalidConfig(f"{path}: search.model must be a table of the model's parameters, got {model!r}")
    return {**table, **{MODEL + name: value for name, value in model.items()}}


def known(settings: Mapping[str, Any]) -> dict[str, Value]:
    """A course's parameters by their names in `Changes`."""
    return {**settings["train"], **{MODEL + name: value for name, value in settings["model"].items()}}


def parsed(table: Mapping[str, Any], parameters: Mapping[str, Value]) -> Space:
    """`parameters` as they are without the search. Raises `InvalidConfig`."""
    for name in table:
        if name not in parameters:
            raise InvalidConfig(f"there is no parameter '{name[:100]}' to search for{did_you_mean(name, parameters)}")
    return {name: _dimension(f"{TABLE}.{name}", value, parameters[name]) for name, value in table.items()}


def default(parameters: Mapping[str, Value], of_model: Mapping[str, tuple[Value, ...]]) -> dict[str, Dimension]:
    """Around a recipe's own `parameters`; `of_model` are hyper-parameters that it names, and what is worth trying."""
    rate = float(parameters["learning_rate"])
    found: dict[str, Dimension] = {
        "learning_rate": Range(rate / 10, min(rate * 10, 1.0), log=True),
        "weight_decay": Range(1e-6, 0.1, log=True),
    }
    if parameters["optimizer"] != "muon":  # whose rates are not the others'
        found["optimizer"] = Choice(("adam", "adamw", "momentum"))
    if parameters["epochs"]:  # of a length in steps, the largest batch has always seen most
        size = int(parameters["batch_size"])
        found["batch_size"] = Choice(tuple(dict.fromkeys((max(1, size // 2), size, size * 2))))
    return {**found, **{MODEL + name: Choice(values) for name, values in of_model.items()}}


def check(space: Space, accept: Callable[[Changes], object]) -> None:
    """Every range's ends and every choice, each by itself, must be what `accept` takes. Raises `InvalidConfig`."""
    for name, dimension in space.items():
        for value in dimension.ends:
            try:
                accept({name: value})
            except InvalidConfig as error:
                raise InvalidConfig(f"{TABLE}.{name}: {error}") from None


def starting(space: Space, parameters: Mapping[str, Value]) -> dict[str, Value]:
    """The parameters' own values, where the space has them: what is tried first."""
    return {name: parameters[name] for name, dimension in space.items() if dimension.holds(parameters[name])}


def document(space: Space) -> dict[str, Any]:
    """As JSON has it."""
    return {name: asdict(dimension) for name, dimension in space.items()}


def _dimension(name: str, value: Any, like: Value) -> Dimension:
    if isinstance(value, list) and value:
        return Choice(tuple(_distinct(name, [fitting(name, each, like) for each in value])))
    if isinstance(value, dict) and {"low", "high"} <= set(value) <= {"low", "high", "log"}:
        return _range(name, value, like)
    raise InvalidConfig(f"{name} must be {_FORM}, got {value!r}")


def _range(name: str, value: Mapping[str, Any], like: Value) -> Range:
    if isinstance(like, str | bool):
        raise InvalidConfig(f"{name} must be a list of values, since it is {_kind(like)}, got {value!r}")
    low, high = (fitting(f"{name}.{end}", value[end], like) for end in ("low", "high"))
    log = fitting(f"{name}.log", value.get("log", False), True)
    found = Range(float(low), float(high), bool(log), isinstance(like, int))
    if not (isfinite(found.low) and isfinite(found.high) and found.low < found.high):
        raise InvalidConfig(f"{name}: low must be below high, got {low} and {high}")
    if found.log and found.low <= 0:
        raise InvalidConfig(f"{name}: low must be above 0 where log is true, got {low}")
    return Range(int(low), int(high), found.log, whole=True) if found.whole else found


def _distinct(name: str, values: list[Value]) -> Iterator[Value]:
    if len(set(values)) < len(values):
        raise InvalidConfig(f"{name} has a value twice: {values}")
    yield from values


def _kind(value: Value) -> str:
    return "true or false" if isinstance(value, bool) else "a text"
