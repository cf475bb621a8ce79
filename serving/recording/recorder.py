"""Chooses requests by a coin, and writes what was seen of them in a thread of its own.

Rule: no request waits for it: what there is no room for, in memory or on the disk, is dropped, counted, and told once.
"""

import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TypeVar

from serving import __version__
from serving.recording.calls import Call
from serving.recording.record_file import RecordFile, RecordFileUnusable
from serving.recording.trace_line import Line, first_line, line

T = TypeVar("T")

log = logging.getLogger("slipway")

QUEUE_BYTES = 64 * 1024 * 1024
"""Of what waits to be written."""

_OF_A_CALL = 1024  # bytes, beside its body
_PAUSE = 0.1  # seconds between looks at what waits, so that a busy server is seldom disturbed
_TOGETHER = 64 * 1024  # bytes of lines that are written at once
_LAST_WRITES = 2.0  # seconds, when the server stops

REASONS = {
    "queue": "more comes than can be written",
    "disk": "the disk refuses it",
    "size": "the file is as large as it may be (--record-max-bytes)",
    "failure": "it can't be written as a line",
}


@dataclass(frozen=True, slots=True)
class Recording:
    """What is recorded: that share of all requests, with their bodies or without, into a file of so many bytes."""

    path: Path
    rate: float
    with_bodies: bool
    max_bytes: int


class Recorder:
    """`chooses` and `put` belong to the event loop's thread."""

    def __init__(self, recording: Recording) -> None:
        """Raises `RecordFileUnusable`."""
        self.written = 0
        self.dropped: Counter[str] = Counter()
        """By reason."""
        self._recording = recording
        self._file = RecordFile(recording.path)
        self._waiting: SimpleQueue[tuple[Call, int] | None] = SimpleQueue()
        self._put = self._taken = 0  # bytes; one is the event loop's to count, the other the writing thread's
        self._is_full = False
        self._closing = threading.Event()
        self._start = time.monotonic()
        self._begin()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"<Recorder {self._recording.path.name}, {self.written} written>"

    def now(self) -> float:
        """Seconds since the recording began."""
        return time.monotonic() - self._start

    def chooses(self) -> bool:
        """Whether the next request is one of the sample."""
        return random.random() < self._recording.rate and not self._is_full

    def put(self, call: Call) -> None:
        size = call.size + _OF_A_CALL
        if self._put - self._taken + size > QUEUE_BYTES:
            self._drop("queue", 1)
            return
        self._put += size
        self._waiting.put((call, size))

    def close(self) -> None:
        """What waits is written, if that takes no longer than two seconds."""
        self._closing.set()
        self._waiting.put(None)
        self._thread.join(_LAST_WRITES)
        log.info("recorded %d requests, dropped %d", self.written, self.dropped.total())

    def _begin(self) -> None:
        recording = self._recording
        head = first_line(__version__, datetime.now(UTC).isoformat(), recording.rate, recording.with_bodies)
        try:
            self._file.append(head.pieces())
        except OSError as error:
            self._file.close()
            raise RecordFileUnusable(
                f"--record-file: {recording.path} can't be written ({error.strerror}); name another"
            ) from None
        what = "with their bodies" if recording.with_bodies else "without their bodies"
        log.info("recording %g %% of requests, %s, in %s", recording.rate * 100, what, recording.path)

    def _run(self) -> None:
        is_over = False
        while not is_over:
            first = self._waiting.get()
            self._closing.wait(_PAUSE)
            batch = [first, *_all_of(self._waiting)]
            is_over = None in batch
            self._write([each for each in batch if each is not None])
        self._file.close()

    def _write(self, batch: list[tuple[Call, int]]) -> None:
        lines: list[Line] = []
        together = 0
        for call, size in batch:
            if (found := self._line(call)) is not None:
                lines.append(found)
                together += found.size
            if together >= _TOGETHER:
                self._append(lines)
                lines, together = [], 0
            self._taken += size
        self._append(lines)

    def _line(self, call: Call) -> Line | None:
        try:
            return line(call, self._recording.with_bodies)
        except Exception:  # one that nobody foresaw is no reason to lose the others
            if not self.dropped["failure"]:
                log.exception("a request can't be recorded")
            self._drop("failure", 1)
            return None

    def _append(self, lines: list[Line]) -> None:
        fitting = self._fitting(lines)
        if len(fitting) < len(lines):
            self._is_full = True
            self._drop("size", len(lines) - len(fitting))
        try:
            self._file.append(_blocks(fitting))
            self.written += len(fitting)
        except OSError:
            self._drop("disk", len(fitting))

    def _fitting(self, lines: list[Line]) -> list[Line]:
        """As many of the first as there is room for; after one that was too many nothing comes."""
        room = 0 if self._is_full else self._recording.max_bytes - self._file.size
        for count, each in enumerate(lines):
            room -= each.size
            if room < 0:
                return lines[:count]
        return lines

    def _drop(self, why: str, count: int) -> None:
        if not self.dropped[why]:
            log.warning("requests are not recorded: %s", REASONS[why])
        self.dropped[why] += count


def _blocks(lines: list[Line]) -> Iterator[bytes]:
    """Small pieces together, since after each write the interpreter has to be waited for."""
    parts: list[bytes] = []
    size = 0
    for each in lines:
        for piece in each.pieces():
            parts.append(piece)
            size += len(piece)
            if size >= _TOGETHER:
                yield b"".join(parts)
                parts, size = [], 0
    yield b"".join(parts)


def _all_of(waiting: "SimpleQueue[T]") -> Iterator[T]:
    """What is there, without waiting for more."""
    with suppress(Empty):
        while True:
            yield waiting.get_nowait()
