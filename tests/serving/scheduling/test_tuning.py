import random

import pytest

from serving.scheduling.tuning import (
    Measured,
    Question,
    Setting,
    affordable,
    batch_sizes,
    candidates,
    choose,
    is_settled,
)

TWO_CORES = Question(cores=2, max_batch_size=64)


def at(setting: str, rows: int, milliseconds: float) -> Measured:
    instances, _, threads = setting.partition("x")
    return Measured(Setting(int(instances), int(threads)), rows, milliseconds / 1000)


def brief(settings: tuple[Setting, ...]) -> str:
    return ", ".join(f"{it.instances}x{it.threads}" for it in settings)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (Question(1), "1x1"),
        (Question(2), "2x1, 1x2, 1x1"),
        (Question(4), "4x1, 2x2, 1x4, 2x1, 1x2, 1x1"),
        (Question(6), "6x1, 3x2, 1x4, 1x6, 4x1, 2x1, 1x2, 1x1"),
        (Question(4, instances=1), "1x1, 1x2, 1x4"),
        (Question(2, instances=2), "2x1, 2x2"),
        (Question(8, threads=2), "4x2, 2x2, 1x2"),
        (Question(2, threads=8), "1x8"),
        (Question(8, instances=3, threads=5), "3x5"),
    ],
)
def test_all_cores_are_divided_in_every_way_before_fewer_are_used_and_what_is_fixed_stays(
    question: Question, expected: str
) -> None:
    assert brief(candidates(question)) == expected


def test_a_large_machine_has_no_more_instances_than_a_config_may_name() -> None:
    assert max(setting.instances for setting in candidates(Question(512))) == 256


@pytest.mark.parametrize(
    ("largest", "factor", "sizes"),
    [(0, 2, (1,)), (1, 4, (1,)), (2, 4, (1, 2)), (8, 4, (1, 4, 8)), (64, 4, (1, 4, 16, 64)), (6, 2, (1, 2, 4, 6))],
)
def test_batches_grow_by_a_factor_up_to_the_largest(largest: int, factor: int, sizes: tuple[int, ...]) -> None:
    assert batch_sizes(largest, factor) == sizes


def test_batches_that_would_take_too_long_are_left_out() -> None:
    sizes = (1, 4, 16, 64)
    assert affordable(sizes, row_seconds=0.0001, settings=3, budget=3) == sizes
    assert affordable(sizes, row_seconds=0.01, settings=3, budget=3) == (1, 4, 16)
    assert affordable(sizes, row_seconds=0.5, settings=3, budget=3) == ()


def test_the_highest_rate_wins_whichever_batch_it_is_at() -> None:
    small_cnn = [at("2x1", 1, 0.1), at("2x1", 32, 3), at("1x2", 1, 0.1), at("1x2", 32, 4), at("1x1", 32, 2.5)]
    assert choose(TWO_CORES, small_cnn).setting == Setting(2, 1)
    wide_mlp = [at("2x1", 1, 2), at("2x1", 32, 5), at("1x2", 1, 1), at("1x2", 32, 2), at("1x1", 32, 4)]
    assert choose(TWO_CORES, wide_mlp).setting == Setting(1, 2)


def test_among_equals_the_one_with_fewer_cores_wins_and_then_the_one_whose_threads_wait_for_nobody() -> None:
    assert choose(TWO_CORES, [at("2x1", 8, 1.96), at("1x2", 8, 0.98), at("1x1", 8, 1)]).setting == Setting(1, 1)
    assert choose(TWO_CORES, [at("1x2", 8, 0.97), at("2x1", 8, 2), at("1x1", 8, 2)]).setting == Setting(2, 1)
    assert choose(TWO_CORES, [at("1x2", 8, 0.94), at("2x1", 8, 2), at("1x1", 8, 2)]).setting == Setting(1, 2)


ONE_INSTANCE = Question(cores=2, instances=1, max_batch_size=64)


def choices(single: float, double: float, load: float) -> set[Setting]:
    """What comes of a hundred measurements of one and two threads, whose milliseconds are those of a quiet machine,
    while other programs have so much of the time. What one thread waited is left out; two lose up to twice as much, and
    of their turns, fifteen in three seconds, the best counts."""
    found = set()
    for seed in range(100):
        noise = random.Random(seed)
        alone = single * noise.uniform(0.97, 1.03)
        together = min(double * noise.uniform(1, 1 / (1 - load) ** 2) for _ in range(15))
        measured = [at("1x1", 64, alone), at("1x2", 64, together)]
        found.add(choose(ONE_INSTANCE, measured, load * noise.uniform(0.8, 1.2)).setting)
    return found


def test_of_one_instance_a_busy_machine_does_not_change_the_threads_by_chance() -> None:
    for load in (0.0, 0.2, 0.4, 0.6):
        assert choices(6, 3.6, load) == {Setting(1, 2)}, "they are much faster"
        assert choices(6, 10, load if load < 0.4 else 0) == {Setting(1, 1)}, "they are much slower"
    for load in (0.2, 0.4, 0.6):
        assert choices(6, 5.5, load) == {Setting(1, 2)}, "nobody can tell, and it is what the runtime does"


def test_in_doubt_is_only_what_disturbance_can_explain() -> None:
    measured = [at("1x1", 8, 1), at("1x2", 8, 1.3)]
    assert choose(ONE_INSTANCE, measured).setting == Setting(1, 1)
    assert choose(ONE_INSTANCE, measured, disturbed=0.2).setting == Setting(1, 1)
    assert choose(ONE_INSTANCE, measured, disturbed=0.4).setting == Setting(1, 2)
    assert choose(TWO_CORES, [*measured, at("2x1", 8, 1.2)], disturbed=0.4).setting == Setting(2, 1)


def test_an_objective_rules_out_batches_that_take_more_than_half_of_it() -> None:
    measured = [at("2x1", 8, 4), at("2x1", 64, 16), at("1x2", 8, 2.4), at("1x2", 64, 12)]
    assert choose(TWO_CORES, measured).setting == Setting(2, 1)
    tight = Question(2, max_batch_size=64, objective=0.005)
    chosen = choose(tight, measured)
    assert (chosen.setting, chosen.peaks[0].rows, chosen.is_within) == (Setting(1, 2), 8, True)


def test_where_nothing_is_quick_enough_the_quickest_is_chosen_and_it_is_said() -> None:
    measured = [at("2x1", 1, 4), at("2x1", 64, 16), at("1x2", 1, 3)]
    chosen = choose(Question(2, max_batch_size=64, objective=0.001), measured)
    assert (chosen.setting, chosen.is_within) == (Setting(1, 2), False)
    assert str(chosen) == (
        "1 instance x 2 threads (333 rows/s at 1; no batch takes less than half of latency_objective_ms)"
    )


def test_the_profile_is_the_chosen_ones_and_says_which_batch_is_enough() -> None:
    measured = [at("2x1", 64, 8), at("2x1", 1, 1), at("2x1", 16, 2), at("2x1", 4, 1), at("1x1", 64, 11)]
    chosen = choose(TWO_CORES, measured)
    assert chosen.profile == ((1, 0.001), (4, 0.001), (16, 0.002), (64, 0.008))
    assert chosen.enough_rows == 16


def test_in_words_it_is_what_was_chosen_and_what_the_others_would_have_given() -> None:
    measured = [at("2x1", 32, 4.8), at("1x2", 32, 4.4), at("1x1", 16, 3)]
    assert str(choose(TWO_CORES, measured)) == (
        "2 instances x 1 thread (13,333 rows/s at 32; 1 x 2: 7,273; 1 x 1: 5,333)"
    )


def lone(single: float, double: float) -> list[Measured]:
    """How many milliseconds one and two threads take for a row."""
    return [at("2x1", 1, single), at("1x2", 1, double), at("1x1", 1, single)]


def test_nearly_the_highest_rate_is_enough_where_batches_are_over_much_sooner() -> None:
    large = [at("2x1", 32, 10), at("1x2", 32, 6.2), at("1x1", 32, 9.9)]  # 81 % of the rate, 62 % of the time
    for row in (0.5, 0.9, 1.0):
        assert choose(TWO_CORES, [*large, *lone(1.0, row)]).setting == Setting(1, 2)
    assert choose(TWO_CORES, [*large, *lone(1.0, 1.1)]).setting == Setting(2, 1), "a lone row is later"


def test_less_than_that_is_not_however_soon_a_row_is_answered() -> None:
    large = [at("2x1", 32, 10), at("1x2", 32, 6.3), at("1x1", 32, 10)]  # 79 % of the rate
    assert choose(TWO_CORES, [*large, *lone(1.0, 0.4)]).setting == Setting(2, 1)


def test_without_lone_rows_the_rate_decides() -> None:
    large = [at("2x1", 32, 10), at("1x2", 32, 6.2)]
    assert choose(TWO_CORES, large).setting == Setting(2, 1)
    assert choose(TWO_CORES, [*large, at("1x2", 1, 0.4)]).setting == Setting(2, 1)
    assert choose(TWO_CORES, [*large, at("2x1", 1, 1)]).setting == Setting(2, 1)


def test_what_takes_fewer_cores_must_be_over_much_sooner_too() -> None:
    large = [at("2x1", 32, 10), at("1x1", 32, 6.2)]
    assert choose(TWO_CORES, [*large, at("2x1", 1, 1), at("1x1", 1, 0.8)]).setting == Setting(1, 1)
    large = [at("2x1", 32, 10), at("1x1", 32, 9)]
    assert choose(TWO_CORES, [*large, at("2x1", 1, 1), at("1x1", 1, 0.8)]).setting == Setting(2, 1)


def test_of_those_that_are_nearly_as_good_the_one_whose_batches_are_over_first_wins() -> None:
    four = Question(cores=4, max_batch_size=64)
    rows = [at("4x1", 1, 1), at("2x2", 1, 0.6), at("1x4", 1, 0.5)]
    large = [at("4x1", 32, 10), at("2x2", 32, 5.3)]
    assert choose(four, [*large, at("1x4", 32, 3.1), *rows]).setting == Setting(1, 4)
    assert choose(four, [*large, at("1x4", 32, 3.3), *rows]).setting == Setting(2, 2)


def test_what_is_sooner_must_be_nearly_as_good_within_the_objective() -> None:
    measured = [at("2x1", 8, 4), at("2x1", 64, 32), at("1x2", 64, 17), at("1x2", 8, 3), *lone(0.6, 0.44)]
    assert choose(TWO_CORES, measured).setting == Setting(1, 2)
    loose = choose(Question(2, max_batch_size=64, objective=0.070), measured)
    assert (loose.setting, loose.peaks[0].rows, loose.is_within) == (Setting(1, 2), 64, True)
    tight = choose(Question(2, max_batch_size=64, objective=0.008), measured)
    assert (tight.setting, tight.peaks[0].rows, tight.is_within) == (Setting(2, 1), 8, True)


def test_where_the_instances_are_fixed_the_rate_decides_since_it_says_what_is_over_sooner() -> None:
    rows = [at("1x1", 1, 1), at("1x2", 1, 0.4)]
    assert choose(ONE_INSTANCE, [at("1x1", 64, 8), at("1x2", 64, 9), *rows]).setting == Setting(1, 1)
    assert choose(ONE_INSTANCE, [at("1x1", 64, 8), at("1x2", 64, 7), *rows]).setting == Setting(1, 2)


def test_what_was_chosen_since_it_is_sooner_is_first_and_gives_the_profile() -> None:
    chosen = choose(TWO_CORES, [at("2x1", 32, 10), at("1x2", 32, 6.2), *lone(1.0, 0.5)])
    assert [it.setting.brief for it in chosen.peaks] == ["1 x 2", "2 x 1", "1 x 1"]
    assert chosen.profile == ((1, 0.0005), (32, 0.0062))


def test_measuring_goes_on_until_a_pass_changes_little() -> None:
    before, same, other = [at("1x1", 1, 1)], [at("1x1", 1, 1.02)], [at("1x1", 1, 0.9)]
    assert is_settled(4, before, same)
    assert not is_settled(3, before, same), "a few times at least"
    assert not is_settled(9, before, other)
    assert not is_settled(9, [], same)
