"""How large a detector's pictures are, and how many boxes it answers. Rule: options that exist are within range."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from training.config import check
from training.models.detector import MULTIPLE, STRIDE
from training.settings import Value


@dataclass(frozen=True, slots=True)
class Options:
    """`side` in pixels; `channels` of pictures: 1 for grey, 3 for colours; `boxes` that are answered for a picture.
    Raises `InvalidConfig`."""

    side: int
    channels: int
    boxes: int

    def __post_init__(self) -> None:
        fits = self.side >= 2 * MULTIPLE and self.side % MULTIPLE == 0
        check("data.side", self.side, fits, f"a multiple of {MULTIPLE} and at least {2 * MULTIPLE}")
        check("data.channels", self.channels, self.channels in (1, 3), "1 (grey) or 3 (colours)")
        cells = (self.side // STRIDE) ** 2
        check("data.boxes", self.boxes, 1 <= self.boxes <= cells, f"from 1 to {cells}, the cells of a picture")

    @classmethod
    def of(cls, options: Mapping[str, Value]) -> "Options":
        """A recipe's."""
        side, channels, boxes = (options[name] for name in ("side", "channels", "boxes"))
        return cls(int(side), int(channels), int(boxes))

    def facts(self, labels: Sequence[str]) -> dict[str, Any]:
        """What rebuilds and serves a detector of these."""
        return {"labels": list(labels), "side": self.side, "channels": self.channels, "boxes": self.boxes}
