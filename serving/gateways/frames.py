"""What a gateway and the engine's process tell each other: frames, one behind the other in a stream of bytes.

    gateway ─▶  UP         it takes connections
                ASK        id, length of the JSON │ path, codings, seconds, key, who asks │ body
                ASK_PLACED the same               │ path │ where in shared memory the body lies
                CANCEL     id of an ask whose caller left
                FREE       id of an ask whose reply was taken out of shared memory
    gateway ◀─  ANSWER        id, status │ headers │ body
                ANSWER_PLACED the same   │ headers │ where in shared memory the body lies
                FREED         id of an ask whose body in shared memory nobody reads any more
                STOP          take no more connections, answer what is there, and end

Rule: every ask is answered once, cancelled or not; every place is freed once, by whoever read there.
"""

from collections.abc import Iterator, Sequence
from enum import IntEnum
from itertools import chain
from struct import Struct
from typing import NamedTuple

_HEAD = Struct("<BxxxIIIQ")  # kind, length of the text, length of the body, number, id
_PLACE = Struct("<QQ")


class Kind(IntEnum):
    ASK = 0
    ASK_PLACED = 1
    CANCEL = 2
    FREE = 3
    ANSWER = 4
    ANSWER_PLACED = 5
    FREED = 6
    STOP = 7
    UP = 8
    LEAVE = 9


class Frame(NamedTuple):
    """`number` is the length of an ask's JSON, or an answer's status; `text` what its head says, or its headers."""

    kind: int
    id: int
    number: int
    text: bytes
    body: bytes


class Place(NamedTuple):
    """In bytes."""

    offset: int
    size: int


def encode(
    kind: Kind, of: int = 0, number: int = 0, text: bytes = b"", body: Sequence[bytes | memoryview] = ()
) -> list[bytes | memoryview]:
    """In pieces, to be written one after another."""
    return [_HEAD.pack(kind, len(text), sum(map(len, body)), number, of), text, *body]


def encode_headers(headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Neither names nor values have line breaks in them."""
    return b"\n".join(chain.from_iterable(headers))


def decode_headers(text: bytes) -> list[tuple[bytes, bytes]]:
    parts = text.split(b"\n")
    return list(zip(parts[::2], parts[1::2], strict=True)) if text else []


def encode_place(place: Place) -> bytes:
    return _PLACE.pack(*place)


def decode_place(body: bytes) -> Place:
    return Place(*_PLACE.unpack(body))


class Frames:
    """Of a stream whose bytes come in pieces of any size."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._needed = _HEAD.size  # bytes, before there is anything to find

    def feed(self, data: bytes) -> Iterator[Frame]:
        if self._rest:
            self._rest += data
            if len(self._rest) < self._needed:
                return
            data = bytes(self._rest)
            self._rest.clear()
        start, size = 0, len(data)
        while size - start >= _HEAD.size:
            kind, text_length, body_length, number, of = _HEAD.unpack_from(data, start)
            text = start + _HEAD.size
            body = text + text_length
            end = body + body_length
            if end > size:
                self._needed = end - start
                break
            yield Frame(kind, of, number, data[text:body], data[body:end])
            start = end
        else:
            self._needed = _HEAD.size
        if start < size:
            self._rest += data[start:]
