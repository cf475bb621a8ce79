"""The files of a version that say how its text is read and written.

Rule: they are read as a server will read them before anything is published.
"""

from collections.abc import Mapping
from pathlib import Path

from serving.errors import ModelLoadFailed
from serving.text.tokenizer import TextTokenizer
from training.answers import answers
from training.checkpoint import Checkpoint
from training.errors import PublishFailed
from training.kind import Served
from training.recipes.recipe import Recipe


def write_texts(staging: Path, texts: Mapping[str, bytes], vocab_size: int) -> None:
    """`texts` by name; `vocab_size` is the model's. Raises `PublishFailed`."""
    for name, content in texts.items():
        (staging / name).write_bytes(content)
    try:
        tokenizer = TextTokenizer.read(staging)
    except ModelLoadFailed as error:
        raise PublishFailed(f"{error}; nothing was published") from None
    if tokenizer.vocab_size > vocab_size:
        raise PublishFailed(
            f"tokenizer.json has {tokenizer.vocab_size} tokens, the model {vocab_size} (vocab_size of config.json): "
            "they are those of different models; nothing was published"
        )


def write_beside(staging: Path, recipe: Recipe, checkpoint: Checkpoint, served: Served) -> None:
    """What people read of a model that writes, and a text to begin with."""
    example = recipe.kind.example(checkpoint.rows, answers(served, checkpoint.rows.inputs), checkpoint.facts)
    for name, content in {**checkpoint.pages, example.name: example.content}.items():
        (staging / name).write_bytes(content)
