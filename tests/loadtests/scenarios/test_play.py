"""Scenarios on a real server, and what they come to."""

import signal
from collections.abc import Callable
from dataclasses import replace
from threading import Timer

import pytest

from loadtests.asking import CannotTest
from loadtests.call import Call
from loadtests.result import Ending, Result
from loadtests.run import Plan, Progress
from loadtests.scenarios.judging import Verdict, worst
from loadtests.scenarios.play import Given, leaving, played
from loadtests.scenarios.scenario import Action, Checks, Deed, Part, Phase, Scenario
from loadtests.targeting import Aim
from tests.running_server import RunningServer

SOUND = Checks(failed=0.0, refused=0.0, idle_s=10.0)


class Nobody:
    def watch(self, _: Plan) -> Callable[[Progress], bool]:
        return lambda _: False

    def tell(self, result: Result, words: str) -> None: ...


def given(server: RunningServer, model: str | None = "double") -> Given:
    aim = Aim(server.url, model)
    return Given(
        aim, f"http://127.0.0.1:{server.metrics_port}/metrics", f"grpc://{server.grpc_address}", 100.0, warm_up=0.0
    )


def test_a_model_is_loaded_anew_and_nobody_notices(changeable: RunningServer) -> None:
    phases = (Phase(1.0, share=0.5), Phase(0.5, share=1.0))
    scenario = Scenario("", (Part(phases),), (Action(Deed.RELOAD, 0.3, 0.5),), SOUND)
    document, found = played(scenario, given(changeable), Nobody(), pytest.fail)
    assert worst(found) is Verdict.PASSED, found
    assert [each.check for each in found] == ["failed", "refused", "idle", *["reload double"] * 3]
    [run] = document.runs
    assert run.fates == {"answered": run.requests}
    assert run.server["memory"] > 10e6
    assert [phase["rate"] for phase in run.load["phases"]] == [50.0, 100.0]
    assert document.decision["kind"] == "scenario"


def test_without_a_model_requests_fail_and_so_does_the_scenario(changeable: RunningServer) -> None:
    restart = tuple(Action(Deed.RESTART, 0.2 * turn) for turn in range(1, 5))
    scenario = Scenario("", (Part((Phase(1.0, rate=400.0),)),), restart, Checks(failed=0.0, refused=0.0))
    _, found = played(scenario, given(changeable, "other"), Nobody(), pytest.fail)
    assert worst(found) is Verdict.FAILED


def test_each_model_is_asked_in_each_protocol(changeable: RunningServer) -> None:
    told: list[str] = []
    parts = (Part((Phase(0.5, share=0.4),), model="*"), Part((Phase(0.5, share=0.4),), model="*", protocol="grpc"))
    fast = replace(given(changeable, None), aim=Aim(changeable.url, timeout=0.5))
    document, found = played(Scenario("", parts, checks=SOUND), fast, Nobody(), told.append)
    assert worst(found) is Verdict.PASSED, found
    assert [(run.model, run.protocol) for run in document.runs] == [
        ("double", "v2-binary"),
        ("other", "v2-binary"),
        ("double", "grpc"),
        ("other", "grpc"),
    ]
    assert {run.load["rate"] for run in document.runs} == {20.0}
    assert "left out: " in told[0], "a model whose answer never ends"


def test_those_who_hang_up_leave_nothing_behind(changeable: RunningServer) -> None:
    leavers = Part((Phase(0.5, callers=4),), model="endless_tokens", hang_up=1.0, hang_up_after=2)
    wanted = replace(Aim(changeable.url).wanted, hang_up_after=1)  # or the first look at it would never end
    asked = replace(given(changeable), aim=Aim(changeable.url, wanted=wanted))
    document, found = played(Scenario("", (leavers,), checks=SOUND), asked, Nobody(), pytest.fail)
    assert worst(found) is Verdict.PASSED, found
    assert document.runs[0].requests > 4
    assert document.runs[0].gap is not None, "two events of each were seen"


def test_a_share_of_the_streams_is_left() -> None:
    calls = tuple(Call("/", body=bytes([number]), stream=True) for number in range(16))
    left = leaving(calls, 0.25, 3, "m")
    assert [call.hang_up_after for call in left] == [0, 0, 0, 3] * 4
    with pytest.raises(CannotTest, match="'m' answers at once, so nobody can hang up"):
        leaving((Call("/"),), 0.25, 3, "m")


class Impatient(Nobody):
    def watch(self, _: Plan) -> Callable[[Progress], bool]:
        return lambda _: signal.raise_signal(signal.SIGINT) is not None


def test_ctrl_c_ends_the_search_for_a_knee_and_concludes_nothing(changeable: RunningServer) -> None:
    scenario = Scenario("", (Part((Phase(0.5, callers=1),)),), find="knee")
    document, found = played(scenario, given(changeable), Impatient(), pytest.fail)
    assert [(each.check, each.verdict) for each in found] == [("knee", Verdict.UNSURE)]
    assert [run.ended for run in document.runs] == [Ending.INTERRUPTED]


def test_ctrl_c_while_the_server_is_measured_ends_all(changeable: RunningServer) -> None:
    scenario = Scenario("", (Part((Phase(100.0, share=0.5),)),))
    interrupt = Timer(1.0, signal.raise_signal, [signal.SIGINT])
    interrupt.start()
    with pytest.raises(KeyboardInterrupt):
        played(scenario, replace(given(changeable), capacity=None), Nobody(), pytest.fail)
