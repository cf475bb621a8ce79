"""Which tokens a grammar allows next, through llguidance. Rule: a grammar is compiled only after a trial has shown that
it doesn't explode, and what it then costs at each step is bounded.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from llguidance import LLMatcher, LLParserLimits, LLTokenizer

from serving.core.generation import Grammar, GrammarKind
from serving.errors import InvalidInput, Unsupported
from serving.sampling.grammar_text import llguidance_text, refused

LIMITS: Mapping[str, Any] = {
    "initial_lexer_fuel": 250_000,  # what compiling may take, about 0.1 seconds of it
    "max_lexer_states": 20_000,  # 1 to 2 kB each, of one sequence
}
"""Where they differ from llguidance's."""

_ROW = "max_items_in_row"
_MOST_WAYS = 500
"""Of a grammar's own, in which a text may be read: the time of a step grows with their square, and this many take about
10 ms, llguidance's 2,000 up to 400 ms. A schema's don't grow with the text: 480 optional properties are 2,000 at once,
and take 0.2 ms."""

_PROBED = 3  # tokens; grammars too large to follow show it with the first ones
_SAFE = {GrammarKind.JSON_OBJECT, GrammarKind.CHOICE}  # what they become grows with their text only
_LONGEST_REASON = 300  # characters

Trial = Callable[[str, Mapping[str, int]], str]


def limits_of(kind: GrammarKind) -> Mapping[str, Any]:
    return {**LIMITS, _ROW: _MOST_WAYS} if kind is GrammarKind.GRAMMAR else LIMITS


class Grammars:
    """Of one model. `trial` says why a grammar of llguidance's can't be used with such limits, "" where it can."""

    def __init__(self, tokenizer_json: str, vocab_size: int, eos_ids: Sequence[int], trial: Trial) -> None:
        """`vocab_size` is the model's, which may be more than the tokenizer's."""
        self._tokenizer_json = tokenizer_json
        self._vocab_size = vocab_size
        self._eos_ids = list(eos_ids)
        self._trial = trial

    def compile(self, grammar: Grammar) -> "CompiledGrammar":
        """It may take seconds, in which other threads run. Raises `InvalidInput` for a text that is none, and
        `Unsupported` where the tokenizer is of another kind."""
        text, limits = llguidance_text(grammar), limits_of(grammar.kind)
        if grammar.kind not in _SAFE and (reason := self._trial(text, limits)):
            return CompiledGrammar(grammar.kind, self._vocab_size, reason=_brief(reason))
        matcher = LLMatcher(self._tokenizer, text, log_level=0, limits=LLParserLimits(**limits, verbose_errors=False))
        reason = _brief(matcher.get_error()) or _brief(_trouble_ahead(matcher))
        return CompiledGrammar(grammar.kind, self._vocab_size, matcher, reason)

    @cached_property
    def _tokenizer(self) -> LLTokenizer:
        try:
            return LLTokenizer(self._tokenizer_json, n_vocab=self._vocab_size, eos_token=self._eos_ids or None)
        except ValueError as error:
            raise Unsupported(f"answers with a grammar are not possible with the model's tokenizer: {error}") from error


@dataclass(frozen=True, slots=True)
class CompiledGrammar:
    """`reason` is why it can't be used, which is worth keeping too; "" where it can."""

    kind: GrammarKind
    vocab_size: int
    first: LLMatcher | None = None
    reason: str = ""

    def matcher(self) -> "GrammarMatcher":
        """For a sequence that begins, at once. Raises `InvalidInput`."""
        if self.first is None or self.reason:
            raise refused(self.kind, self.reason)
        return GrammarMatcher(self.first.deep_copy(), self.kind, self.vocab_size)


class GrammarMatcher:
    """Where one sequence is in its grammar."""

    def __init__(self, matcher: LLMatcher, kind: GrammarKind, vocab_size: int) -> None:
        self._matcher = matcher
        self._kind = kind
        self._vocab_size = vocab_size

    def __repr__(self) -> str:
        return f"<GrammarMatcher {self._kind}{', over' * self.is_over}>"

    @property
    def is_over(self) -> bool:
        """Nothing more may come; a stop token may."""
        return self._matcher.is_stopped()

    def mask(self, logits: np.ndarray) -> None:
        """-inf in the place of what it doesn't allow, in one row [V]. Raises `InvalidInput` where it is too complex to
        go on."""
        logits[~_allowed(self._matcher, self._vocab_size)] = -np.inf
        self._check()

    def accept(self, token: int) -> None:
        """The sequence goes on with one that it allowed. Raises what `mask` raises."""
        self._matcher.consume_token(token)
        self._check()

    def _check(self) -> None:
        if self._matcher.is_error():
            raise _no_way_on(self._kind, self._matcher.get_error())


def _allowed(matcher: LLMatcher, vocab_size: int) -> np.ndarray:
    bits = np.frombuffer(matcher.compute_bitmask(), np.uint8)
    return np.unpackbits(bits, count=vocab_size, bitorder="little").view(np.bool_)


def _trouble_ahead(compiled: LLMatcher) -> str:
    """What comes up within the first tokens. The first mask is the dearest, and is kept for those who follow."""
    probe = compiled
    for step in range(_PROBED):
        allowed = np.unpackbits(np.frombuffer(probe.compute_bitmask(), np.uint8), bitorder="little")
        if probe.is_error() or probe.is_stopped():
            break
        if step == 0:
            probe = compiled.deep_copy()
        probe.consume_token(int(allowed.argmax()))
    return probe.get_error()


def _no_way_on(kind: GrammarKind, error: str) -> InvalidInput:
    return refused(kind, f"it became too complex while the answer was written: {_brief(error)}")


def _brief(error: str) -> str:
    """In one line, without the library's picture of the place."""
    _, _, last = error.replace("<non-verbose/>", "").rpartition("error: ")
    return " ".join(last.partition("\n")[0].split() if last != error else error.split())[:_LONGEST_REASON]
