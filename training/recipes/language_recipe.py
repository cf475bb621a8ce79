"""What a recipe of a model that writes is.

Rule: like every recipe, one constant; naming it needs no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training.config import TrainConfig

if TYPE_CHECKING:  # for the rule above
    from training.data.documents import DocumentSplits


TRAINING = TrainConfig(
    batch_size=1,
    learning_rate=1e-3,
    steps=1,
    optimizer="muon",
    weight_decay=0.1,
    schedule="cosine",
    warm_up=0.05,
    max_gradient_norm=1.0,
    evaluations=5,
    keep="last",
)
"""What suits models of tokens; steps, sizes and learning rates are each recipe's own."""


@dataclass(frozen=True, slots=True)
class Size:
    """`hyperparameters` are fields of `DecoderConfig`; `vocab_size` is how many tokens are learnt at most."""

    hyperparameters: Mapping[str, Any]
    config: TrainConfig


@dataclass(frozen=True, slots=True)
class LanguageRecipe:
    """`name` is the model's in the repository too; of its `sizes`, the first is trained unless another is named."""

    name: str
    load: Callable[[], DocumentSplits]
    sizes: Mapping[str, Size]
