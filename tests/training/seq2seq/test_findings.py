import numpy as np

from tests.tiny_answers import RECIPE
from training.checkpoint import Checkpoint
from training.report.section import Table
from training.run import restore
from training.seq2seq.findings import by_group, right_answers, wrong_answers
from training.seq2seq.next_tokens import NextTokens


def test_shares_of_right_answers_and_tokens_have_intervals() -> None:
    right = np.array([[True, True], [True, False], [False, False]])
    counts = np.array([[True, True], [True, False], [True, True]])

    (table,) = right_answers(right, counts).parts

    assert isinstance(table, Table)
    assert [(row[1], row[3]) for row in table.rows] == [("66.7%", "3"), ("60.0%", "5")]
    assert table.rows[0][2] == "20.8% to 93.9%"  # Wilson's, of 2 of 3


def test_wrong_answers_are_shown_as_the_model_writes_them_the_unlikeliest_first(answerer: Checkpoint) -> None:
    module = restore(RECIPE, answerer).module
    assert isinstance(module, NextTokens)
    rows = answerer.rows.some(3)
    likely = -np.arange(9, dtype=np.float32).reshape(3, 3)

    _, table = wrong_answers(module.model, rows, np.array([False, True, False]), likely).parts

    assert isinstance(table, Table)
    assert [row[2] for row in table.rows] == ["12", "01"]
    assert all(len(str(row[1])) == 2 for row in table.rows)
    assert len(wrong_answers(module.model, rows, np.ones(3, bool), likely).parts) == 1


def test_groups_are_compared_by_their_right_answers() -> None:
    right = np.arange(120) % 4 > 0
    groups = {"from": ["east" if row % 2 else "west" for row in range(120)]}

    table, gaps = by_group(groups, right).parts

    assert isinstance(table, Table)
    assert [(row[0], row[2]) for row in table.rows] == [("east", "100.0%"), ("west", "50.0%")]
    assert isinstance(gaps, Table)
    assert gaps.rows[0][-1] == "more than chance explains"
