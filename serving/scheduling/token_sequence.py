"""One sequence of tokens that is read and then written, from when it waits to its end.

Rule: what it is asked for never changes; what became of it, only a `ContinuousBatcher` writes.
"""

from array import array
from collections.abc import Collection
from dataclasses import dataclass, field
from math import inf

from serving.core.generation import FinishReason


def packed(tokens: list[int]) -> bytes:
    """Four bytes for each token, so that many are compared at once."""
    return array("i", tokens).tobytes()


PACKED = len(packed([0]))
"""Bytes of one token."""


@dataclass(eq=False, slots=True)
class Sequence:
    """`tokens` are those of the prompt, at least one, and then what was written. Stop tokens are among `tokens` too;
    they don't end it before `min_tokens` were written. `priority` 1 is the highest, 0 the batcher's default. `deadline`
    is when its answer stops being of use; infinity for never."""

    tokens: list[int]
    max_tokens: int
    min_tokens: int = 0
    stop_token_ids: Collection[int] = ()
    priority: int = 0
    deadline: float = inf
    arrived: float = 0.0
    computed: int = 0
    """Tokens whose keys and values are in its row."""
    row: int | None = None
    """Of the cache, while it runs; it changes from step to step."""
    cached_tokens: int = 0
    """Of the prompt, that another sequence had left in the cache."""
    finish_reason: FinishReason | None = None
    prompt_length: int = field(init=False)
    prompt: bytes = field(init=False, repr=False)
    """Packed."""

    def __post_init__(self) -> None:
        self.prompt_length = len(self.tokens)
        self.prompt = packed(self.tokens)

    @property
    def written(self) -> int:
        return len(self.tokens) - self.prompt_length

    def reason_to_end(self, max_length: int) -> FinishReason | None:
        """After at least one token was written, in a row of so many positions."""
        written = len(self.tokens) - self.prompt_length
        if self.tokens[-1] in self.stop_token_ids and written > self.min_tokens:
            return FinishReason.STOP
        if written >= self.max_tokens or len(self.tokens) >= max_length:
            return FinishReason.LENGTH
        return None
