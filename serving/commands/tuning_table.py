"""Rows a second of each setting at each batch size, as a table for a terminal."""

from collections.abc import Collection

from rich.table import Table

from serving.scheduling.tuning import Measured, Tuning


def drawn(measured: Collection[Measured], tuning: Tuning) -> Table:
    """The chosen setting comes first, and once more with the time that its batches take. No cell has more than six
    characters, so that seven batch sizes fit a terminal of 80 columns; in a narrower one they are folded, never cut."""
    by_cell = {(it.setting, it.rows): it.rate for it in measured}
    sizes = sorted({it.rows for it in measured})
    table = Table(title="rows a second of instances x threads")
    for head in ("rows in a batch", *map(str, sizes)):
        table.add_column(head, overflow="fold")
    for setting in dict.fromkeys([tuning.setting, *(it.setting for it in measured)]):
        rates = (by_cell.get((setting, size)) for size in sizes)
        cells = ("" if rate is None else _rate(rate) for rate in rates)
        table.add_row(setting.brief, *cells, style="bold" if setting == tuning.setting else "")
    table.add_section()
    table.add_row(f"time, {tuning.setting.brief}", *(_time(seconds) for _, seconds in tuning.profile))
    return table


def _rate(rate: float) -> str:
    if rate < 99_999.5:
        return f"{rate:,.0f}"
    return f"{rate / 1e3:,.0f}k" if rate < 9_999_500 else f"{_digits(rate / 1e6)}M"


def _time(seconds: float) -> str:
    if seconds < 0.000_9995:
        return f"{_digits(seconds * 1e6)}us"
    return f"{_digits(seconds * 1e3)}ms" if seconds < 0.9995 else f"{_digits(seconds)}s"


def _digits(figure: float) -> str:
    return f"{figure:.3g}" if figure < 999.5 else f"{figure:.0f}"
