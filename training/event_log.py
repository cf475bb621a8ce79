"""A run's course as TensorBoard reads it, where that is installed.

Rule: whoever reads them sees each step once: of a run that goes on, what it had told beyond its snapshot is taken back.
"""

import io
import os
import socket
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training import files
from training.state import Point

if TYPE_CHECKING:  # it is optional
    from tensorboard.compat.proto.event_pb2 import Event


class EventLog:
    """In `folder`, a file of each process that has had the run; begun with the first point, and nothing where
    TensorBoard is not installed. `parameters` are the run's, by section and name."""

    def __init__(self, folder: Path, parameters: Mapping[str, Any]) -> None:
        self._folder, self._parameters = folder, parameters
        self._file: Path | None = None
        self._is_wanted = find_spec("tensorboard") is not None

    def tell(self, point: Point, learning_rate: float) -> None:
        """Raises OSError."""
        if not self._is_wanted:
            return
        if self._file is None:
            self._begin(point.step)
        values = {
            "loss/train": point.train_loss,
            "loss/held_out": point.loss,
            **{f"score/{name}": value for name, value in point.scores.items()},
            "learning_rate": learning_rate,
        }
        self._write(_scalars(point.step, values))

    def _begin(self, step: int) -> None:
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog

        is_first = not self._folder.exists()
        self._folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{time.time_ns() // 10**9:010d}.{socket.gethostname()}.{os.getpid()}"
        self._file = self._folder / name
        self._write(Event(wall_time=time.time(), file_version="brain.Event:2"))
        if is_first:
            self._write(self._hyperparameters())
        # What readers know of this step and later ones, they forget.
        self._write(Event(wall_time=time.time(), step=step, session_log=SessionLog(status=SessionLog.START)))

    def _hyperparameters(self) -> "Event":
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.plugins.hparams.summary_v2 import hparams_pb

        summary = hparams_pb(dict(self._parameters), trial_id=str(self._folder))
        return Event(wall_time=time.time(), summary=summary)

    def _write(self, event: "Event") -> None:
        from tensorboard.summary.writer.record_writer import RecordWriter

        assert self._file is not None
        record = io.BytesIO()
        RecordWriter(record).write(event.SerializeToString())
        files.append(self._file, record.getvalue())


def _scalars(step: int, values: Mapping[str, float]) -> "Event":
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    summary = Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()])
    return Event(wall_time=time.time(), step=step, summary=summary)
