"""The parameters of an infer request: those that mean something to the server, and the caller's own.

Source: Triton's extension_schedule_policy.md, extension_sequence.md and extension_parameters.md. Rule: values arrive as
Python's own types, whichever protocol carried them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from serving.core.brief import brief
from serving.core.requests import NO_PARAMETERS, Parameter, Parameters
from serving.errors import InvalidInput

EMPTY_FINAL_RESPONSE = "triton_enable_empty_final_response"
"""The one reserved key that a caller may set, on a gRPC stream."""

_UINT64 = 2**64 - 1
_INT64 = 2**63 - 1


@dataclass(frozen=True, slots=True)
class RequestParameters:
    """`timeout` is in seconds, 0 for none; `custom` are those that the server does not know."""

    timeout: float = 0.0
    priority: int = 0
    sequence_id: int | str = 0
    sequence_start: bool = False
    sequence_end: bool = False
    binary_data_output: bool = False
    custom: Parameters = field(default_factory=lambda: NO_PARAMETERS)


NONE = RequestParameters()
_KNOWN = {"timeout", "priority", "sequence_id", "sequence_start", "sequence_end", "binary_data_output"}


def read(parameters: Mapping[str, Any]) -> RequestParameters:
    """Raises `InvalidInput` naming the parameter."""
    if not parameters:
        return NONE
    return RequestParameters(
        timeout=_integer(parameters, "timeout", _INT64, "microseconds") * 1e-6,
        priority=_integer(parameters, "priority", _UINT64, "a priority"),
        sequence_id=_sequence_id(parameters),
        sequence_start=_boolean(parameters, "sequence_start"),
        sequence_end=_boolean(parameters, "sequence_end"),
        binary_data_output=_boolean(parameters, "binary_data_output"),
        custom=custom({name: value for name, value in parameters.items() if name not in _KNOWN}),
    )


def custom(parameters: Mapping[str, Any]) -> dict[str, Parameter]:
    """A caller's own parameters, checked. Raises `InvalidInput` for reserved names and for values of other types."""
    for name, value in parameters.items():
        if name.startswith("triton_"):
            raise InvalidInput(
                "parameter keys starting with 'triton_' are reserved for Triton usage and should not be specified. "
                f"Only '{EMPTY_FINAL_RESPONSE}' is allowed, on a gRPC stream; got '{name[:100]}'"
            )
        if type(value) not in (bool, int, float, str):
            raise InvalidInput(
                f"parameter '{name[:100]}' has invalid type. It should be either 'int', 'bool', or 'string'."
            )
    return dict(parameters)


def _integer(parameters: Mapping[str, Any], name: str, most: int, unit: str) -> int:
    value = parameters.get(name, 0)
    if type(value) is not int or not 0 <= value <= most:
        raise InvalidInput(f"Unable to parse '{name}': expected {unit}, 0 to {most}, got {brief(value)}")
    return value


def _boolean(parameters: Mapping[str, Any], name: str) -> bool:
    value = parameters.get(name, False)
    if type(value) is not bool:
        raise InvalidInput(f"Unable to parse '{name}': expected true or false, got {brief(value)}")
    return value


def _sequence_id(parameters: Mapping[str, Any]) -> int | str:
    value: Any = parameters.get("sequence_id", 0)
    is_id = type(value) is str or (type(value) is int and 0 <= value <= _UINT64)
    if not is_id:
        raise InvalidInput(f"Unable to parse 'sequence_id': expected a string or 0 to {_UINT64}, got {brief(value)}")
    return value  # type: ignore[no-any-return]
