import pytest

from training.errors import InvalidConfig
from training.recipes.digits_detector import RECIPE


def test_there_are_as_many_scenes_as_are_wanted() -> None:
    data = RECIPE.kind.load(None, {**RECIPE.data, "scenes": 18})
    assert data.card.kept == {"train": 18, "validation": 3, "test": 3}
    with pytest.raises(InvalidConfig, match=r"data\.scenes must be at least 1, got 0"):
        RECIPE.kind.load(None, {**RECIPE.data, "scenes": 0})
