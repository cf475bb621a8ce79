"""HTTP/2's words, and frames as bytes. Source: RFC 9113, 4 to 7."""

from enum import IntEnum
from struct import Struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

LARGEST_WINDOW = 2**31 - 1  # bytes
FIRST_WINDOW = 65_535  # bytes, until somebody says otherwise
SMALLEST_LARGEST_FRAME, LARGEST_LARGEST_FRAME = 2**14, 2**24 - 1  # bytes

END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
WITH_PRIORITY = 0x20

FRAME_HEAD = Struct(">HBBBL")
"""Its length's upper two bytes and lower one, kind, flags, stream."""


class Kind(IntEnum):
    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9


class Setting(IntEnum):
    HEADER_TABLE_SIZE = 1
    ENABLE_PUSH = 2
    MAX_CONCURRENT_STREAMS = 3
    INITIAL_WINDOW_SIZE = 4
    MAX_FRAME_SIZE = 5
    MAX_HEADER_LIST_SIZE = 6


class Code(IntEnum):
    """Why a stream or a connection ended."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2
    FLOW_CONTROL_ERROR = 3
    SETTINGS_TIMEOUT = 4
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    ENHANCE_YOUR_CALM = 11


class Broken(Exception):
    """The connection can't go on; the text says why."""

    def __init__(self, code: Code, text: str) -> None:
        super().__init__(text)
        self.code = code


def frame_head(length: int, kind: int, flags: int, stream: int) -> bytes:
    return FRAME_HEAD.pack(length >> 8, length & 0xFF, kind, flags, stream)


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return frame_head(len(payload), kind, flags, stream) + payload


def window_update(stream: int, more: int) -> bytes:
    return frame(Kind.WINDOW_UPDATE, 0, stream, more.to_bytes(4, "big"))


def rst_stream(stream: int, code: int) -> bytes:
    return frame(Kind.RST_STREAM, 0, stream, code.to_bytes(4, "big"))


def goaway(last_stream: int, code: int, text: str = "") -> bytes:
    return frame(Kind.GOAWAY, 0, 0, last_stream.to_bytes(4, "big") + code.to_bytes(4, "big") + text.encode())


def settings(values: dict[Setting, int]) -> bytes:
    return frame(Kind.SETTINGS, 0, 0, b"".join(_SETTING.pack(each, value) for each, value in values.items()))


def read_settings(payload: bytes) -> list[tuple[int, int]]:
    """Raises `Broken` for a value that a setting can't have."""
    read = list(_SETTING.iter_unpack(payload))
    for setting, value in read:
        least, most, code = _ALLOWED.get(setting, _ANY)
        if not least <= value <= most:
            raise Broken(code, f"SETTINGS_{Setting(setting).name} is {value}")
    return read


_SETTING = Struct(">HL")

_ANY = (0, 2**32 - 1, Code.NO_ERROR)
_ALLOWED = {
    Setting.ENABLE_PUSH: (0, 1, Code.PROTOCOL_ERROR),
    Setting.INITIAL_WINDOW_SIZE: (0, LARGEST_WINDOW, Code.FLOW_CONTROL_ERROR),
    Setting.MAX_FRAME_SIZE: (SMALLEST_LARGEST_FRAME, LARGEST_LARGEST_FRAME, Code.PROTOCOL_ERROR),
}
