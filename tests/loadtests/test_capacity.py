import pytest

from loadtests.capacity import Trial, bracket, confirmations, limited_by_generator, next_rate


def search(capacity: float, first: float, generator: float = 1e9) -> list[Trial]:
    """Of a server that holds rates up to its capacity, with a generator that is late above what it can send."""
    trials: list[Trial] = []
    while (rate := next_rate(trials, first)) is not None:
        assert len(trials) < 40
        trials.append(Trial(rate, held=rate <= min(capacity, generator), valid=rate <= generator))
    return trials


@pytest.mark.parametrize("capacity", [0.3, 90.0, 100.0, 5000.0])
@pytest.mark.parametrize("first", [1.0, 100.0, 3000.0])
def test_the_highest_rate_is_found_wherever_the_search_begins(capacity: float, first: float) -> None:
    trials = search(capacity, first)
    low, high = bracket(trials)
    assert low <= capacity
    assert high is not None
    assert capacity < high <= low * 1.05
    assert len(trials) < 25


def test_an_objective_that_no_rate_holds_ends_the_search() -> None:
    assert bracket(search(0.0, 100.0))[0] == 0.0


def test_a_generator_that_can_do_no_more_ends_the_search_and_is_told() -> None:
    trials = search(1000.0, 100.0, generator=500.0)
    low, high = bracket(trials)
    assert low <= 500.0 < (high or 0) <= low * 1.05
    assert limited_by_generator(trials)
    assert not limited_by_generator(search(400.0, 100.0, generator=500.0))


def test_what_was_missed_once_while_requests_left_late_is_tried_again() -> None:
    """Whatever else the machine did may be over; missed twice it is missed, and so is what a punctual one missed."""
    trials = [Trial(100, True), Trial(200, False, valid=False)]
    assert next_rate(trials, 100.0) == 200
    assert next_rate([*trials, Trial(200, True)], 100.0) == 400
    assert bracket([*trials, Trial(200, True)]) == (200, None)
    assert next_rate([*trials, Trial(200, False, valid=False)], 100.0) == pytest.approx(141.4, abs=0.1)
    assert limited_by_generator([*trials, Trial(200, False, valid=False)])
    assert not limited_by_generator([*trials, Trial(200, False)])
    assert next_rate([Trial(100, True), Trial(200, False)], 100.0) == pytest.approx(141.4, abs=0.1)


def test_what_held_although_requests_left_late_held() -> None:
    trials = [Trial(100, True, valid=False), Trial(200, False)]
    assert bracket(trials) == (100, 200)
    assert not limited_by_generator(trials)


def test_too_few_requests_for_a_verdict_end_the_search() -> None:
    assert next_rate([Trial(1.0, False)], 1.0, lowest=0.6) is None
    assert next_rate([Trial(1.0, False)], 1.0, lowest=0.4) == 0.5


def test_a_rate_that_held_by_chance_above_one_that_did_not_does_not_count() -> None:
    trials = [Trial(100, True), Trial(200, False), Trial(150, True), Trial(400, True)]
    assert bracket(trials) == (150, 200)


def test_what_does_not_hold_for_longer_is_lowered_by_more_and_more() -> None:
    assert list(confirmations(100.0)) == pytest.approx([100.0, 95.0, 85.5, 68.4, 41.04])
