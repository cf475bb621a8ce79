import numpy as np
import pytest
import torch
from torch import Tensor, nn

from training.classification import explanations
from training.report.section import Bars, Figure, Pictures, Section, Text

NAMES = ("no", "yes")
COLUMNS = ({"name": "age"}, {"name": "height"}, {"name": "weight"})


class Second(nn.Module):
    """Probabilities of which only the second value of a row decides."""

    def forward(self, rows: Tensor) -> Tensor:
        seen = torch.where(rows.isnan(), 0.0, rows).reshape(len(rows), -1)[:, 1]
        return torch.stack([-seen, seen], dim=1).softmax(dim=1)


def explained(rows: np.ndarray) -> Section:
    probabilities = Second()(torch.from_numpy(rows)).numpy()
    return explanations.explained(Second(), rows, probabilities, NAMES, COLUMNS)


def bars(section: Section) -> list[Bars]:
    plots = [part.plot for part in section.parts if isinstance(part, Figure)]
    return [plot for plot in plots if isinstance(plot, Bars)]


@pytest.mark.parametrize("gap", [False, True], ids=["gradients", "Shapley's values"])
def test_the_column_that_decides_moves_the_probability_all_the_way(gap: bool) -> None:
    rows = np.random.default_rng(0).normal(size=(9, 3)).astype(np.float32)
    if gap:
        rows[0, 0] = np.nan

    found = bars(explained(rows))

    probabilities = Second()(torch.from_numpy(rows)).numpy()
    middle = np.sort(rows[:, 1])[4]
    for row, plot in zip(explanations.telling(probabilities), found, strict=True):
        (_, values), *_ = plot.series
        assert plot.labels[0] == f"height = {rows[row, 1]:.4g}"
        answer = probabilities[row].argmax()
        typical = Second()(torch.tensor([[0.0, middle, 0.0]])).numpy()[0, answer]
        assert values[0] == pytest.approx(probabilities[row, answer] - typical, abs=1e-3)
        assert values[1:] == pytest.approx((0, 0), abs=1e-6)


def test_categories_are_told_by_their_names() -> None:
    columns = ({"name": "age"}, {"name": "colour", "values": ["red", "blue"]}, {"name": "weight"})
    rows = np.array([[3, 1, np.nan], [4, 0, 2], [5, -1, 2]], np.float32)
    probabilities = Second()(torch.from_numpy(rows)).numpy()

    section = explanations.explained(Second(), rows, probabilities, NAMES, columns)

    labels = {label for plot in bars(section) for label in plot.labels}
    assert {"colour = blue", "colour = something else", "weight is missing", "age = 3"} <= labels


def test_explanations_are_the_same_each_time_and_leave_chance_alone() -> None:
    rows = np.array([[1, 2, 3], [3, 2, 1], [0, -1, 2]], np.float32)
    torch.manual_seed(5)
    before = torch.get_rng_state()

    assert explained(rows) == explained(rows)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_picture_is_shown_with_each_method() -> None:
    rows = np.random.default_rng(0).uniform(-1, 1, size=(5, 1, 4, 4)).astype(np.float32)

    found = explained(rows).parts

    assert [type(part) for part in found] == [Text, Pictures, Text, Pictures]
    assert isinstance(found[1], Pictures)
    assert all(picture.caption.startswith("answer ") for picture in found[1].pictures)


def test_rows_worth_a_look_are_the_surest_of_each_answer_and_the_least_sure() -> None:
    probabilities = np.float32([[0.9, 0.1], [0.99, 0.01], [0.2, 0.8], [0.49, 0.51]])

    assert explanations.telling(probabilities) == [1, 2, 3]


def test_what_can_not_be_explained_says_so() -> None:
    (part,) = explanations.explained(Second(), np.zeros((2, 5), np.int64), np.eye(2), NAMES, ()).parts

    assert part == Text("There is no explanation for inputs of this kind yet.")
