"""Bytes of a client become frames, and heads that come in several frames become one. Source: RFC 9113, 3.4, 4 and 6.

Rule: what is not complete is kept, and looked at once the rest is there.
"""

from collections.abc import Iterator
from typing import NamedTuple

from serving.protocols.http2.frames import (
    ACK,
    END_HEADERS,
    FRAME_HEAD,
    PADDED,
    PREFACE,
    WITH_PRIORITY,
    Broken,
    Code,
    Kind,
)

LARGEST_FRAME = 2**18  # bytes
LARGEST_HEAD = 64 * 1024  # bytes, packed as well as unpacked
_MOST_CONTINUATIONS = 64

_SIZES: dict[int, int] = {Kind.PRIORITY: 5, Kind.RST_STREAM: 4, Kind.PING: 8, Kind.WINDOW_UPDATE: 4}
_OF_THE_CONNECTION, _OF_A_STREAM = (Kind.SETTINGS, Kind.PING, Kind.GOAWAY), (Kind.PRIORITY, Kind.RST_STREAM)


class Frame(NamedTuple):
    """`payload` is without padding and priority, and of HEADERS the whole head; `size` is what the frame had."""

    kind: int
    flags: int
    stream: int
    payload: bytes
    size: int


class FrameReader:
    def __init__(self) -> None:
        self.is_greeted = False
        """Whether the peer has said that it speaks HTTP/2."""
        self._rest: list[bytes] = []
        self._have, self._wanted = 0, len(PREFACE)
        self._begun: Frame | None = None  # HEADERS whose rest follows
        self._continued: list[bytes] = []
        self._is_first = True

    def __repr__(self) -> str:
        return f"<FrameReader {self._have} bytes of {self._wanted}>"

    def read(self, data: bytes) -> Iterator[Frame]:
        """Raises `Broken`."""
        if self._have:
            self._rest.append(data)
            self._have += len(data)
            if self._have < self._wanted and self.is_greeted:
                return
            data = b"".join(self._rest)
            self._rest.clear()
        at = 0 if self.is_greeted else self._greeted(data)
        end = len(data)
        self._wanted = 9
        while self.is_greeted and end - at >= 9:
            upper, lower, kind, flags, stream = FRAME_HEAD.unpack_from(data, at)
            size = upper << 8 | lower
            after = at + 9 + size
            if size > LARGEST_FRAME:
                raise Broken(Code.FRAME_SIZE_ERROR, f"a frame of {size} bytes, above SETTINGS_MAX_FRAME_SIZE")
            if after > end:
                self._wanted = 9 + size
                break
            frame = self._whole(kind, flags, stream & 0x7FFFFFFF, data[at + 9 : after])
            at = after
            if frame is not None:
                yield frame
        self._have = end - at
        if self._have:
            self._rest.append(data[at:])

    def _greeted(self, data: bytes) -> int:
        if not PREFACE.startswith(data[: len(PREFACE)]):
            raise Broken(Code.PROTOCOL_ERROR, "this is no HTTP/2")
        self.is_greeted = len(data) >= len(PREFACE)
        return len(PREFACE) if self.is_greeted else 0

    def _whole(self, kind: int, flags: int, stream: int, payload: bytes) -> Frame | None:
        if self._begun is not None:
            return self._continue(self._begun, kind, flags, stream, payload)
        if self._is_first:
            if kind != Kind.SETTINGS or flags & ACK:
                raise Broken(Code.PROTOCOL_ERROR, "the first frame is not SETTINGS")
            self._is_first = False
        size = len(payload)
        if kind == Kind.DATA:
            return Frame(kind, flags, stream, _unpadded(payload) if flags & PADDED else payload, size)
        if kind != Kind.HEADERS:
            _check(kind, flags, stream, size)
            return Frame(kind, flags, stream, payload, size)
        if flags & PADDED:
            payload = _unpadded(payload)
        if flags & WITH_PRIORITY:
            if len(payload) < 5:
                raise Broken(Code.FRAME_SIZE_ERROR, "HEADERS lack the priority that they announce")
            payload = payload[5:]
        if len(payload) > LARGEST_HEAD:
            raise Broken(Code.ENHANCE_YOUR_CALM, f"a head of more than {LARGEST_HEAD} bytes")
        frame = Frame(kind, flags, stream, payload, size)
        if flags & END_HEADERS:
            return frame
        self._begun, self._continued = frame, [payload]
        return None

    def _continue(self, begun: Frame, kind: int, flags: int, stream: int, payload: bytes) -> Frame | None:
        if kind != Kind.CONTINUATION or stream != begun.stream:
            raise Broken(Code.PROTOCOL_ERROR, "HEADERS whose rest does not follow at once")
        self._continued.append(payload)
        if len(self._continued) > _MOST_CONTINUATIONS or sum(map(len, self._continued)) > LARGEST_HEAD:
            raise Broken(Code.ENHANCE_YOUR_CALM, f"a head of more than {LARGEST_HEAD} bytes, or in too many frames")
        if not flags & END_HEADERS:
            return None
        head, self._begun, self._continued = b"".join(self._continued), None, []
        return begun._replace(payload=head)


def _check(kind: int, flags: int, stream: int, size: int) -> None:
    if size != _SIZES.get(kind, size) or (kind == Kind.GOAWAY and size < 8):
        raise Broken(Code.FRAME_SIZE_ERROR, f"{Kind(kind).name} of {size} bytes")
    if kind == Kind.SETTINGS and (size % 6 or (flags & ACK and size)):
        raise Broken(Code.FRAME_SIZE_ERROR, f"SETTINGS of {size} bytes")
    if stream != 0 if kind in _OF_THE_CONNECTION else stream == 0 and kind in _OF_A_STREAM:
        raise Broken(Code.PROTOCOL_ERROR, f"{Kind(kind).name} on stream {stream}")


def _unpadded(payload: bytes) -> bytes:
    if not payload:
        raise Broken(Code.FRAME_SIZE_ERROR, "a frame lacks the padding that it announces")
    padding = payload[0] + 1
    if padding > len(payload):
        raise Broken(Code.PROTOCOL_ERROR, "a frame's padding is longer than the frame")
    return payload[1 : len(payload) - padding + 1]
