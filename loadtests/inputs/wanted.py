"""What a person wants requests to be like. Rule: values only; what nobody asked for depends on the model."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any


@dataclass(frozen=True, slots=True)
class Span:
    """Any whole number from `low` to `high`, each as often."""

    low: int
    high: int

    def drawn(self, random: Random) -> int:
        return random.randint(self.low, self.high)


@dataclass(frozen=True, slots=True)
class Wanted:
    """`rows` are examples, texts or prompts of a request; `shapes` and `values` are of inputs by name, `extra` members
    of JSON bodies. A sequence has `sequence_length` requests, which leave in order where so many callers
    (`concurrency`) wait for their answers. `count` different requests are made up.
    """

    rows: int = 1
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    values: Mapping[str, Span] = field(default_factory=dict)
    prompt_tokens: Span | None = None
    max_tokens: Span | None = None
    stream: bool = True
    hang_up_after: int = 0
    extra: Mapping[str, Any] = field(default_factory=dict)
    sequence_length: int = 1
    concurrency: int | None = None
    count: int = 16
    seed: int = 0
