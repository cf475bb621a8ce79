"""Tokens to text, one at a time.

Rule: what was given is never taken back: the parts that `add` and `end` answer are together what all tokens say, and
none of them has half a character.
"""

import codecs
import re
from collections.abc import Callable, Sequence, Set
from typing import Protocol

from serving.text.pieces import REPLACEMENT, Pieces

_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")
_WINDOW = 4  # tokens whose neighbours may change how they are written
_LONGEST_CHARACTER = 4  # tokens, of a byte each


class Detokenizer(Protocol):
    def add(self, token_id: int) -> str:
        """The text that is certain by now and wasn't before; "" while a character is not whole."""

    def end(self) -> str:
        """What was held back, which no token will make whole any more."""


class PieceDetokenizer:
    """For tokens that each add bytes of their own. The work for a token is that for its own bytes."""

    def __init__(self, pieces: Pieces, piece: Callable[[int, bool], bytes | None]) -> None:
        """`piece(token_id, first)` is a token's bytes, None for one that is not shown."""
        errors = "surrogateescape" if pieces.one_for_each_byte else "replace"
        self._utf8 = codecs.getincrementaldecoder("utf-8")(errors)
        self._each_byte = pieces.one_for_each_byte
        self._piece = piece
        self._first = True
        self._to_strip = pieces.strip

    def add(self, token_id: int) -> str:
        piece = self._piece(token_id, self._first)
        if piece is None:
            return ""
        self._first = False
        if self._to_strip:
            piece = self._stripped(piece)
        return self._shown(self._utf8.decode(piece))

    def end(self) -> str:
        return self._shown(self._utf8.decode(b"", final=True))

    def _shown(self, text: str) -> str:
        if not self._each_byte or text.isascii():
            return text
        return _ESCAPED_BYTE.sub(REPLACEMENT, text)

    def _stripped(self, piece: bytes) -> bytes:
        rest = piece.lstrip(b" ")
        spaces = min(len(piece) - len(rest), self._to_strip)
        self._to_strip = 0 if rest else self._to_strip - spaces
        return piece[spaces:]


class WindowDetokenizer:
    """For every other tokenizer: the last few tokens are written again together with each new one."""

    def __init__(self, decode: Callable[[Sequence[int]], str], hidden: Set[int]) -> None:
        self._decode = decode
        self._hidden = hidden
        self._ids: list[int] = []
        self._given = ""  # the text of the window as far as it was given
        self._held = 0  # tokens

    def add(self, token_id: int) -> str:
        if token_id in self._hidden:
            return ""
        self._ids.append(token_id)
        text = self._decode(self._ids)
        if text.endswith(REPLACEMENT) and self._held < _LONGEST_CHARACTER:
            self._held += 1
            return ""
        new = text[len(self._given) :]
        self._ids = self._ids[-_WINDOW:]
        self._given = self._decode(self._ids)
        self._held = 0
        return new

    def end(self) -> str:
        return self._decode(self._ids)[len(self._given) :]
