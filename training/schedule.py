"""The learning rate of each step. Rule: it follows from the step's number and the config alone."""

import math

from training.config import TrainConfig

_LOWEST = 0.1  # of the learning rate


def learning_rate(step: int, steps: int, config: TrainConfig) -> float:
    """Of a step, from 1 on, of so many."""
    rising = round(config.warm_up * steps)
    if step <= rising:
        return config.learning_rate * step / rising
    return config.learning_rate * _share((step - rising) / max(1, steps - rising), config.schedule)


def _share(gone: float, schedule: str) -> float:
    match schedule:
        case "cosine":
            return _LOWEST + (1 - _LOWEST) * (1 + math.cos(math.pi * gone)) / 2
        case "linear":
            return 1 - (1 - _LOWEST) * gone
        case _:
            return 1.0
