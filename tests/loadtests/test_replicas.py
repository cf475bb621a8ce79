import json
from dataclasses import replace

import numpy as np
import pytest

from loadtests.replicas import Assumptions, Use, replicas, use, values
from tests.loadtests.results import result_of
from tests.test_architecture import ROOT


def test_a_peak_needs_its_capacity_room_and_spares() -> None:
    confirmed = result_of(np.full(1000, 0.02), rate=400)
    plan = replicas(5000, confirmed, Use(cpu=1.73, memory=700 * 2**20), Assumptions(headroom=0.2, spare=1))
    assert plan.replicas == 15 + 1
    assert plan.rate == pytest.approx(280)
    assert plan.in_flight == pytest.approx(280 * 0.02, rel=0.01)
    assert (plan.cpu, plan.memory) == ("1800m", "896Mi")
    assert values(plan)["autoscaling"]["maxReplicas"] == 32
    assert values(plan)["resources"]["limits"] == {"memory": "896Mi"}


def test_what_one_can_do_is_what_came() -> None:
    fewer = replace(result_of(np.full(1000, 0.02), rate=400), offered=360.0)
    plan = replicas(3600, fewer, None, Assumptions(headroom=0.0, spare=0))
    assert (plan.capacity, plan.replicas, plan.rate) == (360, 10, 252)
    assert plan.in_flight == pytest.approx(252 * 0.02, rel=0.01)


def test_requests_in_flight_are_those_at_the_target_and_not_at_the_capacity() -> None:
    """They wait for longer at the capacity; where the server tells, what callers wait beside it does not count."""
    confirmed, lower = (result_of(np.full(1000, wait), rate=rate) for wait, rate in ((0.05, 400), (0.02, 300)))
    plan = replicas(5000, confirmed, None, Assumptions(target=0.75), (lower,))
    assert plan.in_flight == pytest.approx(300 * 0.02, rel=0.01)
    told = [replace(run, server={"queue_ms": 4.0, "compute_ms": 6.0}) for run in (confirmed, lower)]
    plan = replicas(5000, told[0], None, Assumptions(target=0.75), told[1:])
    assert plan.in_flight == pytest.approx(300 * 0.01, rel=0.01)


def test_targets_of_a_model_that_is_rarely_asked_are_not_0_which_the_chart_refuses() -> None:
    plan = replicas(0.05, result_of(np.full(1000, 0.001), rate=0.06), None, Assumptions())
    assert (plan.rate, plan.in_flight) == (0.042, 0.000042)


@pytest.mark.parametrize("protocol", ["v2", "chat"])
def test_the_chart_has_every_value_that_is_given(protocol: str) -> None:
    """Sequences are what models that write have in flight."""
    schema = json.loads((ROOT / "deploy" / "helm" / "slipway" / "values.schema.json").read_text())["properties"]
    confirmed = replace(result_of(np.full(1000, 0.02), rate=400), protocol=protocol)
    plan = replicas(5000, confirmed, Use(1.0, 2.0**29), Assumptions())
    given = values(plan)
    scaling = given["autoscaling"]
    assert set(given) <= set(schema)
    assert set(scaling) <= set(schema["autoscaling"]["properties"])
    assert scaling.get("sequencesPerReplica") == (plan.in_flight if protocol == "chat" else None)


def test_a_server_that_tells_nothing_leaves_its_resources_open() -> None:
    confirmed = result_of(np.full(1000, 0.02), rate=400)
    assert use(confirmed) is None
    assert "resources" not in values(replicas(100, confirmed, None, Assumptions()))
