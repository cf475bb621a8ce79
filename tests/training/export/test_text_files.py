from pathlib import Path

import pytest

from tests.tiny_tokenizers import byte_level, write
from training.errors import PublishFailed
from training.export.text_files import write_texts


def texts(tmp_path: Path) -> dict[str, bytes]:
    folder = tmp_path / "texts"
    folder.mkdir()
    write(folder, byte_level(), tokenizer_config={"eos_token": "</s>"})
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_files_are_written_as_they_are(tmp_path: Path) -> None:
    given = texts(tmp_path)

    write_texts(tmp_path, given, 1000)

    assert {name: (tmp_path / name).read_bytes() for name in given} == given


def test_a_tokenizer_of_more_tokens_than_the_model_has_is_another_models(tmp_path: Path) -> None:
    tokens = byte_level().get_vocab_size()

    write_texts(tmp_path, texts(tmp_path), tokens)
    with pytest.raises(PublishFailed, match=rf"tokenizer\.json has {tokens} tokens, the model {tokens - 1}"):
        write_texts(tmp_path, {}, tokens - 1)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("tokenizer.json", b"{}", r"'tokenizer\.json' is not a tokenizer"),
        ("tokenizer_config.json", b'{"chat_template": "{% for %}"}', "chat template can't be read"),
        ("config.json", b"[", r"'config\.json' is not JSON"),
    ],
)
def test_what_a_server_can_not_read_is_named(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    with pytest.raises(PublishFailed, match=reason):
        write_texts(tmp_path, texts(tmp_path) | {name: content}, 1000)
