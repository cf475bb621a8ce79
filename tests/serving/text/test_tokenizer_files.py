from pathlib import Path
from typing import Any

import pytest

from serving.core.sampling_defaults import SamplingDefaults
from serving.errors import ModelLoadFailed
from serving.text.tokenizer_files import TokenizerFiles
from tests import tiny_tokenizers


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tokenizer.json").write_text("{}")
    return tmp_path


def read(folder: Path, **files: dict[str, Any]) -> TokenizerFiles:
    return TokenizerFiles.read(tiny_tokenizers.write(folder, tiny_tokenizers.word_piece(), **files))


def test_a_missing_tokenizer_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadFailed, match=r"'tokenizer\.json' is missing.*save_pretrained"):
        TokenizerFiles.read(tmp_path)


@pytest.mark.parametrize("name", ["tokenizer", "tokenizer_config", "generation_config", "config"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", r"is not JSON: .*; download or export it again"),
        (b"[1]", "must hold a JSON object, got a list of 1"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer.*`git lfs pull`"),
        (b"[" * 100_000, "is not JSON"),
    ],
)
def test_a_bad_file_is_named(folder: Path, name: str, content: bytes, words: str) -> None:
    (folder / f"{name}.json").write_bytes(content)
    with pytest.raises(ModelLoadFailed, match=rf"'{name}\.json' {words}"):
        TokenizerFiles.read(folder)


def test_sentence_transformers_say_how_much_of_a_text_is_read(folder: Path) -> None:
    config = {"max_position_embeddings": 40}
    assert not read(folder, config=config).cuts
    for said, longest in (({"max_seq_length": 16}, 16), ({"max_seq_length": 99}, 40), ({"max_seq_length": None}, 40)):
        files = read(folder, config=config, sentence_bert_config=said)
        assert (files.cuts, files.model_max_length) == (True, longest)


@pytest.mark.parametrize("wrong", ["many", 0, 16.5, True])
def test_a_wrong_number_of_tokens_is_named(folder: Path, wrong: Any) -> None:
    with pytest.raises(ModelLoadFailed, match=r"'sentence_bert_config\.json': 'max_seq_length' must be a number"):
        read(folder, sentence_bert_config={"max_seq_length": wrong})


def test_a_wrong_way_to_sample_is_named(folder: Path) -> None:
    with pytest.raises(ModelLoadFailed, match=r"'generation_config\.json': 'top_p' must be"):
        read(folder, generation_config={"top_p": 2})


def test_how_to_sample_is_what_the_generation_config_says_and_no_other_file(folder: Path) -> None:
    files = read(folder, generation_config={"temperature": 0.5}, config={"temperature": "none of its business"})
    assert files.sampling == SamplingDefaults(others={"temperature": 0.5})


def test_a_folder_in_a_files_place_is_told(folder: Path) -> None:
    (folder / "config.json").mkdir()
    with pytest.raises(ModelLoadFailed, match=r"'config\.json' can't be read: Is a directory"):
        TokenizerFiles.read(folder)


def test_a_special_token_is_a_text_or_an_object(tmp_path: Path) -> None:
    files = read(tmp_path, tokenizer_config={"eos_token": "<e>", "pad_token": {"content": "<p>"}, "unk_token": None})
    assert files.special_tokens == {"eos_token": "<e>", "pad_token": "<p>"}


def test_what_the_generation_config_says_goes_before_the_config(tmp_path: Path) -> None:
    assert read(tmp_path, config={"eos_token_id": 5, "bos_token_id": 1}).eos_token_ids == (5,)
    files = read(tmp_path, config={"eos_token_id": 5, "bos_token_id": 1}, generation_config={"eos_token_id": [7, 8]})
    assert (files.eos_token_ids, files.bos_token_id) == ((7, 8), 1)


def test_a_token_that_is_no_number_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadFailed, match=r"'eos_token_id' .* must be a token's number, got '</s>'"):
        read(tmp_path, generation_config={"eos_token_id": "</s>"})


@pytest.mark.parametrize(
    ("positions", "longest", "expected"), [(64, 32, 32), (64, 10**30, 64), (64, 1e30, 64), (None, None, None)]
)
def test_the_shorter_length_counts(tmp_path: Path, positions: Any, longest: Any, expected: int | None) -> None:
    files = read(
        tmp_path, config={"max_position_embeddings": positions}, tokenizer_config={"model_max_length": longest}
    )
    assert files.model_max_length == expected


def test_a_template_of_its_own_goes_before_the_one_in_the_config(tmp_path: Path) -> None:
    config = {"chat_template": [{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}]}
    assert read(tmp_path, tokenizer_config=config).chat_template == "d"
    (tmp_path / "chat_template.jinja").write_text("alone")
    assert read(tmp_path, tokenizer_config=config).chat_template == "alone"
