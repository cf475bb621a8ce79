import io

import pytest
from rich.console import Console

from serving.commands.tuning_table import drawn
from serving.scheduling.tuning import Measured, Question, Setting, choose

SIZES = (1, 2, 4, 8, 16, 32, 64)


def lines(batch: float, row: float, columns: int = 80) -> list[str]:
    """Of a model that needs so many seconds for a batch and for each row, whatever the setting."""
    measured = [
        Measured(Setting(instances, threads), rows, (batch + row * rows) * instances)
        for instances, threads in ((1, 1), (1, 2), (16, 1))
        for rows in SIZES
    ]
    out = io.StringIO()
    tuning = choose(Question(16, max_batch_size=64), measured)
    Console(file=out, width=columns).print(drawn(measured, tuning))
    return out.getvalue().splitlines()


def rows(told: list[str]) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in told if line.startswith("│")]


SPEEDS = [(4e-6, 1e-9), (4.21e-6, 0.0), (0.0, 1.0001e-5), (0.0, 0.000_101), (0.001, 0.00123), (0.0, 1.5), (0.0, 99.0)]


@pytest.mark.parametrize(("batch", "row"), SPEEDS)
def test_a_usual_terminal_has_room_for_models_of_any_speed(batch: float, row: float) -> None:
    told = lines(batch, row)
    assert not [line for line in told if "…" in line or len(line) > 80]
    figures = [cell for cells in rows(told) for cell in cells[1:] if cell]
    assert len(figures) == 4 * len(SIZES), "none is folded"
    assert max(map(len, figures)) <= 6


def test_rates_and_times_have_the_digits_that_matter() -> None:
    quick = rows(lines(4e-6, 0.0, 200))
    assert quick[0] == ["1 x 1", "250k", "500k", "1,000k", "2,000k", "4,000k", "8,000k", "16M"]
    assert quick[-1] == ["time, 1 x 1", *["4us"] * 7]
    slow = rows(lines(0.0, 0.01234, 200))
    assert slow[0] == ["1 x 1", *["81"] * 7]
    assert slow[-1][1:] == ["12.3ms", "24.7ms", "49.4ms", "98.7ms", "197ms", "395ms", "790ms"]
    assert rows(lines(0.0, 1.1e-5, 200))[0][1:] == ["90,909"] * 7


def test_a_narrow_terminal_folds_cells_and_cuts_none() -> None:
    told = lines(0.001, 4.21e-6, 50)
    assert not [line for line in told if "…" in line or len(line) > 50]
