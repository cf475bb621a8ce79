from pathlib import Path

import pytest
from PIL import Image

from serving.commands.tuning_plot import draw
from serving.scheduling.tuning import Measured, Question, Setting, choose

MEASURED = [
    Measured(Setting(instances, threads), rows, 0.0001 * rows * instances / threads)
    for instances, threads in ((2, 1), (1, 2), (1, 1))
    for rows in (1, 4, 16)
]


@pytest.mark.parametrize("objective", [0.0, 0.01])
def test_a_picture_of_both_curves(tmp_path: Path, objective: float) -> None:
    draw(tmp_path / "m.png", "m", MEASURED, choose(Question(2, max_batch_size=16, objective=objective), MEASURED))
    with Image.open(tmp_path / "m.png") as picture:
        colours = picture.convert("RGB").getcolors(1 << 24)
        assert picture.width > picture.height > 300
    assert colours is not None
    assert len(colours) > 50, "lines and words, not an empty page"


def test_the_place_has_to_be_one_for_pictures(tmp_path: Path) -> None:
    tuning = choose(Question(2, max_batch_size=16), MEASURED)
    with pytest.raises(ValueError, match="txt"):
        draw(tmp_path / "m.txt", "m", MEASURED, tuning)
    with pytest.raises(FileNotFoundError):
        draw(tmp_path / "no" / "m.png", "m", MEASURED, tuning)
