from pathlib import Path

import pytest

from tests.tiny_tables import write_flowers
from training.errors import InvalidData
from training.tabular.loading import load


def test_without_a_table_it_is_scikit_learn_s() -> None:
    splits = load(None, {})

    assert splits.labels == ("malignant", "benign")
    assert splits.facts["columns"][0] == {"name": "mean radius", "kind": "number"}
    assert splits.train.features.shape[1] == 30
    assert sum(splits.card.kept.values()) == 569


def test_a_table_of_one_s_own(tmp_path: Path) -> None:
    path = write_flowers(tmp_path / "flowers.csv")
    splits = load(path, {"target": "picked"})

    assert splits.labels == ("no", "yes")
    assert [column["name"] for column in splits.facts["columns"]] == ["height", "colour", "scent", "wild"]
    assert splits.facts["gaps"] == [2]
    assert splits.card.source == str(path)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([], "is empty in its first line"),
        (["age,label"], "has no rows"),
        (["age,label", "1,a,b"], "line 2 has 3 fields, but the first names 2 columns"),
        (["age,label", *(f"{age},a" for age in range(9))], "has only 'a' in column 'label'"),
        (["age,label", *(f"{age}," for age in range(9))], "has nothing in column 'label'"),
        (
            ["age,name,label", *(f"NaN,n{row},{'ab'[row % 2]}" for row in range(99))],
            "has no column to learn from: column",
        ),
        (
            ["age,label", *(f"{age},{'ab'[age % 2]}" for age in range(99)), "old,a"],
            "has numbers and 1 texts that are none",
        ),
        (["age,label", *["1,a", "1,b"] * 20], "has 1 usable rows of class 'a', at least 5 are needed"),
    ],
)
def test_what_nothing_can_be_learnt_from_is_one_line(tmp_path: Path, lines: list[str], told: str) -> None:
    (tmp_path / "table.csv").write_text("\n".join(lines))

    with pytest.raises(InvalidData) as refused:
        load(tmp_path / "table.csv", {})
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)
