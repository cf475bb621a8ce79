"""Which tokens a grammar allows next, through llguidance. Rule: a grammar is compiled once, and only after a trial has
shown that it doesn't explode.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache
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

_KEPT = 64  # compiled grammars
_PROBED = 3  # tokens; grammars too large to follow show it with the first ones
_SAFE = {GrammarKind.JSON_OBJECT, GrammarKind.CHOICE}  # what they become grows with their text only
_LONGEST_REASON = 300  # characters

Trial = Callable[[str, Mapping[str, int]], str]


class Grammars:
    """Of one model. `trial` says why a grammar of llguidance's can't be used with such limits, "" where it can."""

    def __init__(self, tokenizer_json: str, vocab_size: int, eos_ids: Sequence[int], trial: Trial) -> None:
        """`vocab_size` is the model's, which may be more than the tokenizer's."""
        self._tokenizer_json = tokenizer_json
        self._vocab_size = vocab_size
        self._eos_ids = list(eos_ids)
        self._trial = trial
        self._limits = LLParserLimits(**LIMITS, verbose_errors=False)
        self._compiled = lru_cache(_KEPT)(self._compile)

    def __repr__(self) -> str:
        return f"<Grammars {self._compiled.cache_info().currsize} compiled>"

    def matcher(self, grammar: Grammar) -> "GrammarMatcher":
        """For a sequence that begins. It may take seconds, in which other threads run. Raises `InvalidInput`, and
        `Unsupported` where the tokenizer is of another kind."""
        compiled = self._compiled(grammar)
        if isinstance(compiled, str):
            raise refused(grammar.kind, compiled)
        return GrammarMatcher(compiled.deep_copy(), grammar.kind, self._vocab_size)

    @cached_property
    def _tokenizer(self) -> LLTokenizer:
        try:
            return LLTokenizer(self._tokenizer_json, n_vocab=self._vocab_size, eos_token=self._eos_ids or None)
        except ValueError as error:
            raise Unsupported(f"answers with a grammar are not possible with the model's tokenizer: {error}") from error

    def _compile(self, grammar: Grammar) -> LLMatcher | str:
        """Or why not, which is worth keeping too."""
        text = llguidance_text(grammar)
        if grammar.kind not in _SAFE and (reason := self._trial(text, LIMITS)):
            return _brief(reason)
        compiled = LLMatcher(self._tokenizer, text, log_level=0, limits=self._limits)
        return _brief(compiled.get_error()) or _brief(_trouble_ahead(compiled)) or compiled


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
