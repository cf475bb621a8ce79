import json
import re
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.core.generation import Grammar, GrammarKind, SamplingParams
from serving.errors import InvalidInput, Unsupported
from serving.protocols.openai_requests import MAX_PROMPTS, TextRequest, decode_chat, decode_completion
from tests import openai_server
from tests.openai_server import Exchange

USER = [{"role": "user", "content": "hi"}]


@pytest.fixture(scope="module")
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture(scope="module")
def client(exchange: Exchange) -> Iterator[openai.OpenAI]:
    with openai_server.running(exchange) as client:
        yield client


def completion(**body: Any) -> TextRequest:
    return decode_completion(json.dumps({"model": "m", "prompt": "x", **body}).encode())


def chat(**body: Any) -> TextRequest:
    return decode_chat(json.dumps({"model": "m", "messages": USER, **body}).encode())


def test_what_the_official_client_sends_for_a_completion(client: openai.OpenAI, exchange: Exchange) -> None:
    client.completions.create(
        model="m", prompt=["a", "b"], best_of=2, n=2, echo=True, frequency_penalty=0.5, logit_bias={"3": 1},
        max_tokens=9, presence_penalty=0.25, seed=4, stop=["x"], temperature=0.1, top_p=0.9, user="u",
        extra_body={"ignore_eos": True, "priority": 2, "return_token_ids": True, "add_special_tokens": False},
    )  # fmt: skip
    assert decode_completion(exchange.body) == TextRequest(
        model="m",
        sampling=SamplingParams(
            max_tokens=9, temperature=0.1, top_p=0.9, presence_penalty=0.25, frequency_penalty=0.5,
            logit_bias={3: 1.0}, seed=4, stop=("x",), ignore_eos=True,
        ),
        prompts=("a", "b"), n=2, echo=True, priority=2, user="u", return_token_ids=True, add_special_tokens=False,
    )  # fmt: skip


def test_what_the_official_client_sends_for_a_chat(client: openai.OpenAI, exchange: Exchange) -> None:
    client.chat.completions.create(
        model="m",
        messages=[
            {"role": "developer", "content": "be brief"},
            {"role": "user", "content": [{"type": "text", "text": "hi"}]},
        ],
        logprobs=True, top_logprobs=2, max_completion_tokens=9, n=3, response_format={"type": "json_object"},
        service_tier="auto", store=False, metadata={"a": "b"}, reasoning_effort="low", parallel_tool_calls=False,
        verbosity="low", modalities=["text"], tool_choice="none",
        tools=[{"type": "function", "function": {"name": "f"}}],
        extra_body={"chat_template_kwargs": {"enable_thinking": False}, "truncate_prompt_tokens": -1},
    )  # fmt: skip
    assert decode_chat(exchange.body) == TextRequest(
        model="m",
        sampling=SamplingParams(max_tokens=9, logprobs=2, grammar=Grammar(GrammarKind.JSON_OBJECT)),
        messages=({"role": "developer", "content": "be brief"}, {"role": "user", "content": "hi"}),
        n=3, add_special_tokens=False, truncate_prompt_tokens=-1, chat_template_kwargs={"enable_thinking": False},
    )  # fmt: skip


def test_what_the_official_client_sends_for_a_stream(client: openai.OpenAI, exchange: Exchange) -> None:
    exchange.answer(b"data: [DONE]\n\n", streams=True)
    options: Any = {"include_usage": True, "continuous_usage_stats": True}
    assert list(client.completions.create(model="m", prompt=[1, 2], stream=True, stream_options=options)) == []
    request = decode_completion(exchange.body)
    assert (request.stream, request.include_usage, request.continuous_usage) == (True, True, True)
    assert request.prompts == ((1, 2),)
    exchange.answer(b"{}")


def test_what_vllms_and_nvidias_benchmarks_send() -> None:
    assert completion(
        temperature=0.0, repetition_penalty=1.0, max_tokens=64, logprobs=None, stream=True, ignore_eos=True,
        stream_options={"include_usage": True}, min_tokens=64, vllm_xargs={}, request_id="r", kv_transfer_params=None,
    ).sampling == SamplingParams(max_tokens=64, min_tokens=64, temperature=0.0, ignore_eos=True)  # fmt: skip
    assert chat(max_completion_tokens=5, stream=True, nvext={}, echo=False).sampling.max_tokens == 5


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a", ("a",)),
        ("", ("",)),
        (["a", "b"], ("a", "b")),
        ([1, 2], ((1, 2),)),
        ([[1, 2], [3]], ((1, 2), (3,))),
        (["a", [3]], ("a", (3,))),
    ],
)
def test_a_prompt_comes_in_four_forms(prompt: Any, expected: Any) -> None:
    assert completion(prompt=prompt).prompts == expected


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"prompt": None}, "prompt", "missing_required_parameter"),
        ({"prompt": 7}, "prompt", "invalid_type"),
        ({"prompt": []}, "prompt", "invalid_value"),
        ({"prompt": [[]]}, "prompt[0]", "invalid_value"),
        ({"prompt": [1, "a"]}, "prompt[1]", "invalid_type"),
        ({"prompt": [1, True]}, "prompt[1]", "invalid_type"),
        ({"prompt": [1, -1]}, "prompt[1]", "invalid_value"),
        ({"prompt": [1, 2**31]}, "prompt[1]", "invalid_value"),
        ({"prompt": ["a", 1]}, "prompt[1]", "invalid_type"),
        ({"prompt": ["a"] * (MAX_PROMPTS + 1)}, "prompt", "invalid_value"),
        ({"model": None}, "model", "missing_required_parameter"),
        ({"model": 7}, "model", "invalid_type"),
        ({"n": 0}, "n", "invalid_value"),
        ({"n": 129}, "n", "invalid_value"),
        ({"n": 128, "prompt": ["a"] * 17}, "n", "invalid_value"),
        ({"stream": "yes"}, "stream", "invalid_type"),
        ({"stream_options": {"include_usage": True}}, "stream_options", "invalid_value"),
        ({"stream": True, "stream_options": {"include_usage": 1}}, "stream_options.include_usage", "invalid_type"),
        ({"priority": -1}, "priority", "invalid_value"),
        ({"truncate_prompt_tokens": -2}, "truncate_prompt_tokens", "invalid_value"),
        ({"best_of": 3}, "best_of", "unsupported_value"),
        ({"suffix": "x"}, "suffix", "unsupported_parameter"),
        ({"echo": True, "logprobs": 1}, "echo", "unsupported_parameter"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_wrong_with_a_completion_is_named(body: dict[str, Any], param: str, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        completion(**body)
    assert (caught.value.param, caught.value.code) == (param, code)


FUNCTION = {"type": "function", "function": {"name": "f"}}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"tools": [FUNCTION]}, "tools"),
        ({"tools": [FUNCTION], "tool_choice": "auto"}, "tools"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"audio": {"voice": "v"}}, "audio"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"web_search_options": {}}, "web_search_options"),
        ({"continue_final_message": True}, "continue_final_message"),
        ({"chat_template": "{{ x }}"}, "chat_template"),
        ({"echo": True}, "echo"),
    ],
    ids=str,
)
def test_what_a_chat_asks_for_and_does_not_get_is_named(body: dict[str, Any], param: str) -> None:
    with pytest.raises(Unsupported) as caught:
        chat(**body)
    assert caught.value.param == param


@pytest.mark.parametrize(
    "body", [{"tools": []}, {"tools": [FUNCTION], "tool_choice": "none"}, {"tool_choice": "auto"}, {"modalities": None}]
)
def test_tools_that_are_not_to_be_called_are_no_error(body: dict[str, Any]) -> None:
    assert chat(**body) == chat()


@pytest.mark.parametrize("name", ["messages", "add_generation_prompt"])
def test_arguments_of_a_template_are_not_the_requests_own(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        chat(chat_template_kwargs={name: []})
    assert caught.value.param == f"chat_template_kwargs.{name}"
    assert chat(add_generation_prompt=False).add_generation_prompt is False


@pytest.mark.parametrize("modalities", [7, "audio", {"audio": 1}])
def test_modalities_of_another_type_are_no_traceback(modalities: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        chat(modalities=modalities)
    assert caught.value.param == "modalities"


MEMBERS = [
    *("model", "prompt", "messages", "n", "best_of", "echo", "stream", "stream_options", "priority", "user", "suffix"),
    *("tools", "tool_choice", "functions", "function_call", "modalities", "audio", "chat_template_kwargs", "stop"),
    *("truncate_prompt_tokens", "max_tokens", "min_tokens", "max_completion_tokens", "temperature", "top_k", "top_p"),
    *("min_p", "repetition_penalty", "logit_bias", "seed", "stop_token_ids", "logprobs", "top_logprobs", "bad_words"),
    *("response_format", "structured_outputs", "guided_json", "guided_choice", "guided_regex", "prompt_logprobs"),
]
INNER = ("type", "role", "content", "text", "json_schema", "schema", "include_usage", "json", "choice", "5", "-1")
SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=3)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(INNER), inner, max_size=3),
    max_leaves=8,
)


@given(body=st.dictionaries(st.sampled_from(MEMBERS), VALUES))
def test_whatever_is_sent_is_understood_or_refused_by_name(body: dict[str, Any]) -> None:
    for decode, needed in ((decode_completion, {"prompt": "x"}), (decode_chat, {"messages": USER})):
        text = json.dumps({"model": "m", **needed, **body}).encode()
        try:
            decode(text)
        except InvalidInput as error:
            refused = error
        else:
            continue
        assert re.split(r"[.\[]", refused.param)[0] in MEMBERS or "JSON" in str(refused)
