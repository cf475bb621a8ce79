from dataclasses import replace

import pytest

from tests.tiny_language import CONFIG
from training.errors import InvalidConfig


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("steps", 0, "at least 1"),
        ("batch_size", 0, "at least 1"),
        ("context", 1, "at least 2"),
        ("learning_rate", 0.0, "above 0 and at most 1"),
        ("learning_rate", float("nan"), "above 0 and at most 1"),
        ("weight_decay", 1.0, "from 0 to below 1"),
        ("warm_up", 1.1, "from 0 to 1"),
        ("max_gradient_norm", 0.0, "above 0"),
        ("threads", -1, "at least 0"),
        ("seed", -1, "from 0"),
    ],
)
def test_what_is_out_of_range_is_refused_by_name(field: str, value: float, allowed: str) -> None:
    with pytest.raises(InvalidConfig, match=f"{field} must be {allowed}.*, got {value}"):
        replace(CONFIG, **{field: value})
