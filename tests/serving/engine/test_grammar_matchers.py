"""Matchers for real grammars, made beside an event loop that goes on."""

import asyncio
from collections.abc import Iterator

import pytest

from serving.core.generation import Grammar, GrammarKind
from serving.engine.grammar_matchers import GrammarMatchers
from serving.errors import InvalidInput, ModelNotReady
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


def _slow(number: int) -> Grammar:
    """Each of them has a trial of its own."""
    return Grammar(GrammarKind.REGEX, f"[0-9]{{{number + 1}}}")


async def test_those_that_wait_when_the_model_unloads_are_told_so(matchers: GrammarMatchers) -> None:
    making = [asyncio.create_task(matchers.matcher(_slow(number))) for number in range(8)]
    await asyncio.sleep(0)
    matchers.close()
    found = await asyncio.gather(*making, return_exceptions=True)
    assert [type(each) for each in found[-2:]] == [ModelNotReady] * 2, "which four threads had not begun with"
    with pytest.raises(ModelNotReady):
        await matchers.matcher(_slow(0))
