from typing import Any

import pytest

from serving.errors import InvalidInput, Unsupported
from serving.protocols import openai_messages
from serving.protocols.openai_fields import Fields


def read(*messages: Any) -> tuple[openai_messages.Message, ...]:
    return openai_messages.read(Fields({"messages": list(messages)}))


def test_a_content_is_one_text() -> None:
    parts = [{"type": "text", "text": "a"}, {"text": "b"}, "c", {"type": "refusal", "refusal": "d"}]
    assert read({"role": "user", "content": "x"}, {"role": "user", "content": parts}) == (
        {"role": "user", "content": "x"},
        {"role": "user", "content": "a\nb\nc\nd"},
    )


def test_what_else_a_message_has_is_the_templates() -> None:
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}], "audio": None}
    result = {"role": "tool", "content": "7", "tool_call_id": "1"}
    assert read(call, result) == ({"role": "assistant", "tool_calls": [{"id": "1"}]}, result)


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        (None, "messages"),
        ("hello", "messages"),
        ([], "messages"),
        ([{"role": "user", "content": "x"}] * 10_001, "messages"),
        (["hello"], "messages[0]"),
        ([{"content": "x"}], "messages[0].role"),
        ([{"role": 7, "content": "x"}], "messages[0].role"),
        ([{"role": "user"}], "messages[0].content"),
        ([{"role": "user", "content": None}], "messages[0].content"),
        ([{"role": "assistant"}], "messages[0].content"),
        ([{"role": "user", "content": 7}], "messages[0].content"),
        ([{"role": "user", "content": "x"}, {"role": "user", "content": [7]}], "messages[1].content[0]"),
        ([{"role": "user", "content": [{"type": "text"}]}], "messages[0].content[0].text"),
        ([{"role": "user", "content": [{"type": "text", "text": 7}]}], "messages[0].content[0].text"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_wrong_is_named(messages: Any, param: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        openai_messages.read(Fields({"messages": messages}))
    assert caught.value.param == param


@pytest.mark.parametrize("kind", ["image_url", "input_audio", "file"])
def test_what_is_no_text_is_refused_by_name(kind: str) -> None:
    with pytest.raises(Unsupported, match=f"is of type '{kind}', and the model reads text only") as caught:
        read({"role": "user", "content": [{"type": kind, kind: {}}]})
    assert caught.value.param == "messages[0].content[0].type"
