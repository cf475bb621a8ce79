from math import inf

from serving.engine.objectives import Fate, Objectives
from serving.errors import BackendFailed, DeadlineExceeded


def test_answers_are_in_time_until_the_moment_itself() -> None:
    objectives = Objectives()
    objectives.answered([1.0, 2.0, 3.0, inf], 2.0)
    assert objectives.counts == {Fate.IN_TIME: 2, Fate.LATE: 1, Fate.REFUSED: 0, Fate.DROPPED: 0}


def test_who_had_no_deadline_counts_nowhere() -> None:
    objectives = Objectives()
    objectives.answered([inf], 1.0)
    objectives.refused(inf)
    objectives.failed(inf, DeadlineExceeded("late"))
    objectives.given_up(inf, 1.0)
    assert not any(objectives.counts.values())


def test_who_left_before_the_time_was_over_was_not_failed() -> None:
    objectives = Objectives()
    objectives.given_up(2.0, 1.0)
    assert objectives.counts[Fate.DROPPED] == 0
    objectives.given_up(2.0, 2.5)
    objectives.failed(2.0, DeadlineExceeded("late"))
    objectives.failed(2.0, BackendFailed("broken"))
    objectives.refused(2.0)
    assert repr(objectives) == "<Objectives 0 in_time, 0 late, 1 refused, 2 dropped>"
