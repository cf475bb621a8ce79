"""A recipe from its data to a checkpoint, and a checkpoint back to its model.

Rule: the test rows are looked at once, after the last epoch; which epoch is kept is the validation rows' choice.
"""

from training.checkpoint import Checkpoint, Metrics
from training.checkpoint_files import rebuilt, weights_of
from training.config import TrainConfig
from training.evaluate import Evaluation, evaluate
from training.loop import OnEpoch, train
from training.models.classifier import Classifier
from training.provenance import library_versions, utc_now
from training.recipes.recipe import Recipe
from training.state import TrainState


def run(recipe: Recipe, config: TrainConfig, on_epoch: OnEpoch) -> Checkpoint:
    """Train and test; nothing is written. `on_epoch` is called after each epoch. Raises `TrainingDiverged`."""
    splits = recipe.load()
    state = train(lambda: recipe.build(recipe.hyperparameters), splits, config, on_epoch)
    return Checkpoint(
        recipe=recipe.name,
        hyperparameters=recipe.hyperparameters,
        config=config,
        metrics=_metrics(state, evaluate(state.model, splits.test)),
        history=tuple(state.history),
        library_versions=library_versions("torch", "numpy", "sklearn", "safetensors"),
        data_fingerprint=splits.fingerprint(),
        created=utc_now(),
        weights=weights_of(state.best_weights),
    )


def restore(recipe: Recipe, checkpoint: Checkpoint) -> Classifier:
    """The trained model, in evaluation mode. Raises `CheckpointError` when the checkpoint is another recipe's."""
    return rebuilt(recipe.name, checkpoint, recipe.build)


def _metrics(state: TrainState, test: Evaluation) -> Metrics:
    return Metrics(
        best_epoch=state.best_epoch,
        validation_loss=state.best.validation_loss,
        validation_accuracy=state.best.validation_accuracy,
        test_loss=test.loss,
        test_accuracy=test.accuracy,
        confusion_matrix=[list(row) for row in test.confusion],
    )
