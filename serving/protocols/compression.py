"""Compressed bodies: gzip and deflate, in both directions, and which of them a caller wants.

Source: RFC 9110, and Triton's http_server.cc for how weights are compared.
Rule: no body is inflated beyond the limit that it is given, however small it came.
"""

import re
import zlib

from serving.errors import BodyTooLarge, InvalidInput, Unsupported

CODINGS = ("identity", "gzip", "deflate")

_GZIP, _ZLIB, _RAW = 31, 15, -15  # what zlib calls window bits
_LEVEL = 1  # tensors of floats hardly shrink more at a higher one, which takes several times as long
_CHUNK = 64 * 1024  # bytes; what a member of gzip leaves unread is copied, and is at most this long
_MOST_MEMBERS = 4096
_OFFER = re.compile(r"\s*([\w*-]+)\s*(?:;\s*[qQ]\s*=\s*(\d+(?:\.\d*)?|\.\d+)\s*)?", re.ASCII)


def decompress(body: bytes, encoding: str, limit: int) -> bytes:
    """`encoding` is the value of `Content-Encoding`; `limit` counts bytes and is no limit on "identity".

    "deflate" is zlib's format, or the bare stream that some callers send. Raises `Unsupported`, `BodyTooLarge`, and
    `InvalidInput` for a body that is corrupt, ends too early or goes on after its end.
    """
    match encoding.strip().lower():
        case "" | "identity":
            return body
        case "gzip":
            return _inflate(body, "gzip", _GZIP, limit)
        case "deflate":
            return _inflate(body, "deflate", _ZLIB if _is_zlib(body) else _RAW, limit)
    raise Unsupported(f"Unsupported compression type '{encoding[:50]}': send the body as gzip, deflate or identity")


def choose(accept_encoding: str) -> str:
    """The coding with the highest weight, of several the one listed first; "identity" where none is acceptable.

    What is not a coding and its weight is skipped; `*` stands for the codings that are not named.
    """
    offers = [_offer(item) for item in accept_encoding.split(",")]
    named = {coding for coding, _ in offers}
    unnamed = [coding for coding in CODINGS if coding not in named]
    best, highest = "identity", 0.0
    for offered, weight in offers:
        for coding in unnamed if offered == "*" else [offered]:
            if coding in CODINGS and weight > highest:
                best, highest = coding, weight
    return best


def compress(body: bytes, encoding: str) -> bytes:
    """`encoding` is one of `CODINGS`."""
    if encoding == "identity":
        return body
    return zlib.compress(body, _LEVEL, _GZIP if encoding == "gzip" else _ZLIB)


def _offer(item: str) -> tuple[str, float]:
    """A coding and its weight, or ("", 0)."""
    match = _OFFER.fullmatch(item)
    if match is None:
        return "", 0.0
    return match[1].lower(), float(match[2] or 1)


def _is_zlib(body: bytes) -> bool:
    """By its first two bytes; a bare stream that begins with these would hold padding that no compressor writes."""
    return len(body) >= 2 and body[0] & 0x0F == 8 and int.from_bytes(body[:2]) % 31 == 0


def _inflate(body: bytes, encoding: str, window_bits: int, limit: int) -> bytes:
    parts: list[bytes] = []
    room = limit
    inflater = zlib.decompressobj(window_bits)
    members = 1
    for start in range(0, len(body), _CHUNK):
        rest = body[start : start + _CHUNK]
        while rest:
            if inflater.eof:
                members += 1
                inflater = _next_member(window_bits, members)
            part = _part(inflater, rest, encoding, room + 1)
            if len(part) > room:
                raise BodyTooLarge(
                    f"Decompressed data size exceeds the maximum allowed value of {limit} bytes. "
                    "Use --max-body-size to increase the limit."
                )
            parts.append(part)
            room -= len(part)
            rest = inflater.unused_data
    if not inflater.eof:
        raise InvalidInput(f"failed to decompress the request's body as {encoding}: it ends too early")
    return b"".join(parts)


def _next_member(window_bits: int, members: int) -> "zlib._Decompress":
    """Only gzip may go on after an end, and not with so many empty members that time is spent on nothing."""
    if window_bits != _GZIP:
        raise InvalidInput("failed to decompress the request's body as deflate: it goes on after its end")
    if members > _MOST_MEMBERS:
        raise InvalidInput(f"failed to decompress the request's body as gzip: more than {_MOST_MEMBERS} members")
    return zlib.decompressobj(_GZIP)


def _part(inflater: "zlib._Decompress", rest: bytes, encoding: str, most: int) -> bytes:
    try:
        return inflater.decompress(rest, most)
    except zlib.error as error:
        raise InvalidInput(f"failed to decompress the request's body as {encoding}: {error}") from None
