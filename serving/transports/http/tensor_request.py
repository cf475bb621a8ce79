"""What a usual tensor request is, as its head tells, and what becomes of its body until all of it has come.

Rule: no import here knows the engine, since a gateway's process has none.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from serving.access.keys import shown_in
from serving.core.visit import NOTED
from serving.protocols.timeout_text import seconds_of

SMALL = 64 * 1024
"""Bytes of a body: so much comes in one piece."""

ALIGNMENT = 64  # bytes; what the widest vector instructions like

_LONGEST_JSON = SMALL  # bytes of it before the tensors, which are looked at on the event loop
_PATH = re.compile(rb"/v2/models/([\w.-]+)(?:/versions/(\d+))?/infer", re.ASCII)
LENGTH, HEADER_LENGTH = b"content-length", b"inference-header-content-length"
KEY_HEADERS = frozenset([b"authorization", b"x-api-key"])
_UNUSUAL = frozenset([b"content-encoding", b"transfer-encoding", b"expect", b"origin"])
_OTHERS = _UNUSUAL | NOTED | KEY_HEADERS
_ACCEPTS, _TIMEOUT = b"accept-encoding", b"x-request-timeout-ms"

Headers = Sequence[tuple[bytes, bytes]]
Send = Callable[[int, Headers, Sequence[bytes | memoryview]], None]
"""A whole reply: its status, its headers, and its body in pieces."""


class Target(NamedTuple):  # made in a third of a frozen dataclass's time
    """What a request's head says; `header_length` is that of the JSON that its body of `length` bytes begins with, or
    is. `accepts` are the codings that it accepts, "" where it says nothing of that; `timeout` is in seconds, None where
    it sets none; `noted` are the headers in which its caller says who it is, `key` is the API key that it shows, "" for
    none."""

    path: str
    model: str
    version: str
    header_length: int
    length: int
    accepts: str = ""
    timeout: float | None = None
    noted: Headers = ()
    key: str = ""


class Asked(Protocol):
    """A request that waits for its reply."""

    def done(self) -> bool: ...

    def leave(self) -> None:
        """The caller went away."""

    def cancel(self, **_: object) -> object:  # with a message, as tasks have
        """The server can't wait for it any longer."""


class Body(Protocol):
    """Of one request, while it comes. One of the other three ends it."""

    def append(self, piece: bytes, /) -> None: ...

    def whole(self) -> Any:
        """What the one that made it takes."""

    def so_far(self) -> bytes:
        """For another way."""

    def drop(self) -> None: ...


class Way(Protocol):
    """For usual tensor requests, past the framework."""

    def target(self, method: bytes, url: bytes, headers: Headers) -> Target | None:
        """None for requests that are not for this way."""

    def body(self, target: Target) -> Body | None:
        """None where there is no room for it, and another way must be taken."""

    def ask(self, target: Target, body: Any, send: Send, is_lone: bool = False) -> Asked | bool:
        """`send` gets the reply, once; now, if it can be, where the one who asks seems to be the only one. What can be
        cancelled until then; True where it is there already; False, and nothing has happened, where the request is not
        for this way."""


class LargeBody:
    """One that is written into memory of its size as it comes."""

    __slots__ = ("_end", "_memory")

    def __init__(self, memory: memoryview) -> None:
        self._memory = memory
        self._end = 0

    def append(self, piece: bytes) -> None:
        end = self._end + len(piece)
        self._memory[self._end : end] = piece
        self._end = end

    def whole(self) -> memoryview:
        return self._memory

    def so_far(self) -> bytes:
        return bytes(self._memory[: self._end])

    def drop(self) -> None:
        self._memory = self._memory[:0]


class Pieces:
    """A small body, which mostly comes in one piece."""

    __slots__ = ("_pieces",)

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def append(self, piece: bytes) -> None:
        self._pieces.append(piece)

    def whole(self) -> bytes:
        return b"".join(self._pieces)

    so_far = whole

    def drop(self) -> None:
        self._pieces = []


def target_of(method: bytes, url: bytes, headers: Headers, largest: int) -> Target | None:
    """None for unusual requests, and for bodies of more than `largest` bytes."""
    length, header_length, accepts, timeout = 0, -1, b"", None
    noted: list[tuple[bytes, bytes]] = []
    keys: list[tuple[str, str]] = []
    for name, value in headers:
        if name == HEADER_LENGTH:
            if header_length >= 0 or not value.isdigit() or len(value) > len(str(_LONGEST_JSON)):
                return None
            header_length = int(value)
        elif name == LENGTH:
            length = int(value)
        elif name == _ACCEPTS:
            if accepts:
                return None
            accepts = value
        elif name == _TIMEOUT:
            timeout = None if timeout else seconds_of(value.decode("latin-1"))
            if timeout is None:
                return None
        elif name in _OTHERS:
            if name in _UNUSUAL:
                return None
            if name in KEY_HEADERS:
                keys.append((name.decode(), value.decode("latin-1")))
            else:
                noted.append((name, value))
    if header_length < 0:
        header_length = length
    if method != b"POST" or not 0 < header_length <= length <= largest or header_length > _LONGEST_JSON:
        return None
    return with_path(
        url, header_length, length, accepts.decode("latin-1"), timeout, noted, shown_in(keys) if keys else ""
    )


def with_path(
    url: bytes,
    header_length: int,
    length: int,
    accepts: str = "",
    timeout: float | None = None,
    noted: Headers = (),
    key: str = "",
) -> Target | None:
    match = _PATH.fullmatch(url)
    if match is None:
        return None
    version = (match[2] or b"").decode()
    return Target(url.decode(), match[1].decode(), version, header_length, length, accepts, timeout, noted, key)
