"""The parameters of one training run of a model that writes.

Rule: a `LanguageConfig` that exists is within range; whoever holds one need not check it again.
"""

from dataclasses import dataclass

from training.config import MAX_SEED, check


@dataclass(frozen=True, slots=True)
class LanguageConfig:
    """Muon and AdamW on windows of `context` tokens; `seed` decides first weights and order. Raises `InvalidConfig`.

    The learning rate rises for the `warm_up` share of all steps and then falls along a cosine to a tenth. With one of
    `threads` the weights are the same on any number of cores, and a busy machine does no harm; 0 is all of them.
    """

    steps: int
    batch_size: int  # windows
    context: int  # tokens
    learning_rate: float
    weight_decay: float = 0.1  # of the layers' matrices; what stands for tokens, and scales, are left alone
    warm_up: float = 0.05
    max_gradient_norm: float = 1.0
    threads: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        check("steps", self.steps, self.steps >= 1, "at least 1")
        check("batch_size", self.batch_size, self.batch_size >= 1, "at least 1")
        check("context", self.context, self.context >= 2, "at least 2")
        check("learning_rate", self.learning_rate, 0 < self.learning_rate <= 1, "above 0 and at most 1")
        check("weight_decay", self.weight_decay, 0 <= self.weight_decay < 1, "from 0 to below 1")
        check("warm_up", self.warm_up, 0 <= self.warm_up <= 1, "from 0 to 1")
        check("max_gradient_norm", self.max_gradient_norm, self.max_gradient_norm > 0, "above 0")
        check("threads", self.threads, self.threads >= 0, "at least 0")
        check("seed", self.seed, 0 <= self.seed <= MAX_SEED, "from 0 to 2^63 - 1")
