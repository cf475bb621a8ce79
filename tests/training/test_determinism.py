import pytest
import torch

from training.determinism import deterministic


def _drawn(seed: int) -> list[float]:
    with deterministic(seed, 1):
        return torch.rand(3).tolist()


def test_a_seed_decides_what_is_drawn() -> None:
    assert _drawn(1) == _drawn(1) != _drawn(2)


def test_everything_is_set_back_whatever_happens() -> None:
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    with pytest.raises(KeyError), deterministic(1, threads + 1):
        assert torch.get_num_threads() == threads + 1
        assert torch.are_deterministic_algorithms_enabled()
        torch.rand(3)
        raise KeyError

    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.equal(torch.get_rng_state(), before)
