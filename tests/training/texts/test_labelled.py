import json
from pathlib import Path
from typing import Any

import pytest

from training.errors import InvalidData
from training.texts.labelled import FEWEST, Labelled, cleaned, read_table

MANY = [{"review": f"{word} {number}", "mood": word} for number in range(FEWEST) for word in ("good", "bad")]


def written(folder: Path, rows: list[dict[str, Any]]) -> Path:
    path = folder / "reviews.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_table_gives_its_columns_of_texts_and_labels(tmp_path: Path) -> None:
    rows = [{"review": "It broke", "stars": 1}, {"review": None, "stars": 5}, {"review": "Fine", "stars": None}]

    found = read_table(written(tmp_path, rows), "review", "stars")

    assert found.texts == ("It broke", "", "Fine")
    assert found.labels == ("1", "5", "")
    (tmp_path / "reviews.csv").write_text('review,mood\n"Fine, really"," very\n good "\n')
    assert read_table(tmp_path / "reviews.csv", "review", "mood").texts == ("Fine, really",)
    assert read_table(tmp_path / "reviews.csv", "review", "mood").labels == ("very good",)


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    extra = [
        {"review": "  ", "mood": "good"},
        {"review": "no label", "mood": None},
        {"review": "GOOD   0", "mood": "good"},
        {"review": "so so", "mood": "good"},
        {"review": "So so", "mood": "bad"},
        {"review": "rare", "mood": "mixed"},
    ]

    found = cleaned(read_table(written(tmp_path, MANY + extra), "review", "mood"))

    assert found.texts == tuple(row["review"] for row in MANY)
    assert found.read == len(MANY) + len(extra)
    assert found.dropped == {
        "without a text": 1,
        "without a label": 1,
        "duplicate": 1,
        "contradicting labels": 2,
        "of a label with fewer than 10 texts": 1,
    }


@pytest.mark.parametrize(
    ("rows", "text", "target", "reason"),
    [
        (MANY, "reviews", "mood", "has no column 'reviews'; did you mean review"),
        (MANY, "review", "review", "data.text and data.target are both 'review'"),
        ([{"review": ["a"], "mood": "good"}], "review", "mood", r"column 'review' holds List\(String\)"),
        (MANY[::2], "review", "mood", "two labels or more, of 10 texts each; only 'good' is left"),
        (MANY[:3], "review", "mood", "none is left .3 of a label with fewer than 10 texts.*Is data.target the column"),
    ],
)
def test_what_can_not_be_learnt_is_told(
    tmp_path: Path, rows: list[dict[str, Any]], text: str, target: str, reason: str
) -> None:
    with pytest.raises(InvalidData, match=reason):
        cleaned(read_table(written(tmp_path, rows), text, target))


def test_without_rows_none_is_left() -> None:
    with pytest.raises(InvalidData, match="none is left"):
        cleaned(Labelled("nothing", (), ()))
