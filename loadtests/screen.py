"""What a load test shows while it runs and when it is over.

Rule: a run that says nothing says so in red; where no terminal is, plain lines say all of it.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from math import ceil
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from loadtests import live_view
from loadtests.conclusions import nothing_held, to_be_told
from loadtests.result import Ending, Result
from loadtests.result_file import Document
from loadtests.result_view import in_a_line, load_in_words, tables, trials
from loadtests.run import Plan, Progress

_EVERY = 0.25  # seconds between two looks
_LINES = 10  # of a run, in a log
_LONGEST_SILENCE = 10.0  # seconds
_LOG_WIDTH = 120
INTERRUPTED = 130
"""The exit code of what Ctrl-C ended, as shells know it."""


class Screen:
    def __init__(self, console: Console | None = None) -> None:
        self._console = console or _console()
        self._live: Live | None = None
        self._told: list[tuple[Result, str]] = []

    def watch(self, plan: Plan) -> Callable[[Progress], bool]:
        return self._watch_live() if self._console.is_terminal else self._watch_lines(plan)

    def _watch_live(self) -> Callable[[Progress], bool]:
        starting = Text("starting", "dim")
        live = self._live = Live(starting, console=self._console, transient=True, auto_refresh=False)
        live.start(refresh=True)
        next_look = 0.0
        before: list[RenderableType] = [trials(self._told), Text()] if self._told else []
        title = f"trial {len(self._told) + 1}" if self._told else "load"

        def look(progress: Progress) -> bool:
            nonlocal next_look
            if progress.passed >= next_look:
                next_look = progress.passed + _EVERY
                live.update(Group(*before, live_view.panel(progress, title)), refresh=True)
            return False

        return look

    def _watch_lines(self, plan: Plan) -> Callable[[Progress], bool]:
        every = max(1.0, min(_LONGEST_SILENCE, plan.seconds / _LINES))
        next_line = every

        def look(progress: Progress) -> bool:
            nonlocal next_line
            if progress.passed >= next_line:
                next_line += every
                self._print(live_view.line(progress))
            return False

        return look

    def tell(self, result: Result, words: str) -> None:
        self.close()
        self._told.append((result, words))
        if not self._console.is_terminal:
            self._print(f"{load_in_words(result)}: {in_a_line(result)}{f'; {words}' if words else ''}", markup=False)

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()
        self._live = None

    def concluded(self, found: Document) -> int:
        """Prints what was found. The exit code: 0, 1 where it is not what was asked for, 130 after Ctrl-C."""
        decision, last = found.decision, found.runs[-1]
        if self._console.is_terminal and len(self._told) > 1:
            self._print(trials(self._told))
        self._print("")
        for part in tables(to_be_told(found)):
            self._print(part)
        with suppress(KeyError):
            self._print(_CONCLUSIONS[decision["kind"]](decision))
        if last.ended == Ending.INTERRUPTED:
            return INTERRUPTED
        return 1 if (not decision and last.invalid) or decision.get("capacity") == 0 else 0

    def _print(self, what: Any, markup: bool = True) -> None:
        self._console.print(what, highlight=False, markup=markup, soft_wrap=isinstance(what, str))


def _console() -> Console:
    found = Console()
    return found if found.is_terminal else Console(width=_LOG_WIDTH)


_LATE = (
    "requests left late in the run that missed at the lowest rate, so that the generator may be what missed, and not "
    "the server: use more --processes, or another machine than the server's"
)


def _capacity(decision: dict[str, Any]) -> str:
    asked = ", ".join(decision["objectives"])
    if not decision["capacity"]:
        late = f"\n[yellow]{_LATE}[/yellow]" if decision["limited_by_generator"] else ""
        return f"[red]{nothing_held(decision)}[/red]{late}"
    lines = [
        f"[bold]{decision['capacity']:.4g} requests/s hold {asked}[/bold]",
        f"goodput {decision['goodput']:.4g}/s, {decision['attainment']:.2%} in time, "
        f"{decision['refused']:.2%} refused, {decision['late']:.2%} late, {decision['failed']:.2%} failed",
    ]
    if decision["limited_by_generator"]:
        lines.append(f"[yellow]{_LATE}[/yellow]")
    elif not decision["valid"]:
        lines.append("[yellow]requests left late, which counts as the server's time: it may do more[/yellow]")
    if plan := decision.get("plan"):
        lines += _plan(plan, decision["values"]["autoscaling"])
    return "\n".join(lines)


def _plan(plan: dict[str, Any], scaling: dict[str, float]) -> Iterator[str]:
    wanted, assumed = f"{plan['wanted']:g} requests/s", plan["assumptions"]
    room = f"which bear {assumed['headroom']:.0%} more, and {assumed['spare']} of which may be gone"
    yield f"{wanted} need {plan['replicas']} replicas, {room}"
    targets = ", ".join(f"{name} {value:g}" for name, value in scaling.items() if name.endswith("PerReplica"))
    yield f"an autoscaler has {ceil(plan['wanted'] / plan['rate'])} for them, with {targets}"


def _curve(decision: dict[str, Any]) -> str:
    return (
        f"[bold]the knee is at {decision['knee']:.4g} requests/s[/bold]" if decision["knee"] else "nothing was answered"
    )


_CONCLUSIONS = {"capacity": _capacity, "curve": _curve}
