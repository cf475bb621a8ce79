"""A model instance in a process of its own, which is started again when it ends.

Rule: a request that was there when the process ended is not run again, since it may have been the reason; and what is
started again loads files only while they are those that were loaded first, and proves itself before it answers.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from math import ceil
from pathlib import Path

from serving.backends.backend import ModelInstance, Prove, Specs
from serving.backends.conversation import ask, ask_stream
from serving.backends.lane import Gone, Lane
from serving.backends.model_process import Ended, ModelProcess
from serving.backends.restarts import Restarts
from serving.core.isolation import FIELD
from serving.core.model_config import ModelConfig
from serving.core.requests import NO_PARAMETERS, Arrays, Parameters
from serving.errors import InstanceDied, ModelLoadFailed

log = logging.getLogger("slipway")

_Mark = tuple[int, int, int]


class IsolatedInstance:
    """Also a `DecoupledInstance`, where the model is, and a `SupervisedInstance`."""

    def __init__(self, directory: Path, config: ModelConfig, device: str) -> None:
        """Raises `ModelLoadFailed`."""
        self.restarts = 0
        self.restarts_are_in_vain = False
        self._directory = directory
        self._config = config
        self._device = device
        self._name = f"{config.name} version {directory.name}"
        self._named = f"the process of model '{config.name}' version {directory.name}"
        self._marks = _marks(directory, config)
        self._forgets = config.HasField("sequence_batching") and config.backend != "onnxruntime"
        self._changing = threading.Lock()
        self._closing = threading.Event()
        self._latest: ModelProcess | None = None
        self._up: ModelProcess | None = None
        self._up_since = 0.0
        self._how = ""
        self._next_start = 0.0
        self._known: ModelProcess | None = None
        self._prove: Prove | None = None
        self._ended_in_proof = False
        first: Future[ModelProcess] = Future()
        self._supervisor = threading.Thread(
            target=self._supervise, args=[first], name=f"{config.name}-supervisor", daemon=True
        )
        self._supervisor.start()
        loaded = first.result()
        self.inputs = loaded.inputs
        self.outputs = loaded.outputs
        self.concurrency = loaded.concurrency
        self.reads_parameters = loaded.reads_parameters

    def __repr__(self) -> str:
        return f"<IsolatedInstance {self._name}, {self._latest}>"

    @property
    def lacks(self) -> str:
        return "" if self._up is not None else self._is_down()

    def run(self, inputs: Arrays, parameters: Parameters = NO_PARAMETERS, /) -> Arrays:
        """Raises `InstanceDied` too."""
        with self._lane() as lane:
            return ask(lane, inputs, parameters)

    def stream(
        self, inputs: Arrays, parameters: Parameters, is_cancelled: Callable[[], bool], /
    ) -> Generator[Arrays, None, None]:
        with self._lane() as lane:
            yield from ask_stream(lane, inputs, parameters, is_cancelled)

    def prove_restarts(self, prove: Prove, /) -> None:
        self._prove = prove

    def close(self) -> None:
        with self._changing:
            self._closing.set()
        if self._latest is not None:
            self._latest.end()
        self._supervisor.join()

    @contextmanager
    def _lane(self) -> Iterator[Lane]:
        process = self._process()
        try:
            with process.lane() as lane:
                yield lane
        except Ended as ended:
            raise self._died(f"{self._named}, which had this request, {ended}; it is started again") from None

    def _process(self) -> ModelProcess:
        """Where sequences are lost with a process, the first who asks its successor is told instead."""
        process = self._up
        if process is None:
            raise self._died(self._is_down())
        if self._forgets and self._known not in (None, process):
            raise self._died(f"{self._named} {self._how}, and with it what it knew of its sequences; start them anew")
        self._known = process
        return process

    def _is_down(self) -> str:
        seconds = self._seconds_left()
        return f"{self._named} {self._how}; it is started again{f' in {seconds} s' if seconds > 1 else ''}"

    def _died(self, words: str) -> InstanceDied:
        self._known = None
        return InstanceDied(words, self._seconds_left(), self._forgets)

    def _seconds_left(self) -> int:
        """Until it is started again, rounded up."""
        return max(1, ceil(self._next_start - time.monotonic()))

    def _supervise(self, first: "Future[ModelProcess]") -> None:
        """All of its processes, one after another, belong to this thread."""
        restarts = Restarts()
        while not self._closing.wait(restarts.delay):
            try:
                self._how = self._live(first)
                lived = time.monotonic() - self._up_since
            except BaseException as error:  # an operating system may refuse anything
                if not first.done():
                    first.set_exception(error)
                    return
                self._how, lived = f"can't be started: {_words(error)}", 0.0
            if self._closing.is_set():
                return
            self.restarts += 1
            restarts = restarts.after(lived)
            self.restarts_are_in_vain = restarts.are_in_vain
            self._next_start = time.monotonic() + restarts.delay
            log.error("%s %s; next start in %g s", self._named, self._how, restarts.delay)

    def _live(self, first: "Future[ModelProcess]") -> str:
        """From a start to how it ended. Raises `ModelLoadFailed`."""
        if _marks(self._directory, self._config) != self._marks:
            raise ModelLoadFailed("its files are no longer those that were loaded; load the model anew")
        with self._changing:
            if self._closing.is_set():
                return ""
            process = self._latest = ModelProcess(self._directory, self._config, self._device, log.level)
        try:
            process.load()
        except Gone:
            raise ModelLoadFailed(f"the model's process {process.wait()} while it loaded the model") from None
        except ModelLoadFailed:
            process.wait()
            raise
        failures: list[Exception] = []
        proving = threading.Thread(
            target=self._put_up, args=[process, first, failures], name=f"{self._config.name}-proof", daemon=True
        )
        proving.start()  # this thread waits for the process, however that ends
        try:
            how = process.wait()
        finally:
            proving.join()
            self._up = None
        if failures:
            raise failures[0]
        return how

    def _put_up(self, process: ModelProcess, first: "Future[ModelProcess]", failures: list[Exception]) -> None:
        """Once it has proved itself. Where that ended the last one, and was no failure, this one is spared it."""
        is_spared, self._ended_in_proof = self._ended_in_proof, False
        if self._prove is not None and not is_spared:
            try:
                self._prove(ProcessInstance(process))
            except Exception as error:  # a model may raise anything
                failures.append(error)
                process.end()
                return
            self._ended_in_proof = process.has_ended
        self._up_since = time.monotonic()
        self._up = process
        log.info("%s runs in process %d", self._name, process.pid)
        if not first.done():
            first.set_result(process)


class ProcessInstance:
    """One process that loaded the model, as a `ModelInstance`, while nobody else is to have it. Its methods raise
    `Ended` too."""

    def __init__(self, process: ModelProcess) -> None:
        self.inputs = process.inputs
        self.outputs = process.outputs
        self.concurrency = process.concurrency
        self.reads_parameters = process.reads_parameters
        self._process = process

    def run(self, inputs: Arrays, parameters: Parameters = NO_PARAMETERS, /) -> Arrays:
        with self._process.lane() as lane:
            return ask(lane, inputs, parameters)

    def stream(
        self, inputs: Arrays, parameters: Parameters, is_cancelled: Callable[[], bool], /
    ) -> Generator[Arrays, None, None]:
        with self._process.lane() as lane:
            yield from ask_stream(lane, inputs, parameters, is_cancelled)

    def close(self) -> None:
        """It is its supervisor's."""


def load(directory: Path, config: ModelConfig, device: str) -> ModelInstance:
    """As a `Backend`; the config's own is loaded by the process."""
    _check_platform()
    return IsolatedInstance(directory, config, device)


def describe(directory: Path, config: ModelConfig) -> tuple[Specs, Specs]:
    """What a model's file says of its inputs and outputs, read by a process too. Raises `ModelLoadFailed`."""
    _check_platform()
    process = ModelProcess(directory, config, "cpu", log.level, is_to_describe=True)
    is_told = False
    try:
        with suppress(Gone):
            process.load()
            is_told = True
    finally:
        how = process.wait()
    if not is_told:
        raise ModelLoadFailed(f"the model's process {how} while it read the model's file")
    return process.inputs, process.outputs


def _check_platform() -> None:
    if not hasattr(os, "memfd_create"):
        raise ModelLoadFailed(f"{FIELD}: processes for models need Linux; leave it out to serve the model without one")


def _marks(directory: Path, config: ModelConfig) -> dict[str, _Mark]:
    """Of the files that a version is made of; a Python model may write others."""
    source = ("*.py", str(config.default_model_filename))
    patterns = source if config.backend == "python" else ("*",)
    files = {path for pattern in patterns for path in directory.rglob(pattern) if path.is_file()}
    return {str(path): _mark(path.stat()) for path in files}


def _mark(status: os.stat_result) -> _Mark:
    return status.st_size, status.st_mtime_ns, status.st_ino


def _words(error: BaseException) -> str:
    """Without the server's folders, which an operating system's error names."""
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)
