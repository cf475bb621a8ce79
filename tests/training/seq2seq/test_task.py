from itertools import chain

import pytest
import torch

from tests.training.seq2seq.test_batches import ROWS
from training.models.seq2seq import Seq2seq
from training.seq2seq.task import AnswerTask


def never() -> Seq2seq:
    pytest.fail("no model is needed")


def order(number: int, seed: int = 0) -> list[list[int]]:
    return [rows.tolist() for rows in AnswerTask(never, ROWS, ()).order(number, seed, 8)]


def test_a_pass_has_each_pair_once_and_the_next_another_order() -> None:
    first, second = order(0), order(1)

    assert sorted(chain(*first)) == sorted(chain(*second)) == list(range(50))
    assert first != second
    assert order(1) == second != order(1, seed=2)


def test_those_of_a_batch_are_about_as_long_as_one_another() -> None:
    assert all(len({len(ROWS[row].text) for row in rows}) <= 2 for rows in order(0))


def test_a_batch_weighs_as_much_as_there_is_to_say() -> None:
    task = AnswerTask(never, ROWS, ())

    assert task.weight(task.batch(torch.tensor([0, 4]), "cpu")) == 4, "a token and the end, of each"
