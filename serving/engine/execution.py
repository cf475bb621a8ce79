"""A batch of requests on one model instance: inputs stacked, the model run, outputs split.

Rule: runs on a worker's thread and always returns an outcome for every request, whatever the model does.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

from serving.backends.backend import DecoupledInstance, ModelInstance
from serving.core.brief import words_of
from serving.core.model_config import ModelConfig
from serving.core.nan_check import checks_outputs
from serving.core.ragged_config import RaggedConfig, ragged_config
from serving.core.requests import Arrays, Parameters
from serving.core.sequence_config import SequenceConfig, sequence_config
from serving.engine.batch_buffers import BatchBuffers, buffers_for
from serving.engine.finite_outputs import finite
from serving.engine.reshaped import with_reshapes
from serving.engine.statistics import Times
from serving.errors import BackendFailed, Cancelled, DeadlineExceeded, InstanceDied, InvalidInput, SlipwayError
from serving.scheduling.batching import concatenate, concatenate_in, split
from serving.scheduling.ragged import divide, join
from serving.scheduling.sequence_inputs import SequenceRequest, answers, assemble


class Runnable(Protocol):
    """What execution needs to know of a request."""

    inputs: Arrays
    rows: int
    parameters: Parameters


class SequenceRunnable(Runnable, SequenceRequest, Protocol):
    """A request of a sequence."""


class Streamable(Runnable, Protocol):
    """A request to a decoupled model."""

    def emit(self, outputs: Arrays) -> None:
        """Pass one response on. Blocks while the caller is slow to read."""

    def is_cancelled(self) -> bool: ...


R = TypeVar("R")


@dataclass(slots=True)
class Run:
    """An outcome for each request, in order: its outputs, or the exception that took their place."""

    outcomes: list[Arrays | Exception]
    times: Times


def execute_on(instance: ModelInstance, config: ModelConfig) -> Callable[[Sequence[Any]], Run]:
    """What runs a batch on it, as the model's config wants it."""
    execute = _execute_on(instance, config)
    return partial(run_checked, execute) if checks_outputs(config) else execute


def _execute_on(instance: ModelInstance, config: ModelConfig) -> Callable[[Sequence[Any]], Run]:
    instance = with_reshapes(instance, config)
    if config.model_transaction_policy.decoupled:
        assert isinstance(instance, DecoupledInstance)
        return partial(run_stream, instance)
    sequences = sequence_config(config)
    if sequences is not None:
        return partial(run_sequences, instance, sequences)
    ragged = ragged_config(config)
    buffers = buffers_for(instance, config) if ragged is None else None
    run_once = partial(run_rows, instance, config.max_batch_size > 0, ragged=ragged, buffers=buffers)
    return partial(run_batch, run_once)


def run_checked(execute: Callable[[Sequence[R]], Run], batch: Sequence[R]) -> Run:
    """Answers that are no numbers are failures."""
    run = execute(batch)
    return Run([finite(outcome) for outcome in run.outcomes], run.times)


def run_batch(run_once: Callable[[Sequence[R]], Run], batch: Sequence[R]) -> Run:
    """When a batch fails, its halves run alone, and so on, so that a bad request costs no neighbour its answer; but not
    when its process ended, since that would cost many more processes."""
    started = time.monotonic()
    try:
        return run_once(batch)
    except BaseException as error:  # a model may raise anything, and the worker must go on
        if len(batch) == 1 or isinstance(error, InstanceDied):
            return Run([blame(error)] * len(batch), Times(0.0, time.monotonic() - started, 0.0))
    middle = len(batch) // 2
    return _together(run_batch(run_once, batch[:middle]), run_batch(run_once, batch[middle:]))


def run_rows(
    instance: ModelInstance,
    batched: bool,
    batch: Sequence[Runnable],
    *,
    ragged: RaggedConfig | None = None,
    buffers: BatchBuffers | None = None,
) -> Run:
    """Requests that have nothing to do with one another. Raises what the model does."""
    started = time.monotonic()
    given = [request.inputs for request in batch]
    rows = [request.rows for request in batch]
    if ragged is not None:
        inputs = join(ragged, given)
    else:
        inputs = concatenate(given) if buffers is None else concatenate_in(buffers, given, sum(rows))
    stacked = time.monotonic()
    outputs = instance.run(inputs, batch[0].parameters)
    ran = time.monotonic()
    if buffers is not None:  # answers are still to be read when the next batch is put together
        outputs = buffers.detached(outputs)
    if ragged is not None:
        outcomes = divide(ragged, given, rows, outputs)
    else:
        spare = 0 if buffers is None else _spare(inputs, rows)
        outcomes = split(outputs, rows, spare) if batched else [outputs]
    return Run([*outcomes], Times(stacked - started, ran - stacked, time.monotonic() - ran))


def _spare(inputs: Arrays, rows: Sequence[int]) -> int:
    """How many rows of a batch are nobody's."""
    return len(next(iter(inputs.values()))) - sum(rows)


def run_sequences(instance: ModelInstance, config: SequenceConfig, batch: Sequence[SequenceRunnable]) -> Run:
    """One request of each of several sequences, whose states move on.

    When it fails, all of them have failed: run again, a model that keeps its own state would count them twice.
    """
    started = time.monotonic()
    try:
        return _run_sequences(instance, config, batch)
    except BaseException as error:
        return Run([blame(error)] * len(batch), Times(0.0, time.monotonic() - started, 0.0))


def _run_sequences(instance: ModelInstance, config: SequenceConfig, batch: Sequence[SequenceRunnable]) -> Run:
    started = time.monotonic()
    inputs = assemble(config, batch)
    stacked = time.monotonic()
    outputs = instance.run(inputs, batch[0].parameters)
    ran = time.monotonic()
    found = answers(config, batch, outputs)
    for request, answer in zip(batch, found, strict=True):
        request.sequence_state.update(answer.states)
    return Run([answer.outputs for answer in found], Times(stacked - started, ran - stacked, time.monotonic() - ran))


def run_stream(instance: DecoupledInstance, batch: Sequence[Streamable]) -> Run:
    """One request of a decoupled model, which answers through `emit`; its outcome has no outputs."""
    (request,) = batch
    started = time.monotonic()
    outcome: Arrays | Exception = {}
    try:
        with closing(instance.stream(request.inputs, request.parameters, request.is_cancelled)) as responses:
            for outputs in responses:
                if request.is_cancelled():
                    break
                request.emit(outputs)
    except BaseException as error:
        outcome = blame(error)
    if request.is_cancelled():
        outcome = Cancelled("the caller went away")
    return Run([outcome], Times(0.0, time.monotonic() - started, 0.0))


def blame(error: BaseException) -> SlipwayError:
    """A model may blame the caller with `InvalidInput`; a caller that does not read is at fault too; a process that
    ended is told as such; anything else is the model's failure."""
    if isinstance(error, InvalidInput | DeadlineExceeded | InstanceDied):
        return error
    words = str(error) if isinstance(error, BackendFailed) else f"{type(error).__name__}: {words_of(error)}"
    failure = BackendFailed(f"the model failed on this request: {words}")
    failure.__cause__ = error
    return failure


def _together(first: Run, second: Run) -> Run:
    a, b = first.times, second.times
    times = Times(
        a.compute_input + b.compute_input, a.compute_infer + b.compute_infer, a.compute_output + b.compute_output
    )
    return Run(first.outcomes + second.outcomes, times)
