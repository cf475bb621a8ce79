from dataclasses import replace

import pytest

from training.config import TrainConfig
from training.schedule import learning_rate

CONFIG = TrainConfig(batch_size=1, steps=100, learning_rate=0.01, schedule="cosine", warm_up=0.1)


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_the_learning_rate_rises_and_then_falls_to_a_tenth(schedule: str) -> None:
    config = replace(CONFIG, schedule=schedule)
    rates = [learning_rate(step, 100, config) for step in range(1, 101)]

    assert rates[:10] == pytest.approx([0.001 * step for step in range(1, 11)])
    assert rates[9:] == sorted(rates[9:], reverse=True)
    assert rates[-1] == pytest.approx(0.001)
    assert learning_rate(1, 1, replace(config, warm_up=0)) == pytest.approx(0.001)


def test_a_constant_one_stays() -> None:
    config = replace(CONFIG, schedule="constant")

    assert {learning_rate(step, 100, config) for step in range(10, 101)} == {0.01}
