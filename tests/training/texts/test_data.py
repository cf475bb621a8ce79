import pytest
from tokenizers import Tokenizer

from tests.training.texts.small_texts import reviews
from training.data.splits import split_of
from training.errors import InvalidConfig, InvalidData
from training.texts.data import prepared
from training.texts.labelled import Labelled, key

GIVEN = reviews(200)
DATA = prepared(GIVEN, 300, 16)


def test_texts_become_rows_of_the_split_that_they_decide() -> None:
    named = [split_of(key(text)) for text in GIVEN.texts]

    assert (len(DATA.train), len(DATA.validation), len(DATA.test)) == tuple(
        named.count(name) for name in ("train", "validation", "test")
    )
    first = GIVEN.texts[named.index("test")]
    said = Tokenizer.from_str(DATA.facts["tokenizer"]).decode(DATA.test.features[0].tolist()).strip()
    assert first.lower().startswith(said)
    assert DATA.labels[int(DATA.test.labels[0])] == GIVEN.labels[named.index("test")]
    assert DATA.train.features.shape[1] == 16


def test_the_card_counts_what_became_of_each() -> None:
    assert DATA.card.read == 200
    assert sum(DATA.card.kept.values()) + sum(DATA.card.dropped.values()) == 200
    assert {name: sum(counts.values()) for name, counts in DATA.card.classes.items()} == DATA.card.kept
    assert DATA.facts["labels"] == ["bad", "good"]


def test_the_tokenizer_has_seen_the_texts_to_learn_from_alone() -> None:
    strange = [f"zzyzx {number}" for number in range(100)]
    held_out = tuple(text for text in strange if split_of(key(text)) != "train")

    def tokens(extra: tuple[str, ...]) -> set[str]:
        given = Labelled("reviews", GIVEN.texts + extra, GIVEN.labels + ("good",) * len(extra))
        return set(Tokenizer.from_str(prepared(given, 2000, 16).facts["tokenizer"]).get_vocab())

    assert "zzyzx" not in {token.strip("\u0120") for token in tokens(held_out)}  # with a space before it
    assert "zzyzx" in {token.strip("\u0120") for token in tokens(tuple(strange))}


def test_equal_texts_are_equal_data() -> None:
    assert prepared(GIVEN, 300, 16).fingerprint() == DATA.fingerprint()
    assert prepared(reviews(199), 300, 16).fingerprint() != DATA.fingerprint()


@pytest.mark.parametrize(("vocab", "most", "name"), [(258, 16, "vocab_size"), (300, 2, "max_tokens")])
def test_sizes_that_hold_nothing_are_refused(vocab: int, most: int, name: str) -> None:
    with pytest.raises(InvalidConfig, match=f"data.{name} must be at least"):
        prepared(GIVEN, vocab, most)


def test_too_few_to_hold_some_out_or_to_learn_from_are_told() -> None:
    train = [f"text {number}" for number in range(200) if split_of(key(f"text {number}")) == "train"][:20]
    test = [f"text {number}" for number in range(200) if split_of(key(f"text {number}")) == "test"][:10]

    with pytest.raises(InvalidData, match="the 20 texts leave no texts that are held out"):
        prepared(Labelled("all", tuple(train), ("a", "b") * 10), 300, 16)
    with pytest.raises(InvalidData, match="leave no texts of 'b' to learn from"):
        prepared(Labelled("b", (*train, *test), ("a",) * 20 + ("b",) * 10), 300, 16)
