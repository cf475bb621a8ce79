"""When the events of a stream came.

Rule: an event is told by its blank line; what it says is only read where that decides.

Source of the framing: the HTML standard's server-sent events, as OpenAI's API and Triton's generate_stream send them.
"""

import json
from typing import Any

from loadtests.clients.client import Reply

_END = b"\n\n"
_DONE = b"data: [DONE]"


class EventTimes:
    """`feed` takes what came and when, and says whether enough did; `reply` tells it all."""

    def __init__(self, hang_up_after: int = 0) -> None:
        self._enough = hang_up_after
        self._rest = b""
        self._times: list[float] = []
        self._error = ""

    def feed(self, data: bytes, now: float) -> bool:
        *events, self._rest = (self._rest + data).replace(b"\r\n", b"\n").split(_END)
        for event in events:
            if event == _DONE or not event.startswith(b"data:"):
                continue
            if not self._times or b'"error"' in event:
                self._look(event, now)
            else:
                self._times.append(now)
        return 0 < self._enough <= len(self._times)

    def reply(self, status: int) -> Reply:
        if self._error:
            return Reply(500, message=self._error)
        if not self._times:
            return Reply(status)
        gaps = tuple(after - before for before, after in zip(self._times, self._times[1:], strict=False))
        return Reply(status, self._times[0], len(self._times), gaps)

    def _look(self, event: bytes, now: float) -> None:
        """A first event that only says who speaks is none, and one with an error ends in it."""
        try:
            document = json.loads(event.removeprefix(b"data:"))
        except ValueError:
            document = {}
        if not isinstance(document, dict):
            return
        if "error" in document:
            self._error = json.dumps(document["error"])[:300]
        elif _has_text(document):
            self._times.append(now)


def _has_text(event: dict[str, Any]) -> bool:
    match event.get("choices"):
        case [{"delta": dict(delta)}, *_]:
            return bool(delta.get("content"))
        case [{"text": str(text)}, *_]:
            return bool(text)
        case []:
            return False
    return True
