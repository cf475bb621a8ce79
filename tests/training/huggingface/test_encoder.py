from typing import Any

import pytest
import torch
import transformers
from torch import Tensor

from training.errors import ImportRefused
from training.huggingface.encoder import classifier, embedder
from training.models.encoder import Pooling

FIELDS: dict[str, Any] = {
    "vocab_size": 100,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "max_position_embeddings": 40,
}


def weights() -> dict[str, Tensor]:
    torch.manual_seed(0)
    return transformers.BertModel(transformers.BertConfig(**FIELDS)).state_dict()


def test_an_embedder_needs_no_pooler() -> None:
    theirs = weights()
    without = {name: tensor for name, tensor in theirs.items() if not name.startswith("pooler.")}

    for tensors in (theirs, without):
        model = embedder(FIELDS, Pooling.MEAN, True, tensors)
        assert torch.equal(model.bert.embeddings.word_embeddings.weight, theirs["embeddings.word_embeddings.weight"])
        assert not model.training


def test_names_of_old_releases_are_understood() -> None:
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): tensor
        for name, tensor in weights().items()
    }
    old["embeddings.position_ids"] = torch.arange(40.0)[None]

    assert old.keys() != weights().keys()
    embedder(FIELDS, Pooling.CLS, False, old)


def test_a_classifier_needs_all() -> None:
    fields = FIELDS | {"id2label": {"0": "a", "1": "b", "2": "c"}}
    theirs = transformers.BertForSequenceClassification(transformers.BertConfig(**FIELDS, num_labels=3)).state_dict()

    assert not classifier(fields, theirs).independent
    with pytest.raises(ImportRefused, match=r"lack 'pooler\.dense\.bias'"):
        classifier(fields, {name: tensor for name, tensor in theirs.items() if name != "bert.pooler.dense.bias"})
    with pytest.raises(ImportRefused, match=r"tensor 'classifier\.\w+' is \[3.*\], config.json makes it \[2"):
        classifier(FIELDS, theirs)


def test_a_layer_more_or_less_is_named() -> None:
    with pytest.raises(ImportRefused, match=r"lack 'bert\.encoder\.layer\.1\.attention"):
        embedder(FIELDS | {"num_hidden_layers": 2}, Pooling.CLS, False, weights())
