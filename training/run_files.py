"""What folders of runs tell of them, for tables. Rule: what can't be read is left out, and never stops the rest."""

import fcntl
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from training.errors import NoSuchRun

RECORD = "run.json"
HISTORY = "history.jsonl"
PAGE = "report.html"
LOCK = ".lock"
RUNNING, FINISHED, FAILED, CUT_OFF, PRUNED = "running", "finished", "failed", "cut off", "pruned"


@dataclass(frozen=True, slots=True)
class Told:
    """A run, as its files tell of it."""

    name: str
    number: int
    state: str
    record: Mapping[str, Any]
    history: tuple[Mapping[str, Any], ...]

    @property
    def title(self) -> str:
        return f"{self.name}/{self.number}"

    @property
    def seconds(self) -> float | None:
        """None while it hasn't ended."""
        ended = self.record.get("ended")
        return None if ended is None else (_moment(ended) - _moment(self.record["started"])).total_seconds()

    @property
    def best(self) -> Mapping[str, Any] | None:
        """Where the loss on what is held out was least."""
        return min(self.history, key=lambda point: float(point["loss"]), default=None)

    @property
    def parameters(self) -> dict[str, Any]:
        """Of its settings and surroundings, each by its section and name."""
        return parameters({**self.record["settings"], "environment": self.record["environment"]})


def parameters(sections: Mapping[str, Any]) -> dict[str, Any]:
    """Each by its section and name."""
    found: dict[str, Any] = {}
    for section, content in sections.items():
        if isinstance(content, dict):
            found |= {f"{section}.{name}": value for name, value in content.items()}
        else:
            found[section] = content
    return found


def all_runs(root: Path) -> Iterator[Told]:
    """By name, and then in the order that they began."""
    found = [path for path in root.glob("*/*") if path.name.isdigit()]
    for folder in sorted(found, key=lambda path: (path.parent.name, int(path.name))):
        told = _read(folder)
        if told is not None:
            yield told


def find(root: Path, title: str) -> Told:
    """Such as `digits-cnn/3`, or `digits-cnn` for its last. Raises `NoSuchRun`."""
    name, _, number = title.partition("/")
    candidates = [told for told in all_runs(root) if told.name == name and number in ("", str(told.number))]
    if not candidates:
        known = ", ".join(told.title for told in all_runs(root)) or "none"
        raise NoSuchRun(f"there is no run '{title[:100]}' in {root}; there are {known}")
    return candidates[-1]


def differences(one: Told, other: Told) -> Iterator[tuple[str, Any, Any]]:
    """Parameters that differ, with what each has; None where it has none."""
    first, second = one.parameters, other.parameters
    for name in {**first, **second}:
        if first.get(name) != second.get(name):
            yield name, first.get(name), second.get(name)


def _read(folder: Path) -> Told | None:
    try:
        record = json.loads((folder / RECORD).read_text())
        state = CUT_OFF if record["state"] == RUNNING and not is_held(folder) else str(record["state"])
        return Told(folder.parent.name, int(folder.name), state, record, history(folder))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def history(folder: Path) -> tuple[Mapping[str, Any], ...]:
    """By step. Raises what a file raises that is no run's."""
    lines = (folder / HISTORY).read_text().splitlines() if (folder / HISTORY).exists() else []
    by_step = {point["step"]: point for point in map(json.loads, lines)}  # a run that went on tells some twice
    return tuple(by_step[step] for step in sorted(by_step))


def is_held(folder: Path) -> bool:
    """Whether a process runs it."""
    try:
        with (folder / LOCK).open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
