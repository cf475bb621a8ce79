"""What a call's caller has said, until somebody reads it.

Rule: what nobody has read counts as memory that the server holds, be it whole or still coming; apart from requests that
wait for their answers, which those would be refused for who never send the rest.
"""

from collections import deque

from serving.errors import OutOfMemory
from serving.protocols.grpc_wire import RESOURCE_EXHAUSTED, Message, Messages, Refused
from serving.transports.held_memory import Held, HeldMemory

_EACH = 256  # bytes that a message takes beside its own
_FREE = 16 * 1024  # bytes that are not counted, which most calls have less than


class Inbox:
    __slots__ = ("_held", "_messages", "_owed", "_size", "_unread")

    def __init__(self, messages: Messages, memory: HeldMemory) -> None:
        self._messages = messages
        self._held = Held(memory)
        self._unread: deque[Message] = deque()
        self._size = 0  # bytes of them
        self._owed = 0  # bytes that the caller may not send again yet

    def __repr__(self) -> str:
        return f"<Inbox {len(self)} messages>"

    def __len__(self) -> int:
        """Messages that are all there."""
        return len(self._unread)

    @property
    def is_amid(self) -> bool:
        """A message, whose rest is still to come."""
        return self._messages.is_amid

    def put(self, data: bytes) -> None:
        """Raises `Refused`."""
        for message in self._messages.read(data):
            self._unread.append(message)
            self._size += len(message.data) + _EACH
        self._owed += len(data)
        try:
            self._hold()
        except OutOfMemory as error:
            raise Refused(RESOURCE_EXHAUSTED, str(error)) from None

    def next(self) -> Message:
        message = self._unread.popleft()
        self._size -= len(message.data) + _EACH
        self._hold()
        return message

    def room(self, most: float) -> int:
        """Bytes that the caller may send again, where fewer than `most` are not read."""
        if self._size >= most:
            return 0
        room, self._owed = self._owed, 0
        return room

    def end(self) -> None:
        """Nobody will read it."""
        self._unread.clear()
        self._held.end()

    def _hold(self) -> None:
        size = self._size + self._messages.begun
        self._held.be(size if size > _FREE else 0)
