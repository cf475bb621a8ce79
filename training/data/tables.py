"""Tables of the user's own: CSV, TSV, Parquet or JSONL, one file or a folder of them, as one polars frame.

Rule: what a file's format doesn't say is not guessed: every value of a CSV is a text, or null where it is empty.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import polars as pl
from polars.exceptions import PolarsError

from serving.core.brief import brief
from serving.core.did_you_mean import instead
from training.errors import InvalidData

_SEPARATORS = ",;\t|"
_ROW = '{"label": 1}'


def read(path: Path, columns: Sequence[str] = ()) -> pl.DataFrame:
    """All rows of all columns, of a folder's files in the order of their names.

    Raises `InvalidData` for what can't be read, for a table without rows or without one of `columns`.
    """
    frames = {file: _READERS[file.suffix.lower()](file) for file in _files(path)}
    frames = {file: frame for file, frame in frames.items() if not frame.is_empty()}
    if not frames:
        raise InvalidData(f"'{path}' has no rows; give a table with at least one")
    wanted = columns or next(iter(frames.values())).columns
    for file, frame in frames.items():
        _check_columns(file, frame, wanted)
    try:
        return pl.concat(frames.values(), how="diagonal_relaxed")
    except PolarsError as error:
        raise InvalidData(f"the tables of '{path}' don't fit together: {_line(error)}") from None


def texts(path: Path, column: pl.Series) -> list[str]:
    """Of `path`'s table; nothing as "". Raises `InvalidData` for what is no text and no number."""
    if column.dtype.is_nested():
        raise InvalidData(f"'{path}': column '{column.name}' holds {column.dtype}, texts or numbers were expected")
    try:
        return column.cast(pl.String).fill_null("").to_list()
    except PolarsError:
        raise InvalidData(f"'{path}': column '{column.name}' holds {column.dtype}, which are no texts") from None


def is_table(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in _READERS and not path.name.startswith(".")


def _files(path: Path) -> Iterator[Path]:
    if not path.exists():
        raise InvalidData(f"there is no '{path}'; give {WANTED}")
    if path.is_dir():
        found = sorted(each for each in path.iterdir() if is_table(each))
        if not found:
            raise InvalidData(f"'{path}' holds no table; give {WANTED}")
        return iter(found)
    if not is_table(path):
        raise InvalidData(f"'{path}' is no table that can be read; give {WANTED}")
    return iter([path])


def _check_columns(file: Path, frame: pl.DataFrame, columns: Sequence[str]) -> None:
    for column in columns:
        if column not in frame.columns:
            raise InvalidData(
                f"'{file}' has no column '{column}'{instead(column, frame.columns)}; what it is called there, "
                "--set data.NAME=COLUMN says"
            )


def _read_csv(file: Path) -> pl.DataFrame:
    header = _header(file)
    separator = max(_SEPARATORS, key=header.count)
    for name, times in Counter(next(csv.reader([header], delimiter=separator))).items():
        if times > 1:
            raise InvalidData(f"'{file}' names {times} columns '{name}' in its first line; give each its own name")
    try:
        table = pl.read_csv(file, separator=separator, infer_schema=False)
    except PolarsError as error:
        raise InvalidData(f"'{file}' is not a CSV: {_csv_fault(file, separator) or _line(error)}") from None
    return table.filter(~pl.all_horizontal(pl.all().is_null()))  # lines without anything


def _header(file: Path) -> str:
    with file.open("rb") as lines:
        header = _text(file, 1, lines.readline()).removeprefix("\ufeff").strip("\r\n")
    if not header.strip():
        raise InvalidData(f"'{file}' is empty in its first line, which should name the columns")
    return header


def _csv_fault(file: Path, separator: str) -> str:
    """Where a CSV that polars refused breaks first; "" where it looks whole."""
    lines = (_text(file, number, line) for number, line in enumerate(file.read_bytes().splitlines(keepends=True), 1))
    rows = csv.reader(lines, delimiter=separator, strict=True)
    width = len(next(rows))
    try:
        for row in rows:
            if len(row) > width:
                return f"line {rows.line_num} has {len(row)} fields, but the first names {width} columns"
    except csv.Error as error:
        return f"line {rows.line_num}: {error}"
    return ""


def _text(file: Path, number: int, line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise InvalidData(f"'{file}' is not UTF-8 in line {number}; save it as UTF-8") from None


def _read_parquet(file: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(file)
    except PolarsError as error:
        raise InvalidData(f"'{file}' is not a Parquet file: {_line(error)}") from None


def _read_jsonl(file: Path) -> pl.DataFrame:
    """A member that some lines lack is null there; one that is text in some lines is text in all."""
    lines = enumerate(file.read_bytes().removeprefix(b"\xef\xbb\xbf").splitlines(), 1)
    rows = {number: _object(file, number, line) for number, line in lines if line.strip()}
    if not rows:
        return pl.DataFrame()
    _check_kinds(file, rows)
    try:
        return pl.from_dicts(list(rows.values()), infer_schema_length=None, strict=False)
    except PolarsError as error:
        raise InvalidData(f"the lines of '{file}' don't fit together: {_line(error)}") from None


def _object(file: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise InvalidData(f"'{file}' is not JSON in line {number}: {error.msg}") from None
    if type(row) is not dict:
        raise InvalidData(f"line {number} of '{file}' must be an object, such as {_ROW}, got {brief(row)}")
    return row


def _check_kinds(file: Path, rows: Mapping[int, dict[str, Any]]) -> None:
    """Of values and objects polars would keep some and drop the others."""
    first: dict[str, tuple[int, str]] = {}
    for number, row in rows.items():
        for name, value in row.items():
            if value is None:
                continue
            kind = "a list" if type(value) is list else "an object" if type(value) is dict else "a single value"
            at, before = first.setdefault(name, (number, kind))
            if kind != before:
                raise InvalidData(
                    f"'{file}' has {before} as {brief(name)} in line {at} and {kind} in line {number}; give the same "
                    "in all lines"
                )


def _line(error: PolarsError) -> str:
    return next(io.StringIO(str(error)), "").strip()


_READERS = {
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".parquet": _read_parquet,
    ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl,
}
WANTED = "a .csv, .tsv, .parquet or .jsonl file, or a folder of them"
