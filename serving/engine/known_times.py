"""How long a version's batches take, as far as that can be known before anybody asks it.

Rule: what was tuned is not measured again; else only a model with an objective is, for a moment, with rows that it was
warmed up with. What can't be measured is left to be learnt.
"""

import logging
import threading
import time
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path

from serving.backends.backend import ModelInstance
from serving.core import golden
from serving.core.batching_config import latency_objective
from serving.core.model_config import ModelConfig, devices
from serving.core.requests import Arrays, InferRequest
from serving.engine.as_called import as_called
from serving.engine.fit import batch_key, stacked_inputs
from serving.engine.tuning_rows import batch_of, rows_for
from serving.engine.warm_up import may_be_fed_zeros
from serving.errors import ModelLoadFailed
from serving.scheduling.tuning import Tuning

log = logging.getLogger("slipway")

_RUNS = 3
"""Of a size, of which the quickest counts."""

_PATIENCE = 1.0
"""Seconds in all; what takes longer is left to be learnt."""


@dataclass(frozen=True, slots=True)
class KnownTimes:
    """(rows, seconds) of batches of requests with one `key`, on one device."""

    key: Hashable
    device: str
    times: tuple[tuple[int, float], ...]


def known_times(
    instance: ModelInstance, config: ModelConfig, directory: Path, tuning: Tuning | None
) -> KnownTimes | None:
    """`instance` is the first of those of the version in `directory`, and warm. None where nothing is known."""
    if not (tuning or latency_objective(config)) or config.HasField("sequence_batching"):
        return None
    if config.model_transaction_policy.decoupled or not _has_rows(config, directory):
        return None
    instance = as_called(instance, config)
    try:
        rows = rows_for(instance, config, directory)
    except ModelLoadFailed:
        return None
    times = tuning.profile if tuning else _measured(instance, rows, int(config.max_batch_size))
    request = InferRequest(str(config.name), rows)
    return KnownTimes(batch_key(request, stacked_inputs(config), instance.reads_parameters), devices(config)[0], times)


def _has_rows(config: ModelConfig, directory: Path) -> bool:
    return may_be_fed_zeros(config) or bool(config.model_warmup) or (directory / golden.FILENAME).is_file()


def _measured(instance: ModelInstance, rows: Arrays, max_batch_size: int) -> tuple[tuple[int, float], ...]:
    """In a thread that is left alone if it takes long: there are models that never end on some inputs."""
    found: list[tuple[int, float]] = []
    batches = [(size, batch_of(rows, size)) for size in sorted({1, max_batch_size})] if max_batch_size else [(1, rows)]

    def run() -> None:
        try:
            for size, inputs in batches:
                found.append((size, min(_runs(instance, inputs))))
        except Exception as error:  # a model may raise anything, and proved itself already
            log.debug("a batch was no input to measure with: %s", error)

    running = threading.Thread(target=run, name="known-times", daemon=True)
    running.start()
    running.join(_PATIENCE)
    return tuple(found)


def _runs(instance: ModelInstance, inputs: Arrays) -> Iterator[float]:
    for _ in range(_RUNS):
        started = time.perf_counter()
        instance.run(inputs)
        yield time.perf_counter() - started
