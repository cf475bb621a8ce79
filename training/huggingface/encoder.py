"""An encoder's folder as a PyTorch model.

Rule: every weight that the config.json asks for is there in its shape, and no other one, or nothing is imported.
"""

from collections.abc import Mapping
from typing import TypeVar

import torch
from torch import Tensor

from training.huggingface.encoder_config import are_independent, encoder_config, labels
from training.huggingface.fields import Fields
from training.huggingface.weights import check_fit
from training.models.encoder import Pooling, TextClassifier, TextEmbedder

Model = TypeVar("Model", TextEmbedder, TextClassifier)

_OLD_NAMES = ((".gamma", ".weight"), (".beta", ".bias"))


def embedder(fields: Fields, pooling: Pooling, normalised: bool, tensors: Mapping[str, Tensor]) -> TextEmbedder:
    """In evaluation mode. What a BertModel has behind its last layer is left out. Raises `ImportRefused`."""
    own = {f"bert.{name}": tensor for name, tensor in _named(tensors).items() if not name.startswith("pooler.")}
    with torch.device("meta"):
        model = TextEmbedder(encoder_config(fields), pooling, normalised)
    return _filled(model, own)


def classifier(fields: Fields, tensors: Mapping[str, Tensor]) -> TextClassifier:
    """In evaluation mode. Raises `ImportRefused`."""
    own = {name.replace("bert.pooler.", "pooler."): tensor for name, tensor in _named(tensors).items()}
    with torch.device("meta"):
        model = TextClassifier(encoder_config(fields), len(labels(fields)), are_independent(fields))
    return _filled(model, own)


def _named(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """As they are called today, without the positions' numbers that once were saved too."""
    named = {}
    for name, tensor in tensors.items():
        for old, new in _OLD_NAMES:
            name = f"{name.removesuffix(old)}{new}" if name.endswith(old) else name
        named[name] = tensor
    return {name: tensor for name, tensor in named.items() if not name.endswith("embeddings.position_ids")}


def _filled(model: Model, weights: Mapping[str, Tensor]) -> Model:
    check_fit(weights, {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()})
    model.load_state_dict(weights, assign=True)
    return model.eval().requires_grad_(False)
