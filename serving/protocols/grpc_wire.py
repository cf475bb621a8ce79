"""gRPC as HTTP/2 carries it: heads, messages, and how a call ends.

Source: grpc's doc/PROTOCOL-HTTP2.md and doc/compression.md. Rule: what can't be understood becomes the call's status.
"""

import re
import zlib
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from serving.protocols.http2.heads import Malformed, Pairs, written

Metadata = tuple[tuple[str, str | bytes], ...]

LARGEST_METADATA = 16 * 1024  # bytes
ENCODINGS = {"identity": 0, "deflate": zlib.MAX_WBITS, "gzip": 16 + zlib.MAX_WBITS}

_TYPE, _PACKED = (b"content-type", b"application/grpc"), (b"grpc-accept-encoding", ",".join(ENCODINGS).encode())
HEAD = written([_TYPE, _PACKED])
"""Before a call's messages."""

_UNITS = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
_OF_THE_PROTOCOL = {b"te", b"content-type", b"grpc-timeout", b"grpc-encoding", b"grpc-accept-encoding", b"host"}
_OF_A_CONNECTION = {b"connection", b"proxy-connection", b"keep-alive", b"transfer-encoding", b"upgrade"}
_AS_IT_IS = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")  # in a status' text
_PSEUDO = {b":method", b":scheme", b":authority", b":path"}
_NAME, _IN_NO_VALUE = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+"), re.compile(rb"[\0\r\n]")

OK, UNKNOWN, INVALID_ARGUMENT, RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL = 0, 2, 3, 8, 12, 13


class Refused(Exception):
    """What a call ends with before anybody is asked. `code` is gRPC's; `http` is given where it is no gRPC at all."""

    def __init__(self, code: int, text: str, http: int = 200) -> None:
        super().__init__(text)
        self.code = code
        self.http = http


@dataclass(frozen=True, slots=True)
class CallHead:
    """`timeout` in seconds, `encoding` a key of `ENCODINGS`; `refused` instead of an answer."""

    method: str
    metadata: Metadata
    timeout: float | None
    encoding: str
    refused: Refused | None


def read_call(pairs: Pairs) -> CallHead:
    """Raises `Malformed` for what is no head of a request (RFC 9113, 8.2 and 8.3)."""
    pseudo, fields = _apart(pairs)
    headers = dict(fields)
    method = pseudo[b":path"].decode("latin-1")
    try:
        _check(pseudo, headers, sum(len(name) + len(value) + 32 for name, value in pairs))
        timeout = _timeout(headers[b"grpc-timeout"]) if b"grpc-timeout" in headers else None
        encoding = _encoding(headers.get(b"grpc-encoding", b"identity"))
        metadata = tuple(each for pair in fields if pair[0] not in _OF_THE_PROTOCOL for each in _entries(*pair))
    except Refused as refused:
        return CallHead(method, (), None, "identity", refused)
    return CallHead(method, metadata, timeout, encoding, None)


def trailers(code: int, text: str = "", metadata: Iterable[tuple[str, str | bytes]] = ()) -> bytes:
    """After a call's messages."""
    return written(_ending(code, text, metadata), None)


def trailers_only(code: int, text: str, metadata: Iterable[tuple[str, str | bytes]] = (), http: int = 200) -> bytes:
    """Instead of any message."""
    return written([_TYPE, *_ending(code, text, metadata)], http)


def prefixed(message: bytes) -> bytes:
    return b"\0" + len(message).to_bytes(4, "big") + message


class Messages:
    """Out of a body, as it comes. Raises `Refused` for one that is larger than `largest` bytes, -1 for any size."""

    def __init__(self, encoding: str, largest: int) -> None:
        self._encoding = encoding
        self._largest = largest
        self._pieces: list[bytes] = []
        self._have, self._wanted = 0, 5

    def __repr__(self) -> str:
        return f"<Messages {self._have} bytes of {self._wanted}>"

    @property
    def is_amid(self) -> bool:
        """A message, whose rest is still to come."""
        return self._have > 0

    @property
    def begun(self) -> int:
        """Bytes of a message whose rest is still to come."""
        return self._have

    def read(self, data: bytes) -> list["Message"]:
        if self._have:
            self._pieces.append(data)
            self._have += len(data)
            if self._have < self._wanted:
                return []
            data = b"".join(self._pieces)
            self._pieces.clear()
        at, end, messages = 0, len(data), []
        self._wanted = 5
        while end - at >= 5:
            size = int.from_bytes(data[at + 1 : at + 5], "big")
            self._check(data[at], size)
            after = at + 5 + size
            if after > end:
                self._wanted = 5 + size
                break
            messages.append(Message(data[at + 5 : after], self._encoding if data[at] else "identity", self._largest))
            at = after
        self._have = end - at
        if self._have:
            self._pieces.append(data[at:])
        return messages

    def _check(self, flag: int, size: int) -> None:
        if flag > 1:
            raise Refused(INTERNAL, f"a message's first byte must be 0 or, for a compressed one, 1, and is {flag}")
        if flag and self._encoding == "identity":
            raise Refused(INTERNAL, "a message is said to be compressed, but the call has no grpc-encoding")
        if 0 <= self._largest < size:
            raise Refused(RESOURCE_EXHAUSTED, _too_large(f"{size} bytes", self._largest))


@dataclass(frozen=True, slots=True)
class Message:
    """As it came; `unpacked` of one that is not compressed costs nothing, else it may take long."""

    data: bytes
    encoding: str
    largest: int

    @property
    def is_packed(self) -> bool:
        return self.encoding != "identity"

    def unpacked(self) -> bytes:
        if not self.is_packed:
            return self.data
        unpacking = zlib.decompressobj(ENCODINGS[self.encoding])
        try:
            data = unpacking.decompress(self.data, max(0, self.largest + 1))
        except zlib.error as error:
            raise Refused(INTERNAL, f"a message is no {self.encoding}: {error}") from None
        if 0 <= self.largest < len(data):
            raise Refused(RESOURCE_EXHAUSTED, _too_large("more bytes when unpacked", self.largest))
        if not unpacking.eof:
            raise Refused(INTERNAL, f"a message's {self.encoding} is cut short")
        if unpacking.unused_data:
            raise Refused(INTERNAL, f"a message goes on after the end of its {self.encoding}")
        return data


def _too_large(size: str, largest: int) -> str:
    return f"Received message larger than max: it has {size}, the server accepts {largest}"


def _apart(pairs: Pairs) -> tuple[dict[bytes, bytes], Pairs]:
    pseudo: dict[bytes, bytes] = {}
    fields: Pairs = []
    for name, value in pairs:
        if name.startswith(b":"):
            if fields or name in pseudo or name not in _PSEUDO:
                raise Malformed("a pseudo-header is unknown, twice there, or after others")
            pseudo[name] = value
        elif name in _OF_A_CONNECTION or (name == b"te" and value != b"trailers") or not _NAME.fullmatch(name):
            raise Malformed("a header that HTTP/2 does not have")
        else:
            fields.append((name, value))
        if _IN_NO_VALUE.search(value):
            raise Malformed("a header whose value no header can have")
    if not (pseudo.get(b":path") and b":method" in pseudo and b":scheme" in pseudo):
        raise Malformed("a request without its method, scheme or path", may_end_one=not pseudo)
    return pseudo, fields


def _check(pseudo: dict[bytes, bytes], headers: dict[bytes, bytes], size: int) -> None:
    if size > LARGEST_METADATA:
        text = f"received metadata size exceeds limit: it is {size} bytes, the server accepts {LARGEST_METADATA}"
        raise Refused(RESOURCE_EXHAUSTED, text)
    kind = headers.get(b"content-type", b"").lower().partition(b";")[0].strip()
    if kind != b"application/grpc" and not kind.startswith(b"application/grpc+"):
        raise Refused(UNKNOWN, "this port takes gRPC, whose content-type begins with application/grpc", 415)
    if pseudo[b":method"] != b"POST":
        raise Refused(UNKNOWN, "gRPC's calls are POST requests", 405)


def _timeout(text: bytes) -> float:
    unit, digits = _UNITS.get(text[-1:].decode("latin-1")), text[:-1]
    if unit is None or not digits.isdigit() or len(digits) > 8:
        raise Refused(INVALID_ARGUMENT, f"grpc-timeout must be 1 to 8 digits and a unit, not '{_shown(text)}'")
    return int(digits) * unit


def _encoding(name: bytes) -> str:
    encoding = name.decode("latin-1")
    if encoding not in ENCODINGS:
        known = ", ".join(ENCODINGS)
        raise Refused(UNIMPLEMENTED, f"grpc-encoding '{_shown(name)}' is not supported; there are {known}")
    return encoding


def _entries(name: bytes, value: bytes) -> list[tuple[str, str | bytes]]:
    """Of binary ones, what was put together with commas on the way is apart again."""
    key = name.decode("latin-1")
    if not name.endswith(b"-bin"):
        return [(key, value.decode("latin-1"))]
    try:
        parts = (each.strip(b" ") for each in value.split(b","))
        return [(key, b64decode(each + b"=" * (-len(each) % 4), validate=True)) for each in parts]
    except NotBase64:
        raise Refused(INVALID_ARGUMENT, f"the value of '{_shown(name)}' is not base64") from None


def _shown(text: bytes) -> str:
    return text[:40].decode("latin-1")


def _ending(code: int, text: str, metadata: Iterable[tuple[str, str | bytes]]) -> Iterable[tuple[bytes, bytes]]:
    yield b"grpc-status", b"%d" % code
    if text:
        yield b"grpc-message", quote(text, safe=_AS_IT_IS, errors="replace").encode()
    for name, value in metadata:
        yield name.encode(), b64encode(value).rstrip(b"=") if isinstance(value, bytes) else value.encode("latin-1")
