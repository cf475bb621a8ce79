from training.data.pairs import Pair
from training.losses import IGNORED
from training.models.seq2seq import PAD
from training.seq2seq.batches import Tokens, batch, tokens_of
from training.seq2seq.tokenizer import BEGIN_ID, END_ID, byte_tokenizer

ROWS = [Tokens([number + 2] * (number % 5 + 1), [number + 2]) for number in range(50)]


def test_texts_end_where_answers_begin_and_nobody_learns_what_fills_them_up() -> None:
    made = batch([Tokens([5, 6, 7], [8, 9]), Tokens([4], [3])])

    assert made.texts.tolist() == [[5, 6, 7], [PAD, PAD, 4]]
    assert made.answers.tolist() == [[BEGIN_ID, 8, 9], [BEGIN_ID, 3, END_ID]]
    assert made.wanted.tolist() == [[8, 9, END_ID], [3, END_ID, IGNORED]]


def test_tokens_are_those_of_both_without_special_ones() -> None:
    (tokens,) = tokens_of([Pair("Ab", "c")], folds=False)

    assert (len(tokens.text), len(tokens.answer)) == (2, 1)
    assert min(*tokens.text, *tokens.answer) > max(BEGIN_ID, END_ID)


def test_answers_keep_their_capitals_where_texts_lose_theirs() -> None:
    (folded,), (plain,) = (tokens_of([Pair("Né", "Né")], folds) for folds in (True, False))
    words = byte_tokenizer(False)

    assert [words.decode(part) for part in (folded.text, folded.answer)] == ["ne", "Né"]
    assert plain.text == plain.answer == folded.answer
