"""How a new version takes over from the one that serves, as config.pbtxt says in `parameters`.

    parameters { key: "rollout.strategy"  value { string_value: "canary" } }    or "shadow"
    parameters { key: "rollout.percent"   value { string_value: "10" } }

Rule: values only; without a `rollout.strategy` a new version takes all traffic at once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from serving.core.did_you_mean import did_you_mean
from serving.core.model_config import ModelConfig
from serving.errors import ModelLoadFailed

PREFIX = "rollout."


class Strategy(StrEnum):
    CANARY = "canary"
    """The new version answers a share of the requests."""

    SHADOW = "shadow"
    """It is given a share of the requests too, and its answers are compared and thrown away."""


@dataclass(frozen=True, slots=True)
class RolloutPolicy:
    """`percent` of the requests that name no version. After `min_requests` the new version is promoted, or rolled back
    where it is worse: its share of failures by more than `max_error_increase`, its time per request by more than
    `max_latency_ratio`, its share of answers that differ above `max_disagreement`. `automatic` false leaves the
    promotion to a person; a version that is worse is rolled back all the same.
    """

    strategy: Strategy
    percent: float = 10.0
    min_requests: int = 200
    max_error_increase: float = 0.01
    max_latency_ratio: float = 2.0
    max_disagreement: float = 0.1
    tolerance: float = 0.1
    """Absolute and relative; a number within it counts as the same answer."""
    automatic: bool = True


def rollout_policy(config: ModelConfig) -> RolloutPolicy | None:
    """Raises `ModelLoadFailed` naming a parameter that is wrong, or a model that can't have one."""
    given = {
        str(key).removeprefix(PREFIX): str(value.string_value)
        for key, value in config.parameters.items()
        if key.startswith(PREFIX)
    }
    if not given:
        return None
    for name in given:
        if name not in _READERS:
            raise ModelLoadFailed(f"parameters.{PREFIX}{name[:50]} is not known{did_you_mean(name, _READERS, PREFIX)}")
    if "strategy" not in given:
        raise ModelLoadFailed(f"parameters.{PREFIX}strategy must be set beside the other {PREFIX}* parameters")
    if config.HasField("sequence_batching") or config.model_transaction_policy.decoupled:
        raise ModelLoadFailed(
            f"parameters.{PREFIX}strategy: a model with sequences, or a decoupled one, can't share its requests "
            "among versions"
        )
    return RolloutPolicy(**{name: _READERS[name](name, text) for name, text in given.items()})


def _strategy(name: str, text: str) -> Strategy:
    if text not in list(Strategy):
        raise ModelLoadFailed(f"parameters.{PREFIX}{name} must be one of {', '.join(Strategy)}, got '{text[:50]}'")
    return Strategy(text)


def _number(low: float, high: float) -> Callable[[str, str], float]:
    def read(name: str, text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = float("nan")
        if not low <= number <= high:  # NaN compares false
            raise ModelLoadFailed(
                f"parameters.{PREFIX}{name} must be a number from {low:g} to {high:g}, got '{text[:50]}'"
            )
        return number

    return read


def _count(name: str, text: str) -> int:
    number = _number(1, 1e9)(name, text)
    if number != int(number):
        raise ModelLoadFailed(f"parameters.{PREFIX}{name} must be a whole number, got '{text[:50]}'")
    return int(number)


def _yes_or_no(name: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise ModelLoadFailed(f"parameters.{PREFIX}{name} must be 'true' or 'false', got '{text[:50]}'")
    return text == "true"


_READERS: dict[str, Callable[[str, str], Any]] = {
    "strategy": _strategy,
    "percent": _number(0.1, 99),
    "min_requests": _count,
    "max_error_increase": _number(0, 1),
    "max_latency_ratio": _number(1, 1000),
    "max_disagreement": _number(0, 1),
    "tolerance": _number(0, 1e9),
    "automatic": _yes_or_no,
}
PARAMETERS = tuple(PREFIX + name for name in _READERS)
