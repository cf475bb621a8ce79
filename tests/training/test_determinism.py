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
    seen: list[object] = []

    def run() -> None:
        with deterministic(1, threads + 1):
            seen.extend((torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), torch.rand(3)))
            raise KeyError

    with pytest.raises(KeyError):
        run()

    assert seen[:2] == [threads + 1, True]
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.equal(torch.get_rng_state(), before)
