"""A decoder's folder as a PyTorch model.

Rule: every weight that the config.json asks for is there in its shape, and no other one, or nothing is imported.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from training.errors import ImportRefused
from training.huggingface.decoder_config import decoder_config
from training.huggingface.fields import Fields
from training.huggingface.weights import check_fit
from training.models.decoder import Decoder, expected_shapes, own_weights, with_weights


def decoder(architecture: str, fields: Fields, tensors: Mapping[str, Tensor]) -> Decoder:
    """In evaluation mode. `tensors` have the names that transformers gives them. Raises `ImportRefused`."""
    config = decoder_config(architecture, fields)
    if config.tie_word_embeddings:
        _check_tied(tensors)
    own = own_weights(tensors, config)
    check_fit(own, expected_shapes(config))
    return with_weights(config, own)


def _check_tied(tensors: Mapping[str, Tensor]) -> None:
    head, embedding = tensors.get("lm_head.weight"), tensors.get("model.embed_tokens.weight")
    if head is not None and embedding is not None and not torch.equal(head, embedding):
        raise ImportRefused(
            "'lm_head.weight' and 'model.embed_tokens.weight' differ, config.json says that they are one "
            "(tie_word_embeddings); set that to false in config.json where both were trained"
        )
