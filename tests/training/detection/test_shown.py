import io

import numpy as np
from PIL import Image
from rich.console import Console

from training.detection.shown import LOOKED_AT, classes_table, clearest
from training.enlarged import enlarged, png

BOX = [0, 0, 10, 10]
TRUTHS = {"boxes": np.float32([[BOX, BOX], [BOX, BOX], [BOX, BOX]]), "classes": np.array([[0, -1], [1, 1], [0, 1]])}
OUTPUTS = {
    "boxes": TRUTHS["boxes"],
    "classes": np.array([[0, 1], [1, 0], [1, 0]]),
    "scores": np.float32([[0.9, 0.1], [0.9, 0.8], [0.8, 0.7]]),
}


def test_each_class_that_comes_has_a_line() -> None:
    console = Console(file=io.StringIO(), width=80)
    console.print(classes_table(OUTPUTS, TRUTHS, ["cat", "dog", "cow"]))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "cat" in text
    assert "dog" in text
    assert "cow" not in text


def test_the_clearest_picture_has_most_and_all_of_it_is_seen() -> None:
    assert clearest(OUTPUTS, TRUTHS) == 2
    assert clearest({**OUTPUTS, "scores": OUTPUTS["scores"] * 0}, TRUTHS) == 0


def test_a_picture_is_large_enough_to_look_at() -> None:
    pixels = np.arange(64, dtype=np.uint8).reshape(1, 8, 8)
    with Image.open(io.BytesIO(png(enlarged(pixels, LOOKED_AT)))) as picture:
        assert (picture.size, picture.mode) == ((256, 256), "L")
        assert np.asarray(picture)[::32, ::32].tolist() == pixels[0].tolist()
    with Image.open(io.BytesIO(png(enlarged(np.zeros((3, 300, 300), np.uint8), LOOKED_AT)))) as picture:
        assert (picture.size, picture.mode) == ((300, 300), "RGB")
