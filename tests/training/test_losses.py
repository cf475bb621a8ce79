from dataclasses import replace

import torch
from torch.nn.functional import cross_entropy

from tests.training.small_task import CONFIG
from training.losses import IGNORED, classes

FOCAL, MSE = replace(CONFIG, loss="focal", focal_gamma=2.0), replace(CONFIG, loss="mse")
LOGITS, LABELS = torch.tensor([[2.0, 0.0], [0.0, 4.0], [1.0, 0.0]]), torch.tensor([0, 1, 1])


def test_without_more_it_is_cross_entropy() -> None:
    assert torch.equal(classes(LOGITS, LABELS, CONFIG), cross_entropy(LOGITS, LABELS))


def test_smoothing_is_cross_entropys_own() -> None:
    found = classes(LOGITS, LABELS, replace(CONFIG, label_smoothing=0.2))

    assert torch.equal(found, cross_entropy(LOGITS, LABELS, label_smoothing=0.2))


def test_focal_loss_weighs_what_is_known_less() -> None:
    likely = torch.softmax(LOGITS, 1)[torch.arange(3), LABELS]
    found = classes(LOGITS, LABELS, FOCAL)

    assert torch.allclose(found, (-((1 - likely) ** 2) * likely.log()).mean())


def test_mse_is_the_distance_of_all_probabilities_from_what_is_the_case() -> None:
    wanted = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])

    assert torch.allclose(classes(LOGITS, LABELS, MSE), ((torch.softmax(LOGITS, 1) - wanted) ** 2).sum(1).mean())


def test_what_has_no_class_counts_nowhere() -> None:
    for config in (CONFIG, FOCAL, MSE):
        with_more = classes(torch.cat([LOGITS, LOGITS[:1]]), torch.tensor([0, 1, 1, IGNORED]), config)
        assert torch.allclose(with_more, classes(LOGITS, LABELS, config))
