"""Models that read tokens, such as encoders that give a text's embedding, and what they are given for a text.

Rule: named as Hugging Face's models name them. Texts are filled up to a few lengths, so that many of them run together;
the mask says what is text. No text is read by one version's tokenizer and answered by a version that has another.
"""

from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

import numpy as np

from serving.core.model_config import ModelConfig
from serving.core.requests import Arrays
from serving.engine.servable import Servable
from serving.engine.served_model import ServedModel
from serving.errors import ModelLoadFailed

if TYPE_CHECKING:
    from serving.text.tokenizer import TextTokenizer

INPUT_IDS, ATTENTION_MASK, EMBEDDING = "input_ids", "attention_mask", "embedding"

_STEP = 16  # tokens


def tokenizer_of(config: ModelConfig, directory: Path) -> "TextTokenizer | None":
    """None for models that read no tokens, or come without one. Raises `ModelLoadFailed` for a wrong one."""
    if not any(tensor.name == INPUT_IDS for tensor in config.input) or not (directory / "tokenizer.json").is_file():
        return None
    return read_tokenizer(directory)


def read_tokenizer(directory: Path) -> "TextTokenizer":
    """Raises `ModelLoadFailed`."""
    try:
        from serving.text.tokenizer import TextTokenizer
    except ModuleNotFoundError as error:
        raise ModelLoadFailed(
            f"a model with a tokenizer needs the package '{error.name}', which is not installed: pip install "
            "'slipway-serving[generation]'"
        ) from None
    return TextTokenizer.read(directory)


def reads(model: object) -> TypeGuard[ServedModel]:
    """Whether it can be given texts."""
    return isinstance(model, ServedModel) and model.tokenizer is not None


def embeds(model: object) -> TypeGuard[ServedModel]:
    """Whether it gives texts their embeddings."""
    return reads(model) and EMBEDDING in model.outputs


def tokenizer_text(model: Servable) -> str:
    """By which texts become tokens; "" for models that read none."""
    return model.tokenizer.json if reads(model) and model.tokenizer is not None else ""


def inputs_for(model: ServedModel, tokens: tuple[int, ...]) -> Arrays:
    """Int64 [1, S], S a multiple of 16 where the model has a mask, and not above what it was made for."""
    length = len(tokens)
    if ATTENTION_MASK in model.inputs:
        length = -(-length // _STEP) * _STEP
        if model.tokenizer is not None and model.tokenizer.model_max_length:
            length = max(len(tokens), min(length, model.tokenizer.model_max_length))
    inputs = {name: np.zeros((1, length), np.int64) for name in model.inputs}
    inputs[INPUT_IDS][0, : len(tokens)] = tokens
    if ATTENTION_MASK in inputs:
        inputs[ATTENTION_MASK][0, : len(tokens)] = 1
    return inputs
