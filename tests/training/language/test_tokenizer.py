from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from tests import tiny_language
from training.data.documents import Document
from training.language.tokenizer import CONFIG, SPECIAL, TOKENIZER, config_file, encode, learn, token_bytes

TEXTS = [document.text for document in tiny_language.load().documents]
WORDS = learn(TEXTS, 400)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tokenizer")
    (path / TOKENIZER).write_text(WORDS.to_str())
    (path / CONFIG).write_bytes(config_file(128, has_questions=True))
    return path


@given(st.text())
def test_any_text_comes_back_as_it_was(text: str) -> None:
    ids = WORDS.encode(text).ids

    assert WORDS.decode(ids, skip_special_tokens=False) == text


def test_the_same_text_gives_the_same_tokenizer() -> None:
    assert learn(TEXTS, 400).to_str() == WORDS.to_str()
    assert learn(TEXTS[::2], 400).to_str() != WORDS.to_str()


def test_special_tokens_come_first_and_what_is_frequent_is_one_token() -> None:
    assert [WORDS.id_to_token(number) for number in range(3)] == list(SPECIAL)
    assert WORDS.get_vocab_size() <= 400
    assert len(WORDS.encode(" multiply").ids) == 1


def test_a_stream_has_of_each_document_a_question_an_answer_and_an_end() -> None:
    stream = encode(WORDS, [Document("one", "two"), Document("three", "four")])

    text = "<|user|>one<|assistant|>two<|endoftext|><|user|>three<|assistant|>four<|endoftext|>"
    assert WORDS.decode(stream, skip_special_tokens=False) == text
    assert [each for each in stream if each < 3] == [1, 2, 0, 1, 2, 0]


def test_a_text_without_a_name_is_told_by_itself_and_one_that_is_cut_off_has_no_end() -> None:
    stream = encode(WORDS, [Document("", "two ", is_cut_off=True), Document("", "and more")])

    assert WORDS.decode(stream, skip_special_tokens=False) == "two and more<|endoftext|>"


@given(st.text())
def test_all_tokens_of_a_text_have_its_bytes(text: str) -> None:
    sizes = token_bytes(WORDS)

    assert sum(sizes[token] for token in WORDS.encode(text).ids) == len(text.encode())
    assert sizes[: len(SPECIAL)] == [0, 0, 0]


def test_a_conversation_is_for_models_that_know_questions() -> None:
    assert b"chat_template" in config_file(128, has_questions=True)
    assert b"chat_template" not in config_file(128, has_questions=False)


def test_transformers_loads_the_folder_and_reads_the_same_tokens(folder: Path) -> None:
    theirs = AutoTokenizer.from_pretrained(folder)

    for text in (" add one\n\n   to two", "naïve 🙂 日本語"):
        assert theirs.encode(text) == WORDS.encode(text).ids
        assert theirs.decode(theirs.encode(text)) == text
    assert (theirs.eos_token, theirs.eos_token_id, theirs.model_max_length) == ("<|endoftext|>", 0, 128)


def test_a_conversation_is_written_as_documents_are(folder: Path) -> None:
    theirs = AutoTokenizer.from_pretrained(folder)
    conversation = [
        {"role": "system", "content": "which no document has"},
        {"role": "user", "content": " one "},
        {"role": "assistant", "content": "two"},
    ]
    question = [*conversation, {"role": "user", "content": "three"}]

    learnt = encode(WORDS, [Document("one", "two"), Document("three", "")])
    assert theirs.apply_chat_template(conversation)["input_ids"] == learnt[: learnt.index(0) + 1]
    assert theirs.apply_chat_template(question, add_generation_prompt=True)["input_ids"] == learnt[:-1]
