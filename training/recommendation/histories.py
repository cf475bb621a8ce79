"""Cleaned histories, split by user: all that a user had is on one side.

Rule: every row is kept in one split or dropped for one reason. What is tested is always a user's last item, found from
those before it.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.data.card import Card
from training.data.fingerprint import fingerprint
from training.data.splits import NAMES, split_of
from training.errors import InvalidData
from training.recommendation.interactions import Interaction, Options

_FEWEST_USERS = 2  # of each split

History = tuple[str, ...]
"""Items, oldest first, none twice."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Of a split: the items of one user behind those of another, int64, and where each user's begin."""

    items: np.ndarray
    starts: np.ndarray

    def __len__(self) -> int:
        """Users."""
        return len(self.starts)

    @property
    def firsts(self) -> np.ndarray:
        """For each item where its user's begin."""
        return np.repeat(self.starts, np.diff(self.starts, append=len(self.items)))

    def before(self, places: np.ndarray, length: int) -> np.ndarray:
        """Int64 [places, length]: the items that the same user had before those at `places`, -1 for nothing."""
        at = places[:, None] + np.arange(-length, 0)
        return np.where(at >= self.firsts[places][:, None], self.items[at.clip(0)], -1)

    def lasts(self) -> np.ndarray:
        """Where each user's last item is."""
        return np.append(self.starts[1:], len(self.items)) - 1


@dataclass(frozen=True, slots=True, eq=False)
class Histories:
    """Items are numbered by their names, so that more rows of the same items leave their numbers alone. Facts:
    `labels`, those names; `popular`, the numbers by how many users to learn from have them, most first; `length`."""

    train: Part
    validation: Part
    test: Part
    card: Card
    facts: Mapping[str, Any]

    def fingerprint(self) -> str:
        parts = (self.train, self.validation, self.test)
        return fingerprint((array for part in parts for array in (part.items, part.starts)), repr(self.facts))


def cleaned(rows: Sequence[Interaction], source: str, options: Options) -> Histories:
    """Raises `InvalidData` where too little is left."""
    dropped: Counter[str] = Counter()
    users = _frequent(_unique(rows, dropped), options, dropped)
    parts = {name: {user: had for user, had in users.items() if split_of(user.encode()) == name} for name in NAMES}
    counted = Counter(item for had in parts[NAMES[0]].values() for item in had)
    names = sorted(counted)
    parts = {name: _known(part, counted, dropped) for name, part in parts.items()}
    kept = {name: sum(map(len, part.values())) for name, part in parts.items()}
    card = Card(source, len(rows), {reason: count for reason, count in dropped.items() if count}, kept)
    for name, part in parts.items():
        if len(part) < _FEWEST_USERS:
            raise InvalidData(_too_little(name, len(part), card))
    numbers = {item: number for number, item in enumerate(names)}
    train, validation, test = (_packed(list(part.values()), numbers) for part in parts.values())
    popular = sorted(range(len(names)), key=lambda number: -counted[names[number]])
    facts = {"labels": names, "popular": popular, "length": options.length}
    return Histories(train, validation, test, card, facts)


def _unique(rows: Sequence[Interaction], dropped: Counter[str]) -> dict[str, History]:
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for row in rows:
        if not (row.user and row.item):
            dropped["missing value"] += 1
        elif row.item in found[row.user]:
            dropped["duplicate"] += 1
        else:
            found[row.user][row.item] = None
    return {user: tuple(had) for user, had in found.items()}


def _frequent(users: Mapping[str, History], options: Options, dropped: Counter[str]) -> dict[str, History]:
    """Until all that is left has enough of the other."""
    left = dict(users)
    while True:
        counted = Counter(item for had in left.values() for item in had)
        enough = {item for item, count in counted.items() if count >= options.least_users}
        fewer = {user: tuple(item for item in had if item in enough) for user, had in left.items()}
        kept = {user: had for user, had in fewer.items() if len(had) >= options.least_items}
        dropped[f"item of fewer than {options.least_users} users"] += _size(left) - _size(fewer)
        dropped[f"user of fewer than {options.least_items} items"] += _size(fewer) - _size(kept)
        if _size(kept) == _size(left):
            return kept
        left = kept


def _known(part: Mapping[str, History], counted: Counter[str], dropped: Counter[str]) -> dict[str, History]:
    """Without what can't be learnt, and without users of whom then nothing can be found."""
    known = {user: tuple(item for item in had if item in counted) for user, had in part.items()}
    kept = {user: had for user, had in known.items() if len(had) > 1}
    dropped["item of no user to learn from"] += _size(part) - _size(known)
    dropped["user of one item"] += _size(known) - _size(kept)
    return kept


def _size(users: Mapping[str, History]) -> int:
    return sum(map(len, users.values()))


def _packed(histories: Sequence[History], numbers: Mapping[str, int]) -> Part:
    items = np.array([numbers[item] for had in histories for item in had], np.int64)
    return Part(items, np.cumsum([0, *map(len, histories[:-1])], dtype=np.int64))


def _too_little(split: str, users: int, card: Card) -> str:
    why = ", ".join(f"{count:,} for '{reason}'" for reason, count in card.dropped.items()) or "none"
    return (
        f"{card.source} leaves {users} users for {split} and needs {_FEWEST_USERS}; of {card.read:,} rows were dropped "
        f"{why}. Give more rows, or set data.least_items or data.least_users lower"
    )
