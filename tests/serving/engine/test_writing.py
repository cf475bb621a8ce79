import pytest

from serving.core.generation import FinishReason, SamplingParams, Token
from serving.engine.text_stream import Delta, TextStream
from serving.engine.writing import Writing
from serving.sampling.sampler import SamplerState
from serving.scheduling.continuous import Sequence
from serving.text.stop_strings import StopStrings
from serving.text.tokenizer import TextTokenizer
from serving.text.tokenizer_files import TokenizerFiles
from tests.tiny_decoders import byte_level_tokenizer

TOKENIZER = TextTokenizer(TokenizerFiles.of(byte_level_tokenizer(300).to_str()))


def writing(*stops: str) -> Writing:
    state = SamplerState(SamplingParams(), [5], (), 0)
    stream = TextStream(None, 1)  # type: ignore[arg-type] # nobody reads it
    return Writing(Sequence([5], 100), state, TOKENIZER.detokenizer(), StopStrings(stops), stream)


def take(writing: Writing, text: str) -> list[Delta]:
    """What each of its tokens adds, none of which ends the sequence by itself."""
    return [writing.take(Token(token)) for token in TOKENIZER.encode(text)]


def test_text_comes_as_its_characters_are_whole() -> None:
    deltas = take(writing(), "fox €!")
    assert "".join(delta.text for delta in deltas) == "fox €!"
    assert all("\ufffd" not in delta.text for delta in deltas)
    assert all(len(delta.tokens) == 1 and delta.finish_reason is None for delta in deltas)


def test_no_part_of_a_stop_string_is_told() -> None:
    it = writing("END")
    deltas = take(it, "the fox E")
    assert "".join(delta.text for delta in deltas) == "the fox "
    last = take(it, "ND")[-1]
    assert (last.text, last.finish_reason, last.stop_reason) == ("", FinishReason.STOP, "END")


@pytest.mark.parametrize(("least", "told"), [(3, "the fo"), (4, "the fox")])
def test_before_the_least_number_of_tokens_nothing_stops_it(least: int, told: str) -> None:
    it = writing("x")
    it.sequence.min_tokens = least
    found = ""
    for token in TOKENIZER.encode("the fox"):  # three: "the", " fo", "x"
        it.sequence.tokens.append(token)
        found += it.take(Token(token)).text
    assert found == told


def test_what_might_have_become_one_is_told_in_the_end() -> None:
    it = writing("END")
    take(it, "the fox E")
    it.sequence.finish_reason = FinishReason.LENGTH
    (token,) = TOKENIZER.encode("N")
    last = it.take(Token(token))
    assert (last.text, last.finish_reason, last.stop_reason) == ("EN", FinishReason.LENGTH, None)


@pytest.mark.parametrize("was_asked_for", [True, False])
def test_a_stop_token_is_no_text_and_the_reason_where_it_was_asked_for(was_asked_for: bool) -> None:
    (token,) = TOKENIZER.encode("x")
    it = writing()
    it.sampler.params = SamplingParams(stop_token_ids=(token,) if was_asked_for else ())
    take(it, "fox")
    it.sequence.finish_reason = FinishReason.STOP
    assert it.take(Token(token)) == Delta("", (Token(token),), FinishReason.STOP, token if was_asked_for else None)


def test_half_a_character_at_the_end_is_told_as_such() -> None:
    it = writing()
    half = TOKENIZER.encode("€")[:-1]
    for token in half[:-1]:
        it.take(Token(token))
    it.sequence.finish_reason = FinishReason.LENGTH
    assert it.take(Token(half[-1])).text == "\ufffd"


@pytest.mark.parametrize("stopped", [True, False])
def test_a_grammar_that_allows_nothing_more_ends_it(stopped: bool) -> None:
    it = writing()
    it.sampler.stopped = stopped
    (token,) = TOKENIZER.encode("x")
    delta = it.take(Token(token))
    assert (delta.text, delta.finish_reason) == ("x", FinishReason.STOP if stopped else None)
