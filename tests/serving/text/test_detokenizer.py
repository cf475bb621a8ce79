from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders

from serving.text.tokenizer import TextTokenizer
from serving.text.tokenizer_files import TokenizerFiles
from tests import tiny_tokenizers
from tests.tiny_tokenizers import byte_fallback, byte_level, metaspace, word_piece

Kind = Callable[[], Tokenizer]

ALL = (byte_level, byte_fallback, metaspace, word_piece)
WHOLE_IN_UNICODE = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@cache
def of(kind: Kind) -> tuple[TextTokenizer, Tokenizer]:
    tokenizer = kind()
    return made(tokenizer), tokenizer


def made(tokenizer: Tokenizer) -> TextTokenizer:
    text = tokenizer.to_str()
    return TextTokenizer(TokenizerFiles.of(text))


def parts(tokenizer: TextTokenizer, ids: list[int], skip_special: bool = True) -> list[str]:
    detokenizer = tokenizer.detokenizer(skip_special)
    return [*map(detokenizer.add, ids), detokenizer.end()]


def ids_of(kind: Kind) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, of(kind)[0].vocab_size + 2), max_size=40)


@pytest.mark.parametrize("kind", ALL)
@given(data=st.data(), skip_special=st.booleans())
def test_the_parts_are_together_what_the_library_says_of_any_tokens(
    kind: Kind, data: st.DataObject, skip_special: bool
) -> None:
    ours, library = of(kind)
    ids = [it for it in data.draw(ids_of(kind)) if kind is not byte_fallback or len(ours.token_bytes(it)) != 1]
    assert "".join(parts(ours, ids, skip_special)) == library.decode(ids, skip_special_tokens=skip_special)


@pytest.mark.parametrize("kind", ALL)
@given(text=WHOLE_IN_UNICODE)
def test_the_parts_are_together_what_the_library_says_of_any_text(kind: Kind, text: str) -> None:
    ours, library = of(kind)
    ids = list(ours.encode(text))
    assert "".join(parts(ours, ids)) == library.decode(ids) == ours.decode(ids)


@pytest.mark.parametrize("kind", ALL)
@given(data=st.data())
def test_what_is_decoded_at_once_is_what_was_streamed(kind: Kind, data: st.DataObject) -> None:
    ours, _ = of(kind)
    ids = data.draw(ids_of(kind))
    assert "".join(parts(ours, ids)) == ours.decode(ids)


@pytest.mark.parametrize("kind", [byte_level, byte_fallback])
@given(text=WHOLE_IN_UNICODE)
def test_no_part_of_a_good_text_has_half_a_character(kind: Kind, text: str) -> None:
    ours, _ = of(kind)
    ids = list(ours.encode(text))
    assert all("\ufffd" not in part for part in parts(ours, ids)) or "\ufffd" in text


@pytest.mark.parametrize("kind", [byte_level, byte_fallback])
def test_a_character_comes_with_its_last_byte_and_not_later(kind: Kind) -> None:
    ours, _ = of(kind)
    ids = [it for it in ours.encode("🦜", special=False) if ours.token_bytes(it) != b" "]
    assert parts(ours, ids)[-2:] == ["🦜", ""]
    assert set(parts(ours, ids)[:-2]) == {""}


@pytest.mark.parametrize(("kind", "text"), [(byte_level, "a\ufffd"), (byte_fallback, "a\ufffd\ufffd\ufffd")])
def test_half_a_character_at_the_end_is_shown_as_such(kind: Kind, text: str) -> None:
    ours, library = of(kind)
    ids = [*ours.encode("a", special=False), *ours.encode("🦜", special=False)[-4:-1]]
    assert "".join(parts(ours, ids)) == text == library.decode(ids)


def test_a_good_character_beside_a_bad_byte_is_kept_although_the_library_loses_it() -> None:
    """It would have to be taken back otherwise, or all bytes be held until a word comes."""
    ours, library = of(byte_fallback)
    bird = list(ours.encode("🦜", special=False))[-4:]
    assert ours.decode([*bird, bird[0]]) == "🦜\ufffd"
    assert library.decode([*bird, bird[0]]) == "\ufffd" * 5


def test_special_tokens_are_shown_to_who_asks() -> None:
    ours, _ = of(byte_level)
    ids = list(ours.encode("<|im_start|>fox<|im_end|>"))
    assert "".join(parts(ours, ids)) == "fox"
    assert "".join(parts(ours, ids, skip_special=False)) == "<|im_start|>fox<|im_end|>"


def test_the_space_after_a_hidden_token_is_not_lost() -> None:
    for kind in ALL:
        ours, library = of(kind)
        ids = [*ours.encode("The", special=False), *[ours.vocab_size - 1, 1, 1, 1, 1, 1], *ours.encode("dog")]
        assert "".join(parts(ours, ids)) == library.decode(ids)


@pytest.mark.parametrize("decoder", [None, decoders.BPEDecoder(), decoders.CTC(), decoders.Sequence([decoders.Fuse()])])
def test_other_decoders_are_streamed_too(decoder: object) -> None:
    tokenizer = tiny_tokenizers.byte_fallback()
    if decoder is None:
        tokenizer = Tokenizer(tokenizer.model)
    else:
        tokenizer.decoder = decoder
    ours = made(tokenizer)
    ids = list(ours.encode("The quick dog"))
    assert "".join(parts(ours, ids)) == tokenizer.decode(ids)
