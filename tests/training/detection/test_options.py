import pytest

from training.detection.options import Options
from training.errors import InvalidConfig


def test_they_are_taken_from_a_recipes_and_become_facts() -> None:
    options = Options.of({"scenes": 5, "side": 64, "channels": 3, "boxes": 8})
    assert options == Options(side=64, channels=3, boxes=8)
    assert options.facts(("a", "b")) == {"labels": ["a", "b"], "side": 64, "channels": 3, "boxes": 8}


@pytest.mark.parametrize(
    ("side", "channels", "boxes", "reason"),
    [
        (60, 1, 8, "data.side must be a multiple of 8 and at least 16, got 60"),
        (8, 1, 1, "data.side must be a multiple of 8 and at least 16, got 8"),
        (64, 2, 8, r"data.channels must be 1 \(grey\) or 3 \(colours\), got 2"),
        (16, 1, 17, "data.boxes must be from 1 to 16, the cells of a picture, got 17"),
        (64, 1, 0, "data.boxes must be from 1 to 256"),
    ],
)
def test_what_is_out_of_range_is_refused(side: int, channels: int, boxes: int, reason: str) -> None:
    with pytest.raises(InvalidConfig, match=reason):
        Options(side, channels, boxes)
