from pathlib import Path

import pytest

from loadtests.scenarios.scenario import Action, Checks, Deed, InvalidScenario, Part, Phase, Scenario
from loadtests.scenarios.scenario_file import found, lasting, read, shipped

WHOLE = """
description = "all of it"
[[parts]]
name = "web"
model = "digits"
[[parts.phases]]
seconds = 10
rate = 5
[[actions]]
do = "restart"
at = 4
every = 1
[checks]
failed = 0
objectives = ["p99<50ms"]
"""


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_file_is_read_with_all_its_parts(tmp_path: Path) -> None:
    scenario = read(written(tmp_path / "s.toml", WHOLE))
    assert scenario == Scenario(
        "all of it",
        (Part((Phase(10.0, 5.0),), "web", "digits"),),
        (Action(Deed.RESTART, 4.0, 1.0),),
        Checks(failed=0.0, objectives=("p99<50ms",)),
    )
    shorter = lasting(scenario, 5.0)
    assert (shorter.parts[0].phases, shorter.actions) == ((Phase(5.0, 5.0),), (Action(Deed.RESTART, 2.0, 1.0),))


def test_those_that_come_along_are_whole() -> None:
    assert set(shipped()) == {"smoke", "knee", "soak", "spike", "reload", "mixed", "disconnects"}
    assert found("smoke") == shipped()["smoke"]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("failed", "faild", r"there is no checks.faild; did you mean checks.failed\?"),
        ("seconds = 10", "secs = 10", r"there is no parts.phases.secs; did you mean parts.phases.seconds\?"),
        ("rate = 5", "rate = 'five'", "parts.phases.rate must be a number, got 'five'"),
        ("rate = 5", "rate = 0", "a phase has one of rate"),
        ("restart", "explode", "actions.do must be one of reload, restart, got 'explode'"),
        ("[checks]", "[[checks]]", r"checks must be a table, written as \[checks\]"),
        ("[[actions]]", "[actions]", r"actions must be a list, written as \[\[actions\]\]"),
        ('description = "all of it"', "", "it lacks description"),
        ("at = 4", "at =", "is not TOML"),
    ],
)
def test_what_nobody_knows_is_told(tmp_path: Path, before: str, after: str, told: str) -> None:
    with pytest.raises(InvalidScenario, match=rf"s\.toml.*{told}"):
        read(written(tmp_path / "s.toml", WHOLE.replace(before, after, 1)))


def test_a_name_that_is_none_is_told_with_the_nearest() -> None:
    with pytest.raises(InvalidScenario, match=r"'smok' is no file and no scenario; did you mean smoke\?"):
        found("smok")
