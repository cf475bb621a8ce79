import json
from pathlib import Path

import pytest

from serving.backends.decoder_shape import DecoderShape, decoder_shape, no_memory
from serving.errors import ModelLoadFailed

FIELDS = {
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "hidden_size": 64,
    "vocab_size": 300,
    "max_position_embeddings": 128,
}


def shape_of(folder: Path, **fields: object) -> DecoderShape:
    (folder / "config.json").write_text(json.dumps({**FIELDS, **fields}))
    return decoder_shape(folder)


def test_heads_that_it_says_nothing_of_are_as_large_and_as_many_as_hugging_face_takes_them_to_be(
    tmp_path: Path,
) -> None:
    assert shape_of(tmp_path) == DecoderShape(layers=2, kv_heads=4, head_dim=16, vocab_size=300, longest=128)
    assert shape_of(tmp_path, head_dim=None).head_dim == 16


def test_what_it_says_goes(tmp_path: Path) -> None:
    found = shape_of(tmp_path, num_key_value_heads=2, head_dim=32)

    assert (found.kv_heads, found.head_dim) == (2, 32)


@pytest.mark.parametrize("wrong", [0, -1, "2", 2.0, True, 2**31, [], None])
def test_a_number_that_is_none_is_named(tmp_path: Path, wrong: object) -> None:
    with pytest.raises(ModelLoadFailed, match=r"num_hidden_layers of 'config.json' is .*a number from 1 to"):
        shape_of(tmp_path, num_hidden_layers=wrong)


@pytest.mark.parametrize(
    ("content", "reason"), [(b"{", "not JSON"), (b"\xff", "not JSON"), (b"[" * 10**5, "not JSON"), (b"[]", "an object")]
)
def test_a_file_that_holds_no_fields_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "config.json").write_bytes(content)

    with pytest.raises(ModelLoadFailed, match=reason):
        decoder_shape(tmp_path)


def test_an_absent_file_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadFailed, match=r"has no file 'config.json'"):
        decoder_shape(tmp_path)


def test_a_length_of_0_is_what_the_model_was_made_for(tmp_path: Path) -> None:
    shape = shape_of(tmp_path)

    assert (shape.length(0), shape.length(128), shape.length(5)) == (128, 128, 5)
    with pytest.raises(ModelLoadFailed, match="rows of 129 positions"):
        shape.length(129)


def test_a_row_is_counted_in_bytes(tmp_path: Path) -> None:
    said = str(no_memory(shape_of(tmp_path, num_key_value_heads=2), 8, 100))

    assert "8 rows, 51,200 bytes each" in said  # 2 * 2 layers * 2 heads * 100 positions * 16 * 4 bytes
