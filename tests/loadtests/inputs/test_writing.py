from random import Random

import pytest

from loadtests.inputs.model import Learnt, WordCost
from loadtests.inputs.wanted import Span, Wanted
from loadtests.inputs.writing import writing


@pytest.mark.parametrize(("longest", "lengths"), [(0, (128, 64)), (100_000, (128, 64)), (100, (50, 25)), (2, (1, 1))])
def test_lengths_fit_into_the_models_context(longest: int, lengths: tuple[int, int]) -> None:
    found = writing(Wanted(), Learnt(max_length=longest))
    assert (found.prompt_tokens.high, found.max_tokens.high) == lengths


def test_lengths_that_were_asked_for_are_drawn_evenly() -> None:
    found = writing(Wanted(prompt_tokens=Span(30, 50), max_tokens=Span(1, 3)), Learnt(cost=WordCost(10, 2)))
    random = Random(0)
    assert {len(found.prompt(random).split()) for _ in range(300)} == set(range(10, 21))
    assert {found.options(random)["max_tokens"] for _ in range(50)} == {1, 2, 3}
