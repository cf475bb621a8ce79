from typing import Any

import pytest
import torch
from torch import Tensor

from tests.tiny_decoders import TINY, tiny_decoder
from training.errors import ImportRefused
from training.huggingface.decoder import decoder
from training.models.decoder import hugging_face_config

FIELDS = hugging_face_config(TINY)


def weights() -> dict[str, Tensor]:
    theirs = {f"model.{name}": tensor for name, tensor in tiny_decoder().state_dict().items()}
    return theirs | {"lm_head.weight": theirs.pop("model.lm_head.weight")}


def test_it_is_the_model_of_those_weights() -> None:
    tokens = torch.tensor([[5, 4, 3, 2, 1]])
    model = decoder("LlamaForCausalLM", FIELDS, weights())

    assert not model.training
    assert torch.equal(model(tokens), tiny_decoder()(tokens))


def test_a_head_that_is_the_embedding_may_be_there_too() -> None:
    tied = weights()
    tied["lm_head.weight"] = tied["model.embed_tokens.weight"].clone()

    assert decoder("LlamaForCausalLM", FIELDS | {"tie_word_embeddings": True}, tied).lm_head is None


@pytest.mark.parametrize(
    ("fields", "changed", "reason"),
    [
        ({}, {"model.norm.weight": None}, "the weights lack 'norm.weight'; download the whole folder"),
        ({"num_hidden_layers": 3}, {}, "the weights lack 'layers.2.input_layernorm.weight'.* and 6 more"),
        ({"num_hidden_layers": 1}, {}, "the weights have 'layers.1.input_layernorm.weight'.*adapters must be merged"),
        ({}, {"model.layers.0.mlp.up_proj.bias": torch.zeros(160)}, "have 'layers.0.mlp.up_proj.bias'"),
        ({"vocab_size": 301}, {}, r"'embed_tokens.weight' is \[300, 64\], config.json makes it \[301, 64\]"),
        ({"head_dim": 1 << 20, "num_attention_heads": 1 << 20, "hidden_size": 1 << 20}, {}, "config.json makes it"),
        ({"tie_word_embeddings": True}, {}, "'lm_head.weight' and 'model.embed_tokens.weight' differ"),
    ],
)
def test_weights_that_are_not_the_configs_are_named(
    fields: dict[str, Any], changed: dict[str, Tensor | None], reason: str
) -> None:
    tensors = {name: tensor for name, tensor in (weights() | changed).items() if tensor is not None}

    with pytest.raises(ImportRefused, match=reason):
        decoder("LlamaForCausalLM", FIELDS | fields, tensors)
