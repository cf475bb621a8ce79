from math import inf

from serving.scheduling.token_sequence import Sequence
from serving.scheduling.waiting_sequences import WaitingSequences


def sequence(priority: int = 0, deadline: float = inf, arrived: float = 0.0) -> Sequence:
    return Sequence([1, 2, 3], 1, priority=priority, deadline=deadline, arrived=arrived)


def waiting(*sequences: Sequence, ageing: float = inf) -> WaitingSequences:
    queue = WaitingSequences(ageing, default_priority=2)
    for each in sequences:
        queue.add(each)
    return queue


def test_by_priority_then_by_deadline_then_as_they_came() -> None:
    low, default, second = sequence(3, 1.0), sequence(), sequence(2)
    late, soon, high = sequence(2, 9.0), sequence(0, 5.0), sequence(1)
    queue = waiting(low, default, second, late, soon, high)

    assert queue.first(9, 0.0) == [high, soon, late, default, second, low]
    assert queue.first(2, 0.0) == [high, soon]
    assert (len(queue), queue.tokens) == (6, 18)


def test_who_leaves_is_gone() -> None:
    first, second = sequence(), sequence()
    queue = waiting(first, second)
    queue.remove(first)

    assert first not in queue
    assert second in queue
    assert queue.first(9, 0.0) == [second]
    assert queue.tokens == 3


def test_who_has_waited_for_long_gets_every_fourth_turn() -> None:
    old, older = sequence(5, arrived=1.0), sequence(4)
    queue = waiting(older, old, *(sequence(1, arrived=9.0) for _ in range(20)), ageing=5.0)
    turns = []
    for _ in range(9):
        [turn] = queue.first(1, 10.0)
        queue.take(turn)
        turns.append(turn)

    assert [turns.index(older), turns.index(old)] == [3, 7]
    assert {it.priority for it in turns} == {1, 4, 5}


def test_a_turn_for_those_who_wait_is_no_turn_more() -> None:
    old = sequence(5)
    queue = waiting(old, *(sequence(1, arrived=9.0) for _ in range(5)), ageing=5.0)
    for _ in range(3):
        queue.take(queue.first(1, 10.0)[0])

    assert len(queue.first(2, 10.0)) == 2
    assert queue.first(2, 10.0)[0] is old
    assert len(set(queue.first(9, 10.0))) == 3


def test_before_that_priority_is_all_that_counts() -> None:
    old = sequence(5)
    queue = waiting(old, *(sequence(1) for _ in range(9)), ageing=5.0)
    for _ in range(9):
        queue.take(queue.first(1, 4.9)[0])

    assert queue.first(9, 4.9) == [old]


def test_those_whose_time_is_up_are_taken_out_once() -> None:
    hurried, patient, late = sequence(deadline=1.0), sequence(), sequence(deadline=2.0)
    queue = waiting(hurried, patient, late)

    assert queue.pop_expired(0.9) == []
    assert queue.pop_expired(1.0) == [hurried]
    assert queue.pop_expired(1.0) == []
    assert queue.pop_expired(3.0) == [late]
    assert queue.first(9, 3.0) == [patient]
