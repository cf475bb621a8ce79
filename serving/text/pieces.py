"""What each token adds to a text, as the decoder of a tokenizer.json says.

Rule: only decoders whose tokens each add bytes of their own, whatever stands beside them, are known here; that is
byte-level BPE and SentencePiece's kinds. For others `read` answers None.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def _byte_characters() -> dict[str, int]:
    """Byte-level BPE writes each byte as a printable character: its own where it has one, or else the next from 256."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + n): byte for n, byte in enumerate(others)}


BYTE_CHARACTERS = _byte_characters()


@dataclass(frozen=True, slots=True)
class Pieces:
    """`one_for_each_byte` of an invalid sequence there is a U+FFFD; otherwise one for as much of it as began well.

    `strip` is how many spaces the whole text loses at its start. `drop_in_first` is left out of the first token.
    """

    byte_level: bool = False
    byte_fallback: bool = False
    replacements: tuple[tuple[str, str], ...] = ()
    drop_in_first: str = ""
    strip: int = 0

    @property
    def one_for_each_byte(self) -> bool:
        return not self.byte_level

    def of(self, token: str, first: bool = False) -> bytes:
        if self.byte_level:
            return _from_byte_level(token)
        if self.byte_fallback and (byte := _byte_of(token)) is not None:
            return byte
        if first and self.drop_in_first:
            token = token.replace(self.drop_in_first, "")
        for old, new in self.replacements:
            token = token.replace(old, new)
        return token.encode()


def read(decoder: Mapping[str, Any] | None) -> Pieces | None:
    """`decoder` as tokenizer.json has it."""
    steps = _steps(decoder)
    if [step.get("type") for step in steps] == ["ByteLevel"]:
        return Pieces(byte_level=True)
    fused, known = False, Pieces()
    for step in steps:
        match step:
            case {"type": "Replace", "pattern": {"String": str(old)}, "content": str(new)} if not known.byte_fallback:
                known = replace(known, replacements=(*known.replacements, (old, new)))
            case {"type": "ByteFallback"} if not fused:
                known = replace(known, byte_fallback=True)
            case {"type": "Metaspace", "replacement": str(mark)} if not fused:
                dropped = "" if step.get("prepend_scheme") == "never" else mark
                known = replace(known, replacements=(*known.replacements, (mark, " ")), drop_in_first=dropped)
            case {"type": "Fuse"}:
                fused = True
            case {"type": "Strip", "content": " ", "start": int(start), "stop": 0} if fused and not known.strip:
                known = replace(known, strip=start)
            case _:
                return None
    return known if steps else None


def _steps(decoder: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    if not decoder:
        return []
    return decoder.get("decoders", []) if decoder.get("type") == "Sequence" else [decoder]


def _from_byte_level(token: str) -> bytes:
    """An added token may have characters that stand for no byte, and is then its own text."""
    try:
        return bytes([BYTE_CHARACTERS[character] for character in token])
    except KeyError:
        return token.encode()


def _byte_of(token: str) -> bytes | None:
    """`<0xE2>` is one byte."""
    if len(token) == 6 and token.startswith("<0x") and token.endswith(">"):
        try:
            return bytes.fromhex(token[3:5])
        except ValueError:
            return None
    return None
