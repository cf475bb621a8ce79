"""A table such as people have: numbers, categories, truth, gaps, and columns that say nothing."""

import csv
import random
from pathlib import Path

COLOURS = ("red", "green", "blue")


def write_flowers(path: Path, rows: int = 600, seed: int = 0) -> Path:
    """Whether a flower is picked follows from its height and colour, and from whether its scent is known."""
    chance = random.Random(seed)
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["number", "height", "colour", "scent", "wild", "planet", "picked"])
        for number in range(rows):
            height, colour = round(chance.gauss(30, 10), 1), chance.choice(COLOURS)
            scent = "" if chance.random() < 0.3 else chance.randint(0, 9)
            likes = (height - 30) / 5 + {"red": 3, "green": -3, "blue": 0}[colour] + (2 if scent == "" else -1)
            wild = chance.choice(["True", "False"])
            table.writerow([f"no-{number}", height, colour, scent, wild, "earth", "yes" if likes > 0 else "no"])
    return path
