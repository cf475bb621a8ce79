import math
from typing import Any

import pytest

from serving.core.generation import SamplingParams
from serving.errors import InvalidInput
from serving.sampling.validate import check

WRONG: list[tuple[str, Any, str]] = [
    ("temperature", -0.1, "-0.1"),
    ("temperature", math.nan, "nan"),
    ("temperature", math.inf, "inf"),
    ("top_k", -2, "-2"),
    ("top_p", -0.5, "-0.5"),
    ("top_p", 1.5, "1.5"),
    ("top_p", math.nan, "nan"),
    ("min_p", 2.0, "2.0"),
    ("repetition_penalty", 0.0, "0"),
    ("repetition_penalty", -1.0, "-1.0"),
    ("repetition_penalty", math.inf, "inf"),
    ("presence_penalty", 2.5, "2.5"),
    ("frequency_penalty", math.nan, "nan"),
    ("max_tokens", 0, "0"),
    ("min_tokens", -1, "-1"),
    ("min_tokens", 91, "91"),
    ("min_tokens", 1 << 1024, "an integer of 1025 bits"),
    ("seed", 2**64, str(2**64)),
    ("seed", -(2**63) - 1, str(-(2**63) - 1)),
    ("seed", 1 << 5000, "an integer of 5001 bits"),
    ("logprobs", -1, "-1"),
    ("logprobs", 21, "21"),
    ("stop", ("",), "one"),
    ("stop", ("a",) * 129, "129"),
    ("stop", ("a" * 10_000, "b" * 10_000), "20000"),
    ("stop_token_ids", (3, 1000), "1000"),
    ("stop_token_ids", (3,) * 1025, "1025"),
    ("logit_bias", dict.fromkeys(range(1025), 1.0), "1025"),
    ("logit_bias", {1000: 1.0}, "1000"),
    ("logit_bias", {-1: 1.0}, "-1"),
    ("logit_bias", {5: 101.0}, "101.0 for 5"),
    ("logit_bias", {5: math.nan}, "nan for 5"),
]


@pytest.mark.parametrize(("name", "value", "came"), WRONG)
def test_what_is_wrong_is_named_with_what_came(name: str, value: Any, came: str) -> None:
    with pytest.raises(InvalidInput, match=rf"^'{name}' must be .+; got ") as raised:
        check(SamplingParams(**{name: value}), vocab_size=1000, max_length=100, prompt_length=10)
    assert str(raised.value).endswith(f"got {came}")
    assert (raised.value.param, raised.value.code) == (name, "invalid_value")


def test_min_tokens_are_at_most_max_tokens() -> None:
    check(SamplingParams(min_tokens=5, max_tokens=5), 1000, 100, 10)
    with pytest.raises(InvalidInput, match="'min_tokens' must be at most the 5 tokens that the answer may have; got 6"):
        check(SamplingParams(min_tokens=6, max_tokens=5), 1000, 100, 10)


@pytest.mark.parametrize(
    "params",
    [
        SamplingParams(),
        SamplingParams(top_k=1 << 1024),
        SamplingParams(temperature=0.0, top_k=-1, top_p=0.0, min_p=1.0, seed=-(2**63), logprobs=0),
        SamplingParams(temperature=1e300, top_k=10**12, top_p=1.0, repetition_penalty=1000.0, seed=2**64 - 1),
        SamplingParams(presence_penalty=-2.0, frequency_penalty=2.0, min_tokens=90, stop=("a",) * 128, logprobs=20),
        SamplingParams(logit_bias={0: -100.0, 999: 100.0}, stop_token_ids=(0, 999)),
    ],
    ids=repr,
)
def test_the_bounds_themselves_are_possible(params: SamplingParams) -> None:
    check(params, vocab_size=1000, max_length=100, prompt_length=10)
