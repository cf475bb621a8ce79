"""What a connection has in the place of uvicorn's parts: a request's cycle, and the pace at which is read.

Rule: it has what uvicorn looks at, and no more.
"""

import asyncio
from collections.abc import Sized

from uvicorn.protocols.http.flow_control import FlowControl

from serving.transports.http.one_write import OneWrite
from serving.transports.http.tensor_request import Asked


class Exchange:
    """The connection's present request and its reply by the fast path, with what uvicorn looks at in its own cycle of
    the two."""

    more_body = False
    message_event = asyncio.Event()  # which uvicorn sets for whoever reads the body; that has been read

    __slots__ = ("answer", "disconnected", "keep_alive", "response_complete")

    def __init__(self) -> None:
        self.answer: Asked | None = None
        self.disconnected = False
        self.keep_alive = True
        self.response_complete = True


class ReadsOn(FlowControl):
    """Reads on when nothing waits for its turn. Uvicorn does with each answer, so that whoever asks and never looks at
    the answers has the server keep all of it."""

    def __init__(self, transport: OneWrite, waiting: Sized) -> None:
        super().__init__(transport)  # type: ignore[arg-type]
        self._waiting = waiting

    def resume_reading(self) -> None:
        if not self._waiting:
            super().resume_reading()
