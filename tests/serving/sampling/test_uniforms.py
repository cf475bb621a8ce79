import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from serving.sampling.uniforms import Uniforms

SEEDS = st.integers(0, 2**64 - 1)


@given(SEEDS, st.lists(st.integers(0, 1000), max_size=20))
def test_the_number_of_a_position_is_the_same_whatever_was_asked_before(seed: int, positions: list[int]) -> None:
    asked = Uniforms(seed)
    assert [asked.at(position) for position in positions] == [Uniforms(seed).at(each) for each in positions]


def test_no_number_comes_twice_and_all_are_spread_evenly() -> None:
    numbers = np.array([[uniforms.at(position) for position in range(500)] for uniforms in map(Uniforms, range(40))])
    assert np.unique(numbers).size == numbers.size
    counts, _ = np.histogram(numbers, bins=50, range=(0, 1))
    assert chi_square(counts, np.full(50, numbers.size / 50)) < 85.4, "one of a thousand even ones is above"


def test_seeds_that_differ_in_their_last_64_bits_only_are_the_same_one() -> None:
    assert Uniforms(-1).at(3) == Uniforms(2**64 - 1).at(3) != Uniforms(2**63 - 1).at(3)


def chi_square(counts: np.ndarray, expected: np.ndarray) -> float:
    return float(((counts - expected) ** 2 / expected).sum())
