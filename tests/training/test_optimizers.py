from dataclasses import replace

import torch
from torch import nn

from tests.tiny_language import CONFIG as LANGUAGE
from tests.tiny_language import HYPERPARAMETERS
from tests.training.small_task import CONFIG
from training.models.decoder import Decoder, DecoderConfig
from training.optimizers import optimizers


def test_each_name_is_its_optimizer() -> None:
    found = {name: type(optimizers(nn.Linear(2, 2), replace(CONFIG, optimizer=name))[0]) for name in _NAMES}

    assert found == _NAMES


_NAMES = {
    "sgd": torch.optim.SGD,
    "momentum": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "muon": torch.optim.Muon,
}


def test_only_momentum_has_some() -> None:
    plain, momentum = (optimizers(nn.Linear(2, 2), replace(CONFIG, optimizer=it))[0] for it in ("sgd", "momentum"))

    assert [it.param_groups[0]["momentum"] for it in (plain, momentum)] == [0, CONFIG.momentum]


def test_muon_has_the_layers_matrices_and_nothing_that_stands_for_tokens() -> None:
    model = Decoder(DecoderConfig(vocab_size=400, **{**HYPERPARAMETERS, "tie_word_embeddings": False}))
    matrices, others = (
        {id(weight) for group in optimizer.param_groups for weight in group["params"]}
        for optimizer in optimizers(model, LANGUAGE)
    )

    assert matrices | others == {id(weight) for weight in model.parameters()}
    assert not matrices & others
    named = {name for name, weight in model.named_parameters() if id(weight) in others}
    assert {"embed_tokens.weight", "lm_head.weight", "norm.weight"} <= {name.removeprefix("model.") for name in named}
    assert not any("proj" in name for name in named)
