import numpy as np
import pytest

from training.classification import findings
from training.kind import Example
from training.report.section import Figure, Heatmap, Lines, Pictures, Table, Text

NAMES = ("cat", "dog")
PROBABILITIES = np.float32([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.05, 0.95], [0.85, 0.15]])
LABELS = np.array([0, 0, 1, 0, 1])  # rows 1, 3 and 4 are wrong


def test_what_is_taken_for_what_is_a_heatmap_and_a_table_most_frequent_first() -> None:
    figure, table = findings.confused(np.array([[5, 3], [4, 8]]), NAMES).parts

    assert isinstance(figure, Figure)
    assert figure.plot == Heatmap("is", "answer", NAMES, ((5, 3), (4, 8)))
    assert "13 of 20 are on the diagonal" in figure.alt
    assert isinstance(table, Table)
    assert table.rows == (("dog", "cat", "4"), ("cat", "dog", "3"))


def test_a_model_without_mistakes_says_so() -> None:
    assert Text("All 3 answers are right.") in findings.confused(np.array([[1, 0], [0, 2]]), NAMES).parts
    section = findings.most_wrong(np.eye(2, dtype=np.float32), np.array([0, 1]), NAMES, lambda _: Example("", b""))
    assert section.parts == (Text("No row was answered wrongly."),)


def test_each_class_has_precision_recall_and_f1_with_intervals() -> None:
    text, table = findings.each_class(np.array([[8, 2], [1, 9]]), NAMES).parts

    assert isinstance(text, Text)
    assert "85.0% of 20 answers" in text.text
    assert isinstance(table, Table)
    name, rows, precision, around, recall, _, f1, _ = table.rows[0]
    assert (name, rows, precision, around) == ("cat", "10", "88.9%", "56.5% to 98.0%")
    assert (recall, f1) == ("80.0%", "84.2%")


def test_a_class_without_rows_is_not_measured() -> None:
    table = findings.each_class(np.array([[8, 0], [0, 0]]), NAMES).parts[1]

    assert isinstance(table, Table)
    assert table.rows[1] == ("dog", "0", "-", "-", "-", "-", "-", "-")


def test_of_many_classes_the_worst_are_shown() -> None:
    confusion = np.diag(np.full(60, 10))
    confusion[7, 7], confusion[7, 8] = 1, 9

    table = findings.each_class(confusion, [f"class {number}" for number in range(60)]).parts[1]

    assert isinstance(table, Table)
    assert len(table.rows) == 40
    assert "class 7" in [row[0] for row in table.rows]
    assert "of 60" in table.caption
    assert not [part for part in findings.confused(confusion, ["x"] * 60).parts if isinstance(part, Figure)]


def test_calibration_compares_how_sure_it_is_with_how_often_it_is_right() -> None:
    text, figure, table = findings.calibrated(PROBABILITIES, LABELS).parts

    assert isinstance(text, Text)
    assert "sure to 80.0% and right in 40.0%: more sure than right, by 40.0%" in text.text
    assert isinstance(figure, Figure)
    assert isinstance(figure.plot, Lines)
    (line,) = figure.plot.lines
    assert line.x == pytest.approx((0.6, 0.7, 0.85, 0.925))
    assert line.y == (0.0, 1.0, 0.0, 0.5)
    assert isinstance(table, Table)
    assert [row[1] for row in table.rows] == ["1", "1", "1", "2"]


def test_the_worst_rows_are_those_that_it_was_surest_of() -> None:
    assert findings.worst(PROBABILITIES, LABELS).tolist() == [3, 4, 1]


def test_the_worst_rows_are_shown_as_pictures_or_as_texts() -> None:
    def picture(row: int) -> Example:
        return Example("example.png", bytes([row]))

    (shown,) = findings.most_wrong(PROBABILITIES, LABELS, NAMES, picture).parts
    assert isinstance(shown, Pictures)
    assert [it.png for it in shown.pictures] == [b"\3", b"\4", b"\1"]
    assert shown.pictures[0].caption == "is cat, answer dog, 95.0% sure"

    (told,) = findings.most_wrong(PROBABILITIES, LABELS, NAMES, lambda _: Example("example.json", b"<b>" * 300)).parts
    assert isinstance(told, Table)
    assert told.rows[0][0] == ("<b>" * 300)[:400] + "…"
