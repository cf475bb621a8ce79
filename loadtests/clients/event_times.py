"""When the events of a stream came.

Rule: an event is told by its blank line; what it says is only read where that decides.

Source of the framing: the HTML standard's server-sent events, as OpenAI's API and Triton's generate_stream send them.
"""

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from loadtests.clients.client import Reply
from loadtests.clients.said import said, status_said

_END = b"\n\n"
_DONE = b"data: [DONE]"
_DECIDES = (b'"error"', b'"completion_tokens"', b'"finish_reason":"', b'"finish_reason": "')
_TEXTS = ("content", "reasoning_content", "reasoning", "tool_calls", "refusal", "function_call")


class EventTimes:
    """`feed` takes what came and when, and says whether enough did; `reply` tells it all."""

    def __init__(self, hang_up_after: int = 0) -> None:
        self._enough = hang_up_after
        self._rest = b""
        self._times: list[float] = []
        self._tokens = 0
        self._error: Reply | None = None

    def feed(self, data: bytes, now: float) -> bool:
        *events, self._rest = (self._rest + data).replace(b"\r\n", b"\n").split(_END)
        for event in events:
            if event == _DONE or not event.startswith(b"data:"):
                continue
            if not self._times or any(word in event for word in _DECIDES):
                self._look(event, now)
            else:
                self._times.append(now)
        return 0 < self._enough <= len(self._times)

    def reply(self, status: int) -> Reply:
        """Tokens are as many as the server counted, or else as events."""
        if self._error is not None:
            return self._error
        if not self._times:
            return Reply(status, tokens=self._tokens)
        return Reply(status, self._times[0], self._tokens or len(self._times), between(self._times))

    def _look(self, event: bytes, now: float) -> None:
        """An event that only says who speaks, or that it is over, is none; one with an error ends in it."""
        try:
            document = json.loads(event.removeprefix(b"data:"))
        except ValueError:
            return
        if not isinstance(document, dict):
            return
        if document.get("error"):
            self._error = Reply(status_said(document), message=said(document))
            return
        usage = document.get("usage")
        if isinstance(usage, dict):
            self._tokens = int(usage.get("completion_tokens") or 0)
        if _has_text(document):
            self._times.append(now)


def between(times: Sequence[float]) -> tuple[float, ...]:
    """How long each was after the one before."""
    return tuple(after - before for before, after in pairwise(times))


def _has_text(event: dict[str, Any]) -> bool:
    match event.get("choices"):
        case [{"delta": dict(delta)}, *_]:
            return any(delta.get(name) for name in _TEXTS)
        case [{"text": str(text)}, *_]:
            return bool(text)
        case []:
            return False
    return True
