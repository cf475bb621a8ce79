import pytest

from training.errors import InvalidConfig
from training.tabular.options import Options


def test_names_are_separated_by_commas() -> None:
    options = Options.of({"target": "ill", "drop": "id, first name,", "slices": "sex", "most_values": 9})

    assert options == Options("ill", ("id", "first name"), ("sex",), (), 9)
    assert options.named == {"target": ("ill",), "drop": ("id", "first name"), "slices": ("sex",), "categories": ()}


def test_what_is_not_said_has_its_default() -> None:
    assert Options.of({}) == Options()
    assert Options.of({"drop": "", "keep_duplicates": True}) == Options(keep_duplicates=True)


def test_a_category_has_a_few_values() -> None:
    with pytest.raises(InvalidConfig, match=r"data\.most_values must be from 2 to 10000, got 1"):
        Options.of({"most_values": 1})
