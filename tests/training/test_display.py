import io

from rich.console import Console

from training.display import bytes_shown, confusion_table, epochs_shown, line, steps_shown
from training.language.loop import StepMetrics
from training.state import EpochMetrics


def _shown(epochs: int, terminal: bool) -> str:
    output = io.StringIO()
    console = Console(file=output, force_terminal=terminal, width=100)
    with epochs_shown("digits", epochs, console) as show:
        for epoch in range(1, epochs + 1):
            show(EpochMetrics(epoch, 1.0, 0.25, 0.5))
    return output.getvalue()


def test_without_a_terminal_a_long_run_prints_a_few_plain_lines() -> None:
    text = _shown(50, terminal=False)

    assert [part.split(":")[0] for part in text.splitlines()] == [
        f"digits epoch {epoch}/50" for epoch in (10, 20, 30, 40, 50)
    ]
    assert "\x1b" not in text


def test_the_last_epoch_is_always_printed() -> None:
    assert _shown(1, terminal=False) == "digits epoch 1/1: validation loss 0.2500, accuracy 50.0%\n"


def test_a_terminal_gets_a_progress_bar() -> None:
    text = _shown(3, terminal=True)

    assert "\x1b" in text
    assert "3/3" in text
    assert "accuracy 50.0%" in text


def test_a_line_shows_loss_and_accuracy() -> None:
    assert line(EpochMetrics(1, 1.0, 0.12345, 0.987)) == "validation loss 0.1235, accuracy 98.7%"


def test_the_confusion_table_names_actual_and_predicted() -> None:
    output = io.StringIO()
    Console(file=output, width=60).print(confusion_table([[8, 0], [1, 9]], ["cat", "dog"]))
    rows = [line.split() for line in output.getvalue().splitlines() if "cat" in line or "dog" in line]

    assert "predicted" in output.getvalue()
    assert [[cell for cell in row if cell not in "│┃"] for row in rows] == [
        ["actual", "cat", "dog"],
        ["cat", "8", "·"],
        ["dog", "1", "9"],
    ]


def _steps_shown(terminal: bool) -> str:
    output = io.StringIO()
    with steps_shown("writer", 4, Console(file=output, force_terminal=terminal, width=100)) as show:
        for step in range(1, 5):
            show(StepMetrics(step, 5.0 - step, 2.5 if step % 2 == 0 else None))
    return output.getvalue()


def test_of_steps_those_with_held_out_text_are_plain_lines() -> None:
    assert _steps_shown(terminal=False) == (
        "writer step 2/4: loss 3.000, held-out 2.500\nwriter step 4/4: loss 1.000, held-out 2.500\n"
    )


def test_steps_on_a_terminal_are_a_progress_bar() -> None:
    text = _steps_shown(terminal=True)

    assert "4/4" in text
    assert "held-out loss 2.500" in text


def test_bytes_that_are_read_are_a_bar_on_a_terminal_and_nothing_elsewhere() -> None:
    for terminal in (True, False):
        output = io.StringIO()
        with bytes_shown("weights", 2_000_000, Console(file=output, force_terminal=terminal, width=100)) as on_bytes:
            on_bytes(1_500_000)
            on_bytes(500_000)
        assert ("2.0/2.0 MB" in output.getvalue()) == terminal
        assert bool(output.getvalue()) == terminal
