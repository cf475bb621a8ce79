from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from transformers import PreTrainedTokenizerFast

from serving.errors import InvalidInput, ModelLoadFailed
from serving.text import chat_template
from serving.text.chat_template import ChatTemplate
from serving.text.tokenizer import TextTokenizer
from tests import tiny_tokenizers

NOW = datetime(2026, 3, 4, tzinfo=UTC)
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}

CHATML = """\
{%- if messages[0]['role'] == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
{%- else %}
    {{- '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {{- '<|im_start|>' + message.role }}
        {%- if message.content %}
            {{- '\\n' + message.content }}
        {%- endif %}
        {{- '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}
"""

WITH_TURNS = """\
{{ bos_token }}{% for message in messages %}
{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}
{% endif %}
{% if message['role'] == 'user' %}
{{ '[INST] ' + message['content'] | trim + ' [/INST]' }}
{% elif message['role'] == 'assistant' %}
{{ message['content'] + eos_token }}
{% else %}
{{ raise_exception('Only user and assistant roles are supported!') }}
{% endif %}
{% endfor %}
"""

WITH_EVERYTHING = """\
{%- set ns = namespace(count=0, last=none) -%}
{%- macro header(role) -%}
<|{{ role }}|>{{ caller() if caller is defined else '' }}
{%- endmacro -%}
{#- a comment -#}
{%- for message in messages if message.role != 'system' recursive -%}
    {%- set ns.count = ns.count + 1 -%}
    {{ header(message.role) }} {{ loop.index }}/{{ loop.length }}{{ '!' if loop.last }}
    {%- if message.role == 'assistant' %}{% generation %}{{ message.content }}{% endgeneration %}{% endif %}
    {%- if ns.count > 50 %}{% break %}{% endif %}
    {%- for word in message.content.split() -%}
        {%- if loop.index == 2 %}{% continue %}{% endif %}{{ word[::-1] }}{% endfor %}
    {{ loop(message.more) if message.more }}
{%- else %}nobody{% endfor -%}
{{ {"b": [1, "é<"], "a": none} | tojson }}{{ messages | map(attribute='role') | list | tojson(indent=2) }}
{{ '%s' | format('x') ~ 'y' * 3 }} {{ 7 ** 2 }} {{ range(3) | list }} {{ tools is none }} {{ missing }}
{%- if strftime_now is defined %}{{ strftime_now('%d') | length }}{% endif %}
"""

CHATS: list[list[dict[str, Any]]] = [
    [{"role": "user", "content": "  Hello <b> & 🙂\n"}],
    [
        {"role": "user", "content": "a b c"},
        {"role": "assistant", "content": "d", "tool_calls": None},
        {"role": "user", "content": "e"},
    ],
    [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "x"}],
    [
        {"role": "user", "content": "x", "more": [{"role": "user", "content": "y"}]},
        {"role": "assistant", "content": "z"},
    ],
]


@pytest.fixture(scope="module")
def transformers() -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(tokenizer_object=tiny_tokenizers.byte_level(), **TOKENS)


@pytest.mark.parametrize("source", [CHATML, WITH_TURNS, WITH_EVERYTHING], ids=["chatml", "turns", "everything"])
@pytest.mark.parametrize("chat", CHATS, ids=["one", "three", "system", "nested"])
@pytest.mark.parametrize(
    ("prompted", "arguments"), [(False, {}), (True, {}), (True, {"enable_thinking": False, "now": 1})], ids=str
)
def test_conversations_are_the_texts_that_transformers_writes(
    transformers: PreTrainedTokenizerFast,
    source: str,
    chat: list[dict[str, Any]],
    prompted: bool,
    arguments: dict[str, Any],
) -> None:
    template = ChatTemplate(source, TOKENS)
    try:
        expected = transformers.apply_chat_template(
            chat, chat_template=source, tokenize=False, add_generation_prompt=prompted, **arguments
        )
    except Exception as error:  # whatever its template raises
        with pytest.raises(InvalidInput, match=str(error)):
            template.render(chat, NOW, prompted, arguments)
        return
    assert template.render(chat, NOW, prompted, arguments) == expected


def test_the_date_is_the_one_that_was_given() -> None:
    template = ChatTemplate("{{ strftime_now('%d %b %Y') }}")
    assert template.render(CHATS[0], NOW) == "04 Mar 2026"


def test_a_refusal_has_the_templates_own_words() -> None:
    with pytest.raises(InvalidInput, match="roles must alternate") as caught:
        ChatTemplate(WITH_TURNS).render([{"role": "assistant", "content": "x"}], NOW)
    assert caught.value.param == "messages"


@pytest.mark.parametrize(
    "source",
    [
        "{{ messages[0].content.nothing.more }}",
        "{{ 1 / 0 }}",
        "{{ messages | tojson(nothing=1) }}",
        "{{ messages[0] + 1 }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    ],
)
def test_a_template_that_fails_is_an_error_of_the_request(source: str) -> None:
    with pytest.raises(InvalidInput, match="the chat template "):
        ChatTemplate(source).render(CHATS[0], NOW)


def test_a_model_without_a_template_says_so() -> None:
    with pytest.raises(InvalidInput, match=r"has no chat template.*/v1/completions") as caught:
        ChatTemplate("").render(CHATS[0], NOW)
    assert caught.value.param == "messages"


def test_a_template_that_is_none_is_the_owners_to_know() -> None:
    with pytest.raises(ModelLoadFailed, match="the chat template can't be read: "):
        ChatTemplate("{% if %}")


def test_the_conversation_is_left_as_it_was() -> None:
    chat = [{"role": "user", "content": "x", "name": None}]
    with pytest.raises(InvalidInput):
        ChatTemplate("{{ messages.append(1) }}").render(chat, NOW)
    assert chat == [{"role": "user", "content": "x", "name": None}]


def test_arguments_may_not_take_the_place_of_the_conversation() -> None:
    arguments = dict.fromkeys(
        ["messages", "strftime_now", "raise_exception", "the budget", "self", "add_generation_prompt"]
    )
    template = ChatTemplate("{% for it in messages %}{{ it.content }}{% endfor %}{{ add_generation_prompt }}")
    assert template.render(CHATS[2], NOW, True, arguments) == "Be brief.xTrue"


def test_of_several_templates_the_default_one_is_chosen() -> None:
    assert chat_template.choose(None, "x") == ""
    assert chat_template.choose("a", "x") == "a"
    assert chat_template.choose({"default": "a", "rag": "b"}, "x") == "a"
    assert chat_template.choose([{"name": "rag", "template": "b"}, {"name": "default", "template": "a"}], "x") == "a"


@pytest.mark.parametrize("found", [[], {"rag": "b"}, 7, [7], [{"name": "default", "template": 7}]])
def test_templates_without_a_default_are_told_to_the_owner(found: Any) -> None:
    with pytest.raises(ModelLoadFailed, match="'chat_template' in the file should be a text, or a list"):
        chat_template.choose(found, "the file")


def test_it_is_read_from_the_files(tmp_path: Path) -> None:
    config = {"chat_template": "{{ bos_token }}{{ messages[0].content }}", **TOKENS}
    folder = tiny_tokenizers.write(tmp_path, tiny_tokenizers.byte_level(), tokenizer_config=config)
    assert TextTokenizer.read(folder).chat_template.render([{"role": "user", "content": "x"}], NOW) == "<s>x"
