import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from transformers import AutoTokenizer, BertConfig

from serving.text.tokenizer import TextTokenizer
from training.texts import tokens

TEXTS = ["A lovely lamp, and a lovely chair.", "lamps and chairs", "日本語 🙂", ""]
MOST = 12


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return tokens.learn(TEXTS[:2] * 4, 300)


def test_rows_begin_and_end_with_tokens_of_their_own_and_are_filled_up(tokenizer: Tokenizer) -> None:
    rows = tokens.tokens(tokenizer, TEXTS, MOST)

    assert rows.shape == (4, MOST)
    assert rows[:, 0].tolist() == [1] * 4
    assert [row[row != 0][-1].item() for row in rows] == [2] * 4
    assert (rows[3] != 0).sum() == 2
    assert tokens.tokens(tokenizer, ["lamps"], 3)[0].tolist()[::2] == [1, 2]


def test_case_is_not_read_and_any_script_comes_back(tokenizer: Tokenizer) -> None:
    upper, lower = tokens.tokens(tokenizer, ["LAMPS", "lamps"], MOST)

    assert upper.equal(lower)
    assert tokenizer.decode(tokens.tokens(tokenizer, ["日本語 🙂"], 99)[0].tolist()).strip() == "日本語 🙂"


def test_a_server_and_transformers_make_the_same_tokens_of_its_files(tokenizer: Tokenizer, tmp_path: Path) -> None:
    sizes = {"vocab_size": tokenizer.get_vocab_size(), "hidden_size": 8, "max_position_embeddings": MOST}
    for name, content in tokens.files(tokenizer.to_str(), MOST, sizes, ["bad", "good"]).items():
        (tmp_path / name).write_bytes(content)
    served, theirs = TextTokenizer.read(tmp_path), AutoTokenizer.from_pretrained(tmp_path)

    assert (served.model_max_length, served.cuts) == (MOST, True)
    for row, text in zip(tokens.tokens(tokenizer, TEXTS, MOST), TEXTS, strict=True):
        wanted = row[row != 0].tolist()
        assert list(served.encode(text, most=MOST)) == wanted
        assert theirs(text, truncation=True)["input_ids"] == wanted
    assert BertConfig.from_pretrained(tmp_path).id2label == {0: "bad", 1: "good"}
    assert json.loads((tmp_path / "config.json").read_text())["hidden_size"] == 8


def test_the_same_texts_give_the_same_tokenizer(tokenizer: Tokenizer) -> None:
    assert tokens.learn(TEXTS[:2] * 4, 300).to_str() == tokenizer.to_str()
