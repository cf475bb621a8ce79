"""What a recipe of a model that reads a text and writes an answer is.

Rule: like every recipe, one constant; naming it needs no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from training.config import TrainConfig
from training.data.pairs import PairSplits


@dataclass(frozen=True, slots=True)
class Seq2seqRecipe:
    """`name` is the model's name in the repository too. `hyperparameters` are fields of `DecoderConfig`, without the
    tokens, which are bytes; a text and its answer have `config.context` tokens together at most."""

    name: str
    load: Callable[[], PairSplits]
    hyperparameters: Mapping[str, Any]
    encoder_layers: int
    config: TrainConfig
