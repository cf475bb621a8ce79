import json
from random import Random
from typing import Any

import pytest

from loadtests.asking import CannotTest
from loadtests.call import Call
from loadtests.inputs import openai_calls
from loadtests.inputs.model import Learnt
from loadtests.inputs.wanted import Span, Wanted
from loadtests.inputs.writing import writing


def made(protocol: str, **given: Any) -> tuple[Call, dict[str, Any]]:
    wanted = Wanted(prompt_tokens=Span(3, 3), max_tokens=Span(5, 5), **given)
    call = openai_calls.made_up(protocol, "m", wanted, writing(wanted, Learnt()), Random(0))
    return call, json.loads(call.body)


def test_a_stream_is_asked_for_its_count_of_tokens() -> None:
    call, body = made("completions", hang_up_after=2)
    assert (call.path, call.stream, call.hang_up_after) == ("/v1/completions", True, 2)
    assert len(body.pop("prompt").split()) == 3
    assert body == {"model": "m", "max_tokens": 5, "stream": True, "stream_options": {"include_usage": True}}


def test_a_whole_answer_is_no_stream() -> None:
    call, body = made("chat", stream=False, extra={"temperature": 0}, hang_up_after=2)
    assert (call.path, call.stream, call.hang_up_after) == ("/v1/chat/completions", False, 0)
    assert [message["role"] for message in body["messages"]] == ["user"]
    assert (body["stream"], body["temperature"], "stream_options" in body) == (False, 0, False)


def test_several_texts_are_a_list() -> None:
    assert [len(made("completions", rows=3)[1]["prompt"]), made("completions", rows=3)[0].rows] == [3, 3]
    call, body = made("embeddings", rows=2)
    assert (call.rows, len(body["input"]), body.keys()) == (2, 2, {"model", "input"})
    with pytest.raises(CannotTest, match="--rows 2: a chat is one conversation"):
        made("chat", rows=2)


def test_what_a_body_says_is_kept() -> None:
    body = {"model": "other", "prompt": [1, 2, 3], "stream": False}
    call = openai_calls.from_body("completions", "m", body, Wanted())
    assert json.loads(call.body) == body
    assert (call.rows, call.stream) == (1, False)
