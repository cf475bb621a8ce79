"""Measures a version: loads it once for each number of threads, feeds it, and frees it again.

Rule: whatever the model does, this ends in about the time that it was given, or says why there is nothing to measure.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from serving.backends import backend
from serving.backends.backend import Backend, ModelInstance
from serving.core.model_config import ModelConfig
from serving.core.requests import Arrays
from serving.core.tuning_config import with_setting
from serving.engine.as_called import as_called
from serving.engine.measuring import Measurement, measure
from serving.engine.tuning_rows import batch_of, rows_for
from serving.errors import ModelLoadFailed
from serving.scheduling.tuning import Question, affordable, batch_sizes, candidates

UNFINISHED = "a row that is measured"
"""The name of a thread that goes on where a model takes longer than there is time."""

_MOST_BYTES = 2**30  # of files that are in memory several times meanwhile


@dataclass(frozen=True, slots=True)
class Effort:
    """Seconds in all; batch sizes grow by `factor`; if it `stops_early`, then when more would change nothing."""

    seconds: float
    factor: int
    stops_early: bool


def at_load(seconds: float) -> Effort:
    return Effort(seconds, 4, stops_early=True)


def at_length(seconds: float) -> Effort:
    return Effort(seconds, 2, stops_early=False)


def try_out(
    directory: Path,
    config: ModelConfig,
    question: Question,
    effort: Effort,
    told: Callable[[float], object] = lambda _: None,
) -> Measurement:
    """Of the version in `directory` with a completed `config`. `told` gets the share of the time that went by.

    Raises `ModelLoadFailed` where there is nothing to measure.
    """
    try:
        return _measurement(directory, config, question, effort, told)
    except ModelLoadFailed:
        raise
    except Exception as error:  # a model may raise anything
        raise ModelLoadFailed(f"it can't answer what it is measured with: {error}") from error


def _measurement(
    directory: Path, config: ModelConfig, question: Question, effort: Effort, told: Callable[[float], object]
) -> Measurement:
    load = backend.find(config.backend)  # imports the runtime, which may take seconds, once
    seconds = effort.seconds
    until = time.perf_counter() + seconds
    settings = candidates(question)
    with _loaded(load, directory, config, {setting.threads for setting in settings}, seconds) as instances:
        rows = rows_for(instances[min(instances)], config, directory)
        left = until - time.perf_counter()
        first = batch_of(rows, 1) if config.max_batch_size else rows
        row_seconds = _seconds(instances[min(instances)], first, left)
        sizes = affordable(batch_sizes(config.max_batch_size, effort.factor), row_seconds, len(settings), left)
        if not sizes:
            raise ModelLoadFailed(f"a row takes {row_seconds:.2g} s, too long for {seconds:g} s of measuring in all")
        batches = {size: batch_of(rows, size) if config.max_batch_size else rows for size in sizes}
        left = max(until - time.perf_counter(), 0.001)
        return measure(instances, settings, batches, question.cores, left, effort.stops_early, told)


@contextmanager
def _loaded(
    load: Backend, directory: Path, config: ModelConfig, thread_counts: Iterable[int], seconds: float
) -> Iterator[Mapping[int, ModelInstance]]:
    """An instance for each number of threads, closed afterwards."""
    counts = sorted(thread_counts)
    size = sum(path.stat().st_size for path in directory.iterdir() if path.is_file())
    if size * len(counts) > _MOST_BYTES:
        raise ModelLoadFailed(f"it is too large to be in memory {len(counts)} times")
    loaded: dict[int, ModelInstance] = {}
    started = time.perf_counter()
    try:
        for threads in counts:
            loaded[threads] = load(directory, with_setting(config, 1, threads), "cpu")
            if (time.perf_counter() - started) / len(loaded) * len(counts) > seconds:
                raise ModelLoadFailed(f"to load it {len(counts)} times takes longer than {seconds:g} s")
        yield {threads: as_called(instance, config) for threads, instance in loaded.items()}
    finally:
        for instance in loaded.values():
            instance.close()


def _seconds(instance: ModelInstance, inputs: Arrays, patience: float) -> float:
    """Of a run, without what the first ones do once. In a thread that is left alone if it takes longer than `patience`:
    there are models that never end on some inputs."""
    runs: list[float] = []
    failures: list[Exception] = []

    def run() -> None:
        try:
            for _ in range(4):
                started = time.perf_counter()
                instance.run(inputs)
                runs.append(time.perf_counter() - started)
        except Exception as error:  # a model may raise anything
            failures.append(error)

    running = threading.Thread(target=run, name=UNFINISHED, daemon=True)
    running.start()
    running.join(patience)
    if failures:
        raise failures[0]
    if running.is_alive():
        raise ModelLoadFailed(f"four runs of a row take longer than the {patience:.2g} s that are left for measuring")
    return min(runs)
