import numpy as np
import pytest

from training.data.splits import split_of
from training.errors import InvalidData
from training.recommendation.histories import Part, cleaned
from training.recommendation.interactions import Interaction, Options

LOOSE = Options(least_items=2, least_users=1, length=3)
PART = Part(np.array([5, 6, 7, 8, 9]), np.array([0, 3]))


def rows(*histories: tuple[str, str]) -> list[Interaction]:
    return [Interaction(user, item) for user, items in histories for item in items]


def users(count: int, items: str) -> list[Interaction]:
    return rows(*((f"user {number}", items) for number in range(count)))


def test_what_came_before_is_of_the_same_user() -> None:
    assert PART.before(np.array([0, 2, 3, 4]), 2).tolist() == [[-1, -1], [5, 6], [-1, -1], [-1, 8]]
    assert PART.before(np.array([2]), 4).tolist() == [[-1, -1, 5, 6]]
    assert (PART.lasts().tolist(), PART.firsts.tolist(), len(PART)) == ([2, 4], [0, 0, 0, 3, 3], 2)


def test_users_are_on_one_side_and_items_are_numbered_by_name() -> None:
    data = cleaned(users(40, "bc") + rows(*((f"user {number}", "a") for number in range(0, 40, 2))), "x", LOOSE)
    assert data.facts["labels"] == ["a", "b", "c"]
    assert data.facts["popular"] == [1, 2, 0]
    assert data.facts["length"] == 3
    expected = {name: sum(split_of(f"user {n}".encode()) == name for n in range(40)) for name in data.card.kept}
    assert {"train": len(data.train), "validation": len(data.validation), "test": len(data.test)} == expected
    assert set(data.test.items[data.test.starts].tolist()) == {1}


def test_every_row_is_kept_or_dropped_for_a_reason() -> None:
    clean = users(40, "abcd")
    given = [
        *clean,
        *clean[:3],
        Interaction("", "a"),
        Interaction("user 1", ""),
        *rows(("lone", "ab"), ("user 2", "e")),
    ]
    data = cleaned(given, "x", Options(least_items=3, least_users=2))
    card = data.card
    assert card.dropped == {
        "missing value": 2,
        "duplicate": 3,
        "user of fewer than 3 items": 2,
        "item of fewer than 2 users": 1,
    }
    assert card.read == len(given) == sum(card.dropped.values()) + sum(card.kept.values())


def test_what_depends_on_one_another_is_dropped_until_all_is_enough() -> None:
    """Without `z`, which one user has, that user has too few, and then `y` has too few."""
    given = users(40, "abc") + rows(("p", "yza"), ("q", "yab"))
    data = cleaned(given, "x", Options(least_items=3, least_users=2))
    assert set(data.facts["labels"]) == {"a", "b", "c"}
    assert sum(data.card.kept.values()) == 120


def test_what_only_held_out_users_have_can_not_be_found() -> None:
    test_user = next(f"user {number}" for number in range(100) if split_of(f"user {number}".encode()) == "test")
    data = cleaned(users(40, "abc") + rows((test_user, "new")), "x", LOOSE)
    assert "n" not in data.facts["labels"]
    assert data.card.dropped["item of no user to learn from"] == 3


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "leaves 0 users for train"),
        (rows(("a", "xyz")), "Give more rows, or set data.least_items"),
        (users(50, "a"), "50 for 'user of fewer than 2 items'"),
    ],
)
def test_too_little_is_told(given: list[Interaction], words: str) -> None:
    with pytest.raises(InvalidData, match=words):
        cleaned(given, "x.csv", LOOSE)


def test_a_fingerprint_is_of_the_content() -> None:
    one, same, other = (cleaned(users(40, items), "x", LOOSE).fingerprint() for items in ("abc", "abc", "acb"))
    assert one == same != other
