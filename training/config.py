"""The parameters of one training run, of whatever kind.

Rule: a `TrainConfig` that exists is within range; whoever holds one need not check it again.
"""

from dataclasses import dataclass

from training.errors import InvalidConfig

MAX_SEED = 2**63 - 1  # what torch.manual_seed takes

OPTIMIZERS = ("sgd", "momentum", "adam", "adamw", "muon")
SCHEDULES = ("constant", "cosine", "linear")
PRECISIONS = ("fp32", "bf16", "fp16")
KEPT = ("best", "last")


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """`batch_size` is of a step, whatever the number of processes and of parts. Raises `InvalidConfig`."""

    batch_size: int
    """Rows, or windows of `context` tokens."""
    learning_rate: float
    epochs: int = 0
    """Passes over the data; 0 where `steps` are given instead."""
    steps: int = 0
    optimizer: str = "adam"
    """`muon` is for the layers' matrices, with AdamW for what stands for tokens, and for scales."""
    momentum: float = 0.9
    weight_decay: float = 0.0
    schedule: str = "constant"
    """Of the learning rate; the others fall to a tenth."""
    warm_up: float = 0.0
    """Share of all steps in which the learning rate rises first."""
    max_gradient_norm: float = 0.0
    """0 for none."""
    accumulation: int = 1
    """Parts that a batch is computed in, where it is too large for the memory."""
    precision: str = "fp32"
    """Of products, beside weights in fp32."""
    label_smoothing: float = 0.0
    focal_gamma: float = 0.0
    """Of the focal loss, which is cross-entropy at 0."""
    context: int = 0
    """Tokens."""
    evaluations: int = 0
    """Of a run; 0 for one after each pass."""
    keep: str = "best"
    """Weights: those that did best on what is held out, or the last."""
    compile: bool = False
    activation_checkpointing: bool = False
    threads: int = 1
    """With one, the weights are the same on any number of cores, and a busy machine does no harm; 0 is all of them."""
    seed: int = 0
    """Decides first weights, order and chance."""

    def __post_init__(self) -> None:
        check("batch_size", self.batch_size, self.batch_size >= 1, "at least 1")
        check("learning_rate", self.learning_rate, 0 < self.learning_rate <= 1, "above 0 and at most 1")
        self._check_length()
        one_of("optimizer", self.optimizer, OPTIMIZERS)
        one_of("schedule", self.schedule, SCHEDULES)
        one_of("precision", self.precision, PRECISIONS)
        one_of("keep", self.keep, KEPT)
        check("momentum", self.momentum, 0 <= self.momentum < 1, "from 0 to below 1")
        check("weight_decay", self.weight_decay, 0 <= self.weight_decay < 1, "from 0 to below 1")
        check("warm_up", self.warm_up, 0 <= self.warm_up <= 1, "from 0 to 1")
        check("label_smoothing", self.label_smoothing, 0 <= self.label_smoothing < 1, "from 0 to below 1")
        for name, least in (("max_gradient_norm", 0), ("focal_gamma", 0), ("context", 0), ("evaluations", 0)):
            value = getattr(self, name)
            check(name, value, value >= least, f"at least {least}")
        check(
            "accumulation", self.accumulation, 1 <= self.accumulation <= self.batch_size, "from 1 to the batch's rows"
        )
        check("threads", self.threads, self.threads >= 0, "at least 0")
        check("seed", self.seed, 0 <= self.seed <= MAX_SEED, "from 0 to 2^63 - 1")

    def _check_length(self) -> None:
        check("epochs", self.epochs, self.epochs >= 0, "at least 1")
        check("steps", self.steps, self.steps >= 0, "at least 1")
        if self.steps and self.epochs:
            raise InvalidConfig(f"epochs ({self.epochs}) and steps ({self.steps}) exclude one another")
        check("epochs or steps", 0, bool(self.epochs or self.steps), "at least 1")


def check(name: str, value: float, within: bool, allowed: str) -> None:
    """Raises `InvalidConfig` unless it is `within` what is `allowed`."""
    if not within:
        raise InvalidConfig(f"{name} must be {allowed}, got {value}")


def one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    """Raises `InvalidConfig`."""
    if value not in known:
        raise InvalidConfig(f"{name} must be one of {', '.join(known)}, got '{value}'")
