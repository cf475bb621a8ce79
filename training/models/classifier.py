"""What is trained: raw inputs to logits, with all preprocessing inside.

Rule: a client sends what it measured; nothing that the training did to its inputs is left for the client to do.
"""

from torch import Tensor, nn

from training.models.standardize import Standardize
from training.models.table import TableFeatures


class Classifier(nn.Module):
    """`prepare` (without weights), then standardisation, then `network`, which sees values around zero."""

    def __init__(self, prepare: nn.Module, standardize: Standardize | TableFeatures, network: nn.Module) -> None:
        super().__init__()
        self.prepare = prepare
        self.standardize = standardize
        self.network = network

    def fit_inputs(self, rows: Tensor) -> None:
        """Take the standardisation from the training set's raw rows; called once, before the first epoch."""
        self.standardize.fit(self.prepare(rows))

    def forward(self, rows: Tensor) -> Tensor:
        logits: Tensor = self.network(self.standardize(self.prepare(rows)))
        return logits
