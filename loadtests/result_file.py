"""The JSON file of a load test. Rule: what can't be read is told with what it is not."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from loadtests.destination import save
from loadtests.result import FORMAT, Generator, Latencies, Moment, Result

_T = TypeVar("_T")


class NoResult(ValueError):
    """A file that holds no load test's results."""


@dataclass(frozen=True, slots=True)
class Document:
    """`runs` in the order in which they were made; `decision` says what was concluded from them, if anything."""

    runs: tuple[Result, ...]
    decision: dict[str, Any] = field(default_factory=dict)

    @property
    def decisive(self) -> Result:
        """The run that the decision rests on, or else the last."""
        return self.runs[int(self.decision.get("run", -1))]


def write(path: Path, document: Document) -> None:
    """Raises `CannotWrite`."""
    save("--json", path, json.dumps({"format": FORMAT, **asdict(document)}, indent=1).encode())


def read(path: Path) -> Document:
    """Raises `NoResult`."""
    try:
        found = json.loads(path.read_text())
        if found["format"] != FORMAT:
            raise NoResult(f"{path} has the format {found['format']}, and this version reads {FORMAT}")
        document = Document(tuple(_result(run) for run in found["runs"]), found["decision"])
        _ = document.decisive
        return document
    except OSError as error:
        raise NoResult(f"{path} can't be read: {error.strerror}") from None
    except IndexError:
        raise NoResult(f"{path} holds no run, or not the one that it was decided by") from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        if isinstance(error, NoResult):
            raise
        raise NoResult(f"{path} is no result of a load test (`slipway loadtest URL --json FILE` writes one)") from None


def _result(run: dict[str, Any]) -> Result:
    return _made(
        Result,
        run
        | {name: _latencies(run[name]) for name in ("latency", "service", "slip", "first", "gap")}
        | {"moments": tuple(_made(Moment, moment) for moment in run["moments"])}
        | {"generator": _made(Generator, run["generator"])}
        | {name: tuple(run[name]) for name in ("invalid", "notes")},
    )


def _latencies(found: dict[str, Any] | None) -> Latencies | None:
    if found is None:
        return None
    interval = found["p99_interval"]
    return _made(Latencies, found | {"p99_interval": tuple(interval) if interval else None})


def _made(kind: type[_T], values: dict[str, Any]) -> _T:
    """Raises `TypeError` where a field is missing; one that this version doesn't know is left out."""
    known: Sequence[str] = [each.name for each in fields(kind)]  # type: ignore[arg-type]
    return kind(**{name: value for name, value in values.items() if name in known})
