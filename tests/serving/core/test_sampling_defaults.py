import math
from typing import Any

import pytest

from serving.core.generation import DEFAULTED, SamplingParams
from serving.core.sampling_defaults import SamplingDefaults, sampling_defaults
from serving.errors import ModelLoadFailed

LLAMA = {"bos_token_id": 1, "do_sample": True, "temperature": 0.6, "top_p": 0.9, "max_length": 4096, "top_k": None}
ALL = frozenset(DEFAULTED)


def test_what_a_request_does_not_say_is_what_the_models_file_says() -> None:
    unsaid = SamplingParams(max_tokens=16, seed=3, unsaid=ALL)
    assert sampling_defaults(LLAMA).applied(unsaid, 100) == SamplingParams(
        max_tokens=16, temperature=0.6, top_p=0.9, seed=3
    )
    others = {"top_k": -1, "min_p": 0.05, "repetition_penalty": 1.05, "temperature": 0, "max_new_tokens": 40}
    assert sampling_defaults(others).applied(unsaid, 100) == SamplingParams(
        max_tokens=40, temperature=0.0, top_k=0, min_p=0.05, repetition_penalty=1.05, seed=3
    )


def test_a_requests_own_value_wins() -> None:
    said = SamplingParams(max_tokens=5, temperature=1.0, unsaid=ALL - {"temperature", "max_tokens"})
    applied = sampling_defaults(LLAMA | {"max_new_tokens": 7}).applied(said, 100)
    assert applied == SamplingParams(max_tokens=5, temperature=1.0, top_p=0.9)
    assert applied.unsaid == frozenset()
    assert sampling_defaults(LLAMA).applied(SamplingParams(), 100) == SamplingParams()


@pytest.mark.parametrize(("room", "expected"), [(100, 40), (40, 40), (3, 3), (0, 1), (-5, 1)])
def test_the_models_own_length_is_no_reason_to_refuse_a_prompt(room: int, expected: int) -> None:
    assert SamplingDefaults(max_tokens=40).applied(SamplingParams(unsaid=ALL), room).max_tokens == expected


def test_a_file_that_says_nothing_changes_nothing() -> None:
    params = SamplingParams(max_tokens=16, unsaid=ALL)
    assert sampling_defaults({"eos_token_id": 0}).applied(params, 5) is params


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("temperature", "warm", "a number from 0 to 100, got 'warm'"),
        ("temperature", True, "a number from 0 to 100, got True"),
        ("temperature", -0.1, "a number from 0 to 100, got -0.1"),
        ("temperature", math.nan, "a number from 0 to 100, got nan"),
        ("top_p", 1.5, "a number from 0 to 1, got 1.5"),
        ("min_p", [0.1], "a number from 0 to 1, got a list of 1"),
        ("top_k", 50.0, "a whole number of at least -1, got 50.0"),
        ("top_k", -2, "a whole number of at least -1, got -2"),
        ("repetition_penalty", 0, "a number from 0.001 to 1000, got 0"),
        ("max_new_tokens", 0, "a whole number of at least 1, got 0"),
    ],
)
def test_a_wrong_value_is_named(name: str, value: Any, words: str) -> None:
    with pytest.raises(ModelLoadFailed) as raised:
        sampling_defaults({name: value})
    assert str(raised.value).startswith(f"'generation_config.json': '{name}' must be {words}; correct or remove it")
