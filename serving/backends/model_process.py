"""One process that has loaded a model: it is started, reached, waited for and ended from here.

Rule: whoever starts it is a thread that stays in `wait` as long as it lives, because the system ends the process with
that thread, and so with the server, however that ends. All else may be called from any thread.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from serving.backends.lane import Gone, Lane, receive, send
from serving.backends.model_environment import model_environment
from serving.backends.restarts import how_it_ended
from serving.core.isolation import isolation
from serving.core.model_config import ModelConfig
from serving.core.requests import TensorSpec
from serving.errors import ModelLoadFailed
from serving.memory_limit import memory

_START = "serving.backends.reduced_start"
_PATIENCE = 5.0  # seconds that it has to end by itself, and after SIGTERM


class Ended(Exception):
    """The process has; the text says how."""


class ModelProcess:
    def __init__(
        self, directory: Path, config: ModelConfig, device: str, log_level: int, is_to_describe: bool = False
    ) -> None:
        """Starts it; `load` follows, after which one that `is_to_describe` ends. Raises `ModelLoadFailed`."""
        allowed = isolation(config)
        is_on_cpu = device == "cpu"  # what a GPU's driver does in a process is its own
        rights = {
            "memory": allowed.memory_byte_size or (int(memory().limit) if is_on_cpu else None),
            "only_computes": is_on_cpu and config.backend != "python",
        }
        self._control, theirs = socket.socketpair()
        name = f"{config.name}/{directory.name}"  # for `ps`
        python = [sys.executable, "-P", "-X", "faulthandler"]
        with theirs:
            self._process = subprocess.Popen(
                [*python, "-m", _START, str(theirs.fileno()), str(os.getpid()), json.dumps(rights), name],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=model_environment(os.environ, allowed.environment),
                process_group=0,  # Ctrl-C is the server's
            )
        self._task = {
            "directory": str(directory.absolute()),
            "config": config.SerializeToString().hex(),
            "device": device,
            "is_to_describe": is_to_describe,
            "log_level": log_level,
            "python_path": os.environ.get("PYTHONPATH", ""),
        }
        self._how = ""
        self._has_ended = threading.Event()
        self._reaping = threading.Lock()
        self._changing = threading.Lock()
        self._lanes: set[Lane] = set()
        self._free: list[Lane] = []

    def __repr__(self) -> str:
        return f"<ModelProcess {self.pid}{f', {self._how}' if self._how else ''}>"

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        return self._has_ended.is_set()

    def load(self) -> None:
        """Until then it has no `inputs` and so on. Raises `ModelLoadFailed` or `Gone`, and then it ends."""
        try:
            send(self._control, self._task)
            answer = receive(self._control)
        except Gone:
            self._signal(signal.SIGKILL)
            raise
        if "failed" in answer:
            raise ModelLoadFailed(answer["failed"])
        self.inputs = _specs(answer["inputs"])
        self.outputs = _specs(answer["outputs"])
        self.concurrency = int(answer.get("concurrency", 1))
        self.reads_parameters = bool(answer.get("reads_parameters"))

    @contextmanager
    def lane(self) -> Iterator[Lane]:
        """One for the caller alone. Raises `Ended`, also where the caller finds that it is `Gone`."""
        if self._has_ended.is_set():
            raise Ended(self._how)
        try:
            with self._changing:
                lane = self._free.pop() if self._free else self._open()
            try:
                yield lane
            finally:
                self._give_back(lane)
        except Gone:
            raise Ended(self._ending()) from None

    def wait(self) -> str:
        """Until it has ended; how it did. Whoever waits for an answer of it is told."""
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        with self._reaping:  # until then its number, which is also its group's, is nobody else's
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)  # what it started itself
            self._how = how_it_ended(self._process.wait())
            self._has_ended.set()
        with self._changing:
            self._control.close()
            while self._free:
                self._close(self._free.pop())
            for lane in self._lanes:
                lane.hang_up()
        return self._how

    def end(self, patience: float = _PATIENCE) -> None:
        """Tell it to, which lets the model close, and insist after so many seconds, and again after as many."""
        with suppress(OSError):
            self._control.shutdown(socket.SHUT_WR)
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._has_ended.wait(patience):
                return
            self._signal(number)
        self._has_ended.wait(patience)

    def _open(self) -> Lane:
        lane, descriptors = Lane.open()
        try:
            socket.send_fds(self._control, [b"+"], descriptors)
        except OSError:
            lane.close()
            raise Gone from None
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        self._lanes.add(lane)
        return lane

    def _give_back(self, lane: Lane) -> None:
        with self._changing:
            if lane.is_spent or self._has_ended.is_set():
                self._close(lane)
            else:
                self._free.append(lane)

    def _close(self, lane: Lane) -> None:
        self._lanes.discard(lane)
        lane.close()

    def _ending(self) -> str:
        """How it ended. What lets go of a lane ends already, or is of no use any more."""
        self._signal(signal.SIGKILL)
        self._has_ended.wait(_PATIENCE)
        return self._how

    def _signal(self, number: int) -> None:
        with self._reaping:
            if not self._has_ended.is_set():
                os.kill(self.pid, number)


def _specs(document: list[list[Any]]) -> tuple[TensorSpec, ...]:
    return tuple(TensorSpec(name, datatype, tuple(shape)) for name, datatype, shape in document)
