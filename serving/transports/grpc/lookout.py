"""For the next call, on any connection. Rule: while calls are answered, there is nothing to look out for."""

import asyncio

from serving.transports.busy_poll import BusyPoll


class Lookout:
    def __init__(self) -> None:
        self._busy_poll = BusyPoll()
        self._unanswered = 0

    def __repr__(self) -> str:
        return f"<Lookout {self._unanswered} unanswered>"

    def asked(self) -> bool:
        """As `BusyPoll.asked`."""
        self._unanswered += 1
        return self._busy_poll.asked() and self._unanswered == 1

    def answered(self, loop: asyncio.AbstractEventLoop) -> None:
        self._unanswered -= 1
        self._busy_poll.answered(loop, is_idle=not self._unanswered)
