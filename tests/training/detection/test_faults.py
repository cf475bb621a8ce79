import io

import numpy as np
from PIL import Image

from training.detection import faults
from training.report.section import Pictures, Text

TRUTHS = {
    "boxes": np.float32([[[1, 1, 5, 5], [0, 0, 0, 0]], [[2, 2, 6, 6], [1, 1, 3, 3]], [[0, 0, 4, 4], [0, 0, 0, 0]]]),
    "classes": np.array([[0, -1], [1, 0], [1, -1]]),
}
OUTPUTS = {
    "boxes": np.float32([[[1, 1, 5, 5]], [[2, 2, 6, 6]], [[0, 0, 4, 4]]]),
    "scores": np.float32([[0.9], [0.2], [0.8]]),
    "classes": np.array([[0], [1], [0]]),
}


def test_pictures_with_most_faults_come_first_and_those_without_none_at_all() -> None:
    pixels = np.full((3, 1, 8, 8), 200, np.uint8)

    text, shown = faults.section(pixels, OUTPUTS, TRUTHS, 2).parts

    assert isinstance(text, Text)
    assert text.text.startswith("In 2 of 3 pictures")
    assert isinstance(shown, Pictures)
    assert [picture.alt.split()[1] for picture in shown.pictures] == ["1", "2"]
    picture = Image.open(io.BytesIO(shown.pictures[1].png))
    assert picture.size == (256, 256)
    assert picture.getpixel((0, 100)) == (230, 60, 50)


def test_a_fault_is_one() -> None:
    nothing = {**OUTPUTS, "scores": np.zeros((3, 1), np.float32)}
    shown = faults.section(np.full((3, 1, 8, 8), 200, np.uint8), nothing, TRUTHS, 2).parts[1]
    assert isinstance(shown, Pictures)
    assert "1 fault" in [picture.caption for picture in shown.pictures]


def test_a_detector_without_faults_has_no_pictures() -> None:
    right = {
        **OUTPUTS,
        "boxes": OUTPUTS["boxes"][:1],
        "scores": OUTPUTS["scores"][:1],
        "classes": OUTPUTS["classes"][:1],
    }
    truths = {name: array[:1] for name, array in TRUTHS.items()}

    assert len(faults.section(np.zeros((1, 3, 8, 8), np.uint8), right, truths, 2).parts) == 1
