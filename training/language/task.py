"""How a model that writes is trained: on windows of one stream of tokens.

Rule: what is held out decides nothing, it is only told.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from training.errors import InvalidConfig
from training.language.evaluate import LanguageEvaluation, evaluate
from training.task import of_pass


@dataclass(frozen=True, slots=True)
class LanguageTask:
    """Both streams are int64 [tokens]. Raises `InvalidConfig` where the one to learn from is too short for a batch of
    windows of `context` tokens."""

    first: Callable[[], nn.Module]
    tokens: Tensor
    held_out: Tensor
    context: int
    batch_size: int

    def __post_init__(self) -> None:
        needed = (self.batch_size + 1) * self.context
        if len(self.tokens) < needed:
            raise InvalidConfig(
                f"there are {len(self.tokens):,} tokens to learn from, and batches of {self.batch_size} x "
                f"{self.context} need {needed:,}; give more text, or a smaller batch_size or data.context"
            )

    def build(self) -> nn.Module:
        return self.first()

    def order(self, number: int, seed: int, batch_size: int) -> Sequence[Tensor]:
        """Where windows start. Each pass cuts the stream elsewhere and shuffles the pieces; what is too little for a
        batch is left to the next pass."""
        context, generator = self.context, of_pass(number, seed)
        offset = int(torch.randint(context, (1,), generator=generator))
        count = (len(self.tokens) - 1 - offset) // context
        starts = torch.randperm(count, generator=generator) * context + offset
        return list(starts[: count // batch_size * batch_size].view(-1, batch_size))

    def batch(self, rows: Tensor, device: str) -> Tensor:
        """[rows, context + 1]."""
        return self.tokens[rows[:, None] + torch.arange(self.context + 1)].to(device)

    def weight(self, batch: Tensor) -> int:
        return batch[:, 1:].numel()

    def loss(self, model: nn.Module, batch: Tensor) -> Tensor:
        return cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())

    def evaluate(self, model: nn.Module) -> LanguageEvaluation:
        return evaluate(model, self.held_out, self.context)
