"""The `parameters` of a config.pbtxt, whose values are texts, as numbers and choices.

Rule: a value that can't be meant is a `ModelLoadFailed` that names the parameter, what it may be and what it is.
"""

from collections.abc import Mapping
from typing import TypeVar

from tritonclient.grpc.model_config_pb2 import ModelConfig

from serving.errors import ModelLoadFailed

MAX_THREADS = 1024

_SWITCH = {"1": True, "true": True, "0": False, "false": False}
_LONGEST = 50  # characters of a value that an error repeats

Value = TypeVar("Value")


def text(config: ModelConfig, name: str) -> str | None:
    return str(config.parameters[name].string_value) if name in config.parameters else None


def thread_count(config: ModelConfig, name: str) -> int:
    """0, the runtime's own choice, when it is not set."""
    return whole_number(config, name, MAX_THREADS, "a number of threads") or 0


def whole_number(
    config: ModelConfig, name: str, highest: int, what: str = "a whole number", least: int = 0
) -> int | None:
    given = text(config, name)
    if given is None:
        return None
    is_number = given.isascii() and given.isdecimal() and len(given) <= len(str(highest))
    if not is_number or not least <= int(given) <= highest:
        raise _refused(name, f"{what}, {f'{least} to' if least else 'at most'} {highest}", given)
    return int(given)


def number(config: ModelConfig, name: str, highest: float, what: str) -> float | None:
    """Above 0."""
    given = text(config, name)
    if given is None:
        return None
    try:
        value = float(given)
    except ValueError:
        value = 0.0
    if not 0 < value <= highest:  # NaN compares false
        raise _refused(name, f"{what} above 0, at most {highest:g}", given)
    return value


def switch(config: ModelConfig, name: str, default: bool) -> bool:
    given = text(config, name)
    if given is None:
        return default
    if given.lower() not in _SWITCH:
        raise _refused(name, "true, false, 1 or 0", given)
    return _SWITCH[given.lower()]


def choice(config: ModelConfig, name: str, choices: Mapping[str, Value]) -> Value | None:
    """`choices` gives what each text that it may be stands for."""
    given = text(config, name)
    if given is None:
        return None
    if given not in choices:
        raise _refused(name, ", ".join(f"{key} ({value})" for key, value in choices.items()), given)
    return choices[given]


def _refused(name: str, expected: str, given: str) -> ModelLoadFailed:
    return ModelLoadFailed(f"parameters.{name} must be {expected}, got '{given[:_LONGEST]}'")
