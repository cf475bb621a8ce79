import torch

from training.models.two_towers import TwoTowers, known, without_known

HISTORY = torch.tensor([[-1, 0, 2], [-1, -1, -1]])


def towers() -> TwoTowers:
    torch.manual_seed(1)
    return TwoTowers(items=4, length=3, width=8, hidden=8, dropout=0.0, best=2).eval()


def test_every_item_has_a_logit() -> None:
    assert towers()(HISTORY).shape == (2, 4)
    assert torch.isfinite(towers()(HISTORY)).all()


def test_what_is_not_there_has_no_part_in_it() -> None:
    model = towers()
    with torch.no_grad():
        model.had.weight[0] = 99
    assert torch.allclose(model(HISTORY), towers()(HISTORY))


def test_order_counts() -> None:
    model = towers()
    assert not torch.allclose(model(torch.tensor([[0, 1, 2]])), model(torch.tensor([[2, 1, 0]])), atol=1e-4)


def test_late_ones_count_more_where_that_is_learnt() -> None:
    model = towers()
    with torch.no_grad():
        model.recency.copy_(torch.tensor([-20.0, -20.0, 0.0]))
        model.user[0].weight[:, :8] = 0  # the mean of all, which has no order
    assert torch.allclose(model(torch.tensor([[0, 1, 2]])), model(torch.tensor([[1, 0, 2]])), atol=1e-5)


def test_known_items_are_those_of_the_history() -> None:
    assert known(HISTORY, 4).tolist() == [[True, False, True, False], [False] * 4]
    probabilities = without_known(torch.zeros(2, 4), HISTORY).softmax(dim=1)
    assert probabilities.tolist() == [[0, 0.5, 0, 0.5], [0.25] * 4]
