import json
from pathlib import Path

import pytest

from training.data.pairs import PairSplits
from training.errors import InvalidConfig, InvalidData
from training.seq2seq.own_pairs import read


def written(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def table(tmp_path: Path, *more: dict[str, object]) -> Path:
    rows: list[dict[str, object]] = [
        {"in": f"Wie {number}", "out": f"Né {number}", "from": "east" if number % 2 else "west"}
        for number in range(100)
    ]
    return written(tmp_path / "pairs.jsonl", [*rows, *more])


def pairs_of(splits: PairSplits) -> list[str]:
    return sorted(pair.answer for part in (splits.train, splits.validation, splits.test) for pair in part)


def test_two_columns_are_texts_and_answers_and_what_is_left_out_is_counted(tmp_path: Path) -> None:
    more: list[dict[str, object]] = [
        {"in": " Wie 1", "out": "Né 1 "},
        {"in": "Wie 2", "out": "other"},
        {"in": "  ", "out": "x"},
        {"in": "x", "out": None},
        {"in": "x" * 11, "out": "x"},
        {"in": "long", "out": "é" * 6},
    ]
    splits = read(table(tmp_path, *more), "in", "out", (), False, (10, 11))

    assert pairs_of(splits) == sorted(f"Né {number}" for number in range(100) if number != 2)
    assert splits.card.read == 106
    assert splits.card.dropped == {
        "duplicate": 1,
        "of a text with two answers": 2,
        "without a text": 1,
        "without an answer": 1,
        "longer than data.max_source, 10 bytes": 1,
        "longer than data.max_target, 11 bytes": 1,
    }
    assert sum(splits.card.kept.values()) == 99
    assert not splits.folds


def test_each_test_pair_is_of_a_group(tmp_path: Path) -> None:
    splits = read(table(tmp_path), "in", "out", ("from",), True, (10, 10))

    assert splits.folds
    assert splits.groups == {"from": tuple("east" if int(it.answer[3:]) % 2 else "west" for it in splits.test)}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"in": "a", "out": "b"}] * 50, r"of 50 pairs 1 are left \(49 duplicate left out\), and none .* give more"),
        ([{"in": "a", "out": ""}] * 3, r"of 3 pairs 0 are left \(3 without an answer left out\), and none"),
        ([{"in": "a", "output": "b"}], r"has no column 'out'.*output.*--set data.NAME=COLUMN"),
        ([], r"has no rows; give a table with at least one"),
        ([{"in": ["a"], "out": "b"}], r"column 'in' holds List\(String\), texts or numbers were expected"),
    ],
)
def test_what_can_not_be_learnt_from_is_told(tmp_path: Path, rows: list[dict[str, object]], message: str) -> None:
    with pytest.raises(InvalidData, match=message):
        read(written(tmp_path / "pairs.jsonl", rows), "in", "out", (), False, (10, 10))


def test_one_column_is_not_both(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match=r"data\.source and data\.target are both 'in'"):
        read(table(tmp_path), "in", "in", (), False, (10, 10))
