import json

import pytest
from tokenizers import decoders, pre_tokenizers

from serving.text import pieces
from serving.text.pieces import Pieces
from tests import tiny_tokenizers


def read(decoder: object) -> Pieces | None:
    return pieces.read(json.loads(decoder.__getstate__()))  # type: ignore[attr-defined]


def test_each_byte_has_its_character() -> None:
    assert sorted(pieces.BYTE_CHARACTERS.values()) == list(range(256))
    assert set(pieces.BYTE_CHARACTERS) == set(pre_tokenizers.ByteLevel.alphabet())


def test_the_kinds_that_models_have_are_known() -> None:
    assert read(decoders.ByteLevel()) == Pieces(byte_level=True)
    assert read(tiny_tokenizers.byte_fallback().decoder) == Pieces(
        byte_fallback=True, replacements=(("▁", " "),), strip=1
    )
    assert read(decoders.Metaspace()) == Pieces(replacements=(("▁", " "),), drop_in_first="▁")
    assert read(decoders.Metaspace(prepend_scheme="never")) == Pieces(replacements=(("▁", " "),))


@pytest.mark.parametrize(
    "decoder",
    [
        decoders.WordPiece(),
        decoders.BPEDecoder(),
        decoders.CTC(),
        decoders.Sequence([decoders.Strip(" ", 1, 0), decoders.Fuse()]),
        decoders.Sequence([decoders.Fuse(), decoders.Strip(" ", 1, 1)]),
        decoders.Sequence([decoders.ByteFallback(), decoders.Replace("▁", " ")]),
        decoders.Sequence([decoders.ByteLevel(), decoders.Fuse()]),
    ],
)
def test_what_looks_at_neighbours_or_comes_in_another_order_is_not(decoder: object) -> None:
    assert read(decoder) is None


def test_without_a_decoder_nothing_is_known() -> None:
    assert pieces.read(None) is None


def test_tokens_are_their_bytes() -> None:
    assert Pieces(byte_level=True).of("Ġcaf") == b" caf"
    assert Pieces(byte_level=True).of("Ã") == b"\xc3"
    assert Pieces(byte_level=True).of("a b✓") == "a b✓".encode(), "an added token is its own text"
    known = Pieces(byte_fallback=True, replacements=(("▁", " "),))
    assert (known.of("▁café"), known.of("<0xE2>"), known.of("<0xZZ>")) == (" café".encode(), b"\xe2", b"<0xZZ>")
    assert Pieces(replacements=(("▁", " "),), drop_in_first="▁").of("▁a▁", first=True) == b"a"
