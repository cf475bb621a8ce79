"""Optimizers by the names that a config has for them.

Rule: of two-dimensional weights, those that stand for tokens are no layer's matrices.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from torch.nn import Parameter
from torch.optim import Optimizer

from training.config import TrainConfig


def optimizers(model: nn.Module, config: TrainConfig) -> tuple[Optimizer, ...]:
    weights = [each for each in model.parameters() if each.requires_grad]
    return _muon(model, config) if config.optimizer == "muon" else (_ONE[config.optimizer](weights, config),)


_ONE: dict[str, Callable[[Iterable[Parameter], TrainConfig], Optimizer]] = {
    "sgd": lambda weights, config: torch.optim.SGD(weights, **_shared(config)),
    "momentum": lambda weights, config: torch.optim.SGD(weights, momentum=config.momentum, **_shared(config)),
    "adam": lambda weights, config: torch.optim.Adam(weights, **_shared(config)),
    "adamw": lambda weights, config: torch.optim.AdamW(weights, **_shared(config)),
}


def _shared(config: TrainConfig) -> dict[str, Any]:
    """`fused`: all of a step in one kernel, on CPUs too; small models take a tenth less time."""
    return {"lr": config.learning_rate, "weight_decay": config.weight_decay, "fused": True}


def _muon(model: nn.Module, config: TrainConfig) -> tuple[Optimizer, ...]:
    """Muon for the layers' matrices, which takes half the steps that AdamW takes; AdamW for tokens and scales."""
    of_tokens = (each for each in model.modules() if isinstance(each, nn.Embedding))
    heads = (each for name, each in model.named_modules() if name.endswith("lm_head") and isinstance(each, nn.Linear))
    tokens = {id(each.weight) for each in (*of_tokens, *heads)}
    matrices = [each for each in model.parameters() if each.ndim == 2 and id(each) not in tokens]
    others = [each for each in model.parameters() if each.ndim != 2 or id(each) in tokens]
    rate = config.learning_rate
    return (
        torch.optim.Muon(matrices, lr=rate, weight_decay=config.weight_decay, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True),
    )
