from pathlib import Path

import polars as pl
import pytest

from training.errors import InvalidConfig, InvalidData
from training.recommendation.interactions import Interaction, Options, read


def table(folder: Path, text: str) -> Path:
    path = folder / "interactions.csv"
    path.write_text(text)
    return path


def items(rows: list[Interaction]) -> list[str]:
    return [row.item for row in rows]


def test_without_a_file_it_is_the_made_up_shop() -> None:
    assert read(None, Options())[0].user == "customer 0000"


def test_rows_come_in_the_order_of_time(tmp_path: Path) -> None:
    path = table(tmp_path, "user,item,time\na,late,10\na,early,9\nb,first,-1e3\n")
    assert items(read(path, Options())) == ["first", "early", "late"]
    dates = table(tmp_path, "user,item,time\na,3,2024-03-07\na,2,2024-03-06T23:00:00Z\na,1,2024-03-06T23:30+02:00\n")
    assert items(read(dates, Options())) == ["1", "2", "3"]


def test_without_times_rows_are_in_their_own_order_and_columns_may_have_other_names(tmp_path: Path) -> None:
    path = table(tmp_path, "who;what\nb;x\na;y\n")
    assert read(path, Options(user="who", item="what")) == [Interaction("b", "x"), Interaction("a", "y")]


def test_other_files_have_types_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "interactions.parquet"
    pl.DataFrame({"user": [1, 2, None], "item": [7, 8, 9], "time": [3.5, 1.0, 2.0]}).write_parquet(path)
    assert read(path, Options()) == [Interaction("2", "8"), Interaction("", "9"), Interaction("1", "7")]
    lines = tmp_path / "interactions.jsonl"
    lines.write_text('{"user": "a", "item": "x\\n y"}\n{"user": "a", "item": "z"}\n')
    assert items(read(lines, Options())) == ["x y", "z"]


def test_numbers_of_tables_with_gaps_are_whole_again(tmp_path: Path) -> None:
    path = tmp_path / "interactions.parquet"
    pl.DataFrame({"user": [1.0, float("nan")], "item": [7.5, 8.0], "time": [float("nan"), 2.0]}).write_parquet(path)
    assert read(path, Options()) == [Interaction("", "8"), Interaction("", "")]
    assert read(path, Options(time="")) == [Interaction("1", "7.5"), Interaction("", "8")]


def test_a_missing_time_is_a_missing_value(tmp_path: Path) -> None:
    path = table(tmp_path, "user,item,time\na,x,\na,y,1\n")
    assert read(path, Options()) == [Interaction("a", "y"), Interaction("", "")]


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("user,item,time\na,x,noon\n", Options(), "row 1 has in column 'time' 'noon', which should be a number"),
        ("user,item,time\na,x,1\na,y,2024-01-01\n", Options(), "numbers in some rows and dates in others"),
        ("user,thing\na,x\n", Options(), "no column 'item'"),
        ("user,item,tiem\na,x,1\n", Options(time="when"), "no column 'when'"),
        ("user,item\n", Options(), "no rows"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, options: Options, words: str) -> None:
    with pytest.raises(InvalidData, match=words):
        read(table(tmp_path, text), options)


@pytest.mark.parametrize("wrong", [{"length": 0}, {"least_items": 1}, {"least_users": 0}])
def test_options_are_within_their_range(wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidConfig, match=f"data.{next(iter(wrong))} must be"):
        Options(**wrong)  # type: ignore[arg-type]
