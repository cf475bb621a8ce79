"""Matchers for real grammars, made beside an event loop that goes on."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from serving.core.generation import Grammar, GrammarKind
from serving.engine.grammar_matchers import GrammarMatchers
from serving.errors import BackendFailed, InvalidInput, ModelNotReady
from serving.text.tokenizer import TextTokenizer
from serving.text.tokenizer_files import TokenizerFiles
from tests.tiny_decoders import byte_level_tokenizer

TOKENIZER = TextTokenizer(TokenizerFiles.of(byte_level_tokenizer(300).to_str()))


@pytest.fixture
def matchers() -> Iterator[GrammarMatchers]:
    with closing(GrammarMatchers(TOKENIZER, 300)) as made:
        yield made


class Trial:
    """One that lasts until it is told to end, but for grammars of letters."""

    def __init__(self) -> None:
        self.may_end = threading.Event()
        self.tried: list[str] = []

    def __call__(self, grammar: str, limits: object) -> str:  # noqa: ARG002 # the protocol's
        self.tried.append(grammar)
        if "[0-9]" in grammar:
            assert self.may_end.wait(30)
        return "it explodes" if "bomb" in grammar else ""


@pytest.fixture
def trial() -> Iterator[Trial]:
    made = Trial()
    yield made
    made.may_end.set()


@pytest.fixture
def tried(trial: Trial) -> Iterator[GrammarMatchers]:
    with closing(GrammarMatchers(TOKENIZER, 300, trial)) as made:
        yield made
        trial.may_end.set()


async def test_a_grammar_is_compiled_beside_the_event_loop(tried: GrammarMatchers, trial: Trial) -> None:
    making = asyncio.create_task(tried.matcher(Grammar(GrammarKind.REGEX, "[0-9]{4}")))
    while not trial.tried:
        await asyncio.sleep(0.001)
    assert not making.done()
    trial.may_end.set()
    assert not (await making).is_over


async def test_what_is_no_grammar_is_told(matchers: GrammarMatchers) -> None:
    with pytest.raises(InvalidInput):
        await matchers.matcher(Grammar(GrammarKind.REGEX, "[0-9"))


def _slow(number: int) -> Grammar:
    """Each of them has a trial of its own."""
    return Grammar(GrammarKind.REGEX, f"[0-9]{{{number + 1}}}")


async def test_one_that_is_compiled_does_not_wait_for_those_that_are_not(tried: GrammarMatchers) -> None:
    known = Grammar(GrammarKind.REGEX, "a+")
    await tried.matcher(known)
    others = [asyncio.create_task(tried.matcher(_slow(number))) for number in range(8)]
    await asyncio.sleep(0)
    assert not (await asyncio.wait_for(tried.matcher(known), 10)).is_over
    assert not any(other.done() for other in others)
    await _gone(others)


async def test_those_that_ask_for_the_same_at_once_wait_for_one_trial_whoever_leaves(
    tried: GrammarMatchers, trial: Trial
) -> None:
    several = [asyncio.create_task(tried.matcher(_slow(0))) for _ in range(8)]
    while not trial.tried:
        await asyncio.sleep(0.001)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(tried.matcher(_slow(0)), 0.001)
    await _gone(several[:3])
    trial.may_end.set()
    found = await asyncio.gather(*several[3:])
    assert len(set(map(id, found))) == 5, "each is where its own answer is"
    assert len(trial.tried) == 1


async def test_what_began_is_kept_though_nobody_waited_for_its_end(tried: GrammarMatchers, trial: Trial) -> None:
    alone = asyncio.create_task(tried.matcher(_slow(0)))
    while not trial.tried:
        await asyncio.sleep(0.001)
    await _gone([alone])
    another = asyncio.create_task(tried.matcher(_slow(0)))
    await asyncio.sleep(0)
    trial.may_end.set()
    await another
    assert len(trial.tried) == 1


async def test_what_nobody_waits_for_any_more_is_not_begun(tried: GrammarMatchers, trial: Trial) -> None:
    several = [asyncio.create_task(tried.matcher(_slow(number))) for number in range(8)]
    await asyncio.sleep(0)
    await _gone(several[4:])
    await _a_few_turns()
    trial.may_end.set()
    await asyncio.gather(*several[:4])
    assert len(trial.tried) == 4


async def test_who_comes_as_the_last_one_leaves_gets_it(tried: GrammarMatchers, trial: Trial) -> None:
    several = [asyncio.create_task(tried.matcher(_slow(number))) for number in range(5)]
    await asyncio.sleep(0)
    several[4].cancel()
    late = asyncio.create_task(tried.matcher(_slow(4)))
    await _a_few_turns()
    trial.may_end.set()
    assert not (await late).is_over


async def test_refused_ones_are_not_tried_again(tried: GrammarMatchers, trial: Trial) -> None:
    for _ in range(2):
        with pytest.raises(InvalidInput, match="it explodes"):
            await tried.matcher(Grammar(GrammarKind.REGEX, "bomb"))
    assert len(trial.tried) == 1


async def test_a_panic_is_told_and_not_kept() -> None:
    class Panic(BaseException):
        """As pyo3's is."""

    panics = [Panic("unreachable")]

    def trial(grammar: str, limits: object) -> str:
        if panics:
            raise panics.pop()
        return ""

    with closing(GrammarMatchers(TOKENIZER, 300, trial)) as made:
        with pytest.raises(BackendFailed, match="Panic: unreachable"):
            await made.matcher(_slow(0))
        assert not (await made.matcher(_slow(0))).is_over


async def _a_few_turns() -> None:
    """Of the event loop, in which whoever left is forgotten."""
    for _ in range(5):
        await asyncio.sleep(0)


async def _gone(tasks: list["asyncio.Task[object]"]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task


async def test_those_that_wait_when_the_model_unloads_are_told_so(matchers: GrammarMatchers) -> None:
    making = [asyncio.create_task(matchers.matcher(_slow(number))) for number in range(8)]
    await asyncio.sleep(0)
    matchers.close()
    found = await asyncio.gather(*making, return_exceptions=True)
    assert [type(each) for each in found[-2:]] == [ModelNotReady] * 2, "which four threads had not begun with"
    with pytest.raises(ModelNotReady):
        await matchers.matcher(_slow(9))
