"""Grammars that answers must follow, compiled off the event loop.

Rule: compiling has threads of its own, so that grammars that take long hold up nothing but one another; and each is
compiled once, however many ask for it at once or later.
"""

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING

from serving.backends.grammar_trial import GrammarTrial
from serving.core.generation import Grammar
from serving.engine.execution import blame
from serving.engine.single_flight import SingleFlight
from serving.errors import ModelNotReady, SlipwayError, Unsupported
from serving.scheduling.lru import LeastRecentlyUsed

if TYPE_CHECKING:  # their packages are for models that read or write text
    from serving.sampling.grammar import CompiledGrammar, GrammarMatcher, Grammars, Trial
    from serving.text.tokenizer import TextTokenizer

_THREADS = 4
_KEPT = 64  # compiled grammars


class GrammarMatchers:
    """Of one model. `matcher` belongs to the event loop's thread."""

    def __init__(self, tokenizer: "TextTokenizer", vocab_size: int, trial: "Trial | None" = None) -> None:
        self._tokenizer = tokenizer
        self._trial = trial or GrammarTrial()
        self._vocab_size = vocab_size
        self._threads = ThreadPoolExecutor(_THREADS, "grammar")
        self._kept: LeastRecentlyUsed[Grammar, Future[CompiledGrammar]] = LeastRecentlyUsed(_KEPT)
        self._flights: SingleFlight[CompiledGrammar] = SingleFlight()

    async def matcher(self, grammar: Grammar) -> "GrammarMatcher":
        """For an answer that begins; at once where it is compiled. Raises `InvalidInput`, `Unsupported`, and
        `ModelNotReady` once it is closed."""
        compiling = self._compiling(grammar)
        if compiling.done():
            return compiling.result().matcher()
        flight = self._flights.find(grammar) or self._flights.start(grammar, _ended(compiling))
        await flight.ends(None)
        try:
            return flight.result().matcher()
        except asyncio.CancelledError:  # the last who waited for it has just left, or the model unloads
            return await self.matcher(grammar)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _compiling(self, grammar: Grammar) -> "Future[CompiledGrammar]":
        """One that began goes on when nobody waits any more, since it is kept; one that didn't is cancelled."""
        found = self._kept.get(grammar)
        if found is None or _failed(found):
            try:
                found = self._threads.submit(self._compile, grammar)
            except RuntimeError:
                raise ModelNotReady("the model is unloading") from None
            self._kept.put(grammar, found, 1)
        return found

    def _compile(self, grammar: Grammar) -> "CompiledGrammar":
        try:
            return self._grammars.compile(grammar)
        except SlipwayError:
            raise
        except BaseException as error:  # a panic of the library's
            raise blame(error) from error

    @cached_property
    def _grammars(self) -> "Grammars":
        try:
            from serving.sampling.grammar import Grammars
        except ModuleNotFoundError as error:
            raise Unsupported(f"structured answers need the package '{error.name}', which is not installed") from None
        return Grammars(self._tokenizer.json, self._vocab_size, self._tokenizer.eos_token_ids, self._trial)


async def _ended(compiling: "Future[CompiledGrammar]") -> "CompiledGrammar":
    return await asyncio.wrap_future(compiling)


def _failed(compiling: "Future[CompiledGrammar]") -> bool:
    return compiling.done() and (compiling.cancelled() or compiling.exception() is not None)
