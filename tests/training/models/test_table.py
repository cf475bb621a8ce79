import torch

from serving.core.columns import category, number
from training.models.table import TableFeatures

NAN, INF = torch.nan, torch.inf
COLUMNS = (number("age"), category("colour", ["red", "blue"]), number("size"))
ROWS = torch.tensor([[1.0, 0, NAN], [3, 1, 10], [5, NAN, 20], [7, 0, 60]])


def fitted(gaps: tuple[int, ...] = (1, 2)) -> TableFeatures:
    features = TableFeatures(COLUMNS, gaps)
    features.fit(ROWS)
    return features


def test_a_row_is_its_numbers_its_gaps_and_its_categories() -> None:
    features = fitted()
    seen = features(ROWS)

    assert seen.shape == (4, features.width)
    torch.testing.assert_close(seen[:, 0], torch.tensor([-3.0, -1, 1, 3]) / 5**0.5)
    sizes = torch.tensor([20.0, 10, 20, 60])  # the median where it is missing
    torch.testing.assert_close(seen[:, 1], (sizes - sizes.mean()) / sizes.std(correction=0))
    assert seen[:, 2:4].tolist() == [[0, 1], [0, 0], [1, 0], [0, 0]]
    assert seen[:, 4:].tolist() == [[1, 0], [0, 1], [0, 0], [1, 0]]


def test_what_was_never_seen_adds_nothing() -> None:
    unknown, missing = fitted(gaps=(2,))(torch.tensor([[3.0, -1, 10], [NAN, NAN, 10]]))

    assert unknown[3:].tolist() == missing[3:].tolist() == [0, 0]
    assert missing[2] == 0
    assert missing[0] == unknown[0]  # the median of 1, 3, 5 and 7, as PyTorch has it


def test_infinities_are_missing_and_what_is_far_away_stays_finite() -> None:
    features = fitted()
    torch.testing.assert_close(features(torch.tensor([[1.0, 0, INF]])), features(torch.tensor([[1.0, 0, NAN]])))
    assert features(torch.tensor([[3e38, 0, -3e38]]))[0, :2].tolist() == [10, -10]


def test_a_column_that_is_missing_in_all_rows_does_no_harm() -> None:
    features = TableFeatures(COLUMNS[:1], ())
    features.fit(torch.full((3, 1), NAN))

    assert features(torch.tensor([[NAN], [5.0]])).isfinite().all()


def test_statistics_are_saved_and_columns_are_not() -> None:
    assert set(fitted().state_dict()) == {"medians", "standardize.mean", "standardize.std"}


def test_a_table_without_numbers_or_without_categories() -> None:
    colours = TableFeatures(COLUMNS[1:2], ())
    colours.fit(ROWS[:, 1:2])
    assert colours(ROWS[:, 1:2]).tolist() == [[1, 0], [0, 1], [0, 0], [1, 0]]

    ages = TableFeatures(COLUMNS[:1], ())
    ages.fit(ROWS[:, :1])
    assert ages(ROWS[:, :1]).shape == (4, 1)
