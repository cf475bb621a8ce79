"""A recipe from its data to a checkpoint, and a checkpoint back to its model.

Rule: the test rows are looked at once, after the last epoch; which epoch is kept is the validation rows' choice.
"""

from training.checkpoint import Checkpoint, Metrics
from training.checkpoint_files import weights_of
from training.config import TrainConfig
from training.errors import CheckpointError
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
    if checkpoint.recipe != recipe.name:
        raise CheckpointError(f"this is a checkpoint of '{checkpoint.recipe}', not of '{recipe.name}'")
    try:
        model = recipe.build(checkpoint.hyperparameters)
    except (TypeError, KeyError) as error:
        raise CheckpointError(
            f"the hyper-parameters are not those of {recipe.name} ({error}); train it again"
        ) from None
    checkpoint.restore_into(model)
    model.eval()
    return model


def _metrics(state: TrainState, test: Evaluation) -> Metrics:
    return Metrics(
        best_epoch=state.best_epoch,
        validation_loss=state.best.validation_loss,
        validation_accuracy=state.best.validation_accuracy,
        test_loss=test.loss,
        test_accuracy=test.accuracy,
        confusion_matrix=[list(row) for row in test.confusion],
    )
