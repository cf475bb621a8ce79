import json
from pathlib import Path

import pytest

from training.data.documents import Document
from training.errors import InvalidConfig, InvalidData
from training.language.own_text import passages, read


def test_files_of_a_folder_are_texts_and_what_can_not_be_read_is_counted_and_named(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / "a.md").write_bytes(b"\xef\xbb\xbf# One\r\ntwo")
    (tmp_path / "sub" / "b.PY").write_text("print('three')")
    (tmp_path / "empty.txt").write_text(" \n")
    (tmp_path / "sub" / "latin.txt").write_bytes("fünf".encode("latin-1"))
    (tmp_path / ".git" / "c.txt").write_text("hidden")
    (tmp_path / "d.rst").write_text("another kind")

    given = read(tmp_path, "text", "")

    assert given.documents == (Document("", "# One\ntwo"), Document("", "print('three')"))
    assert given.dropped == {"empty": 1, "not UTF-8": 1}
    assert given.notes == ("not UTF-8: sub/latin.txt",)
    assert given.source == f"{tmp_path} (4 files)"


def test_a_column_of_a_table_is_texts_and_another_may_be_what_is_asked(tmp_path: Path) -> None:
    rows = [{"body": "one", "title": " A "}, {"body": None, "title": "B"}, {"body": "three", "title": None}]
    table = tmp_path / "table.jsonl"
    table.write_text("\n".join(map(json.dumps, rows)))

    assert read(table, "body", "").documents == (Document("", "one"), Document("", "three"))
    asked = read(table, "body", "title")
    assert asked.documents == (Document("A", "one"), Document("", "three"))
    assert asked.dropped == {"without a text": 1}


def test_a_long_text_is_cut_where_paragraphs_end_and_nothing_of_it_is_lost() -> None:
    text = "".join(f"Paragraph {number}: {'word ' * 20}\n\n" for number in range(100))
    parts = list(passages([Document("", text), Document("asked for", text)]))

    assert "".join(part.text for part in parts[:-1]) == text
    assert len(parts) > 20
    assert all(part.text.startswith("Paragraph") for part in parts)
    assert [part.is_cut_off for part in parts[:-1]] == [*[True] * (len(parts) - 2), False]
    assert parts[-1] == Document("asked for", text)


@pytest.mark.parametrize("between", ["\n", " ", ""])
def test_a_text_without_paragraphs_is_cut_too(between: str) -> None:
    text = between.join(["abcdefgh"] * 500)
    parts = [part.text for part in passages([Document("", text)])]

    assert "".join(parts) == text
    assert 3 < len(parts) < 15
    assert all(part.endswith(between) for part in parts[:-1])


def test_short_texts_are_left_whole() -> None:
    documents = [Document("", "a few words"), Document("", "x" * 799)]

    assert list(passages(documents)) == documents


def test_what_is_no_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match=r"holds no text; give \.txt, \.md, \.py files, or a \.csv"):
        read(tmp_path, "text", "")
    (tmp_path / "README.md").write_text("about it")
    with pytest.raises(InvalidConfig, match=r"^data.name is 'title', a table's column, and '.*' holds texts"):
        read(tmp_path, "text", "title")
    table = tmp_path / "rows.jsonl"
    table.write_text('{"txt": "one"}')
    with pytest.raises(InvalidData, match=r"holds texts, such as README\.md, and tables, such as rows\.jsonl"):
        read(tmp_path, "text", "")
    with pytest.raises(InvalidData, match=r"has no column 'text'.*txt.*--set data.NAME=COLUMN"):
        read(table, "text", "")
    picture = tmp_path / "a.png"
    picture.write_bytes(b"PNG")
    with pytest.raises(InvalidData, match="is no table that can be read"):
        read(picture, "text", "")
