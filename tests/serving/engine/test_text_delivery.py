"""Tokens of a real tokenizer, as the writing thread tells them."""

import asyncio

import pytest

from serving.core.generation import FinishReason, SamplingParams, Token
from serving.engine.generation_statistics import GenerationStatistics
from serving.engine.statistics import ModelStatistics
from serving.engine.text_delivery import TextDelivery
from serving.engine.text_stream import TextStream
from serving.engine.writing import Said, Writing
from serving.engine.writing_thread import Told
from serving.errors import BackendFailed, DeadlineExceeded
from serving.sampling.sampler import SamplerState
from serving.scheduling.continuous import Sequence
from serving.text.stop_strings import StopStrings
from serving.text.tokenizer import TextTokenizer
from serving.text.tokenizer_files import TokenizerFiles
from tests.tiny_decoders import byte_level_tokenizer

TOKENIZER = TextTokenizer(TokenizerFiles.of(byte_level_tokenizer(300).to_str()))


class Delivered:
    """The delivery under test, and whom it cancelled."""

    def __init__(self) -> None:
        self.statistics = ModelStatistics()
        self.generation = GenerationStatistics()
        self.delivery = TextDelivery(self.statistics, self.generation)
        self.cancelled: list[Writing] = []

    def writing(self, *stops: str) -> Writing:
        sampler = SamplerState(SamplingParams(), [5], (), 0)
        stream = TextStream(asyncio.get_running_loop())
        return Writing(Sequence([5], 100), sampler, TOKENIZER.detokenizer(), StopStrings(stops), stream)

    def say(self, writing: Writing, text: str, at: float = 1.0) -> None:
        for number, token in enumerate(TOKENIZER.encode(text), 1):
            self.tell(Told(at, [Said(writing, Token(token), number, None)]))

    def tell(self, told: Told) -> None:
        self.delivery.tell(told, self.cancelled.append)


@pytest.fixture
def it() -> Delivered:
    return Delivered()


async def test_after_a_stop_string_nothing_is_told_and_the_thread_hears_of_it(it: Delivered) -> None:
    writing = it.writing("END")
    it.say(writing, "the END is near")
    delta = await writing.stream.next()
    assert (delta.text, delta.finish_reason, delta.stop_reason) == ("the ", FinishReason.STOP, "END")
    assert it.cancelled == [writing]
    assert writing.stream.completion_tokens == len(delta.tokens) == it.generation.generation_tokens
    assert it.generation.finished[FinishReason.STOP] == 1
    it.tell(Told(2.0, failed=[(writing, BackendFailed("of the step that it was still in"))]))
    assert it.statistics.fail.count == 0


async def test_a_token_that_becomes_no_text_costs_its_own_answer_only(it: Delivered) -> None:
    class Broken:
        def add(self, token_id: int) -> str:
            raise IndexError(token_id)

        def end(self) -> str:
            return ""

    wrong, right = it.writing(), it.writing()
    wrong.detokenizer = Broken()
    (token,) = TOKENIZER.encode("x")
    it.tell(Told(1.0, [Said(each, Token(token), 1, None) for each in (wrong, right)]))
    with pytest.raises(BackendFailed, match="IndexError"):
        await wrong.stream.next()
    assert (await right.stream.next()).text == "x"
    assert it.cancelled == [wrong]


async def test_whoever_left_is_told_nothing_and_counted_once(it: Delivered) -> None:
    writing = it.writing()
    it.say(writing, "the")
    it.delivery.give_up(writing, 2.0)
    it.say(writing, " fox")
    it.tell(Told(3.0, expired=[(writing, FinishReason.ABORT)]))
    assert it.generation.generation_tokens == 1
    assert it.generation.finished[FinishReason.ABORT] == 1


async def test_whose_time_is_over_keeps_what_was_written(it: Delivered) -> None:
    late, waited = it.writing(), it.writing()
    it.say(late, "the fox")
    it.tell(Told(3.0, expired=[(late, FinishReason.ABORT)], failed=[(waited, DeadlineExceeded("too late"))]))
    delta = await late.stream.next()
    assert (delta.text, delta.finish_reason) == ("the fox", FinishReason.ABORT)
    with pytest.raises(DeadlineExceeded):
        await waited.stream.next()


@pytest.mark.parametrize(("said", "shown"), [("the fox E", "the fox E"), ("the €", "the \ufffd")])
async def test_whose_time_is_over_is_told_what_was_held_back(it: Delivered, said: str, shown: str) -> None:
    late = it.writing("END")
    for number, token in enumerate(TOKENIZER.encode(said)[: -1 if "€" in said else None], 1):
        it.tell(Told(1.0, [Said(late, Token(token), number, None)]))
    it.tell(Told(3.0, expired=[(late, FinishReason.ABORT)]))
    delta = await late.stream.next()
    assert (delta.text, delta.finish_reason) == (shown, FinishReason.ABORT)


async def test_the_times_of_an_answer_are_counted(it: Delivered) -> None:
    writing = it.writing()
    writing.begun = 0.5
    first, second = TOKENIZER.encode("the fox")[:2]
    it.tell(Told(1.0, [Said(writing, Token(first), 1, None)]))
    it.tell(Told(1.25, [Said(writing, Token(second), 2, FinishReason.LENGTH)]))
    found = it.generation
    assert (found.time_to_first_token.sum, found.inter_token_latency.sum) == (1.0, 0.25)
    assert (found.queue_time.sum, found.prefill_time.sum, found.decode_time.sum) == (0.5, 0.5, 0.25)
    assert it.cancelled == []
