from dataclasses import replace
from typing import Any

import pytest
import torch

from training.config import TrainConfig
from training.errors import InvalidConfig

CONFIG = TrainConfig(epochs=1, batch_size=1, learning_rate=0.1)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epochs", 0),
        ("batch_size", 0),
        ("learning_rate", 0.0),
        ("learning_rate", 1.5),
        ("learning_rate", float("nan")),
        ("weight_decay", -0.1),
        ("weight_decay", 1.0),
        ("seed", -1),
        ("seed", 2**63),
    ],
)
def test_a_value_outside_its_range_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(InvalidConfig, match=f"^{field} must be .*, got {value}$"):
        replace(CONFIG, **{field: value})


def test_the_largest_seed_is_one_that_torch_takes() -> None:
    torch.Generator().manual_seed(replace(CONFIG, seed=2**63 - 1).seed)
