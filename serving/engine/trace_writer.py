"""Traces as the JSON file that Triton writes and its `trace_summary.py` reads.

Rule: the file is valid JSON after every write; what the disk refuses is counted, and told when that begins and when it
ends; no request fails of it. Belongs to one thread.
"""

import errno
import json
import logging
import os
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

log = logging.getLogger("slipway")


@dataclass(frozen=True, slots=True)
class Trace:
    """One request's way through the server: names such as REQUEST_START, each with a monotonic clock's nanoseconds."""

    id: int
    model_name: str
    model_version: str
    request_id: str
    timestamps: tuple[tuple[str, int], ...]


class TraceWriter:
    """Starts `path` anew with its first trace, as Triton does."""

    def __init__(self, path: Path) -> None:
        self.lost = 0
        """Traces that the disk refused."""
        self._path = path
        self._is_refused = False
        self._has_begun = False
        self._waiting: list[Trace] = []
        self._index = 0

    def __repr__(self) -> str:
        return f"<TraceWriter {self._path.name}, {len(self._waiting)} waiting>"

    def write(self, trace: Trace, log_frequency: int = 0) -> None:
        """With a `log_frequency` of 0 at once into `path`; else, each time that so many wait, all of those into
        `path.0`, `path.1` and so on."""
        if log_frequency == 0:
            self._append(trace)
            return
        self._waiting.append(trace)
        if len(self._waiting) >= log_frequency:
            self.flush()

    def flush(self) -> None:
        """Write what waits, into the next file; called before a server ends."""
        if self._waiting:
            self._write_indexed(self._waiting)
            self._waiting = []

    def _append(self, trace: Trace) -> None:
        anew = 0 if self._has_begun else os.O_TRUNC
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | anew, 0o644)
            with FileIO(descriptor, "r+") as file:
                _extend(file, _entries([trace]))
            self._has_begun = True
            self._taken()
        except OSError as error:
            self._refused(self._path, error, 1)

    def _write_indexed(self, traces: list[Trace]) -> None:
        path = self._path.with_name(f"{self._path.name}.{self._index}")
        self._index += 1
        try:
            path.write_bytes(b"[" + _entries(traces) + b"]")
            self._taken()
        except OSError as error:
            with suppress(OSError):
                path.unlink(missing_ok=True)  # what it has is no JSON
            self._refused(path, error, len(traces))

    def _refused(self, path: Path, error: OSError, count: int) -> None:
        if not self._is_refused:
            log.error("can't write a trace to %s: %s; until it can, traces are lost", path, error.strerror)
        self._is_refused = True
        self.lost += count

    def _taken(self) -> None:
        if self._is_refused:
            log.warning("traces are written again; %d were lost since the server started", self.lost)
        self._is_refused = False


def _extend(file: FileIO, entries: bytes) -> None:
    """Put the entries before the array's end; where the disk is full, the array stays as it was."""
    end = max(file.seek(0, os.SEEK_END) - 1, 0)  # where the closing bracket stands
    file.seek(end)
    addition = (b"," if end else b"[") + entries + b"]"
    written = file.write(addition)
    if written != len(addition):
        file.seek(end)
        file.truncate()
        file.write(b"]" if end else b"")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _entries(traces: list[Trace]) -> bytes:
    """Two for each, without the array's brackets: which request it was, and its timestamps."""
    return b",".join(json.dumps(entry, separators=(",", ":")).encode() for trace in traces for entry in _pair(trace))


def _pair(trace: Trace) -> tuple[dict[str, object], dict[str, object]]:
    request: dict[str, object] = {
        "id": trace.id,
        "model_name": trace.model_name,
        "model_version": int(trace.model_version),
    }
    if trace.request_id:
        request["request_id"] = trace.request_id
    return request, {"id": trace.id, "timestamps": [{"name": name, "ns": ns} for name, ns in trace.timestamps]}
