import torch

from tests.training.small_task import SPLITS, task


def test_a_batch_is_the_rows_that_were_asked_for() -> None:
    features, labels = task().batch(torch.tensor([5, 2]), "cpu")

    assert torch.equal(features, SPLITS.train.features[[5, 2]])
    assert labels.tolist() == [1, 0]
    assert task().weight((features, labels)) == 2


def test_what_is_held_out_is_the_validation_rows() -> None:
    model = task().build()

    assert task().evaluate(model).rows == len(SPLITS.validation)
    assert set(task().evaluate(model).scores) == {"accuracy"}
