import torch
from torch import nn
from torch.amp import GradScaler

from training.state import Point, TrainState


def _state() -> TrainState:
    model = nn.Linear(1, 2)
    optimizer = torch.optim.SGD(model.parameters())
    return TrainState(model, (optimizer,), GradScaler("cpu", enabled=False), torch.ones(()), weight_sum=2.0)


def test_the_best_point_is_known_and_sums_begin_anew() -> None:
    state = _state()
    best = [state.record(Point(step, 0.0, loss)) for step, loss in ((5, 3.0), (10, 1.0), (15, 2.0), (20, 1.0))]

    assert best == [True, True, False, False], "of equally good ones the earliest"
    assert (state.best_step, state.best_loss) == (10, 1.0)
    assert (state.loss_sum.item(), state.weight_sum) == (0, 0)
    assert repr(state) == "<TrainState step 0, best 10>"
