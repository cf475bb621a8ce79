from pathlib import Path

import pytest

from serving.text.tokenizer import TextTokenizer
from training.seq2seq.tokenizer import BEGIN_ID, CONFIG, END_ID, VOCABULARY, byte_tokenizer, config_file, encoded


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> TextTokenizer:
    """As a server reads it."""
    folder: Path = tmp_path_factory.mktemp("tokenizer")
    byte_tokenizer(folds=True).save(str(folder / "tokenizer.json"))
    (folder / CONFIG).write_bytes(config_file(96))
    return TextTokenizer.read(folder)


def test_a_text_ends_with_what_begins_its_answer(served: TextTokenizer) -> None:
    assert served.encode("5 de enero") == (*encoded(byte_tokenizer(folds=True), ["5 de enero"])[0], BEGIN_ID)
    assert served.eos_token_ids == (END_ID,)
    assert served.model_max_length == 96


def test_an_answer_comes_back_without_its_end(served: TextTokenizer) -> None:
    (answer,) = encoded(byte_tokenizer(folds=True), ["2010-01-05"])

    assert len(answer) == 10
    assert served.decode([*answer, END_ID]) == "2010-01-05"


@pytest.mark.parametrize(
    ("text", "same"), [("12. MÄRZ 1999", "12. marz 1999"), (" août ", "aout"), ("\uff12\uff10", "20")]
)
def test_capitals_accents_and_widths_make_no_difference(served: TextTokenizer, text: str, same: str) -> None:
    assert served.encode(text) == served.encode(same)


def test_where_nothing_folds_a_text_is_what_it_is_but_for_space_around_it() -> None:
    words = byte_tokenizer(folds=False)

    assert words.decode(encoded(words, [" Août\u00a0 2 \n"])[0]) == "Août\u00a0 2"
    assert words.get_vocab_size() == VOCABULARY


@pytest.mark.parametrize("text", ["", "2010年1月5日", "\0\x7f🙂ł"])
def test_any_text_has_tokens(served: TextTokenizer, text: str) -> None:
    *text_tokens, last = served.encode(text)

    assert last == BEGIN_ID
    assert served.decode(text_tokens) == text
