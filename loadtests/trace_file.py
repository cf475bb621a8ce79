"""Recordings of requests, as `slipway serve --record-file` writes them: what is in one, and how it is read.

Source: docs/recording.md. Rule: knows the format and nothing of the server; a file that a crash cut short is whole up
to its last line.
"""

import base64
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

FORMAT = 1

T = TypeVar("T")


_STATUS = (int, str, type(None))
_NEEDED: dict[str, dict[str, Any]] = {
    "http": {"at": float, "size": int, "method": str, "path": str},
    "grpc": {"at": float, "size": int, "rpc": str},
}
_OPTIONAL: dict[str, Any] = {
    **dict.fromkeys(("model", "version", "id"), str),
    **dict.fromkeys(("answered", "characters", "events", "stream"), int),
    **dict.fromkeys(("duration", "first_byte"), float),
    **dict.fromkeys(("headers", "settings"), dict),
    "status": _STATUS,
    "tensors": list,
}
_BODIES: dict[str, Callable[[str], bytes]] = {
    "body": str.encode,
    "body_base64": partial(base64.b64decode, validate=True),
}
_WORDS: dict[Any, str] = {
    bool: "true or false",
    dict: "an object",
    float: "a number, 0 or more",
    int: "an integer, 0 or more",
    list: "a list",
    str: "a text",
    _STATUS: "a number, a code's name or null",
}


class TraceFileWrong(Exception):
    """The text names the file and the line, and says what was expected there."""


@dataclass(frozen=True, slots=True)
class RecordedTensor:
    name: str
    datatype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """`at` is in seconds since the recording began, other times are in seconds too, sizes in bytes.

    Over "http" there are `method` and `path` (with its query), over "grpc" `rpc`, whose requests with the same `stream`
    came in one call. `body` is what was sent, as it was sent, for "grpc" a serialized ModelInferRequest; where it is
    None it had `size` bytes, and `tensors`, or `settings` and so many `characters`, say what for. `status` is a number
    over "http", a code's name over "grpc", and None where nobody was there to be told.
    """

    at: float
    protocol: str
    method: str = ""
    path: str = ""
    rpc: str = ""
    stream: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    model: str = ""
    version: str = ""
    id: str = ""
    status: int | str | None = None
    duration: float = 0.0
    answered: int = 0
    first_byte: float | None = None
    events: int | None = None
    size: int = 0
    body: bytes | None = None
    tensors: tuple[RecordedTensor, ...] = ()
    settings: Mapping[str, bool | int | float] = field(default_factory=dict)
    characters: int = 0


@dataclass(frozen=True, slots=True)
class Trace:
    """`requests` in the order in which they arrived; they are `rate` of all that did."""

    server_version: str
    started: datetime
    rate: float
    bodies: bool
    requests: tuple[RecordedRequest, ...]


def read_trace(path: Path) -> Trace:
    """Raises `TraceFileWrong`, and `OSError` where there is no such file."""
    lines = path.read_bytes().split(b"\n")[:-1]  # after the last line's end is what was not written to its end
    if not lines:
        raise TraceFileWrong(
            f"{path} has no whole line, so it is no recording; slipway serve --record-file FILE makes one"
        )
    trace = _read(path, 1, lines[0], _first)
    requests = [_read(path, number, line, _request) for number, line in enumerate(lines[1:], start=2)]
    return replace(trace, requests=tuple(sorted(requests, key=lambda request: request.at)))


def _read(path: Path, number: int, line: bytes, as_what: Callable[[dict[str, Any]], T]) -> T:
    try:
        return as_what(_object(line))
    except _Wrong as wrong:
        raise TraceFileWrong(f"{path}, line {number}: {wrong}") from None


class _Wrong(Exception):
    """The text says what."""


def _object(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _Wrong(f"a JSON object was expected, which this is not: {error}") from None
    if type(found) is not dict:
        raise _Wrong(f"a JSON object was expected, got {found!r:.60}")
    return found


def _first(line: dict[str, Any]) -> Trace:
    if "slipway_trace" not in line:
        raise _Wrong("a recording begins with a 'slipway_trace'; slipway serve --record-file FILE makes one")
    if line["slipway_trace"] != FORMAT:
        raise _Wrong(f"'slipway_trace' must be {FORMAT}, the format that is read here, got {line['slipway_trace']!r}")
    rate = _member(line, "rate", float)
    if not 0 < rate <= 1:
        raise _Wrong(f"'rate' must be above 0 and at most 1, got {rate}")
    started = _member(line, "started", str)
    try:
        when = datetime.fromisoformat(started)
    except ValueError:
        raise _Wrong(f"'started' must be a time as ISO 8601 has it, got {started!r:.60}") from None
    return Trace(_member(line, "server_version", str), when, rate, _member(line, "bodies", bool), ())


def _request(line: dict[str, Any]) -> RecordedRequest:
    protocol = _member(line, "protocol", str)
    if protocol not in _NEEDED:
        raise _Wrong(f"'protocol' must be 'http' or 'grpc', got {protocol!r:.60}")
    members = {name: _member(line, name, kind) for name, kind in _NEEDED[protocol].items()}
    members |= {name: _member(line, name, kind) for name, kind in _OPTIONAL.items() if name in line}
    if any(type(value) is not str for value in members.get("headers", {}).values()):
        raise _Wrong(f"'headers' must be an object of texts, got {members['headers']!r:.60}")
    members["tensors"] = tuple(map(_tensor, members.get("tensors", ())))
    return RecordedRequest(protocol=protocol, body=_body(line), **members)


def _tensor(line: Any) -> RecordedTensor:
    if type(line) is not dict:
        raise _Wrong(f"'tensors' must be a list of objects, got {line!r:.60} in it")
    shape = _member(line, "shape", list)
    if not all(type(size) is int for size in shape):
        raise _Wrong(f"'shape' must be a list of integers, got {shape!r:.60}")
    return RecordedTensor(_member(line, "name", str), _member(line, "datatype", str), tuple(shape))


def _body(line: dict[str, Any]) -> bytes | None:
    for name, decode in _BODIES.items():
        if name in line:
            try:
                return decode(_member(line, name, str))
            except ValueError as error:
                raise _Wrong(f"'{name}' can't be decoded: {error}") from None
    return None


def _member(line: dict[str, Any], name: str, kind: Any) -> Any:
    """A number where it may have a fraction may also have none; none is negative."""
    if name not in line:
        raise _Wrong(f"it has no '{name}'")
    value = line[name]
    kinds = (int, float) if kind is float else kind if type(kind) is tuple else (kind,)
    if type(value) not in kinds or (type(value) in (int, float) and not 0 <= value < math.inf):
        raise _Wrong(f"'{name}' must be {_WORDS[kind]}, got {value!r:.60}")
    return value
