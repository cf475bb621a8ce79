from itertools import islice

from training.data.pairs import Pair
from training.models.seq2seq import PAD
from training.seq2seq.batches import IGNORED, Tokens, batch, shuffled, tokens_of
from training.seq2seq.tokenizer import BEGIN_ID, END_ID, byte_tokenizer

ROWS = [Tokens([number + 2] * (number % 5 + 1), [number + 2]) for number in range(50)]


def test_texts_end_where_answers_begin_and_nobody_learns_what_fills_them_up() -> None:
    made = batch([Tokens([5, 6, 7], [8, 9]), Tokens([4], [3])])

    assert made.texts.tolist() == [[5, 6, 7], [PAD, PAD, 4]]
    assert made.answers.tolist() == [[BEGIN_ID, 8, 9], [BEGIN_ID, 3, END_ID]]
    assert made.wanted.tolist() == [[8, 9, END_ID], [3, END_ID, IGNORED]]


def test_a_pass_has_each_pair_once_and_the_next_another_order() -> None:
    batches = list(islice(shuffled(ROWS, 8, seed=0), 14))
    first, second = ([row[0] for made in part for row in made.wanted.tolist()] for part in (batches[:7], batches[7:]))

    assert sorted(first) == sorted(second) == list(range(2, 52))
    assert first != second


def test_the_same_seed_gives_the_same_order() -> None:
    one, again, other = (next(shuffled(ROWS, 8, seed)).wanted.tolist() for seed in (1, 1, 2))

    assert one == again != other


def test_tokens_are_those_of_both_without_special_ones() -> None:
    (tokens,) = tokens_of(byte_tokenizer(), [Pair("Ab", "c")])

    assert (len(tokens.text), len(tokens.answer)) == (2, 1)
    assert min(*tokens.text, *tokens.answer) > max(BEGIN_ID, END_ID)
