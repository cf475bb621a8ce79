import numpy as np

from training.kind import Rows


def test_the_first_rows_are_those_of_every_tensor() -> None:
    rows = Rows({"a": np.arange(5), "b": np.arange(10).reshape(5, 2)}, {"c": np.arange(5) * 10})

    first = rows.first(2)

    assert (len(rows), len(first)) == (5, 2)
    assert first.inputs["b"].tolist() == [[0, 1], [2, 3]]
    assert first.truths["c"].tolist() == [0, 10]
