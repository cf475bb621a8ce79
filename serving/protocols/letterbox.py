"""Where a whole picture lies in a frame of other proportions.

Rule: boxes are x_min, y_min, x_max, y_max; what is outside the picture is cut off on the way back.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Letterbox:
    """The picture's own width and height, upright; and its size and top left corner in the frame."""

    picture: tuple[int, int]
    size: tuple[int, int]
    corner: tuple[int, int]

    def into_frame(self, boxes: np.ndarray) -> np.ndarray:
        """`boxes` [..., 4] in the picture's pixels."""
        moved: np.ndarray = boxes * self._scales() + np.tile(self.corner, 2)
        return moved

    def into_picture(self, boxes: np.ndarray) -> np.ndarray:
        """`boxes` [..., 4] in the frame's pixels."""
        moved: np.ndarray = (boxes - np.tile(self.corner, 2)) / self._scales()
        return moved.clip(0, np.tile(self.picture, 2))

    def _scales(self) -> np.ndarray:
        return np.tile(np.array(self.size) / np.array(self.picture), 2)


def letterbox(picture: tuple[int, int], frame: tuple[int, int]) -> Letterbox:
    """As large as it can be in the middle of the frame, in proportion, and at least a pixel wide and high."""
    scale = min(frame[0] / picture[0], frame[1] / picture[1])
    width, height = (max(1, round(side * scale)) for side in picture)
    return Letterbox(picture, (width, height), ((frame[0] - width) // 2, (frame[1] - height) // 2))
