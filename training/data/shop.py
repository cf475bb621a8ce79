"""Made-up customers of a made-up shop, whose tastes can be learnt: what `shop-recommender` is trained on by default.

The shop has 12 departments of 25 items each, `camping 01` to `camping 25`. A customer likes one to three departments,
each to a degree of their own. Half of the time the next purchase is from the department of the one before, otherwise
from one that the customer likes. Within it, half of the time it is the item that follows the one that the customer
bought there last, otherwise any, low numbers more often. Nobody buys the same twice.

Rule: a seed of its own decides everything, so that it is the same shop for every training.
"""

from collections.abc import Iterator

import numpy as np

DEPARTMENTS = (
    "baking",
    "camping",
    "coffee",
    "cycling",
    "drawing",
    "fishing",
    "garden",
    "guitar",
    "knitting",
    "running",
    "sailing",
    "tea",
)
ITEMS = 25  # of a department
CUSTOMERS = 4000
_SEED = 12
_FEWEST, _MOST = 4, 24  # purchases
_STAYS = 0.5
_GOES_ON = 0.5

Purchase = tuple[str, str, int]
"""Customer, item, and the purchase's number."""


def purchases(customers: int = CUSTOMERS) -> Iterator[Purchase]:
    chance = np.random.Generator(np.random.PCG64(_SEED))
    liking = 1 / np.arange(2, ITEMS + 2)  # of an item, by its number
    for customer in range(customers):
        for number, (department, item) in enumerate(_history(chance, liking / liking.sum())):
            yield f"customer {customer:04}", f"{DEPARTMENTS[department]} {item + 1:02}", number


def _history(chance: np.random.Generator, liking: np.ndarray) -> list[tuple[int, int]]:
    liked = chance.choice(len(DEPARTMENTS), chance.integers(1, 4), replace=False)
    degrees = chance.dirichlet(np.ones(len(liked)))
    found: list[tuple[int, int]] = []
    for _ in range(chance.integers(_FEWEST, _MOST + 1)):
        stays = found and chance.random() < _STAYS
        department = found[-1][0] if stays else int(chance.choice(liked, p=degrees))
        item = _item(chance, liking, [item for place, item in found if place == department])
        if item is not None:
            found.append((department, item))
    return found


def _item(chance: np.random.Generator, liking: np.ndarray, had: list[int]) -> int | None:
    """None where the customer has all."""
    if had and chance.random() < _GOES_ON and had[-1] + 1 < ITEMS and had[-1] + 1 not in had:
        return had[-1] + 1
    left = np.where(np.isin(np.arange(ITEMS), had), 0, liking)
    return int(chance.choice(ITEMS, p=left / left.sum())) if left.any() else None
