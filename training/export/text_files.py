"""The files of a version that say how its text is read and written.

Rule: they are read as a server will read them before anything is published.
"""

from collections.abc import Mapping
from pathlib import Path

from serving.errors import ModelLoadFailed
from serving.text.tokenizer import TextTokenizer
from training.errors import PublishFailed


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
