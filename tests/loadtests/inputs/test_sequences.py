from typing import Any

import pytest

from loadtests.asking import CannotTest
from loadtests.call import Call
from loadtests.inputs.sequences import sequences
from loadtests.inputs.wanted import Wanted


def told(wanted: Wanted) -> list[Any]:
    found: list[Any] = []

    def make(parameters: Any) -> Call:
        found.append(tuple(parameters.values()))
        return Call("/")

    sequences(wanted, make)
    return found


def test_each_callers_requests_are_a_sequence() -> None:
    found = told(Wanted(sequence_length=3, concurrency=2))
    assert found[0::2] == [(1, True, False), (1, False, False), (1, False, True)]
    assert found[1::2] == [(2, True, False), (2, False, False), (2, False, True)]


def test_requests_at_a_rate_are_each_one_of_their_own() -> None:
    found = told(Wanted())
    assert {each[1:] for each in found} == {(True, True)}
    assert len({each[0] for each in found}) == len(found) > 100


def test_order_is_not_kept_at_a_rate() -> None:
    with pytest.raises(CannotTest, match=r"--sequence-length 2: .* only kept with --concurrency"):
        told(Wanted(sequence_length=2))
