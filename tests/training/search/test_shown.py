import io

from rich.console import Console

from training.loop import Step
from training.search.shown import trials_shown


def seen(is_terminal: bool) -> str:
    console = Console(width=100, record=True, force_terminal=is_terminal, file=io.StringIO())
    with trials_shown("digits", 20, console) as shown:
        shown.count(4, "best 0.75, trial 3")
        shown.begin(4)
        shown.step(Step(5, 10))
        shown.tell("trial 4: accuracy [0.5]")
    return console.export_text()


def test_a_terminal_shows_trials_and_steps() -> None:
    text = seen(is_terminal=True)

    assert "4/20" in text
    assert "best 0.75, trial 3" in text
    assert "5/10" in text
    assert "trial 4: accuracy [0.5]\n" in text


def test_elsewhere_there_is_a_line_for_each_trial() -> None:
    assert seen(is_terminal=False) == "trial 4: accuracy [0.5]\n"
