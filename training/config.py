"""The parameters of one training run, of whatever kind.

Rule: a `TrainConfig` that exists is within range; whoever holds one need not check it again.
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any

from training.errors import InvalidConfig

MAX_SEED = 2**63 - 1  # what torch.manual_seed takes

OPTIMIZERS = ("sgd", "momentum", "adam", "adamw", "muon")
SCHEDULES = ("constant", "cosine", "linear")
PRECISIONS = ("fp32", "bf16", "fp16")
KEPT = ("best", "last")
OF_CLASSES = ("cross-entropy", "focal", "mse")
"""Losses of what has classes, for which either will do."""
LOSSES = (*OF_CLASSES, "ctc", "own")


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """`batch_size` is of a step, whatever the number of processes and of parts. Raises `InvalidConfig`."""

    batch_size: int
    """Rows, or windows of a text."""
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
    loss: str = "cross-entropy"
    """Of classes: `cross-entropy`, `focal`, or `mse`, which is Brier's score. `ctc` and `own` say that a task has one
    that can't be chosen."""
    label_smoothing: float = 0.0
    """Of cross-entropy and of the focal loss."""
    focal_gamma: float = 0.0
    """Of the focal loss only, which is cross-entropy at 0."""
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
        self._check_loss()
        check("momentum", self.momentum, 0 <= self.momentum < 1, "from 0 to below 1")
        check("weight_decay", self.weight_decay, 0 <= self.weight_decay < 1, "from 0 to below 1")
        check("warm_up", self.warm_up, 0 <= self.warm_up <= 1, "from 0 to 1")
        for name in ("max_gradient_norm", "evaluations"):
            check(name, getattr(self, name), getattr(self, name) >= 0, "at least 0")
        check(
            "accumulation", self.accumulation, 1 <= self.accumulation <= self.batch_size, "from 1 to the batch's rows"
        )
        check("threads", self.threads, self.threads >= 0, "at least 0")
        check("seed", self.seed, 0 <= self.seed <= MAX_SEED, "from 0 to 2^63 - 1")

    def _check_loss(self) -> None:
        one_of("loss", self.loss, LOSSES)
        check("label_smoothing", self.label_smoothing, 0 <= self.label_smoothing < 1, "from 0 to below 1")
        check("focal_gamma", self.focal_gamma, self.focal_gamma >= 0, "at least 0")
        if self.loss == "focal" and not self.focal_gamma:
            raise InvalidConfig("loss 'focal' needs a focal_gamma above 0, such as 2; at 0 it is cross-entropy")
        if self.focal_gamma and self.loss != "focal":
            raise InvalidConfig(f"focal_gamma ({self.focal_gamma}) is for loss = 'focal', and loss is '{self.loss}'")
        if self.label_smoothing and self.loss not in ("cross-entropy", "focal"):
            raise InvalidConfig(
                f"label_smoothing ({self.label_smoothing}) is for the losses cross-entropy and focal, "
                f"and loss is '{self.loss}'"
            )

    def _check_length(self) -> None:
        check("epochs", self.epochs, self.epochs >= 0, "at least 1")
        check("steps", self.steps, self.steps >= 0, "at least 1")
        if self.steps and self.epochs:
            raise InvalidConfig(f"epochs ({self.epochs}) and steps ({self.steps}) exclude one another")
        check("epochs or steps", 0, bool(self.epochs or self.steps), "at least 1")


def stored(document: Mapping[str, Any]) -> TrainConfig:
    """What `asdict` made of one, in this release or an earlier one. Raises `InvalidConfig`."""
    document = {name: value for name, value in document.items() if name != "context"}  # of text, which data have now
    known = {field.name: field for field in fields(TrainConfig)}
    unknown = [name for name in document if name not in known]
    missing = [name for name, field in known.items() if field.default is MISSING and name not in document]
    if unknown or missing:
        has, lacks = f"has {', '.join(unknown)}" if unknown else "", f"lacks {', '.join(missing)}" if missing else ""
        raise InvalidConfig(f"its train_config is out of date: it {' and '.join(filter(None, (has, lacks)))}")
    # The focal loss was once asked for by its gamma alone.
    loss = {"loss": "focal"} if document.get("focal_gamma") else {}
    return TrainConfig(**{**loss, **document})


def check(name: str, value: float, within: bool, allowed: str) -> None:
    """Raises `InvalidConfig` unless it is `within` what is `allowed`."""
    if not within:
        raise InvalidConfig(f"{name} must be {allowed}, got {value}")


def one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    """Raises `InvalidConfig`."""
    if value not in known:
        raise InvalidConfig(f"{name} must be one of {', '.join(known)}, got '{value}'")
