from training.report import curves
from training.report.section import Figure, Lines, Text
from training.state import Point


def test_loss_and_each_score_are_a_curve_over_steps() -> None:
    history = (Point(10, 2.0, 1.5, {"accuracy": 0.5}), Point(20, 1.0, 0.75, {"accuracy": 0.875}))

    kept, loss, accuracy = curves.section(history, 20).parts

    assert kept == Text("The weights are those after step 20 of 20.")
    assert isinstance(loss, Figure)
    assert isinstance(loss.plot, Lines)
    assert [(line.name, line.x, line.y) for line in loss.plot.lines] == [
        ("training", (10, 20), (2.0, 1.0)),
        ("validation", (10, 20), (1.5, 0.75)),
    ]
    assert "from 1.5 to 0.75" in loss.alt
    assert isinstance(accuracy, Figure)
    assert accuracy.plot.y == "accuracy"


def test_a_run_without_history_says_so() -> None:
    assert curves.section((), 1).parts == (Text("Nothing was noted of how the training went."),)
