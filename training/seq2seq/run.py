"""A recipe from its pairs to a checkpoint, and a checkpoint back to its model.

Rule: what is held out decides nothing, it is only told.
"""

from collections.abc import Mapping
from typing import Any

from training.checkpoint_files import rebuilt, weights_of
from training.config import TrainConfig
from training.language.checkpoint import AnswerMetrics, LanguageCheckpoint
from training.loop import Trainer, alone
from training.models.decoder import DecoderConfig
from training.models.seq2seq import Seq2seq, Seq2seqConfig
from training.provenance import library_versions, utc_now
from training.recipes.seq2seq_recipe import Seq2seqRecipe
from training.seq2seq.batches import tokens_of
from training.seq2seq.task import AnswerTask
from training.seq2seq.tokenizer import byte_tokenizer


def run(recipe: Seq2seqRecipe, config: TrainConfig, train: Trainer = alone) -> LanguageCheckpoint:
    """Train and evaluate; no checkpoint is written. Raises `TrainingDiverged`, and `CheckpointError` for another run's
    snapshots."""
    splits, tokenizer = recipe.load(), byte_tokenizer()
    fingerprint = splits.fingerprint()
    rows, held_out = (tokens_of(tokenizer, part) for part in (splits.train, splits.held_out))
    hyperparameters = {
        **recipe.hyperparameters,
        "vocab_size": tokenizer.get_vocab_size(),
        "max_position_embeddings": config.context,
        "encoder_layers": recipe.encoder_layers,
    }
    task = AnswerTask(lambda: Seq2seq(_config(hyperparameters)), rows, held_out)
    trained = train(task, config, fingerprint)
    return LanguageCheckpoint(
        recipe=recipe.name,
        hyperparameters=hyperparameters,
        config=config,
        metrics=AnswerMetrics(
            held_out_loss=trained.held_out.loss,
            exact_match=trained.held_out.exact_match,
            parameters=sum(each.numel() for each in trained.model.parameters()),
            train_pairs=len(rows),
            held_out_pairs=len(held_out),
        ),
        history=trained.history,
        library_versions=library_versions("torch", "tokenizers", "safetensors"),
        data_fingerprint=fingerprint,
        created=utc_now(),
        weights=weights_of(trained.model.state_dict()),
        tokenizer=tokenizer.to_str(pretty=True).encode() + b"\n",
    )


def restore(recipe: Seq2seqRecipe, checkpoint: LanguageCheckpoint) -> Seq2seq:
    """The trained model, in evaluation mode. Raises `CheckpointError` when the checkpoint is another recipe's."""
    model = rebuilt(recipe.name, checkpoint, lambda given: Seq2seq(_config(given)))
    return model.requires_grad_(False)


def _config(hyperparameters: Mapping[str, Any]) -> Seq2seqConfig:
    decoder = {name: value for name, value in hyperparameters.items() if name != "encoder_layers"}
    return Seq2seqConfig(DecoderConfig(**decoder), hyperparameters["encoder_layers"])
