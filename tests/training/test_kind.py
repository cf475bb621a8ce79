import numpy as np

from training.kind import Rows, spread


def test_some_rows_are_from_all_over_and_those_of_every_tensor() -> None:
    rows = Rows({"a": np.arange(5), "b": np.arange(10).reshape(5, 2)}, {"c": np.arange(5) * 10})

    some = rows.some(3)

    assert (len(rows), len(some)) == (5, 3)
    assert some.inputs["b"].tolist() == [[0, 1], [4, 5], [8, 9]]
    assert some.truths["c"].tolist() == [0, 20, 40]


def test_where_there_are_fewer_all_are_taken_once() -> None:
    assert spread(4, 9).tolist() == [0, 1, 2, 3]
    assert spread(0, 9).tolist() == []
    assert len(set(spread(1000, 999).tolist())) == 999
