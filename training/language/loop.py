"""The training loop of a model that writes: Muon and AdamW on shuffled windows of one stream of tokens.

Rule: a seed gives the same weights to the last bit on one machine; what is held out decides nothing, it is only told.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from training.determinism import deterministic
from training.errors import InvalidConfig, TrainingDiverged
from training.language.config import LanguageConfig
from training.language.evaluate import LanguageEvaluation, evaluate

_EVALUATIONS = 5  # of a run, the last after its last step
_LOWEST = 0.1  # of the learning rate


@dataclass(frozen=True, slots=True)
class StepMetrics:
    """Mean losses per token; `step` counts from 1. What is held out is only looked at now and then."""

    step: int
    train_loss: float
    held_out_loss: float | None = None


class Evaluation(Protocol):
    @property
    def loss(self) -> float: ...


Model = TypeVar("Model", bound=nn.Module)
Batch = TypeVar("Batch")
Found = TypeVar("Found", bound=Evaluation)


@dataclass(frozen=True, slots=True)
class Trained(Generic[Model, Found]):
    """`model` is in evaluation mode; `history` has the steps after which what is held out was looked at, `held_out`
    what came of it the last time."""

    model: Model
    history: tuple[StepMetrics, ...]
    held_out: Found


OnStep = Callable[[StepMetrics], None]


def train(
    build: Callable[[], nn.Module], tokens: Tensor, held_out: Tensor, config: LanguageConfig, on_step: OnStep
) -> Trained[nn.Module, LanguageEvaluation]:
    """Both streams are int64 [tokens]. `on_step` is called after each step, in this thread.

    Raises `TrainingDiverged`, and `InvalidConfig` where the stream is shorter than a batch.
    """
    if len(tokens) < config.batch_size * config.context + config.context:
        raise InvalidConfig(f"batch_size x context must be below the text's {len(tokens)} tokens; take smaller ones")
    return take_steps(
        build,
        windows(tokens, config),
        _loss,
        lambda model: evaluate(model, held_out, config.context),
        config,
        on_step,
    )


def take_steps(
    build: Callable[[], Model],
    batches: Iterator[Batch],
    loss: Callable[[Model, Batch], Tensor],
    evaluate: Callable[[Model], Found],
    config: LanguageConfig,
    on_step: OnStep,
) -> Trained[Model, Found]:
    """The same for any model of tokens: `loss` is a batch's mean per token."""
    history = []
    with deterministic(config.seed, config.threads or torch.get_num_threads()):
        model = build()
        optimizers = _optimizers(model, config)
        for step, batch in zip(range(1, config.steps + 1), batches, strict=False):
            for group in (group for each in optimizers for group in each.param_groups):
                group["lr"] = learning_rate(step, config)
            model.train()
            metrics = StepMetrics(step, _train_step(model, optimizers, loss(model, batch), config.max_gradient_norm))
            if step == config.steps or step % math.ceil(config.steps / _EVALUATIONS) == 0:
                found = evaluate(model)
                metrics = StepMetrics(step, metrics.train_loss, found.loss)
                history.append(metrics)
            on_step(metrics)
    return Trained(model, tuple(history), found)


def windows(tokens: Tensor, config: LanguageConfig) -> Iterator[Tensor]:
    """Forever batches [batch_size, context + 1]. Each pass cuts the stream elsewhere and shuffles the pieces."""
    order = torch.Generator().manual_seed(config.seed)
    within = torch.arange(config.context + 1)
    while True:
        offset = int(torch.randint(config.context, (1,), generator=order))
        count = (len(tokens) - 1 - offset) // config.context
        starts = torch.randperm(count, generator=order) * config.context + offset
        for batch in starts[: count // config.batch_size * config.batch_size].view(-1, config.batch_size):
            yield tokens[batch[:, None] + within]


def learning_rate(step: int, config: LanguageConfig) -> float:
    """Of a step, from 1 on."""
    rising = round(config.warm_up * config.steps)
    if step <= rising:
        return config.learning_rate * step / rising
    fallen = (step - rising) / max(1, config.steps - rising)
    return config.learning_rate * (_LOWEST + (1 - _LOWEST) * (1 + math.cos(math.pi * fallen)) / 2)


def _optimizers(model: nn.Module, config: LanguageConfig) -> tuple[torch.optim.Optimizer, ...]:
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


def _loss(model: nn.Module, rows: Tensor) -> Tensor:
    return cross_entropy(model(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())


def _train_step(
    model: nn.Module, optimizers: Iterable[torch.optim.Optimizer], loss: Tensor, max_gradient_norm: float
) -> float:
    """The mean loss before the step."""
    if not math.isfinite(loss.item()):
        raise TrainingDiverged("the loss is no longer a number; try a smaller learning rate")
    model.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(model.parameters(), max_gradient_norm)
    for optimizer in optimizers:
        optimizer.step()
    return loss.item()
