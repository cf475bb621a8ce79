"""A recipe from its data to a checkpoint, and a checkpoint back to its model.

Rule: the test rows are looked at once, after the last step; which weights are kept is the validation rows' choice.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from serving.core.requests import Arrays
from training.answers import answers
from training.checkpoint import Checkpoint
from training.checkpoint_files import rebuilt, weights_of
from training.kind import TEST, VALIDATION, Data, Rows, Served
from training.loop import Trained, Trainer, alone
from training.provenance import library_versions, utc_now
from training.recipes.recipe import Recipe
from training.task import Evaluation

_ROW_BYTES = 64 * 2**20  # of the test rows, and of the validation rows, that the checkpoint keeps


@dataclass(frozen=True, slots=True)
class Outcome:
    """`answered` is what the served model answers for the test `rows`."""

    checkpoint: Checkpoint
    rows: Rows
    answered: Arrays


def run(recipe: Recipe, data: Data, train: Trainer = alone, model: str = "") -> Outcome:
    """Train and test a model that has the recipe's name, unless it has another; no checkpoint is written. Raises
    `TrainingDiverged`, and `CheckpointError` for another run's snapshots."""
    kind, fingerprint = recipe.kind, data.fingerprint()
    trained = train(kind.task(data, recipe.hyperparameters, recipe.config), recipe.config, fingerprint)
    rows = kind.rows(data, TEST)
    answered = answers(kind.served(trained.model, data.facts), rows.inputs)
    checkpoint = Checkpoint(
        recipe=recipe.name,
        model=model or recipe.name,
        hyperparameters=recipe.hyperparameters,
        facts=data.facts,
        config=recipe.config,
        metrics=_metrics(trained, kind.score(answered, rows.truths, data.facts)),
        history=trained.history,
        library_versions=library_versions("torch", "numpy", "sklearn", "safetensors"),
        data_fingerprint=fingerprint,
        created=utc_now(),
        weights=weights_of(trained.model.state_dict()),
        rows=_within(rows, _ROW_BYTES),
        validation=_within(kind.rows(data, VALIDATION), _ROW_BYTES),
    )
    return Outcome(checkpoint, rows, answered)


def restore(recipe: Recipe, checkpoint: Checkpoint) -> Served:
    """What is served of the trained model. Raises `CheckpointError` when the checkpoint is another recipe's."""
    model = rebuilt(recipe.name, checkpoint, lambda given: recipe.kind.build(given, checkpoint.facts))
    return recipe.kind.served(model.requires_grad_(False), checkpoint.facts)


def _metrics(trained: Trained[Evaluation], test: Mapping[str, float]) -> dict[str, float]:
    """Losses are means; those on test rows are of what the served model answers."""
    return {
        "step": trained.step,
        "validation_loss": trained.held_out.loss,
        **{f"validation_{name}": value for name, value in trained.held_out.scores.items()},
        **tested(test),
    }


def tested(scores: Mapping[str, float]) -> dict[str, float]:
    """As metrics: of test rows."""
    return {f"test_{name}": value for name, value in scores.items()}


def _within(rows: Rows, size: int) -> Rows:
    each = sum(array.nbytes for part in (rows.inputs, rows.truths) for array in part.values()) / max(1, len(rows))
    return rows.some(max(1, int(size / max(1, each))))
