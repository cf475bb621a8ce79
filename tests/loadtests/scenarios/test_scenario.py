from typing import Any

import pytest

from loadtests.load import Closed, Open, Phased
from loadtests.scenarios.scenario import Action, Checks, Deed, InvalidScenario, Part, Phase, Scenario

PART = Part((Phase(1.0, rate=10.0),))
PEAK = Part((Phase(10.0, share=0.5), Phase(5.0, share=2.0), Phase(20.0, share=0.5)))


def test_shares_are_of_what_the_server_can_do() -> None:
    poisson = Open(50.0), Open(200.0), Open(50.0)
    assert PEAK.load(100.0) == Phased(tuple(zip((10.0, 5.0, 20.0), poisson, strict=True)))
    assert PART.load(0.0) == Open(10.0)
    assert Part((Phase(1.0, callers=4),)).load(0.0) == Closed(4)


def test_the_peak_is_the_phase_with_the_highest_rate() -> None:
    assert PEAK.highest() == (10.0, 15.0)


@pytest.mark.parametrize(("every", "times"), [(0.0, [3.0]), (5.0, [3.0, 8.0]), (20.0, [3.0])])
def test_actions_are_repeated_while_the_load_lasts(every: float, times: list[float]) -> None:
    assert Action(Deed.RELOAD, 3.0, every).times(10.0) == times


@pytest.mark.parametrize(
    ("kind", "values", "told"),
    [
        (Phase, {"seconds": 0.0, "rate": 1.0}, "phases.seconds must be above 0, got 0"),
        (Phase, {"seconds": 1.0}, "one of rate .*, share .*, callers"),
        (Phase, {"seconds": 1.0, "rate": 1.0, "share": 1.0}, "one of rate"),
        (Phase, {"seconds": 1.0, "rate": 1.0, "arrivals": "odd"}, "poisson, constant, bursts, not 'odd'"),
        (Part, {"phases": ()}, "at least one phase"),
        (Part, {"phases": (Phase(1.0, callers=1), Phase(1.0, rate=1.0))}, "a part with callers has one phase"),
        (Part, {"phases": PART.phases, "hang_up": 2.0}, "parts.hang_up must be from 0 to 1, got 2"),
        (Checks, {"failed": 2.0}, "checks.failed must be a share, from 0 to 1, got 2"),
        (Checks, {"attainment": 0.9}, "needs checks.objectives"),
        (Checks, {"objectives": ("fast",)}, "checks.objectives: .*p99<50ms.*'fast'"),
        (Scenario, {"description": "", "parts": ()}, "at least one part"),
        (Scenario, {"description": "", "parts": (PART, PART), "find": "knee"}, "one part and no actions"),
        (Scenario, {"description": "", "parts": (PART,), "checks": Checks(recovery_s=1.0)}, "before, during and after"),
    ],
)
def test_what_contradicts_itself_is_told(kind: Any, values: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidScenario, match=told):
        kind(**values)
