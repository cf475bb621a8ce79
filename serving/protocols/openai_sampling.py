"""OpenAI's and vLLM's words for how the next token is chosen.

Rule: a value that has no meaning is an error that names it; nothing is silently cut to what is possible.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from serving.core.brief import brief
from serving.core.generation import (
    DEFAULTED,
    MAX_LOGPROBS,
    MAX_STOP_CHARACTERS,
    MAX_STOPS,
    NO_BIAS,
    SamplingParams,
)
from serving.errors import Unsupported
from serving.protocols import openai_grammar
from serving.protocols.openai_fields import Fields, finite, text_item, token_id, wrong_type, wrong_value

DEFAULT_MAX_TOKENS = 16
"""Of a completion, which is not a message."""

_MAX_TOKENS = 2**31 - 1
_LEAST_TOP_P = 1e-6  # the likeliest token alone


def read_completion(fields: Fields) -> SamplingParams:
    default = DEFAULT_MAX_TOKENS if "max_tokens" not in fields else None
    max_tokens = fields.optional_integer("max_tokens", 1, _MAX_TOKENS)
    sampling = _read(fields, max_tokens or default, fields.optional_integer("logprobs", 0, MAX_LOGPROBS))
    return replace(sampling, unsaid=_unsaid(fields, max_tokens))


def read_chat(fields: Fields) -> SamplingParams:
    newer = fields.optional_integer("max_completion_tokens", 1, _MAX_TOKENS)
    older = fields.optional_integer("max_tokens", 1, _MAX_TOKENS)
    sampling = _read(fields, newer or older, _chat_logprobs(fields))
    return replace(sampling, unsaid=_unsaid(fields, newer or older))


def _read(fields: Fields, max_tokens: int | None, logprobs: int | None) -> SamplingParams:
    _refuse_what_is_missing(fields)
    return SamplingParams(
        max_tokens=max_tokens,
        min_tokens=_min_tokens(fields, max_tokens),
        temperature=fields.number("temperature", 1.0, 0.0, 100.0),
        top_k=max(fields.integer("top_k", 0, -1, 2**31 - 1), 0),
        top_p=max(fields.number("top_p", 1.0, 0.0, 1.0), _LEAST_TOP_P),
        min_p=fields.number("min_p", 0.0, 0.0, 1.0),
        repetition_penalty=_repetition_penalty(fields),
        presence_penalty=fields.number("presence_penalty", 0.0, -2.0, 2.0),
        frequency_penalty=fields.number("frequency_penalty", 0.0, -2.0, 2.0),
        logit_bias=_logit_bias(fields),
        seed=fields.optional_integer("seed"),
        stop=_stop(fields),
        stop_token_ids=fields.list_of("stop_token_ids", token_id),
        include_stop_str_in_output=fields.flag("include_stop_str_in_output"),
        ignore_eos=fields.flag("ignore_eos"),
        logprobs=logprobs,
        grammar=openai_grammar.read(fields),
    )


def _unsaid(fields: Fields, max_tokens: int | None) -> frozenset[str]:
    found = {name for name in DEFAULTED if fields.value(name) is None}
    return frozenset(found | {"max_tokens"} if max_tokens is None else found - {"max_tokens"})


def _refuse_what_is_missing(fields: Fields) -> None:
    for name in ("use_beam_search", "prompt_logprobs", "bad_words", "allowed_token_ids", "logits_processors"):
        if fields.value(name) not in (None, False, []):
            raise Unsupported(f"'{name}' is not supported; leave it out", name, "unsupported_parameter")


def _chat_logprobs(fields: Fields) -> int | None:
    top = fields.optional_integer("top_logprobs", 0, MAX_LOGPROBS)
    if fields.flag("logprobs"):
        return top or 0
    if top:
        raise wrong_value("top_logprobs", "'top_logprobs' needs 'logprobs' to be true")
    return None


def _min_tokens(fields: Fields, max_tokens: int | None) -> int:
    found = fields.integer("min_tokens", 0, 0, _MAX_TOKENS)
    if max_tokens is not None and found > max_tokens:
        raise wrong_value(
            "min_tokens", f"'min_tokens' is {found}, and must be at most the {max_tokens} of 'max_tokens'"
        )
    return found


def _repetition_penalty(fields: Fields) -> float:
    found = fields.number("repetition_penalty", 1.0, 0.0, 1000.0)
    if found == 0:
        raise wrong_value("repetition_penalty", "'repetition_penalty' must be more than 0; 1 is no penalty")
    return found


def _stop(fields: Fields) -> tuple[str, ...]:
    stops: Any = fields.value("stop")
    if stops is None:
        return ()
    if type(stops) is str:
        stops = [stops]
    if type(stops) is not list:
        raise wrong_type("stop", "a string or a list of strings", stops)
    if len(stops) > MAX_STOPS:
        raise wrong_value("stop", f"'stop' must have at most {MAX_STOPS} strings, got {len(stops)}")
    texts = tuple(text_item(f"stop[{index}]", stop) for index, stop in enumerate(stops))
    if not all(texts):
        raise wrong_value("stop", "'stop' must not have an empty string")
    if sum(map(len, texts)) > MAX_STOP_CHARACTERS:
        raise wrong_value("stop", f"'stop' must have at most {MAX_STOP_CHARACTERS} characters in all")
    return texts


def _logit_bias(fields: Fields) -> Mapping[int, float]:
    found = fields.object("logit_bias")
    return dict(_bias(key, value) for key, value in found.items()) if found else NO_BIAS


def _bias(key: str, value: Any) -> tuple[int, float]:
    param = f"logit_bias.{brief(key)[1:-1]}"
    if not (key.isascii() and key.isdigit() and len(key) <= 10 and int(key) < 2**31):
        raise wrong_value("logit_bias", f"'logit_bias' must have tokens' numbers as keys, got {brief(key)}")
    bias = finite(param, value)
    if not -100 <= bias <= 100:
        raise wrong_value("logit_bias", f"'{param}' must be from -100 to 100, got {brief(value)}")
    return int(key), bias
