"""What a person sees of a detector: how well it finds each class, and a picture to try it with."""

from collections.abc import Sequence

import numpy as np
from rich.table import Table
from rich.text import Text

from serving.core.requests import Arrays
from training.detection.average_precision import by_class

LOOKED_AT = 256  # pixels, at least, of a picture that a person looks at
SURE = 0.5


def classes_table(outputs: Arrays, truths: Arrays, labels: Sequence[str]) -> Table:
    """Of those that there are."""
    table = Table("class", title="objects in held-out pictures", title_justify="left")
    for heading in ("objects", "AP@0.5"):
        table.add_column(heading, justify="right")
    there = np.bincount(truths["classes"][truths["classes"] >= 0], minlength=len(labels))
    for label, count, precision in zip(labels, there.tolist(), by_class(outputs, truths, len(labels)), strict=True):
        if count:
            table.add_row(Text(label), f"{count:,}", f"{precision:.1%}")
    return table


def clearest(outputs: Arrays, truths: Arrays) -> int:
    """Of the pictures in which it is sure of as many of each class as there are, the one with most; else the first."""
    wanted = [sorted(row[row >= 0].tolist()) for row in truths["classes"]]
    sure = [
        sorted(row[scores >= SURE].tolist()) for row, scores in zip(outputs["classes"], outputs["scores"], strict=True)
    ]
    return max(range(len(wanted)), key=lambda row: len(wanted[row]) if wanted[row] == sure[row] else -1)
