"""The parameters of one training run.

Rule: a `TrainConfig` that exists is within range; whoever holds one need not check it again.
"""

from dataclasses import dataclass

from training.errors import InvalidConfig

MAX_SEED = 2**63 - 1  # what torch.manual_seed takes


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """Parameters of Adam on mini-batches; `seed` decides first weights and shuffling. Raises `InvalidConfig`."""

    epochs: int
    batch_size: int  # rows
    learning_rate: float
    weight_decay: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        check("epochs", self.epochs, self.epochs >= 1, "at least 1")
        check("batch_size", self.batch_size, self.batch_size >= 1, "at least 1")
        check("learning_rate", self.learning_rate, 0 < self.learning_rate <= 1, "above 0 and at most 1")
        check("weight_decay", self.weight_decay, 0 <= self.weight_decay < 1, "from 0 to below 1")
        check("seed", self.seed, 0 <= self.seed <= MAX_SEED, "from 0 to 2^63 - 1")


def check(name: str, value: float, within: bool, allowed: str) -> None:
    """Raises `InvalidConfig` unless it is `within` what is `allowed`."""
    if not within:
        raise InvalidConfig(f"{name} must be {allowed}, got {value}")
