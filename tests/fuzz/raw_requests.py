"""Requests over a socket as no client would send them, and what comes back. Rule: all that comes is read, to the end of
the connection, so that an answer too many is seen."""

import re
import socket
from contextlib import suppress

from tests.serving.transports.http.test_fast_path import ROW, message, replies

PATH = b"/v2/models/double/infer"
USUAL = message(ROW)
HEAD, _, BODY = USUAL.partition(b"\r\n\r\n")
LINE, HOST, LENGTH, HEADER_LENGTH = HEAD.split(b"\r\n")
SMUGGLED = b"GET /v2/models/nope HTTP/1.1\r\nHost: x\r\n\r\n"
"""Hidden in what is one request for some and two for others: answered 400 where it is taken for a second one."""

CHUNKED = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
_TE = b"Transfer-Encoding: chunked"
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


def usual(*more: bytes, line: bytes = LINE, host: bytes = HOST, length: bytes = LENGTH, body: bytes = BODY) -> bytes:
    """The usual request with some of it in other words; empty lines of the head are left out."""
    lines = [line, host, length, HEADER_LENGTH, *more]
    return b"\r\n".join([*filter(None, lines), b"", body])


def chunks(body: bytes) -> bytes:
    return usual(_TE, length=b"", body=body)


REQUESTS: dict[str, tuple[bytes, list[int]]] = {
    "as it should be": (USUAL, [200]),
    "two, of which the second is hidden in nothing": (USUAL + SMUGGLED, [200, 400]),
    # Whose length is it?
    "a length and chunks": (usual(_TE, body=CHUNKED + SMUGGLED), [400]),
    "chunks and a length": (usual(LENGTH, length=_TE, body=BODY + SMUGGLED), [400]),
    "two lengths that agree": (usual(LENGTH), [400]),
    "two lengths": (usual(b"Content-Length: 3", body=BODY + SMUGGLED), [400]),
    "a list of lengths": (usual(length=LENGTH + b", " + LENGTH[16:]), [400]),
    "a negative length": (usual(length=b"Content-Length: -1"), [400]),
    "a length with a sign": (usual(length=b"Content-Length: +%d" % len(BODY)), [400]),
    "a length in hexadecimal": (usual(length=b"Content-Length: 0x10"), [400]),
    "a length of 20 digits": (usual(length=b"Content-Length: 99999999999999999999"), [400]),
    "no length": (usual(length=b"Content-Length:"), [400]),
    "chunks that are something else too": (chunks(CHUNKED).replace(b": chunked", b": chunked, identity"), [400]),
    "chunks of which one knows nothing": (chunks(CHUNKED).replace(b": chunked", b": xchunked"), [400]),
    "chunks, twice": (usual(_TE, _TE, length=b"", body=CHUNKED), [400]),
    "a space before the colon": (usual(b"Transfer-Encoding : chunked", body=CHUNKED), [400]),
    "a vertical tab": (usual(b"Transfer-Encoding:\x0bchunked", body=CHUNKED), [400]),
    "an underscore": (usual(b"Transfer_Encoding: chunked"), [200]),
    "a line that goes on": (usual(b"X: y\r\n Transfer-Encoding: chunked"), [400]),
    "a length on the next line": (usual(length=b"Content-Length:\r\n %d" % len(BODY)), [400]),
    # Chunks.
    "chunks as they should be": (chunks(CHUNKED), [200]),
    "chunks with words": (chunks(CHUNKED.replace(b"\r\n", b";a=b;c\r\n", 1)), [200]),
    "chunks and a trailer": (chunks(CHUNKED.removesuffix(b"\r\n") + b"X: y\r\n\r\n"), [200]),
    "a chunk's length with 0x": (chunks(b"0x" + CHUNKED), [400]),
    "a negative chunk": (chunks(b"-" + CHUNKED), [400]),
    "a chunk of 17 digits": (chunks(b"fffffffffffffffff\r\n"), [400]),
    "a chunk that is longer": (chunks(CHUNKED.replace(b"\r\n0", b"xx\r\n0")), [400]),
    "chunks with bare line feeds": (chunks(CHUNKED.replace(b"\r\n", b"\n")), [400]),
    "words with a bare line feed": (chunks(CHUNKED.replace(b"\r\n", b";\n\r\n", 1)), [400]),
    # Lines.
    "bare line feeds": (USUAL.replace(b"\r\n", b"\n"), [400]),
    "a bare carriage return": (usual(b"X: a\rTransfer-Encoding: chunked"), [400]),
    "a NUL in a value": (usual(b"X: a\0b"), [400]),
    "a NUL in a name": (usual(b"X\0: a"), [400]),
    "no colon": (usual(b"X"), [400]),
    "no name": (usual(b": a"), [400]),
    "bytes that are no ASCII": (usual(b"X: \xff\xfe"), [200]),
    "empty lines before it": (b"\r\n\r\n" + USUAL, [200]),
    "a blank before it": (b" " + USUAL, [400]),
    # The first line.
    "an absolute address": (usual(line=b"POST http://x" + PATH + b" HTTP/1.1"), [200]),
    "another's address": (usual(line=b"POST http://evil.example" + PATH + b" HTTP/1.1"), [200]),
    "a blank in the path": (usual(line=b"POST " + PATH + b" x HTTP/1.1"), [400]),
    "a method in small letters": (usual(line=b"post " + PATH + b" HTTP/1.1"), [400]),
    "a star": (usual(line=b"POST * HTTP/1.1"), [404]),
    "HTTP/0.9": (b"GET /v2/health/live\r\n", []),
    "HTTP/2 that is HTTP/1": (usual(line=b"POST " + PATH + b" HTTP/2.0"), [200]),
    "HTTP/2's preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9), [400]),
    "HTTP/1.10": (usual(line=b"POST " + PATH + b" HTTP/1.10"), [400]),
    "a TLS hello": (b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + bytes(150), [400]),
}
"""Each with the statuses of all that is answered to it."""


def answers(port: int, request: bytes, *before: bytes) -> list[int]:
    """The statuses of all that comes back to it, until the server hangs up; others came `before`, and were answered."""
    came = b""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        for each in before:
            connection.sendall(each)
            replies(connection, 1)
        with suppress(OSError):  # where it has hung up on what it did not want to read
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
        with suppress(ConnectionError):
            while piece := connection.recv(65536):
                came += piece
    return [int(status) for status in _STATUS.findall(came)]
