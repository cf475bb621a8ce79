from dataclasses import replace

from training.data.card import Card, Column
from training.report import data_card
from training.report.section import Bars, Figure, Histogram, Table, Text

CLASSES = {"train": {"cat": 6, "dog": 2}, "test": {"cat": 1, "dog": 1}}
COLUMNS = (
    Column("age", "number", 2, {"least": 1, "most": 9}, {"1 to 5": 3, "5 to 9": 7}),
    Column("colour", "category", 0, {}, {"red": 4, "blue": 6}),
)
CARD = Card("pets.csv", 12, {"duplicate": 2}, {"train": 8, "test": 2}, CLASSES, COLUMNS, ("column 'id' is left out",))


def test_it_tells_where_rows_came_from_and_where_they_went() -> None:
    source, rows, classes, columns, note = data_card.section(CARD, "abc123").parts

    assert source == Text("From pets.csv, 12 read. SHA-256 of all tensors: abc123.")
    assert isinstance(rows, Table)
    assert rows.rows == (("dropped: duplicate", "2"), ("kept for train", "8"), ("kept for test", "2"))
    assert isinstance(classes, Figure)
    assert classes.plot == Bars(("cat", "dog"), (("train", (6.0, 2.0)), ("test", (1.0, 1.0))), "rows")
    assert "train: 6 cat, 2 dog" in classes.alt
    assert isinstance(columns, Table)
    assert columns.rows[0] == ("age", "number", "2", "least 1, most 9", Histogram((3, 7), "1 to 5: 3, 5 to 9: 7"))
    assert columns.rows[1][3] == "red: 4, blue: 6"
    assert note == Text("Column 'id' is left out.")


def test_where_a_file_lies_is_not_told() -> None:
    for source, published in (("/home/me/pets.csv", "From pets.csv, "), (".", "From ., ")):
        text = data_card.section(replace(CARD, source=source), "abc123").parts[0]
        assert isinstance(text, Text)
        assert text.text.startswith(published)


def test_many_classes_are_a_table() -> None:
    card = Card("x", 40, {}, {"train": 40}, {"train": {str(number): 1 for number in range(40)}})

    table = data_card.section(card, "").parts[-1]

    assert isinstance(table, Table)
    assert len(table.rows) == 40
