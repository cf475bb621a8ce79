from typing import Any

import numpy as np
import polars as pl
import pytest

from training.data.splits import NAMES, Split, Splits
from training.errors import InvalidData
from training.tabular.options import Options
from training.tabular.table import splits_of

ROWS = 100
TWICE = Options(keep_duplicates=True)
HELD_OUT = 3  # age of a row that is not to train on


def table(**columns: Any) -> pl.DataFrame:
    """Ages from 0 to 99; every second one is `old`."""
    ages = {"age": range(ROWS), "label": ["old", "young"] * (ROWS // 2)}
    return pl.DataFrame({**ages, **columns}, strict=False)


def parts(splits: Splits) -> list[Split]:
    return [splits.train, splits.validation, splits.test]


def test_a_table_becomes_numbers_classes_and_facts() -> None:
    splits = splits_of(table(colour=[None, "red", "blue", "red"] * 25), Options(), "x.csv")

    assert splits.labels == ("old", "young")
    assert splits.facts == {
        "labels": ["old", "young"],
        "columns": [
            {"name": "age", "kind": "number"},
            {"name": "colour", "kind": "category", "values": ["blue", "red"]},
        ],
        "gaps": [1],
    }
    assert splits.card.read == ROWS == sum(splits.card.kept.values())
    for part in parts(splits):
        ages = part.features[:, 0].numpy().astype(int)
        assert part.labels.tolist() == (ages % 2).tolist()
        expected = np.array([np.nan, 1, 0, 1])[ages % 4]
        np.testing.assert_array_equal(part.features[:, 1].numpy(), expected)


def test_an_order_of_classes_is_that_of_what_they_mean() -> None:
    grades = pl.Series(["3.0", "NA", "1.0"], dtype=pl.Enum(["3.0", "1.0", "NA"]))
    splits = splits_of(table(label=pl.concat([grades] * 33 + [grades[:1]])), Options(), "x.parquet")

    assert splits.labels == ("3", "1")
    assert splits.card.dropped == {"no class": 33}


def test_what_is_dropped_is_counted() -> None:
    rows = table()
    twice = pl.concat([rows, rows[:3], rows[3:5].with_columns(label=pl.lit(None, pl.String))])
    dropped = splits_of(twice, Options(), "x.csv").card

    assert (dropped.read, dropped.dropped) == (105, {"no class": 2, "duplicate": 3})
    assert splits_of(twice, Options(keep_duplicates=True), "x.csv").card.dropped == {"no class": 2}


def test_rows_that_differ_in_a_dropped_column_are_no_duplicates_but_stay_together() -> None:
    rows = pl.concat([table(), table()]).with_row_index("id")
    splits = splits_of(rows, Options(drop=("id",)), "x.csv")

    assert splits.card.dropped == {}
    assert sum(splits.card.kept.values()) == 2 * ROWS
    seen = [set(part.features[:, 0].tolist()) for part in parts(splits)]
    assert sum(map(len, seen)) == ROWS


def test_the_split_does_not_hang_on_the_order_of_rows_or_columns() -> None:
    rows = table(size=[1.5, 2.5] * 50)
    one, other = (splits_of(each, Options(), "x.csv") for each in (rows, rows.select("size", "label", "age").reverse()))

    assert [sorted(part.features[:, 0].tolist()) for part in parts(one)] == [
        sorted(part.features[:, 1].tolist()) for part in parts(other)
    ]


def test_columns_that_say_nothing_are_left_out_with_a_note() -> None:
    rows = table(same=[1] * ROWS, name=[f"n{row}" for row in range(ROWS)], big=[1e300, 1.0, 2.0, 3.0] * 25)
    splits = splits_of(rows, Options(), "x.csv")

    assert [column.name for column in splits.card.columns] == ["age", "big"]
    assert splits.card.notes == (
        "column 'name' is left out: it has 100 different texts such as 'n0', more than data.most_values=64",
        "column 'same' is left out: it has the same value in all rows to train on",
        "column 'big' has 25 infinite or too large numbers, which are taken as missing",
    )


def test_slices_are_groups_and_features_unless_dropped() -> None:
    rows = table(sex=["f", "f", "m", "m"] * 25)
    seen, unseen = (splits_of(rows, Options(slices=("sex",), drop=drop), "x.csv") for drop in ((), ("sex",)))

    for splits, width in ((seen, 2), (unseen, 1)):
        for part in parts(splits):
            ages = part.features[:, 0].numpy().astype(int)
            assert part.features.shape[1] == width
            assert part.groups == {"sex": tuple("ffmm"[age % 4] for age in ages)}


@pytest.mark.parametrize(
    ("rows", "options", "told"),
    [
        (table(), Options(target="Lable"), "x.csv has no column 'Lable', which data.target names; did you mean label?"),
        (table(), Options(target="ill"), "x.csv has no column 'ill', which data.target names; it has age, label"),
        (table(), Options(drop=("agee",)), "x.csv has no column 'agee', which data.drop names; did you mean age?"),
        (table(), Options(drop=("age",)), "x.csv has no column to learn from: all are dropped"),
        (table(age=[1] * ROWS), TWICE, "x.csv has no column to learn from: column 'age' is left out: it has the same"),
        (table(age=[2, 0] * 50), TWICE, "x.csv has too few different rows: none came to the validation split; add"),
        (
            table(age=[[1]] * ROWS),
            TWICE,
            "x.csv has no column to learn from: column 'age' is left out: it is neither",
        ),
        (
            table(label=["a"] * 95 + ["b"] * 5, age=[*range(95), *[HELD_OUT] * 5]),
            TWICE,
            "x.csv has no row of 'b' to train on, all of them are held out; add some",
        ),
    ],
)
def test_what_nothing_can_be_learnt_from_is_told(rows: pl.DataFrame, options: Options, told: str) -> None:
    with pytest.raises(InvalidData) as refused:
        splits_of(rows, options, "x.csv")
    assert told in str(refused.value)


def test_a_fingerprint_tells_tables_apart() -> None:
    assert set(splits_of(table(), Options(), "x.csv").card.kept) == set(NAMES)
    one, same, other = (
        splits_of(table(size=size), Options(), "x").fingerprint() for size in ([0, 1] * 50,) * 2 + ([1, 0] * 50,)
    )
    assert one == same != other
