from loadtests.sparkline import sparkline


def test_figures_are_as_high_as_they_are_large() -> None:
    assert sparkline([0, 1, 4, 8]) == " ▁▄█"
    assert sparkline([0.001, 1000]) == "▁█"


def test_the_last_ones_are_shown_and_nothing_is_empty() -> None:
    assert sparkline([9, 1, 1], width=2) == "██"
    assert sparkline([0, 0]) == "  "
    assert sparkline([]) == ""
