from math import inf

import pytest

from loadtests.autoscaling.replica import Replica, Request, Service


def ended(replica: Replica, now: float) -> list[tuple[float, int, list[Request]]]:
    return list(replica.begin(now))


def test_what_waits_while_an_instance_is_busy_runs_together() -> None:
    replica = Replica(Service(base=1.0, each=0.1, largest=4))
    replica.take(0, 0.0)
    ((ends, instance, batch),) = ended(replica, 0.0)
    assert (ends, len(batch)) == (pytest.approx(1.1), 1)
    for number in range(1, 7):
        replica.take(number, 0.5)
    assert ended(replica, 0.5) == []
    assert replica.counters(0.5).waiting == replica.waiting == 6
    replica.end(instance, batch, ends)
    ((ends, _, batch),) = ended(replica, ends)
    assert [request.number for request in batch] == [1, 2, 3, 4]
    assert ends == pytest.approx(1.1 + 1.4)


def test_counters_are_those_of_what_was_answered() -> None:
    replica = Replica(Service(base=1.0, each=0.0))
    replica.take(0, 0.0)
    replica.take(1, 0.25)
    ((ends, instance, batch),) = ended(replica, 0.25)
    assert replica.counters(0.75)[:4] == (0.0, 0, 0, pytest.approx(0.5)), "busy counts up to now"
    replica.end(instance, batch, ends)
    assert replica.counters(ends)[:4] == (pytest.approx(1.25), 1, 0, pytest.approx(1.0))


def test_with_an_objective_what_would_be_late_is_refused_and_counted() -> None:
    replica = Replica(Service(base=1.0, each=0.0, objective=2.5))
    taken = [replica.take(number, 0.0) for number in range(10)]
    assert 0 < sum(taken) < 10
    assert replica.counters(0.0).refused == 10 - sum(taken)
    endless = Replica(Service(base=1.0, each=0.0, objective=inf))
    assert all(endless.take(number, 0.0) for number in range(10))
