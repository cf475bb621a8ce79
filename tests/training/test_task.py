import torch

from training.task import mixed, of_pass, shuffled


def test_a_pass_has_each_row_once_and_the_next_another_order() -> None:
    first, second = (torch.cat(list(shuffled(50, number, 3, 8))) for number in (0, 1))

    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(50))
    assert not torch.equal(first, second)
    assert [len(rows) for rows in shuffled(50, 0, 3, 8)] == [8] * 6 + [2]


def test_the_order_follows_from_seed_and_pass() -> None:
    one, again, other = (torch.cat(list(shuffled(50, 5, seed, 8))) for seed in (1, 1, 2))

    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_mixed_seeds_are_their_own_and_what_torch_takes() -> None:
    seeds = {mixed(seed, number) for seed in (0, 1, 2**63 - 1) for number in range(1000)}

    assert len(seeds) == 3000
    assert 0 <= min(seeds) <= max(seeds) < 2**63
    of_pass(7, 2**63 - 1)
