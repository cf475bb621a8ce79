"""What came of a search: the best parameters as a file that `slipway train` reads, and what people see of its trials.

Rule: pure; whoever asks prints and writes.
"""

import json
from collections.abc import Collection, Mapping, Sequence

from optuna.trial import FrozenTrial, TrialState
from rich.box import SIMPLE_HEAD
from rich.table import Column, Table
from rich.text import Text

from training.search.trials import reason, score_of
from training.settings import MODEL, Value

_MOST_ROWS = 20
_BAR = 30  # characters


def toml(values: Mapping[str, Value]) -> str:
    """Parameters by their names in `Changes`."""
    tables: dict[str, str] = {"train": "", "model": "", "data": ""}
    for name, value in values.items():
        table, _, rest = name.rpartition(".")
        tables[table or "train"] += f"{rest} = {json.dumps(value, ensure_ascii=False)}\n"
    return "\n".join(f"[{table}]\n{lines}" for table, lines in tables.items() if lines)


def line(trial: FrozenTrial, values: Mapping[str, Value]) -> str:
    """Of one that has ended."""
    match trial.state:
        case TrialState.COMPLETE:
            end = f"{score_of(trial)} {trial.value:.4f}"
        case TrialState.PRUNED:
            end = f"pruned after {max(trial.intermediate_values, default=0)} %"
        case _:
            end = f"failed: {reason(trial)}"
    return f"trial {trial.number}: {end}; " + ", ".join(f"{name} {short(value)}" for name, value in values.items())


def table(trials: Collection[FrozenTrial], names: Sequence[str], score: str, best: int) -> Table:
    """The best first; `best` is the number of the chosen one."""
    words = [name.replace("_", " ").replace(MODEL, "model ") for name in names]  # which can be broken into lines
    first = (Column("trial", justify="right"), Column("state", no_wrap=True), score.replace("_", " "))
    shown = Table(*first, *words, box=SIMPLE_HEAD, pad_edge=False, padding=0)
    ranked = sorted(trials, key=_rank)
    for trial in ranked[:_MOST_ROWS]:
        cells = [
            str(trial.number),
            _state(trial),
            "" if _reached(trial) is None else f"{_reached(trial):.4f}",
            *(short(trial.params.get(it, "")) for it in names),
        ]
        shown.add_row(*map(Text, cells), style="bold green" if trial.number == best else None)
    if len(ranked) > _MOST_ROWS:
        shown.caption = f"and {len(ranked) - _MOST_ROWS} more"
    return shown


def importances(shares: Mapping[str, float]) -> Table:
    shown = Table("parameter", Column("share of what decided the score", no_wrap=True), box=SIMPLE_HEAD, pad_edge=False)
    for name, share in shares.items():
        shown.add_row(name, f"{share:4.0%} " + "█" * round(_BAR * share))
    return shown


def short(value: Value) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _state(trial: FrozenTrial) -> str:
    match trial.state:
        case TrialState.PRUNED:
            return f"pruned, {max(trial.intermediate_values, default=0)} %"
        case TrialState.FAIL:
            return "failed"
        case state:
            return state.name.lower()


def _reached(trial: FrozenTrial) -> float | None:
    """By what it came to, or by the last look at it."""
    if trial.state == TrialState.COMPLETE:
        return trial.value
    last = max(trial.intermediate_values, default=None)
    return None if last is None else trial.intermediate_values[last]


def _rank(trial: FrozenTrial) -> tuple[bool, float, int]:
    reached = _reached(trial)
    return trial.state != TrialState.COMPLETE, float("inf") if reached is None else -reached, trial.number
