"""Matchers for real grammars, made beside an event loop that goes on."""

import asyncio
from collections.abc import Iterator

import pytest

from serving.core.generation import Grammar, GrammarKind
from serving.engine.grammar_matchers import GrammarMatchers
from serving.errors import InvalidInput
from serving.text.tokenizer import TextTokenizer
from serving.text.tokenizer_files import TokenizerFiles
from tests.tiny_decoders import byte_level_tokenizer


@pytest.fixture
def matchers() -> Iterator[GrammarMatchers]:
    made = GrammarMatchers(TextTokenizer(TokenizerFiles.of(byte_level_tokenizer(300).to_str())), 300)
    yield made
    made.close()


async def test_a_grammar_is_compiled_beside_the_event_loop(matchers: GrammarMatchers) -> None:
    making = asyncio.create_task(matchers.matcher(Grammar(GrammarKind.REGEX, "[0-9]{4}")))
    turns = 0
    while not making.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert turns > 1
    assert not making.result().is_over


async def test_what_is_no_grammar_is_told(matchers: GrammarMatchers) -> None:
    with pytest.raises(InvalidInput):
        await matchers.matcher(Grammar(GrammarKind.REGEX, "[0-9"))
