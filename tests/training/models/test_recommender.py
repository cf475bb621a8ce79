import torch

from training.models.recommender import Recommender
from training.models.two_towers import TwoTowers


def recommender(best: int = 3) -> Recommender:
    torch.manual_seed(1)
    return Recommender(TwoTowers(items=4, length=3, width=8, hidden=8, dropout=0.0, best=best)).eval()


def test_the_likeliest_come_first_and_none_that_is_known() -> None:
    history = torch.tensor([[-1, -1, 1], [-1, -1, -1]])
    items, scores = recommender()(history)
    logits = recommender().towers(history)
    assert 1 not in items[0].tolist()
    assert items[1].tolist() == logits[1].argsort(descending=True)[:3].tolist()
    assert torch.allclose(scores[1], logits[1].softmax(dim=0).sort(descending=True).values[:3])


def test_where_nothing_is_left_scores_are_zero() -> None:
    items, scores = recommender()(torch.tensor([[0, 1, 2], [2, 2, 2]]))
    assert items[0, 0] == 3
    assert scores[0].tolist() == [1, 0, 0]
    assert scores[1].sum() == 1


def test_no_more_are_listed_than_there_are() -> None:
    assert recommender(best=9)(torch.tensor([[-1, -1, -1]]))[0].shape == (1, 4)
