from pathlib import Path

import polars as pl
import pytest

from training.data import tables
from training.errors import InvalidData

ROWS = {"age": ["3", None], "colour": ["red", "blue"]}


def written(directory: Path, name: str, content: bytes | str) -> Path:
    (directory / name).write_bytes(content.encode() if type(content) is str else content)
    return directory / name


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("commas.csv", "age,colour\n3,red\n,blue\n"),
        ("semicolons.CSV", "age;colour\r\n3;red\r\n;blue\r\n\r\n"),
        ("tabs.tsv", '\ufeffage\tcolour\n3\t"red"\n\tblue'),
    ],
)
def test_every_value_of_a_csv_is_a_text_or_null(tmp_path: Path, name: str, content: str) -> None:
    assert tables.read(written(tmp_path, name, content)).to_dict(as_series=False) == ROWS


def test_jsonl_and_parquet_keep_their_types(tmp_path: Path) -> None:
    lines = '{"age": 3, "colour": "red"}\n\n{"colour": "blue", "fast": true}\n'
    expected = {"age": [3, None], "colour": ["red", "blue"], "fast": [None, True]}

    table = tables.read(written(tmp_path, "rows.jsonl", lines))
    table.write_parquet(tmp_path / "rows.parquet")

    assert table.to_dict(as_series=False) == expected
    assert tables.read(tmp_path / "rows.parquet").equals(table)


def test_values_of_several_types_become_one_that_holds_them(tmp_path: Path) -> None:
    table = tables.read(written(tmp_path, "rows.jsonl", '{"a": 1, "b": 1}\n{"a": 2.5, "b": "x"}'))

    assert table.to_dict(as_series=False) == {"a": [1.0, 2.5], "b": ["1", "x"]}


def test_a_folder_is_one_table_in_the_order_of_names(tmp_path: Path) -> None:
    written(tmp_path, "b.csv", "colour,age\nblue,\n")
    pl.DataFrame({"age": [3], "colour": ["red"]}).write_parquet(tmp_path / "a.parquet")
    written(tmp_path, "notes.txt", "not a table")
    written(tmp_path, ".hidden.csv", "x\n1\n")

    assert tables.read(tmp_path).to_dict(as_series=False) == ROWS


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", "", "is empty in its first line, which should name the columns"),
        ("a.csv", "age,colour\n", "has no rows; give a table with at least one"),
        ("a.jsonl", "\n", "has no rows; give a table with at least one"),
        ("a.csv", "age,colour\n1,red\n2,blue,x\n", "line 3 has 3 fields, but the first names 2 columns"),
        ("a.csv", 'age,colour\n1,"red\n2,blue\n', "line 3: unexpected end of data"),
        ("a.csv", b"age,colour\n1,red\n2,gr\xfcn\n", "is not UTF-8 in line 3; save it as UTF-8"),
        ("a.csv", "age,colour,age\n1,red,2\n", "names 2 columns 'age' in its first line; give each its own name"),
        ("a.csv", "age,color\n1,red\n", "has no column 'colour'; did you mean color?"),
        ("a.jsonl", '{"age": 1, "colour": "red"}\n{"age": ', "is not JSON in line 2: unexpected end of data"),
        ("a.jsonl", "[1, 2]", 'must be an object, such as {"label": 1}, got a list of 2'),
        ("a.jsonl", '{"age": [1]}\n{"age": 1}', "has a list as 'age' in line 1 and a single value in line 2; give the"),
        (
            "a.jsonl",
            '{"age": {"b": 1}}\n\n{"age": "s"}',
            "has an object as 'age' in line 1 and a single value in line 3",
        ),
        ("a.jsonl", '{"age": 1}\n{"age": {"b": 1}}', "has a single value as 'age' in line 1 and an object in line 2"),
        ("a.jsonl", '{"age": [1]}\n{"age": [[1]]}', "don't fit together: failed to determine supertype"),
        ("a.parquet", b"no", "is not a Parquet file: "),
        ("a.xlsx", b"no", "is no table that can be read; give a .csv, .tsv, .parquet or .jsonl file"),
    ],
)
def test_what_is_no_such_table_is_told_in_a_line(tmp_path: Path, name: str, content: bytes | str, told: str) -> None:
    path = written(tmp_path, name, content)

    with pytest.raises(InvalidData) as refused:
        tables.read(path, ["age", "colour"])

    assert f"'{path}' " in str(refused.value)
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_folder_without_tables_and_no_file_at_all(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match=r"holds no table; give a \.csv"):
        tables.read(tmp_path)
    with pytest.raises(InvalidData, match=r"there is no '.*nowhere\.csv'; give a \.csv"):
        tables.read(tmp_path / "nowhere.csv")


def test_a_folder_s_tables_have_the_same_columns(tmp_path: Path) -> None:
    written(tmp_path, "a.csv", "age,colour\n1,red\n")
    written(tmp_path, "b.csv", "age,hue\n1,red\n")

    with pytest.raises(InvalidData, match=r"b\.csv' has no column 'colour'"):
        tables.read(tmp_path)


def test_what_does_not_fit_together_is_told(tmp_path: Path) -> None:
    written(tmp_path, "a.jsonl", '{"age": [1]}')
    written(tmp_path, "b.jsonl", '{"age": {"years": 1}}')

    with pytest.raises(InvalidData, match="don't fit together"):
        tables.read(tmp_path)
