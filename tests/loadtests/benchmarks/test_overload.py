from loadtests.benchmarks import overload
from loadtests.benchmarks.fates import Outcome
from loadtests.benchmarks.overload import Run, outcome, plan, policies_for, requests, scenarios
from loadtests.benchmarks.overload_models import FIXED, deadlines
from tests.benchmark_command import last_line, run_here

ONE, _, MIXED, MIXED_BURSTS = scenarios(0.1, 0.1, 1.0)


def test_objectives_are_told_where_there_are_two_and_the_model_sets_none() -> None:
    def timeouts(run: Run) -> set[tuple[float, bool]]:
        return {
            (objective, f'"timeout": {objective * 1e6:.0f}'.encode() in call.body)
            for _, objective, call in requests(run, 100.0, 2.0)
        }

    ours = deadlines(0.1)
    assert timeouts(Run(ours, ONE, 1.0, 0)) == {(0.1, False)}
    assert timeouts(Run(FIXED, MIXED, 1.0, 0)) == {(0.1, False), (1.0, False)}
    assert timeouts(Run(ours, MIXED, 1.0, 0)) == {(0.1, True), (1.0, True)}


def test_all_policies_meet_the_same_arrivals_which_differ_by_round() -> None:
    def arrivals(run: Run) -> list[tuple[float, float]]:
        return [(at, objective) for at, objective, _ in requests(run, 100.0, 2.0)]

    ours = deadlines(0.1)
    assert arrivals(Run(ours, MIXED, 1.0, 0)) == arrivals(Run(FIXED, MIXED, 1.0, 0))
    assert arrivals(Run(ours, MIXED, 1.0, 0)) != arrivals(Run(ours, MIXED, 1.0, 1))


def test_every_policy_takes_its_turn_and_queue_timeouts_are_tried_in_each_objective() -> None:
    policies = policies_for(ONE, 0.1)
    assert [each.name for each in policies[1:-1]] == [f"queue-timeout-{each}" for each in (30, 50, 70, 85)]
    assert [round(each.timeout, 3) for each in policies_for(MIXED, 0.1)[1:-1]] == [0.03, 0.07, 0.3, 0.7]
    runs = plan(policies, ONE, [1.0, 2.0], rounds=2)
    assert len(set(runs)) == len(runs) == 2 * 2 * 6
    assert [run.policy for run in runs[:6]] == policies


def test_fates_are_read_from_replies() -> None:
    assert outcome(200, b"") is Outcome.ANSWERED
    assert outcome(503, b'{"error":"Request timeout expired"}') is Outcome.DROPPED
    assert outcome(503, b'{"error":"the request could not be answered in time: ..."}') is Outcome.REFUSED
    assert outcome(500, b"") is outcome(0, b"") is Outcome.FAILED


def test_a_whole_run_ends_in_one_line_of_json() -> None:
    arguments = (
        "--only",
        "bursts, several",
        "--loads",
        "1.5",
        "--rounds",
        "1",
        "--seconds",
        "0.5",
        "--classes",
        "25,50",
    )
    done = run_here(overload.main, *arguments)
    report = last_line(done)
    assert report["capacity"] > 0
    assert list(report)[3:] == [MIXED_BURSTS.name]
    assert "in time % by class" in done.stdout
    ran = report[MIXED_BURSTS.name]["1.5"]
    assert all(figures["failed"]["max"] == 0 for policy, figures in ran.items() if policy != "gain")
