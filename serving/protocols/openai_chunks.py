"""Answers while they are written: each chunk a server-sent event.

Rule: a chunk has what is new, and one is cheap: there is one for each token of each answer.
"""

from collections.abc import Mapping
from typing import Any

from serving.core.text_output import CompletionOutput, Usage
from serving.protocols import json_text, openai_logprobs, sse
from serving.protocols.openai_replies import ReplyHead, counted, ended, numbered, started

DONE = sse.event(b"[DONE]")


class CompletionChunks:
    """Of one reply to /v1/completions."""

    def __init__(self, head: ReplyHead) -> None:
        self._head = head
        self._started = started(head, "text_completion")
        self._written: dict[int, int] = {}  # characters of each answer, where somebody asked for logprobs

    def chunk(self, output: CompletionOutput, usage: Usage | None = None) -> bytes:
        """`usage` is what was used up to here, for who asked to know it in each chunk."""
        choice = {
            "index": output.index,
            "text": output.text,
            "logprobs": None if output.logprobs is None else self._logprobs(output),
            **ended(output),
            **numbered(self._head, output),
        }
        return _event(self._started, choice, usage)

    def usage(self, usage: Usage) -> bytes:
        """The last chunk, for who asked."""
        return _usage(self._started, usage)

    def _logprobs(self, output: CompletionOutput) -> dict[str, Any]:
        tokens = output.logprobs or ()
        offset = self._written.get(output.index, 0)
        self._written[output.index] = offset + sum(openai_logprobs.characters(token.raw) for token in tokens)
        return openai_logprobs.of_completion(tokens, offset)


class ChatChunks:
    """Of one reply to /v1/chat/completions."""

    def __init__(self, head: ReplyHead) -> None:
        self._head = head
        self._started = started(head, "chat.completion.chunk")

    def first(self, index: int = 0, usage: Usage | None = None) -> bytes:
        """Who speaks; comes before an answer's first text."""
        delta = {"role": "assistant", "content": ""}
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": None}
        return _event(self._started, choice, usage)

    def chunk(self, output: CompletionOutput, usage: Usage | None = None) -> bytes:
        choice = {
            "index": output.index,
            "delta": {"content": output.text} if output.text or output.finish_reason is None else {},
            "logprobs": None if output.logprobs is None else openai_logprobs.of_chat(output.logprobs),
            **ended(output),
            **numbered(self._head, output),
        }
        return _event(self._started, choice, usage)

    def usage(self, usage: Usage) -> bytes:
        """The last chunk, for who asked."""
        return _usage(self._started, usage)


def _event(head: Mapping[str, Any], choice: Mapping[str, Any], usage: Usage | None) -> bytes:
    document = {**head, "choices": [choice]}
    if usage is not None:
        document["usage"] = counted(usage)
    return sse.event(json_text.dumps(document))


def _usage(head: Mapping[str, Any], usage: Usage) -> bytes:
    return sse.event(json_text.dumps({**head, "choices": [], "usage": counted(usage)}))
