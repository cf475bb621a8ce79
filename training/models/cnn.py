"""The classic small image network: two convolutions with pooling, then two linear layers."""

from torch import Tensor, nn

_DROPOUT = 0.5  # of the hidden layer, while training


class Cnn(nn.Module):
    """Images [N, colours, side, side] -> logits [N, classes]; `side` is 4 at least."""

    def __init__(self, side: int, channels: int, hidden: int, classes: int, colours: int = 1) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(colours, channels, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(channels, 2 * channels, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(2 * channels * (side // 4) ** 2, hidden),
            nn.ReLU(),
            nn.Dropout(_DROPOUT),
            nn.Linear(hidden, classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.layers(images)
        return logits
