from serving.backends.steady_sizes import SteadySizes


def test_it_goes_up_at_once_to_a_power_of_two_and_not_above_the_largest_batch() -> None:
    sizes = SteadySizes(48)
    assert [sizes.size_for(rows) for rows in (1, 2, 3, 9, 33, 48)] == [1, 2, 4, 16, 48, 48]


def test_smaller_batches_do_not_change_it_until_many_came_in_a_row() -> None:
    sizes = SteadySizes(64)
    assert sizes.size_for(20) == 32
    assert {sizes.size_for(rows) for rows in [1, 5, 7, 3] * 16} == {32}
    assert sizes.size_for(1) == 8, "what the largest of them needed"


def test_one_batch_that_needs_all_of_it_starts_the_count_anew() -> None:
    sizes = SteadySizes(64)
    for _ in range(3):
        assert sizes.size_for(20) == 32
        assert {sizes.size_for(1) for _ in range(60)} == {32}


def test_a_batch_is_never_smaller_than_its_rows() -> None:
    assert SteadySizes(4).size_for(7) == 7
    assert SteadySizes(4).size_for(0) == 0
