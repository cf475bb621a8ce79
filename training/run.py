"""A recipe from its data to a checkpoint, and a checkpoint back to its model.

Rule: the test rows are looked at once, after the last step; which weights are kept is the validation rows' choice.
"""

from training.checkpoint import Checkpoint, Metrics
from training.checkpoint_files import rebuilt, weights_of
from training.classifier_task import ClassifierTask
from training.config import TrainConfig
from training.evaluate import Evaluation, evaluate
from training.loop import Trained, Trainer, alone
from training.models.classifier import Classifier
from training.provenance import library_versions, utc_now
from training.recipes.recipe import Recipe


def run(recipe: Recipe, config: TrainConfig, train: Trainer = alone) -> Checkpoint:
    """Train and test; no checkpoint is written. Raises `TrainingDiverged`, and `CheckpointError` for another run's
    snapshots."""
    splits = recipe.load()
    task = ClassifierTask(lambda: recipe.build(recipe.hyperparameters), splits, config)
    fingerprint = splits.fingerprint()
    trained = train(task, config, fingerprint)
    return Checkpoint(
        recipe=recipe.name,
        hyperparameters=recipe.hyperparameters,
        config=config,
        metrics=_metrics(trained, evaluate(trained.model, splits.test)),
        history=trained.history,
        library_versions=library_versions("torch", "numpy", "sklearn", "safetensors"),
        data_fingerprint=fingerprint,
        created=utc_now(),
        weights=weights_of(trained.model.state_dict()),
    )


def restore(recipe: Recipe, checkpoint: Checkpoint) -> Classifier:
    """The trained model, in evaluation mode. Raises `CheckpointError` when the checkpoint is another recipe's."""
    return rebuilt(recipe.name, checkpoint, recipe.build)


def _metrics(trained: Trained[Evaluation], test: Evaluation) -> Metrics:
    return Metrics(
        step=trained.step,
        validation_loss=trained.held_out.loss,
        validation_accuracy=trained.held_out.accuracy,
        test_loss=test.loss,
        test_accuracy=test.accuracy,
        confusion_matrix=[list(row) for row in test.confusion],
    )
