"""gRPC's way in: HTTP/2's bytes, and the messages of a body. Rule: what is refused is `Broken` or `Refused`; what is
said is bounded by what came.
"""

import zlib
from collections.abc import Iterator

from serving.protocols.grpc_wire import (
    ENCODINGS,
    HEAD,
    INTERNAL,
    LARGEST_METADATA,
    RESOURCE_EXHAUSTED,
    CallHead,
    Messages,
    Refused,
    read_call,
    trailers,
)
from serving.protocols.http2.connection import Http2Connection
from serving.protocols.http2.events import Asked, Dropped, Event, Piece, Sent
from serving.protocols.http2.frames import PREFACE, Broken, Code, settings

_GREETING = PREFACE + settings({})
_ANSWER = b"\0\0\0\0\x05hello" * 40
_MOST_SAID = 1000  # bytes for a request, with its answer
_LARGEST = 1000  # bytes that a message may have
_ENCODINGS = tuple(ENCODINGS)
_DAMAGED = -1  # be it too large before that or not


def http2_connection(data: bytes) -> None:
    """A byte for how to cut it, and what comes after the greeting."""
    if data:
        pieces = [data[at : at + data[0] + 1] for at in range(1, len(data), data[0] + 1)]
        assert _happened(pieces) == _happened([data[1:]])
        _answer(pieces)


def _happened(pieces: list[bytes]) -> list[str] | Code:
    """Where nobody answers, how they are cut changes nothing."""
    http2, events = _greeted(), list[Event[CallHead]]()
    try:
        for piece in pieces:
            events += http2.receive(piece, 0.0)
    except Broken as broken:
        return broken.code
    for event in events:
        if isinstance(event, Asked) and event.head.metadata:
            assert sum(len(name) + len(value) for name, value in event.head.metadata) <= LARGEST_METADATA
    return [repr(event) for event in events]


def _answer(pieces: list[bytes]) -> None:
    """All that is asked, as soon as it is."""
    http2, heard, said, asked, going_on = _greeted(), 0, 0, 0, set[int]()
    for piece in pieces:
        heard += len(piece)
        try:
            events = http2.receive(piece, 0.0)
        except Broken:
            return
        for event in events:
            if isinstance(event, Asked):
                assert event.stream not in going_on
                asked += 1
                going_on.add(event.stream)
            elif isinstance(event, Piece):
                http2.taken(event.stream, len(event.data))
            elif isinstance(event, (Dropped, Sent)):
                going_on.remove(event.stream)
            if (event.is_all if isinstance(event, Asked) else isinstance(event, Piece) and event.is_last) and (
                http2.is_open(event.stream) and http2.reply(event.stream, HEAD, _ANSWER, trailers(0))
            ):
                going_on.remove(event.stream)
        assert http2.streams == len(going_on)
        assert all(map(http2.is_open, going_on))
        said += sum(map(len, http2.outgoing.out))
        http2.outgoing.out.clear()
        assert said <= 2 * heard + asked * _MOST_SAID


def _greeted() -> Http2Connection[CallHead]:
    http2 = Http2Connection(read_call, 0.0)
    assert http2.receive(_GREETING, 0.0) == []
    http2.outgoing.out.clear()
    return http2


def grpc_messages(data: bytes) -> None:
    """A byte for the encoding, one for how to cut it, and a body."""
    if len(data) < 2:
        return
    encoding, step, body = _ENCODINGS[data[0] % len(_ENCODINGS)], data[1] + 1, data[2:]
    expected = list(_messages(body, encoding))
    reading, found = Messages(encoding, _LARGEST), list[bytes]()
    refused: Refused | None = None
    try:
        for at in range(0, len(body), step):
            for message in reading.read(body[at : at + step]):
                found.append(message.unpacked())
    except Refused as error:
        refused = error
    assert expected[: len(found)] == found
    if refused is not None:
        assert refused.code in expected or _DAMAGED in expected
        return
    assert len(found) == len(expected)
    assert reading.is_amid == (sum(5 + size for size in _sizes(body)) != len(body))


def _sizes(body: bytes) -> Iterator[int]:
    """Of the whole messages in it."""
    while len(body) >= 5 and len(body) >= 5 + (size := int.from_bytes(body[1:5], "big")):
        yield size
        body = body[5 + size :]


def _messages(body: bytes, encoding: str) -> Iterator[bytes | int]:
    """Unpacked, by another reader; of those that are refused, the code."""
    while len(body) >= 5:
        flag, size = body[0], int.from_bytes(body[1:5], "big")
        if flag > 1 or (flag and encoding == "identity"):
            yield INTERNAL
            return
        if size > _LARGEST:
            yield RESOURCE_EXHAUSTED
            return
        if len(body) < 5 + size:
            return
        yield _unpacked(body[5 : 5 + size], encoding) if flag else body[5 : 5 + size]
        body = body[5 + size :]


def _unpacked(packed: bytes, encoding: str) -> bytes | int:
    unpacking = zlib.decompressobj(ENCODINGS[encoding])
    try:
        unpacked = unpacking.decompress(packed)
    except zlib.error:
        return _DAMAGED
    if len(unpacked) > _LARGEST:
        return RESOURCE_EXHAUSTED
    return INTERNAL if not unpacking.eof or unpacking.unused_data else unpacked
