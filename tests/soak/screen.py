"""What a soak shows while it runs and when it is over. Rule: without a terminal, lines say the same."""

import json
from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tests.soak.ledger import Fate, Ledger
from tests.soak.server import Figures
from tests.soak.verdict import Seen, quarter

_LINES_EVERY = 10.0  # seconds
_MB = 1e6


class Screen:
    def __init__(self, seconds: float) -> None:
        found = Console()
        self._console = found if found.is_terminal else Console(width=120)
        self._seconds = seconds
        self._next_line = _LINES_EVERY
        self._live = Live(Text("starting", "dim"), console=self._console, transient=True, auto_refresh=False)
        if self._console.is_terminal:
            self._live.start(refresh=True)

    def look(self, at: float, ledger: Ledger, figures: Figures, kills: int) -> None:
        """`at` in seconds since the load began."""
        if self._console.is_terminal:
            bar = ProgressBar(self._seconds, min(at, self._seconds), width=40)
            clock = Text(f"{at:.0f} of {self._seconds:g} s; {_use(figures)}; {kills} processes killed")
            self._live.update(Group(bar, clock, table(ledger)), refresh=True)
        elif at >= self._next_line:
            self._next_line += _LINES_EVERY
            fates = ", ".join(f"{ledger.total(fate)} {fate}" for fate in Fate)
            self._print(f"{at:5.0f} of {self._seconds:g} s  {ledger.sent.total()} sent: {fates}; {_use(figures)}")

    def concluded(self, seen: Seen, reasons: Sequence[str]) -> None:
        self._live.stop()
        self._print(table(seen.ledger))
        self._print(_figures(seen))
        for reason in reasons:
            self._print(Text(reason, "red"))
        verdict = "it did not hold" if reasons else "it held"
        self._print(Text(f"{verdict}: {seen.ledger.sent.total()} requests, {seen.kills} processes killed", "bold"))
        memory = seen.memory
        slope = None if memory is None else [round(memory.slope, 2), round(memory.uncertainty, 2)]
        fates = {str(fate): seen.ledger.total(fate) for fate in Fate}
        print(json.dumps({"held": not reasons, "sent": seen.ledger.sent.total(), **fates, "memory_mb_per_hour": slope}))

    def close(self) -> None:
        self._live.stop()

    def _print(self, what: RenderableType) -> None:
        self._console.print(what, highlight=False, soft_wrap=isinstance(what, str), markup=False)


def table(ledger: Ledger) -> Table:
    found = Table("", "sent", *Fate, box=None, pad_edge=False)
    for kind, sent in ledger.sent.items():
        found.add_row(kind.name, str(sent), *(str(ledger.fates[kind, fate] or "") for fate in Fate))
    found.add_row("all", str(ledger.sent.total()), *(str(ledger.total(fate)) for fate in Fate), style="bold")
    return found


def _figures(seen: Seen) -> Table:
    found = Table("", "at rest before", "second quarter", "last quarter", "at rest after", box=None, pad_edge=False)
    for name, unit in (("memory", _MB), ("descriptors", 1), ("threads", 1)):
        values = (
            *(getattr(seen.rested, name), quarter(seen.samples, 1, name)),
            *(quarter(seen.samples, 3, name), getattr(seen.rests, name)),
        )
        found.add_row(f"{name}{', MB' if unit > 1 else ''}", *(f"{value / unit:.0f}" for value in values))
    if seen.memory is not None:
        words = f"{seen.memory.slope:+.1f} MB an hour, give or take {seen.memory.uncertainty:.1f}"
        found.add_row("memory's slope", "", words)
    return found


def _use(figures: Figures) -> str:
    return f"{figures.memory / _MB:.0f} MB, {figures.descriptors} descriptors, {figures.threads} threads"
