"""A recipe from its documents to a checkpoint, and a checkpoint back to its model.

Rule: the tokenizer too learns from the training text alone.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import torch

from training.checkpoint_files import rebuilt, weights_of
from training.data.documents import Document
from training.language import tokenizer
from training.language.checkpoint import LanguageCheckpoint, LanguageMetrics
from training.language.task import LanguageTask
from training.loop import Trainer, alone
from training.models.decoder import Decoder, DecoderConfig
from training.provenance import library_versions, utc_now
from training.recipes.language_recipe import LanguageRecipe, Size


def run(recipe: LanguageRecipe, size: Size, train: Trainer = alone) -> LanguageCheckpoint:
    """Train and evaluate; no checkpoint is written. Raises `TrainingDiverged`, and `CheckpointError` for another run's
    snapshots."""
    splits = recipe.load()
    fingerprint = splits.fingerprint()
    words = tokenizer.learn((document.text for document in splits.train), int(size.hyperparameters["vocab_size"]))
    tokens, held_out = (torch.tensor(tokenizer.encode(words, part)) for part in (splits.train, splits.held_out))
    hyperparameters = {**size.hyperparameters, "vocab_size": words.get_vocab_size()}
    task = LanguageTask(lambda: Decoder(_decoder_config(hyperparameters)), tokens, held_out, size.config)
    trained = train(task, size.config, fingerprint)
    found = trained.held_out
    return LanguageCheckpoint(
        recipe=recipe.name,
        hyperparameters=hyperparameters,
        config=size.config,
        metrics=LanguageMetrics(
            held_out_loss=found.loss,
            held_out_perplexity=found.perplexity,
            held_out_bits_per_byte=found.bits_per_byte(_bytes(splits.held_out)),
            parameters=sum(each.numel() for each in trained.model.parameters()),
            train_tokens=len(tokens),
            held_out_tokens=len(held_out),
        ),
        history=trained.history,
        library_versions=library_versions("torch", "tokenizers", "safetensors"),
        data_fingerprint=fingerprint,
        created=utc_now(),
        weights=weights_of(trained.model.state_dict()),
        tokenizer=tokenizer.to_file(words),
    )


def restore(recipe: LanguageRecipe, checkpoint: LanguageCheckpoint) -> Decoder:
    """The trained model, in evaluation mode. Raises `CheckpointError` when the checkpoint is another recipe's."""
    model = rebuilt(recipe.name, checkpoint, lambda given: Decoder(_decoder_config(given)))
    return model.requires_grad_(False)


def _decoder_config(hyperparameters: Mapping[str, Any]) -> DecoderConfig:
    return DecoderConfig(**hyperparameters)


def _bytes(documents: Iterable[Document]) -> int:
    """Of what the tokens say: names and texts."""
    return sum(len(document.name.encode()) + len(document.text.encode()) for document in documents)
