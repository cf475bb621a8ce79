"""Bodies of /v1/completions and /v1/chat/completions.

Source: the types of the package openai, and vLLM's extra parameters. Rule: what is not known is ignored, since clients
send more than servers know; what is known and not done is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from serving.core.generation import SamplingParams
from serving.errors import InvalidInput, Unsupported
from serving.protocols import openai_fields, openai_messages, openai_sampling
from serving.protocols.openai_fields import Fields, text_item, token_id, wrong_type, wrong_value
from serving.protocols.openai_messages import Message

MAX_PROMPTS = 2048
MAX_N = 128

Prompt = str | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TextRequest:
    """One of `prompts`, texts or tokens, and `messages` is empty. Each prompt is answered `n` times.

    `priority` 1 is the highest, 0 the model's default. `truncate_prompt_tokens` is how many of a prompt's last tokens
    are read, -1 for as many as leave room for `max_tokens`, None for an error where there are more. With `echo` an
    answer begins with the prompt.
    `include_usage` is of streams, `continuous_usage` in every chunk of them.
    """

    model: str
    sampling: SamplingParams
    prompts: tuple[Prompt, ...] = ()
    messages: tuple[Message, ...] = ()
    n: int = 1
    echo: bool = False
    stream: bool = False
    include_usage: bool = False
    continuous_usage: bool = False
    priority: int = 0
    user: str = ""
    return_token_ids: bool = False
    add_special_tokens: bool = True
    skip_special_tokens: bool = True
    truncate_prompt_tokens: int | None = None
    add_generation_prompt: bool = True
    chat_template_kwargs: Mapping[str, Any] = field(default_factory=dict)


def decode_completion(body: bytes) -> TextRequest:
    """Raises `InvalidInput`, `Unsupported`."""
    fields = openai_fields.body(body)
    n, prompts = _n(fields), _prompts(fields)
    if n * len(prompts) > MAX_PROMPTS:
        raise wrong_value("n", f"'n' times the prompts must be at most {MAX_PROMPTS}, got {n} times {len(prompts)}")
    if fields.text("suffix"):
        raise Unsupported("'suffix' is not supported; leave it out", "suffix", "unsupported_parameter")
    sampling = openai_sampling.read_completion(fields)
    echo = fields.flag("echo")
    if echo and sampling.logprobs is not None:
        words = "'echo' with 'logprobs' asks for those of the prompt, which are not computed; leave one of them out"
        raise Unsupported(words, "echo", "unsupported_parameter")
    return TextRequest(
        sampling=sampling,
        prompts=prompts,
        n=n,
        echo=echo,
        add_special_tokens=fields.flag("add_special_tokens", True),
        **_common(fields),
    )


def decode_chat(body: bytes) -> TextRequest:
    """Raises `InvalidInput`, `Unsupported`."""
    fields = openai_fields.body(body)
    _refuse_tools(fields)
    _refuse_what_is_not_done(fields)
    return TextRequest(
        sampling=openai_sampling.read_chat(fields),
        messages=openai_messages.read(fields),
        n=_n(fields),
        add_special_tokens=fields.flag("add_special_tokens"),
        add_generation_prompt=fields.flag("add_generation_prompt", True),
        chat_template_kwargs=_template_arguments(fields),
        **_common(fields),
    )


def _common(fields: Fields) -> dict[str, Any]:
    stream = fields.flag("stream")
    return {
        "model": fields.required_text("model"),
        "stream": stream,
        "priority": fields.integer("priority", 0, 0, 2**32 - 1),
        "user": fields.text("user"),
        "return_token_ids": fields.flag("return_token_ids"),
        "skip_special_tokens": fields.flag("skip_special_tokens", True),
        "truncate_prompt_tokens": fields.optional_integer("truncate_prompt_tokens", -1, 2**31 - 1),
        **_stream_options(fields, stream),
    }


def _stream_options(fields: Fields, stream: bool) -> dict[str, bool]:
    options = fields.fields("stream_options")
    if options is None:
        return {}
    if not stream:
        raise wrong_value("stream_options", "'stream_options' is allowed only where 'stream' is true")
    return {
        "include_usage": options.flag("include_usage"),
        "continuous_usage": options.flag("continuous_usage_stats"),
    }


def _n(fields: Fields) -> int:
    n = fields.integer("n", 1, 1, MAX_N)
    if fields.integer("best_of", n) != n:
        raise Unsupported(
            f"'best_of' must be left out or be the {n} of 'n': answers are not ranked", "best_of", "unsupported_value"
        )
    return n


def _prompts(fields: Fields) -> tuple[Prompt, ...]:
    found = fields.value("prompt")
    if found is None:
        fields.missing("prompt")
    return read_texts("prompt", found)


def read_texts(param: str, found: Any) -> tuple[Prompt, ...]:
    """A text, several, the tokens of one, or of several. Raises `InvalidInput`."""
    if type(found) is str:
        return (found,)
    if type(found) is not list:
        raise wrong_type(param, "a string, a list of strings, or tokens' numbers", found)
    if not found:
        raise wrong_value(param, f"'{param}' must not be an empty list")
    if type(found[0]) is int:
        return (_tokens(param, found),)
    if len(found) > MAX_PROMPTS:
        raise wrong_value(param, f"'{param}' must have at most {MAX_PROMPTS} texts, got {len(found)}")
    return tuple(_prompt(f"{param}[{index}]", item) for index, item in enumerate(found))


def _prompt(param: str, item: Any) -> Prompt:
    if type(item) is str:
        return item
    if type(item) is not list:
        raise wrong_type(param, "a string or a list of tokens' numbers", item)
    return _tokens(param, item)


def _tokens(param: str, items: list[Any]) -> tuple[int, ...]:
    if not items:
        raise wrong_value(param, f"'{param}' must have at least one token")
    if set(map(type, items)) == {int} and min(items) >= 0 and max(items) < 2**31:
        return tuple(items)
    return tuple(token_id(f"{param}[{index}]", item) for index, item in enumerate(items))


def _refuse_tools(fields: Fields) -> None:
    choice = fields.value("tool_choice")
    for name in ("tools", "functions"):
        if fields.value(name) and choice != "none" and fields.value("function_call") != "none":
            raise Unsupported(
                f"calling tools is not supported; leave '{name}' out, or set 'tool_choice' to \"none\"",
                name,
                "unsupported_parameter",
            )
    if choice not in (None, "none", "auto"):
        raise Unsupported("calling tools is not supported; leave 'tool_choice' out", "tool_choice", "unsupported_value")


def _refuse_what_is_not_done(fields: Fields) -> None:
    for name in ("audio", "web_search_options", "chat_template", "documents", "continue_final_message", "echo"):
        if fields.value(name) not in (None, False, []):
            raise Unsupported(f"'{name}' is not supported; leave it out", name, "unsupported_parameter")
    if set(fields.list_of("modalities", text_item)) - {"text"}:
        raise Unsupported("'modalities' must be text alone", "modalities", "unsupported_value")


def _template_arguments(fields: Fields) -> Mapping[str, Any]:
    found = fields.object("chat_template_kwargs") or {}
    for name in ("messages", "add_generation_prompt"):
        if name in found:
            param = f"chat_template_kwargs.{name}"
            raise InvalidInput(f"'{name}' is a member of the request itself, not of 'chat_template_kwargs'", param)
    return found
