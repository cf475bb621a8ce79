"""Grammars that answers must follow, compiled off the event loop.

Rule: compiling has threads of its own, so that grammars that take long hold up nothing but one another.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING

from serving.backends.grammar_trial import GrammarTrial
from serving.core.generation import Grammar
from serving.errors import ModelNotReady, Unsupported

if TYPE_CHECKING:  # their packages are for models that read or write text
    from serving.sampling.grammar import GrammarMatcher, Grammars
    from serving.text.tokenizer import TextTokenizer

_THREADS = 4
_UNLOADING = "the model is unloading"


class GrammarMatchers:
    """Of one model."""

    def __init__(self, tokenizer: "TextTokenizer", vocab_size: int) -> None:
        self._tokenizer = tokenizer
        self._vocab_size = vocab_size
        self._threads = ThreadPoolExecutor(_THREADS, "grammar")

    async def matcher(self, grammar: Grammar) -> "GrammarMatcher":
        """For an answer that begins. Raises `InvalidInput`, `Unsupported`, and `ModelNotReady` once it is closed."""
        try:
            compiling = self._threads.submit(self._matcher, grammar)
        except RuntimeError:
            raise ModelNotReady(_UNLOADING) from None
        try:
            return await asyncio.wrap_future(compiling)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():  # its caller left
                raise
            raise ModelNotReady(_UNLOADING) from None

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _matcher(self, grammar: Grammar) -> "GrammarMatcher":
        return self._grammars.matcher(grammar)

    @cached_property
    def _grammars(self) -> "Grammars":
        try:
            from serving.sampling.grammar import Grammars
        except ModuleNotFoundError as error:
            raise Unsupported(f"structured answers need the package '{error.name}', which is not installed") from None
        return Grammars(self._tokenizer.json, self._vocab_size, self._tokenizer.eos_token_ids, GrammarTrial())
