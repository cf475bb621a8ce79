import torch

from training.models.standardize import Standardize


def test_fitted_columns_have_mean_zero_and_deviation_one() -> None:
    rows = torch.tensor([[1.0, 100.0], [3.0, 300.0], [5.0, 500.0]])
    standardize = Standardize((2,))
    standardize.fit(rows)
    result = standardize(rows)

    assert torch.allclose(result.mean(dim=0), torch.zeros(2), atol=1e-6)
    assert torch.allclose(result.std(dim=0, correction=0), torch.ones(2))


def test_without_a_shape_all_values_share_one_mean() -> None:
    standardize = Standardize()
    standardize.fit(torch.tensor([[[[0.0, 2.0]]], [[[4.0, 6.0]]]]))

    assert standardize.mean.item() == 3.0


def test_a_column_that_never_varies_gives_zeros() -> None:
    standardize = Standardize((1,))
    standardize.fit(torch.full((4, 1), 7.0))

    assert standardize(torch.full((2, 1), 7.0)).tolist() == [[0.0], [0.0]]


def test_the_statistics_are_saved_with_the_weights() -> None:
    assert set(Standardize((2,)).state_dict()) == {"mean", "std"}


def test_before_it_is_fitted_it_changes_nothing() -> None:
    rows = torch.rand(3, 2)

    assert torch.equal(Standardize((2,))(rows), rows)
