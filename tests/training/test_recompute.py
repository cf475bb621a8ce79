import torch
from torch import nn

from training.recompute import recompute


class Blocks(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5), nn.Tanh()) for _ in range(3))
        self.computed = 0
        self.layers[0][0].register_forward_hook(self._count)

    def _count(self, *_: object) -> None:
        self.computed += 1

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            rows = layer(rows)
        return rows


def test_gradients_are_the_same_and_blocks_are_computed_twice() -> None:
    found = []
    for again in (False, True):
        torch.manual_seed(0)
        model = Blocks()
        names = list(model.state_dict())
        if again:
            recompute(model)
        model(torch.ones(2, 4)).sum().backward()
        found.append(([it.grad for it in model.parameters()], names, list(model.state_dict()), model.computed))

    (plain, *_, once), (recomputed, before, after, twice) = found
    assert all(torch.equal(a, b) for a, b in zip(plain, recomputed, strict=True)), "chance too"
    assert (once, twice) == (1, 2)
    assert before == after
