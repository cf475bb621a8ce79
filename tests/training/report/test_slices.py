import numpy as np
import pytest

from training.report import slices
from training.report.intervals import Share
from training.report.section import Section, Table, Text


def told(section: Section) -> str:
    rows = [row for part in section.parts if isinstance(part, Table) for row in (part.head, *part.rows)]
    texts = [part.text for part in section.parts if isinstance(part, Text)]
    return "\n".join([*("|".join(map(str, row)) for row in rows), *texts])


def test_of_two_classes_each_is_measured() -> None:
    found = slices.measures(np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 1, 0]), ("no", "yes"))

    assert found == {
        "right answers": Share(3, 5),
        "no found": Share(1, 2),
        "yes found": Share(2, 3),
        "answered yes": Share(3, 5),
    }
    assert list(slices.measures(np.array([0]), np.array([2]), ("a", "b", "c"))) == ["right answers"]
    assert list(slices.measures(np.array([True]), np.array([True]), ())) == ["right answers"]


@pytest.mark.parametrize(
    ("groups", "ordered"),
    [
        ({"10", "9", "-1", "missing"}, ["-1", "9", "10", "missing"]),
        (
            {"100 and above", "below 9", "9 to below 20", "20 to below 100", "missing"},
            ["below 9", "9 to below 20", "20 to below 100", "100 and above", "missing"],
        ),
        ({"north", "missing", "12"}, ["12", "north", "missing"]),
    ],
)
def test_groups_of_numbers_are_in_order_and_what_is_missing_comes_last(groups: set[str], ordered: list[str]) -> None:
    assert slices.in_order(groups) == ordered


def test_the_largest_gap_is_between_groups_with_rows_enough() -> None:
    groups = {
        "north": {"right": Share(90, 100)},
        "south": {"right": Share(60, 100)},
        "east": {"right": Share(80, 100)},
        "sea": {"right": Share(0, 5)},
    }

    (gap,) = slices.largest_gaps(groups)

    assert (gap.more, gap.less) == ("north", "south")
    assert gap.difference == pytest.approx(0.3)
    assert not gap.could_be_chance


def test_a_small_gap_could_be_chance() -> None:
    (gap,) = slices.largest_gaps({"a": {"right": Share(36, 40)}, "b": {"right": Share(34, 40)}})

    assert gap.could_be_chance


def test_a_section_tells_each_groups_share_and_which_are_too_few() -> None:
    truths = np.array([0, 1] * 40 + [0] * 5)
    answers = np.where(np.arange(85) < 40, truths, 0)
    groups = {"region": ["north"] * 40 + ["south"] * 40 + ["sea"] * 5}

    text = told(slices.section(groups, answers, truths, ("no", "yes")))

    assert "north|40|100.0%|91.2% to 100.0%" in text
    assert "south|40|50.0%|" in text
    assert "sea|5|too few|5 rows|" in text
    assert "right answers|north|south|50.0%|" in text
    assert "more than chance explains" in text


def test_without_groups_or_with_few_rows_nothing_is_claimed() -> None:
    assert "nothing is known of gaps" in told(slices.section({}, np.array([0]), np.array([0]), ("a", "b")))
    few = slices.section({"sex": ["m", "f"]}, np.array([0, 1]), np.array([0, 1]), ("a", "b"))
    assert "nothing can be said of gaps" in told(few)
