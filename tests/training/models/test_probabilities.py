import torch
from torch import nn

from training.models.probabilities import Probabilities


def test_rows_add_up_to_one_and_keep_the_order_of_the_logits() -> None:
    logits = torch.tensor([[1.0, 3.0, 2.0], [0.0, 0.0, 0.0]])
    probabilities = Probabilities(nn.Identity())(logits)

    assert torch.allclose(probabilities.sum(dim=1), torch.ones(2))
    assert probabilities[0].argsort().tolist() == [0, 2, 1]


def test_it_switches_its_classifier_to_evaluation() -> None:
    dropout = nn.Dropout()
    Probabilities(dropout)

    assert not dropout.training
