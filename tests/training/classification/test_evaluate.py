import pytest
import torch
from torch import nn

from training.classification.evaluate import Evaluation, evaluate
from training.data.splits import Split


def test_confusion_counts_actual_by_predicted() -> None:
    logits = torch.tensor([[9.0, 0.0, 0.0], [0.0, 9.0, 0.0], [0.0, 9.0, 0.0], [0.0, 0.0, 9.0]])

    evaluation = evaluate(nn.Identity(), Split(logits, torch.tensor([0, 0, 1, 2])))

    assert evaluation.confusion == ((1, 1, 0), (0, 1, 0), (0, 0, 1))
    assert evaluation.rows == 4
    assert evaluation.accuracy == 0.75


def test_the_loss_is_the_mean_cross_entropy() -> None:
    evaluation = evaluate(nn.Identity(), Split(torch.zeros(3, 2), torch.tensor([0, 1, 1])))

    assert evaluation.loss == pytest.approx(0.693147, abs=1e-6)


def test_the_model_is_left_in_evaluation_mode() -> None:
    model = nn.Dropout()
    evaluate(model, Split(torch.zeros(1, 2), torch.tensor([0])))

    assert not model.training


def test_an_evaluation_is_plain_data() -> None:
    assert Evaluation(0.5, ((1, 0), (0, 1))) == Evaluation(0.5, ((1, 0), (0, 1)))
