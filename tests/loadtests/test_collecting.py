from math import isnan

import numpy as np

from loadtests.clients.client import Reply
from loadtests.collecting import Collecting


def test_what_was_noted_is_taken_once() -> None:
    collecting = Collecting()
    collecting.note(7, 0.5, 100.6, 101.0, Reply(200, first=100.7, tokens=3, gaps=(0.1, 0.2)), start=100.0)
    collecting.note(8, 0.6, 100.6, 101.5, Reply(503, message="full"), start=100.0)
    taken = collecting.taken()
    assert taken.number.tolist() == [7, 8]
    assert taken.status.tolist() == [200, 503]
    assert taken.tokens.tolist() == [3, 0]
    np.testing.assert_allclose(taken.intended, [0.5, 0.6])
    np.testing.assert_allclose(taken.left, [0.6, 0.6])
    np.testing.assert_allclose(taken.finished, [1.0, 1.5])
    np.testing.assert_allclose(taken.first[0], 0.7)
    assert isnan(taken.first[1])
    assert taken.gaps.tolist() == [0.1, 0.2]
    assert taken.messages == {"full": 1}
    assert len(collecting.taken()) == 0


def test_of_very_many_messages_some_are_kept() -> None:
    collecting = Collecting()
    for number in range(1000):
        collecting.note(number, 0.0, 0.0, 0.0, Reply(500, message=f"request {'x' * number} failed"), start=0.0)
    taken = collecting.taken()
    assert len(taken) == 1000
    assert 1 < len(taken.messages) < 100
