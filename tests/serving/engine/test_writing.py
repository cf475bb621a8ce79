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
    stream = TextStream(None)  # type: ignore[arg-type] # nobody reads it
    return Writing(Sequence([5], 100), state, TOKENIZER.detokenizer(), StopStrings(stops), stream)


def take(writing: Writing, text: str) -> list[Delta]:
    """What each of its tokens adds, none of which ends the sequence by itself."""
    return [writing.take(Token(token), number, None) for number, token in enumerate(TOKENIZER.encode(text), 1)]


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
    assert "".join(delta.text for delta in take(it, "the fox")) == told  # three: "the", " fo", "x"


def test_what_might_have_become_one_is_told_in_the_end() -> None:
    it = writing("END")
    take(it, "the fox E")
    (token,) = TOKENIZER.encode("N")
    last = it.take(Token(token), 9, FinishReason.LENGTH)
    assert (last.text, last.finish_reason, last.stop_reason) == ("EN", FinishReason.LENGTH, None)


@pytest.mark.parametrize("was_asked_for", [True, False])
def test_a_stop_token_is_no_text_and_the_reason_where_it_was_asked_for(was_asked_for: bool) -> None:
    (token,) = TOKENIZER.encode("x")
    it = writing()
    params = SamplingParams(stop_token_ids=(token,) if was_asked_for else ())
    it.sampler = SamplerState(params, [5], () if was_asked_for else (token,), 0)
    take(it, "fo")
    delta = it.take(Token(token), 3, FinishReason.STOP)
    assert delta == Delta("", (Token(token),), FinishReason.STOP, token if was_asked_for else None)


def test_half_a_character_at_the_end_is_told_as_such() -> None:
    it = writing()
    half = TOKENIZER.encode("€")[:-1]
    for token in half[:-1]:
        it.take(Token(token), 1, None)
    assert it.take(Token(half[-1]), 2, FinishReason.LENGTH).text == "\ufffd"


def test_the_last_token_of_a_grammar_is_text() -> None:
    (token,) = TOKENIZER.encode("x")
    delta = writing().take(Token(token), 1, FinishReason.STOP)
    assert (delta.text, delta.finish_reason, delta.stop_reason) == ("x", FinishReason.STOP, None)
