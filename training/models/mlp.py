"""A perceptron of three linear layers for rows of measurements."""

from torch import Tensor, nn


class Mlp(nn.Module):
    """[N, features] -> logits [N, classes]; the second layer is half as wide as the first."""

    def __init__(self, features: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(features, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden // 2),
            nn.ReLU(),
            nn.Linear(hidden // 2, classes),
        )

    def forward(self, rows: Tensor) -> Tensor:
        logits: Tensor = self.layers(rows)
        return logits
