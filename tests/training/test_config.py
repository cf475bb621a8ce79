from dataclasses import asdict, replace
from typing import Any

import pytest
import torch

from training.config import TrainConfig, stored
from training.errors import InvalidConfig

CONFIG = TrainConfig(epochs=1, batch_size=1, learning_rate=0.1)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epochs", -1),
        ("steps", -1),
        ("batch_size", 0),
        ("learning_rate", 0.0),
        ("learning_rate", 1.5),
        ("learning_rate", float("nan")),
        ("weight_decay", -0.1),
        ("weight_decay", 1.0),
        ("optimizer", "lion"),
        ("schedule", "step"),
        ("precision", "int8"),
        ("keep", "first"),
        ("momentum", 1.0),
        ("warm_up", 1.1),
        ("label_smoothing", 1.0),
        ("loss", "hinge"),
        ("max_gradient_norm", -1.0),
        ("focal_gamma", -1.0),
        ("evaluations", -1),
        ("accumulation", 0),
        ("accumulation", 2),
        ("threads", -1),
        ("seed", -1),
        ("seed", 2**63),
    ],
)
def test_a_value_outside_its_range_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(InvalidConfig, match=f"^{field} must be .*, got '?{value}'?$"):
        replace(CONFIG, **{field: value})


def test_a_length_is_given_in_one_way() -> None:
    with pytest.raises(InvalidConfig, match=r"^epochs \(1\) and steps \(5\) exclude one another$"):
        replace(CONFIG, steps=5)
    with pytest.raises(InvalidConfig, match=r"^epochs or steps must be at least 1, got 0$"):
        replace(CONFIG, epochs=0)


def test_the_largest_seed_is_one_that_torch_takes() -> None:
    torch.Generator().manual_seed(replace(CONFIG, seed=2**63 - 1).seed)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": "focal"}, "loss 'focal' needs a focal_gamma above 0"),
        ({"focal_gamma": 2.0}, r"focal_gamma \(2.0\) is for loss = 'focal', and loss is 'cross-entropy'"),
        ({"loss": "mse", "label_smoothing": 0.1}, r"label_smoothing \(0.1\) is for .*, and loss is 'mse'"),
    ],
)
def test_what_belongs_to_another_loss_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidConfig, match=message):
        replace(CONFIG, **changes)


def test_a_stored_config_is_read_back_whatever_was_added_since() -> None:
    document = asdict(CONFIG)
    assert stored(document) == CONFIG

    del document["loss"], document["label_smoothing"]
    assert stored(document) == CONFIG
    assert stored({**document, "focal_gamma": 2.0}).loss == "focal"
    assert stored({**document, "context": 256}) == CONFIG, "data have it now"


def test_one_that_is_out_of_date_says_what_it_has_and_lacks() -> None:
    document = {**asdict(CONFIG), "dropout": 0.5}
    del document["batch_size"]
    with pytest.raises(InvalidConfig, match=r"^its train_config is out of date: it has dropout and lacks batch_size$"):
        stored(document)
