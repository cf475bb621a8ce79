import pytest
import torch
from torch import Tensor

from training.models.transcriber import FRAMES_A_SECOND, Greedy, Transcriber, best

RATE = 8000


@pytest.fixture(scope="module")
def network() -> Transcriber:
    torch.manual_seed(0)
    return Transcriber(RATE, classes=5, bands=20, channels=16, blocks=2, kernel=5, dropout=0.5).eval()


def noise(samples: int, seed: int = 0) -> Tensor:
    return torch.randn(samples, generator=torch.Generator().manual_seed(seed))


def filled(row: Tensor, samples: int) -> Tensor:
    return torch.nn.functional.pad(row, (0, samples - len(row)))


def test_each_frame_has_probabilities(network: Transcriber) -> None:
    found, frames = network(noise(RATE).unsqueeze(0), torch.tensor([[RATE]]))
    assert frames.tolist() == [FRAMES_A_SECOND]
    torch.testing.assert_close(found.exp().sum(dim=2), torch.ones(1, found.shape[1]))


@pytest.mark.parametrize("samples", [1, 80, 800, 3999, 8000])
def test_a_row_is_heard_alike_however_far_it_is_filled_up_and_beside_whatever(
    network: Transcriber, samples: int
) -> None:
    row, other = noise(samples), noise(12_000, seed=1)
    alone, (frames,) = network(row.unsqueeze(0), torch.tensor([[samples]]))
    for width in (12_000, 16_000):
        both = torch.stack([filled(row, width), filled(other, width)])
        found, counts = network(both, torch.tensor([[samples], [12_000]]))
        assert counts[0] == frames
        torch.testing.assert_close(found[0, :frames], alone[0, :frames], atol=1e-5, rtol=0)


def test_behind_the_end_nothing_is_heard(network: Transcriber) -> None:
    tokens = Greedy(network)(filled(noise(4000), 16_000).unsqueeze(0), torch.tensor([[4000]]))
    assert tokens.dtype == torch.int64
    assert tokens[0, FRAMES_A_SECOND // 2 :].count_nonzero() == 0


def test_the_best_class_of_each_frame() -> None:
    found = torch.tensor([[[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]]])
    assert best(found, torch.tensor([2])).tolist() == [[1, 0, 0]]


def test_a_kernel_without_a_middle_is_refused() -> None:
    with pytest.raises(ValueError, match="kernel must be odd, got 4"):
        Transcriber(RATE, classes=5, bands=20, channels=16, blocks=2, kernel=4, dropout=0.5)
