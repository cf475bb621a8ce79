"""How long prompts and answers of a model that writes are.

Rule: where nobody asked for lengths they fit into the model's context.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from loadtests.inputs import words
from loadtests.inputs.model import Learnt, WordCost
from loadtests.inputs.wanted import Span, Wanted

_PROMPT, _ANSWER = 128, 64  # tokens
_READ = 32  # tokens of a text that is only read


@dataclass(frozen=True, slots=True)
class Writing:
    """`extra` are further options of requests."""

    prompt_tokens: Span
    max_tokens: Span
    cost: WordCost
    extra: Mapping[str, Any] = field(default_factory=dict)

    def prompt(self, random: Random) -> str:
        return words.text(self.cost.words(self.prompt_tokens.drawn(random)), random)

    def options(self, random: Random) -> dict[str, Any]:
        return {"max_tokens": self.max_tokens.drawn(random), **self.extra}


def writing(wanted: Wanted, learnt: Learnt, is_answered: bool = True) -> Writing:
    prompt, answer = _PROMPT if is_answered else _READ, _ANSWER
    if learnt.max_length:
        prompt, answer = min(prompt, learnt.max_length // 2), max(1, min(answer, learnt.max_length // 4))
    return Writing(
        wanted.prompt_tokens or Span(prompt, prompt),
        wanted.max_tokens or Span(answer, answer),
        learnt.cost,
        wanted.extra,
    )
