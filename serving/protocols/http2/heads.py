"""Heads of requests and replies, as HPACK packs them. Source: RFC 7541. Rule: what is written changes no table, so it
may be written once and for all.

A client's requests mostly differ in nothing but their bodies, and their heads are then the same bytes, which mean the
same as long as the table that they refer to does not change.
"""

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from hpack import Decoder, HPACKError, OversizedHeaderListError

from serving.protocols.http2.frames import Broken, Code

Pairs = list[tuple[bytes, bytes]]

T = TypeVar("T")


class Malformed(Exception):
    """The head is of no request: its stream ends, the connection goes on. `may_end_one`: it may be what follows the
    body of one, as trailers."""

    def __init__(self, text: str, may_end_one: bool = False) -> None:
        super().__init__(text)
        self.may_end_one = may_end_one


_MOST_KEPT, _LARGEST_KEPT = 64, 4096  # heads that mean the same as before; bytes of one

_STATUS_200 = b"\x88"  # in the table that everybody has


class HeadReader(Generic[T]):
    """Of one connection, whose heads it must be given in their order."""

    def __init__(self, make: Callable[[Pairs], T], largest: int) -> None:
        """`make` is given names and values, and may raise `Malformed`. `largest` in bytes, of an unpacked head."""
        self._make = make
        self._largest = largest
        self._decoder = Decoder(max_header_list_size=largest)
        self._kept: dict[bytes, T | Malformed] = {}

    def read(self, block: bytes) -> T | Malformed:
        """Raises `Broken` for what can't be unpacked, after which nothing can."""
        made = self._kept.get(block)
        if made is not None:
            return made
        table = self._decoder.header_table
        before = (table.maxsize, *table.dynamic_entries)
        try:
            made = self._make(self._decoder.decode(block, raw=True))  # type: ignore[arg-type]
        except Malformed as error:
            made = error.with_traceback(None)  # which would keep all that was read
        except OversizedHeaderListError:
            raise Broken(Code.COMPRESSION_ERROR, f"the head is larger than {self._largest} bytes") from None
        except HPACKError:  # whose text may say where in memory the head is
            raise Broken(Code.COMPRESSION_ERROR, "the head can't be unpacked") from None
        if (table.maxsize, *table.dynamic_entries) != before or len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        elif len(block) <= _LARGEST_KEPT:
            self._kept[block] = made
        return made


def written(pairs: Iterable[tuple[bytes, bytes]], status: int | None = 200) -> bytes:
    """A reply's head, or with None for its status the trailers."""
    if status is None:
        return b"".join(_literal(name, value) for name, value in pairs)
    first = _STATUS_200 if status == 200 else _literal(b":status", b"%d" % status)
    return first + b"".join(_literal(name, value) for name, value in pairs)


def _literal(name: bytes, value: bytes) -> bytes:
    """Without indexing, and not packed by Huffman's code."""
    return b"".join((b"\0", _length(len(name)), name, _length(len(value)), value))


def _length(size: int) -> bytes:
    if size < 127:
        return bytes((size,))
    digits, rest = bytearray(b"\x7f"), size - 127
    while rest >= 128:
        digits.append(rest % 128 + 128)
        rest //= 128
    digits.append(rest)
    return bytes(digits)
