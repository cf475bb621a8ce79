"""How a server that is about to end parts from its connections.

Rule: nothing that a client has sent is thrown away; closing a connection with something unread resets it.
"""

import asyncio
import select
import socket
from collections.abc import Iterator
from contextlib import suppress


class Leaving:
    """What a server's connections know of its end. Once it `has_begun`, whoever waits for one answer after the other is
    told with each that it was the connection's last; the next request then finds another server."""

    __slots__ = ("has_begun",)

    def __init__(self) -> None:
        self.has_begun = False


def has_unread(transport: asyncio.Transport) -> bool:
    """Whether the other side has sent something, if only its end, that the event loop has not come to yet."""
    if transport.is_closing():
        return False
    look = select.poll()
    look.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
    return bool(look.poll(0))


def waiting(listening: socket.socket) -> Iterator[socket.socket]:
    """The connections that nobody has accepted yet."""
    listening.setblocking(False)
    with suppress(OSError):  # there is none, or no descriptor for it
        while True:
            yield listening.accept()[0]
