import json
import threading
import time
from pathlib import Path

import pytest
from tokenizers.processors import TemplateProcessing
from transformers import AutoTokenizer

from serving.errors import ModelLoadFailed
from serving.text.tokenizer import TextTokenizer
from tests import tiny_tokenizers
from tests.tiny_tokenizers import TEXT

CONFIG = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "bos_token": "<s>",
    "eos_token": {"__type": "AddedToken", "content": "</s>"},
    "model_max_length": 512,
    "chat_template": "hi",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_tokenizers.write(
        tmp_path_factory.mktemp("tokenizer"),
        tiny_tokenizers.byte_level(),
        tokenizer_config=CONFIG,
        generation_config={"eos_token_id": [1, 3], "bos_token_id": 0},
        config={"max_position_embeddings": 1024},
    )


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> TextTokenizer:
    return TextTokenizer.read(folder)


def test_texts_are_the_tokens_that_transformers_has(folder: Path, tokenizer: TextTokenizer) -> None:
    theirs = AutoTokenizer.from_pretrained(folder)
    for text in [*TEXT, "", "<|im_start|>user\nhi<|im_end|>", "<tool call> naïve✓"]:
        ids = tokenizer.encode(text)
        assert list(ids) == theirs.encode(text)
        assert tokenizer.decode(ids) == theirs.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    assert tokenizer.vocab_size == len(theirs)


def test_the_files_say_what_ends_a_text_and_how_long_it_may_be(tokenizer: TextTokenizer) -> None:
    assert (tokenizer.bos, tokenizer.eos_token_ids, tokenizer.model_max_length) == (0, (1, 3), 512)
    assert json.loads(tokenizer.json)["model"]["type"] == "BPE"
    assert tokenizer.chat_template.source == "hi"


def test_a_tokenizer_alone_is_enough(tmp_path: Path) -> None:
    found = TextTokenizer.read(tiny_tokenizers.write(tmp_path, tiny_tokenizers.metaspace()))
    assert (found.bos, found.eos_token_ids, found.model_max_length) == (None, (), None)


def test_special_tokens_are_added_where_asked(tmp_path: Path) -> None:
    library = tiny_tokenizers.byte_level()
    library.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    library.enable_truncation(2)
    library.enable_padding(length=50)
    ours = TextTokenizer.read(tiny_tokenizers.write(tmp_path, library))
    plain = ours.encode("The dog", special=False)
    assert ours.encode("The dog") == (0, *plain)
    assert ours.decode(plain) == "The dog", "neither cut nor filled up, whatever the file says"


@pytest.mark.parametrize("most", [1, 2, 3, 7, 40])
@pytest.mark.parametrize("special", [True, False])
def test_a_text_is_cut_as_transformers_cuts_it(tmp_path: Path, most: int, special: bool) -> None:
    library = tiny_tokenizers.word_piece()
    library.post_processor = TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)])
    tiny_tokenizers.write(tmp_path, library, tokenizer_config={"tokenizer_class": "PreTrainedTokenizerFast"})
    ours, theirs = TextTokenizer.read(tmp_path), AutoTokenizer.from_pretrained(tmp_path)
    for text in TEXT:
        found = ours.encode(text, special, most)
        assert len(found) <= most
        if most > 2 or not special:
            expected = theirs(text, truncation="longest_first", max_length=most, add_special_tokens=special)
            assert list(found) == expected["input_ids"]


def test_a_token_is_told_as_text_or_as_bytes(tokenizer: TextTokenizer) -> None:
    bird = tokenizer.encode("🦜")
    assert b"".join(map(tokenizer.token_bytes, bird)) == "🦜".encode()
    assert tokenizer.token_text(bird[0]).startswith(r"bytes:\xf0")
    fox = tokenizer.encode(" fox")
    assert "".join(map(tokenizer.token_text, fox)) == " fox"
    assert tokenizer.token_text(0) == "<s>"
    assert (tokenizer.token_bytes(10_000), tokenizer.token_text(10_000)) == (b"", "")


def test_a_token_of_another_kind_of_tokenizer_is_told_too(tmp_path: Path) -> None:
    ours = TextTokenizer.read(tiny_tokenizers.write(tmp_path, tiny_tokenizers.word_piece()))
    assert ours.token_text(ours.encode("dog")[0]) == "d"
    assert ours.token_bytes(10_000) == b""


@pytest.mark.parametrize("text", ["{}", '{"version": "1.0", "model": {"type": "Unheard"}}'])
def test_what_is_no_tokenizer_is_told_to_the_owner(tmp_path: Path, text: str) -> None:
    (tmp_path / "tokenizer.json").write_text(text)
    with pytest.raises(ModelLoadFailed, match=r"'tokenizer\.json' is not a tokenizer: .*; export it again"):
        TextTokenizer.read(tmp_path)


def test_a_chat_template_that_is_none_is_told_to_the_owner(tmp_path: Path) -> None:
    tiny_tokenizers.write(tmp_path, tiny_tokenizers.byte_level(), tokenizer_config={"chat_template": "{% for %}"})
    with pytest.raises(ModelLoadFailed, match="the chat template can't be read: "):
        TextTokenizer.read(tmp_path)


def test_other_threads_go_on_while_a_long_text_is_read(tokenizer: TextTokenizer) -> None:
    reader = threading.Thread(target=tokenizer.encode, args=("the quick brown fox " * 10_000,))
    reader.start()
    turns = 0
    while reader.is_alive():
        time.sleep(0.001)
        turns += 1
    assert turns > 10
