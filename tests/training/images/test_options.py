import pytest

from training.errors import InvalidConfig
from training.images.options import Options, side_of


def test_they_are_taken_by_name() -> None:
    assert Options.of({"side": 32, "channels": 3, "flip": True}) == Options(32, 3)
    assert Options.of({}) == Options(0, 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"side": 3}, "data.side must be from 4 to 256"), ({"channels": 2}, "data.channels must be 1 for grey")],
)
def test_what_is_out_of_range_is_told(options: dict[str, int], message: str) -> None:
    with pytest.raises(InvalidConfig, match=message):
        Options.of(options)


@pytest.mark.parametrize(
    ("found", "side"), [([28, 28, 30], 28), ([600, 500, 20], 64), ([2], 4), ([20, 30], 30), ([], 64)]
)
def test_the_side_is_that_of_most_within_what_a_small_network_takes(found: list[int], side: int) -> None:
    assert side_of(found, Options()) == side
    assert side_of(found, Options(side=100)) == 100
