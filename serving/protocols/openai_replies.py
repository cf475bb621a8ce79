"""Whole answers of /v1/completions and /v1/chat/completions, and the list of models.

Source: the types of the package openai; `stop_reason`, `token_ids` and `prompt_token_ids` are vLLM's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from serving.core.text_output import CompletionOutput, Usage
from serving.protocols import json_text, openai_logprobs


@dataclass(frozen=True, slots=True)
class ReplyHead:
    """What all parts of a reply have in common. `created` is in whole seconds since 1970."""

    id: str
    created: int
    model: str
    return_token_ids: bool = False


@dataclass(frozen=True, slots=True)
class ModelCard:
    id: str
    created: int
    max_model_len: int | None = None


def completion(head: ReplyHead, outputs: Sequence[CompletionOutput], usage: Usage) -> bytes:
    choices = [_choice(head, output) for output in outputs]
    return json_text.dumps({**started(head, "text_completion"), "choices": choices, "usage": counted(usage)})


def chat_completion(head: ReplyHead, outputs: Sequence[CompletionOutput], usage: Usage) -> bytes:
    choices = [_chat_choice(head, output) for output in outputs]
    return json_text.dumps({**started(head, "chat.completion"), "choices": choices, "usage": counted(usage)})


def model(card: ModelCard) -> bytes:
    return json_text.dumps(_card(card))


def models(cards: Sequence[ModelCard]) -> bytes:
    return json_text.dumps({"object": "list", "data": [_card(card) for card in cards]})


def started(head: ReplyHead, kind: str) -> dict[str, Any]:
    return {"id": head.id, "object": kind, "created": head.created, "model": head.model}


def counted(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
    }


def ended(output: CompletionOutput) -> dict[str, Any]:
    return {"finish_reason": output.finish_reason, "stop_reason": output.stop_reason}


def numbered(head: ReplyHead, output: CompletionOutput) -> dict[str, Any]:
    """The tokens' numbers, for who asked."""
    if not head.return_token_ids:
        return {}
    prompt = {} if output.prompt_token_ids is None else {"prompt_token_ids": output.prompt_token_ids}
    return {"token_ids": output.token_ids, **prompt}


def _choice(head: ReplyHead, output: CompletionOutput) -> dict[str, Any]:
    logprobs = None if output.logprobs is None else openai_logprobs.of_completion(output.logprobs)
    return {
        "index": output.index,
        "text": output.text,
        "logprobs": logprobs,
        **ended(output),
        **numbered(head, output),
    }


def _chat_choice(head: ReplyHead, output: CompletionOutput) -> dict[str, Any]:
    return {
        "index": output.index,
        "message": {"role": "assistant", "content": output.text, "refusal": None},
        "logprobs": None if output.logprobs is None else openai_logprobs.of_chat(output.logprobs),
        **ended(output),
        **numbered(head, output),
    }


def _card(card: ModelCard) -> dict[str, Any]:
    known = {"id": card.id, "object": "model", "created": card.created, "owned_by": "slipway"}
    return known if card.max_model_len is None else {**known, "max_model_len": card.max_model_len}
