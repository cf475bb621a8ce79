"""What is exported and served: a classifier whose answers are probabilities."""

from torch import Tensor, nn


class Probabilities(nn.Module):
    """Raw inputs [N, ...] -> FP32 [N, classes], each row adding up to 1. Always in evaluation mode."""

    def __init__(self, classifier: nn.Module) -> None:
        super().__init__()
        self.classifier = classifier
        self.eval()

    def forward(self, rows: Tensor) -> Tensor:
        logits: Tensor = self.classifier(rows)
        return logits.softmax(dim=1)
