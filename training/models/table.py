"""A table's rows, as the server takes them, as values around zero that a network can be given.

Rule: what was never seen in training, be it a category or a gap in a column that had none, is nothing to the network
rather than a weight that has learnt nothing.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from serving.core.columns import Column
from training.models.standardize import Standardize

_LARGEST = torch.finfo(torch.float32).max
_MOST_DEVIATIONS = 10.0  # a number far outside of what was seen is still a number behind the network


class TableFeatures(nn.Module):
    """[N, columns], NaN where missing -> [N, width]: numbers standardised, with the median for what is missing; 1 for
    each column with `gaps` that is missing; and 1 for the category, one of each column's values, that a row has."""

    medians: Tensor
    numbers: Tensor
    gaps: Tensor
    places: Tensor
    values: Tensor

    def __init__(self, columns: Sequence[Column], gaps: Sequence[int]) -> None:
        super().__init__()
        numbers = [place for place, column in enumerate(columns) if not column.values]
        of_values = [(place, value) for place, column in enumerate(columns) for value in column.values.values()]
        self.width = len(numbers) + len(gaps) + len(of_values)
        self.standardize = Standardize((len(numbers),))
        self.parts = (bool(numbers), bool(gaps), bool(of_values))
        self.register_buffer("medians", torch.zeros(len(numbers)))
        self._keep("numbers", numbers)
        self._keep("gaps", gaps)
        self._keep("places", [place for place, _ in of_values])
        self._keep("values", [float(value) for _, value in of_values])

    def _keep(self, name: str, values: Sequence[float]) -> None:
        """Known from the columns, so that it needs no place in a checkpoint."""
        dtype = torch.float32 if name == "values" else torch.int64
        self.register_buffer(name, torch.tensor(values, dtype=dtype), persistent=False)

    def fit(self, rows: Tensor) -> None:
        """Take medians, means and deviations from `rows` to train on."""
        if self.medians.numel():
            numbers = rows[:, self.numbers]
            self.medians.copy_(numbers.nanmedian(dim=0).values.nan_to_num())
            self.standardize.fit(torch.where(_is_missing(numbers), self.medians, numbers))

    def forward(self, rows: Tensor) -> Tensor:
        has_numbers, has_gaps, has_categories = self.parts
        parts = []
        if has_numbers:
            numbers = rows[:, self.numbers]
            filled = torch.where(_is_missing(numbers), self.medians, numbers)
            parts.append(self.standardize(filled).clamp(-_MOST_DEVIATIONS, _MOST_DEVIATIONS))
        if has_gaps:
            parts.append(_is_missing(rows[:, self.gaps]).to(rows.dtype))
        if has_categories:
            parts.append((rows[:, self.places] == self.values).to(rows.dtype))
        return torch.cat(parts, dim=1)


def _is_missing(rows: Tensor) -> Tensor:
    """NaN and infinities: the comparison is false for both."""
    return ~(rows.abs() <= _LARGEST)
