from typing import Any

import pytest

from serving.core.generation import Grammar, GrammarKind, SamplingParams
from serving.errors import InvalidInput, Unsupported
from serving.protocols.openai_fields import Fields
from serving.protocols.openai_sampling import MAX_STOP_CHARACTERS, MAX_STOPS, read_chat, read_completion


def completion(**body: Any) -> SamplingParams:
    return read_completion(Fields(body))


def chat(**body: Any) -> SamplingParams:
    return read_chat(Fields(body))


def test_the_defaults_are_openais() -> None:
    assert completion() == SamplingParams(max_tokens=16)
    assert chat() == SamplingParams(), "a message may be as long as there is room"
    assert completion(max_tokens=None).max_tokens is None


def test_everything_that_may_be_said() -> None:
    said = completion(
        max_tokens=7, min_tokens=2, temperature=0, top_k=5, top_p=0.5, min_p=0.1, repetition_penalty=1.1,
        presence_penalty=-2, frequency_penalty=2, logit_bias={"5": -100, "7": 0.5}, seed=-3, stop=["a", "b"],
        stop_token_ids=[1, 2], include_stop_str_in_output=True, ignore_eos=True, logprobs=3, guided_regex="x",
    )  # fmt: skip
    assert said == SamplingParams(
        max_tokens=7, min_tokens=2, temperature=0.0, top_k=5, top_p=0.5, min_p=0.1, repetition_penalty=1.1,
        presence_penalty=-2.0, frequency_penalty=2.0, logit_bias={5: -100.0, 7: 0.5}, seed=-3, stop=("a", "b"),
        stop_token_ids=(1, 2), include_stop_str_in_output=True, ignore_eos=True, logprobs=3,
        grammar=Grammar(GrammarKind.REGEX, "x"),
    )  # fmt: skip


def test_what_was_not_said_is_told_apart_from_what_is_the_default() -> None:
    nothing = {"max_tokens", "temperature", "top_k", "top_p", "min_p", "repetition_penalty"}
    assert completion().unsaid == chat().unsaid == nothing
    assert completion(temperature=1, top_k=0, top_p=None).unsaid == nothing - {"temperature", "top_k"}
    assert completion(max_tokens=16).unsaid == chat(max_completion_tokens=5).unsaid == nothing - {"max_tokens"}
    assert completion(max_tokens=None).unsaid == nothing


def test_all_tokens_are_meant_by_0_and_by_vllms_minus_1() -> None:
    assert completion(top_k=-1).top_k == completion(top_k=0).top_k == 0


def test_a_top_p_of_0_leaves_the_likeliest_token() -> None:
    assert 0 < completion(top_p=0).top_p < 1e-3


def test_one_stop_string_may_come_alone() -> None:
    assert completion(stop="\n").stop == ("\n",)
    assert completion(stop=None).stop == completion(stop=[]).stop == ()


def test_the_newer_name_of_max_tokens_goes_first() -> None:
    assert chat(max_tokens=5).max_tokens == 5
    assert chat(max_tokens=5, max_completion_tokens=6).max_tokens == 6


def test_logprobs_of_a_chat_are_asked_for_in_two_members() -> None:
    assert chat(logprobs=True).logprobs == 0
    assert chat(logprobs=True, top_logprobs=4).logprobs == 4
    assert chat(logprobs=False).logprobs is None
    assert chat(top_logprobs=0).logprobs is None


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": 10**30}, "max_tokens"),
        ({"max_tokens": "5"}, "max_tokens"),
        ({"min_tokens": 17}, "min_tokens"),
        ({"min_tokens": -1}, "min_tokens"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": 1e30}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"top_k": -2}, "top_k"),
        ({"top_p": 1.1}, "top_p"),
        ({"min_p": -1}, "min_p"),
        ({"repetition_penalty": 0}, "repetition_penalty"),
        ({"presence_penalty": 2.1}, "presence_penalty"),
        ({"frequency_penalty": "1"}, "frequency_penalty"),
        ({"seed": 2**63}, "seed"),
        ({"seed": 0.5}, "seed"),
        ({"logprobs": 21}, "logprobs"),
        ({"logprobs": True}, "logprobs"),
        ({"logit_bias": [1]}, "logit_bias"),
        ({"logit_bias": {"x": 1}}, "logit_bias"),
        ({"logit_bias": {"-1": 1}}, "logit_bias"),
        ({"logit_bias": {"²": 1}}, "logit_bias"),
        ({"logit_bias": {"9999999999": 1}}, "logit_bias"),
        ({"logit_bias": {"1": 101}}, "logit_bias"),
        ({"logit_bias": {"1": None}}, "logit_bias.1"),
        ({"stop": ""}, "stop"),
        ({"stop": ["a", ""]}, "stop"),
        ({"stop": ["a", 1]}, "stop[1]"),
        ({"stop": 7}, "stop"),
        ({"stop": ["a"] * 1_000_000}, "stop"),
        ({"stop": ["a"] * (MAX_STOPS + 1)}, "stop"),
        ({"stop": "a" * (MAX_STOP_CHARACTERS + 1)}, "stop"),
        ({"stop_token_ids": [-1]}, "stop_token_ids[0]"),
        ({"ignore_eos": 1}, "ignore_eos"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_has_no_meaning_is_named(body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        completion(**body)
    assert caught.value.param == param
    assert caught.value.code in ("invalid_type", "invalid_value")


def test_top_logprobs_alone_contradict_themselves() -> None:
    with pytest.raises(InvalidInput, match="'top_logprobs' needs 'logprobs' to be true"):
        chat(top_logprobs=3)
    with pytest.raises(InvalidInput, match="'logprobs' must be true or false, got 3"):
        chat(logprobs=3)


@pytest.mark.parametrize("name", ["use_beam_search", "prompt_logprobs", "bad_words", "allowed_token_ids"])
def test_what_is_not_done_is_refused_where_it_is_asked_for(name: str) -> None:
    assert completion(**{name: None})
    assert completion(**{name: False})
    with pytest.raises(Unsupported, match=f"'{name}' is not supported; leave it out") as caught:
        completion(**{name: ["x"]})
    assert caught.value.param == name
