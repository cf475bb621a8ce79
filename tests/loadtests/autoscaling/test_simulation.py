"""What the chart's targets do to a model that takes a second and more, so that few requests are a load."""

from dataclasses import replace
from functools import cache
from math import ceil, inf

import numpy as np
import pytest

from loadtests.autoscaling.horizontal import Rules
from loadtests.autoscaling.replica import Service
from loadtests.autoscaling.scraped import Signal
from loadtests.autoscaling.simulation import Cluster, Outcome, Setup, alone
from loadtests.autoscaling.targets import targets
from loadtests.autoscaling.verdict import lag, shares, verdict
from loadtests.load import Open, Phased, departures

LIMIT, CAPACITY = 5.0, 5.0
SERVICE = Service(0.8, 0.08, 8, objective=LIMIT)
SETUP = Setup({}, Rules(most=30))
RAMP = ((60, 1.4, 1.4), (600, 1.4, 5), (60, 5, 5), (720, 2, 2))
STEP = ((180, 2, 2), (240, 6, 6))


def played(
    parts: tuple[tuple[float, float, float], ...],
    setup: Setup = SETUP,
    service: Service = SERVICE,
    signals: dict[Signal, float] | None = None,
) -> Outcome:
    """By all signals of the chart unless some are given; parts are seconds and loads in what a replica can do."""
    load = Phased(tuple((seconds, Open(CAPACITY * a, CAPACITY * b)) for seconds, a, b in parts))
    chosen = signals or targets(service, CAPACITY, 0.7)
    setup = replace(setup, targets=chosen, replicas=max(2, ceil(parts[0][1] / 0.7)))
    return Cluster(service, setup).run(departures(load, sum(seconds for seconds, _, _ in parts), seed=1))


@cache
def ramp() -> Outcome:
    return played(RAMP)


@cache
def step() -> Outcome:
    return played(STEP)


def test_a_replica_can_do_what_is_said_here() -> None:
    assert np.mean(alone(SERVICE, CAPACITY, 600) <= LIMIT) > 0.99


def test_the_shipped_targets_hold_the_objective_on_a_ramp_and_give_back_what_is_not_needed() -> None:
    outcome = ramp()
    found = verdict(outcome, LIMIT, CAPACITY, least=2)
    assert found.within > 0.99
    assert found.worst > 0.95
    assert found.used < 2 * found.needed
    assert [look.asked for look in outcome.looks][-1] <= 4


@pytest.mark.parametrize("per_pod", [False, True], ids=["KEDA", "HPA"])
def test_a_step_beyond_the_room_costs_requests_until_replicas_are_there_and_then_none(per_pod: bool) -> None:
    setup = replace(SETUP, per_pod=per_pod)
    outcome = played(STEP, setup)
    found = shares(np.array(outcome.arrivals), np.array(outcome.latencies) <= LIMIT, 15)
    late = [at for at, share in found.items() if share < 0.95]
    assert late, "three times the load is more than 1 / 0.7"
    assert min(late) >= 180
    assert max(late) <= 180 + lag(setup) + 45
    assert max(look.asked for look in outcome.looks) <= 2 * 6 / 0.7, "in flight, an overload looks larger than it is"


def test_a_quicker_start_loses_less() -> None:
    quick = verdict(played(STEP, replace(SETUP, start_up=15, scrape=5, window=30)), LIMIT, CAPACITY)
    assert quick.within > verdict(step(), LIMIT, CAPACITY).within


def test_without_an_objective_the_backlog_is_taken_for_demand() -> None:
    """Nothing is refused, so that what could not be done yet is in flight."""
    patient = verdict(played(STEP, service=replace(SERVICE, objective=inf)), LIMIT, CAPACITY)
    assert patient.most == SETUP.rules.most
    assert patient.within < verdict(step(), LIMIT, CAPACITY).within


def test_utilisation_asks_for_far_more_on_a_ramp() -> None:
    """A batcher is busy long before it is full."""
    utilisation = verdict(played(RAMP, signals={Signal.BUSY: 0.8}), LIMIT, CAPACITY)
    assert utilisation.used > 1.3 * verdict(ramp(), LIMIT, CAPACITY).used


def test_rates_of_five_minutes_come_too_late() -> None:
    late = verdict(played(RAMP, replace(SETUP, window=300)), LIMIT, CAPACITY)
    assert late.worst < verdict(ramp(), LIMIT, CAPACITY).worst


def test_each_request_has_one_outcome_and_none_is_lost_as_replicas_leave() -> None:
    down = ((60, 5, 5), (600, 1, 1))
    outcome = played(down, service=replace(SERVICE, objective=inf))
    assert len(outcome.arrivals) == len(outcome.latencies)
    assert max(outcome.latencies) < inf
    assert min(outcome.latencies) >= SERVICE.seconds(1) - 1e-9
    assert outcome.looks[-1].replicas <= 3 < outcome.looks[0].replicas, "some left"


def test_the_same_seed_gives_the_same_outcome() -> None:
    first, second = (Cluster(SERVICE, SETUP).run(departures(Open(8), 60, 1)) for _ in range(2))
    assert first == second
