"""What the training loop costs beside one that is written out by hand, for the example models.

    python -m loadtests.benchmarks.training_loop                        # a table for people, one JSON line last

Rule: both take the same steps with the same network, batches and optimizer, in turn, and look at what is held out once.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any

import torch
import typer
from torch import nn
from torch.nn.functional import cross_entropy

from loadtests.benchmarks.report import last_line, run_command, spread, table
from training.config import TrainConfig
from training.determinism import deterministic
from training.language.task import LanguageTask
from training.loop import train
from training.models.decoder import Decoder, DecoderConfig
from training.recipes import digits_cnn, gpt_docs
from training.task import Task

_TOKENS = 200_000


@dataclass(frozen=True, slots=True)
class Subject:
    name: str
    task: Task[Any, Any]
    config: TrainConfig
    by_hand: Callable[[nn.Module, torch.Tensor], torch.Tensor]
    """The loss of these rows."""


def main(
    rounds: Annotated[int, typer.Option(min=1, help="How often both are measured, in turn.")] = 5,
    steps: Annotated[int, typer.Option(min=1, help="Of the classifier; the decoder takes a tenth.")] = 600,
) -> None:
    """Steps a second of processor time of our loop and of a plain PyTorch loop, and their ratio in each round."""
    subjects = [classifier(steps), decoder(max(1, steps // 10))]
    rows, report = [], {}
    for subject in subjects:
        pairs = [(ours(subject), by_hand(subject)) for _ in range(rounds + 1)][1:]  # the first is to warm up
        found = {
            "ours": spread([subject.config.steps / mine for mine, _ in pairs]),
            "by_hand": spread([subject.config.steps / plain for _, plain in pairs]),
            "ratio": spread([plain / mine for mine, plain in pairs]),
        }
        rows.append((subject.name, *(f"{it['median']} ({it['min']} - {it['max']})" for it in found.values())))
        report[subject.name] = found
    table(("", "ours, steps/s", "by hand, steps/s", "ours / by hand"), *rows)
    print()
    last_line({"rounds": rounds, "steps": steps, **report})


def classifier(steps: int) -> Subject:
    recipe = digits_cnn.RECIPE
    config = replace(recipe.config, epochs=0, steps=steps, evaluations=1, keep="last")
    splits = recipe.kind.load(None, recipe.data)
    task = recipe.kind.task(splits, recipe.hyperparameters, config)
    split = splits.train

    def loss(model: nn.Module, rows: torch.Tensor) -> torch.Tensor:
        return cross_entropy(model(split.features[rows]), split.labels[rows])

    return Subject("digits-cnn", task, config, loss)


def decoder(steps: int) -> Subject:
    size = gpt_docs.RECIPE.sizes["small"]
    config = replace(size.config, steps=steps, evaluations=1, optimizer="adamw", max_gradient_norm=0.0)
    tokens = torch.randint(4096, (_TOKENS,), generator=torch.Generator().manual_seed(0))
    vocab_size, context = (int(size.data[name]) for name in ("vocab_size", "context"))
    model = DecoderConfig(vocab_size, **size.hyperparameters)  # type: ignore[arg-type]  # each has its own
    task = LanguageTask(lambda: Decoder(model), tokens, tokens[:2048], context, config.batch_size)
    window = torch.arange(context + 1)

    def loss(model: nn.Module, rows: torch.Tensor) -> torch.Tensor:
        texts = tokens[rows[:, None] + window]
        return cross_entropy(model(texts[:, :-1]).flatten(0, 1), texts[:, 1:].flatten())

    return Subject("gpt-docs", task, config, loss)


def ours(subject: Subject) -> float:
    """Seconds of the processor, which others that use the machine add little to."""
    started = time.process_time()
    train(subject.task, subject.config)
    return time.process_time() - started


def by_hand(subject: Subject) -> float:
    """Seconds of the processor, which others that use the machine add little to."""
    config, task = subject.config, subject.task
    started = time.process_time()
    with deterministic(config.seed, config.threads):
        model = task.build()
        kind = torch.optim.AdamW if config.optimizer == "adamw" else torch.optim.Adam
        optimizer = kind(model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
        taken, number = 0, 0
        while taken < config.steps:
            model.train()
            for rows in task.order(number, config.seed, config.batch_size)[: config.steps - taken]:
                loss = subject.by_hand(model, rows)
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                taken += 1
            number += 1
        task.evaluate(model)
    return time.process_time() - started


if __name__ == "__main__":
    run_command(main)
