import io

from rich.console import Console

from training.data.card import Card
from training.display import (
    bytes_shown,
    card_lines,
    comparison_table,
    confusion_table,
    line,
    steps_shown,
    variants_table,
    watched,
    written,
)
from training.export.gate import FLOAT32, PUBLISHED, Variant
from training.loop import Step
from training.state import Point

POINT = Point(1, 1.0, 0.25, {"accuracy": 0.5})


def _shown(epochs: int, terminal: bool) -> str:
    """Of a run with two steps in each pass."""
    output = io.StringIO()
    with steps_shown("digits", Console(file=output, force_terminal=terminal, width=100)) as show:
        for number in range(1, 2 * epochs + 1):
            show(Step(number, 2 * epochs, None if number % 2 else POINT))
    return output.getvalue()


def test_without_a_terminal_a_long_run_prints_a_few_plain_lines() -> None:
    text = _shown(50, terminal=False)

    assert [part.split(":")[0] for part in text.splitlines()] == [
        f"digits step {step}/100" for step in (20, 40, 60, 80, 100)
    ]
    assert "\x1b" not in text


def test_the_last_step_is_always_printed() -> None:
    assert _shown(1, terminal=False) == "digits step 2/2: loss 1.0000, validation loss 0.2500, accuracy 0.5\n"


def test_a_terminal_gets_a_progress_bar() -> None:
    text = _shown(3, terminal=True)

    assert "\x1b" in text
    assert "6/6" in text
    assert "accuracy 0.5" in text


def test_a_line_shows_losses_and_scores() -> None:
    point = Point(1, 1.0, 0.12345, {"exact_match": 0.98765})
    assert line(point) == "loss 1.0000, validation loss 0.1235, exact match 0.9877"


def test_shares_are_told_in_percent_and_other_scores_as_they_are() -> None:
    assert (written("accuracy", 0.5), written("perplexity", 124.09)) == ("50.0%", "124.1")


def test_the_confusion_table_names_actual_and_predicted() -> None:
    output = io.StringIO()
    Console(file=output, width=60).print(confusion_table([[8, 0], [1, 9]], ["cat", "[dog]"]), markup=False)
    rows = [line.split() for line in output.getvalue().splitlines() if "cat" in line or "dog" in line]

    assert "predicted" in output.getvalue()
    assert [[cell for cell in row if cell not in "│┃"] for row in rows] == [
        ["actual", "cat", "[dog]"],
        ["cat", "8", "·"],
        ["[dog]", "1", "9"],
    ]


def test_bytes_that_are_read_are_a_bar_on_a_terminal_and_nothing_elsewhere() -> None:
    for terminal in (True, False):
        output = io.StringIO()
        with bytes_shown("weights", 2_000_000, Console(file=output, force_terminal=terminal, width=100)) as on_bytes:
            on_bytes(1_500_000)
            on_bytes(500_000)
        assert ("2.0/2.0 MB" in output.getvalue()) == terminal
        assert bool(output.getvalue()) == terminal


def test_variants_are_told_with_what_was_measured_or_why_there_is_nothing() -> None:
    output = io.StringIO()
    variants = [
        Variant(FLOAT32, 94_777, {"1": 0.0265, "32": 0.271}, 1.0, 0.985, 0.0, PUBLISHED),
        Variant("bf16", verdict="can't run here: [no kernel]"),
    ]
    Console(file=output, width=120).print(variants_table(variants))

    (plain,) = [line for line in output.getvalue().splitlines() if "float32" in line]
    assert [cell.strip() for cell in plain.split("│")[1:-1]] == [
        "float32",
        "95",
        "0.026",
        "0.271",
        "1.00",
        "0.9850",
        "published",
    ]
    assert "can't run here: [no kernel]" in output.getvalue()


def test_what_is_watched_comes_as_it_is_and_leaves_no_trace() -> None:
    output = io.StringIO()

    assert list(watched("reading", Console(file=output))(["a", "b"])) == ["a", "b"]
    assert output.getvalue() == ""


def test_scores_stand_beside_others() -> None:
    told = io.StringIO()
    columns = {"this model": {"hit_rate_10": 0.756}, "what most have": {"hit_rate_10": 0.0531}}
    Console(file=told).print(comparison_table(columns))
    assert [part.strip() for part in told.getvalue().splitlines()[3].strip("│").split("│")] == [
        "hit rate 10",
        "75.6%",
        "5.3%",
    ]


def test_of_data_is_told_what_was_kept_and_what_was_left_out() -> None:
    card = Card("visits.csv", 1200, {"duplicate": 3, "no label": 1}, {"train": 700, "test": 496}, notes=("one",) * 7)

    assert list(card_lines(card)) == [
        "data        1,200 of visits.csv: 700 train, 496 test",
        "left out    3 duplicate, 1 no label",
        *["note        one"] * 5,
        "            and 2 more",
    ]
