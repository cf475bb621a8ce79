"""Which requests of sequences a model can be fed, what it is fed for a batch of them, and what each gets back.

Rule: with the direct strategy a sequence's row is its slot, so that a model may keep its state at that row; rows of
slots without a request are zeros (empty strings) and not READY.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from serving.core.datatypes import dtype_of
from serving.core.requests import Arrays
from serving.core.sequence_config import Control, SequenceConfig, State
from serving.errors import BackendFailed, InvalidInput
from serving.scheduling.batching import concatenate, split

States = Mapping[str, np.ndarray]
"""One sequence's implicit states by the name of their input, with a batch dimension of 1 where the model batches."""


class SequenceRequest(Protocol):
    """What is fed to the model of a request; one row where the model batches."""

    inputs: Arrays
    slot: int
    sequence_id: int | str
    sequence_start: bool
    sequence_end: bool
    sequence_state: dict[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Answer:
    """A request's outputs, and the states that its sequence has from now on."""

    outputs: Arrays
    states: States


def check(config: SequenceConfig, model: str, sequence_id: int | str, rows: int) -> None:
    """Raises `InvalidInput` for other than one row, no sequence, or an id that the model's CORRID can't hold."""
    if rows != 1:
        raise InvalidInput(
            f"inference request to model '{model}' must specify batch-size 1 due to requirements of sequence batcher"
        )
    if not sequence_id:
        raise InvalidInput(f"inference request to model '{model}' must specify a non-zero or non-empty correlation ID")
    for control in config.controls:
        if control.kind == "CORRID":
            _check_id(sequence_id, control, model)


def assemble(config: SequenceConfig, batch: Sequence[SequenceRequest]) -> Arrays:
    """The inputs of the whole batch: the requests' own, the controls, and the states that their sequences have."""
    feeds = [{**request.inputs, **_states(config, request.sequence_state)} for request in batch]
    places = _places(config, batch)
    in_order = places == list(range(len(batch)))
    inputs = concatenate(feeds) if in_order else _placed(feeds, places)
    controls = {control.name: _control_rows(control, config, batch, places) for control in config.controls}
    return {**inputs, **controls}


def answers(config: SequenceConfig, batch: Sequence[SequenceRequest], outputs: Arrays) -> list[Answer]:
    """One per request, in the batch's order. Raises `BackendFailed` for outputs that are not the batch's rows."""
    for state in config.states:
        if state.output_name not in outputs:
            raise BackendFailed(f"the model gave no output '{state.output_name}', which is a state of its sequences")
    if not config.max_batch_size:
        return [Answer(outputs, _new_states(config, outputs))]
    places = _places(config, batch)
    rows = split(outputs, [1] * (max(places) + 1))
    return [Answer(rows[place], _new_states(config, rows[place])) for place in places]


def state_key(config: SequenceConfig, states: States) -> Hashable:
    """Equal for sequences whose states can be stacked; differs only where a state's size varies."""
    return tuple(
        states[state.input_name].shape if state.input_name in states else _initial_shape(config, state)
        for state in config.states
        if -1 in state.dims
    )


def _check_id(sequence_id: int | str, control: Control, model: str) -> None:
    found = "BYTES" if isinstance(sequence_id, str) else "UINT64"
    if (found == "BYTES") != (control.datatype == "BYTES"):
        raise InvalidInput(
            f"sequence batching control '{control.name}' data-type is '{found}', "
            f"but model '{model}' expects '{control.datatype}'"
        )
    if isinstance(sequence_id, int):
        limits = np.iinfo(dtype_of(control.datatype))
        if not limits.min <= sequence_id <= limits.max:
            raise InvalidInput(
                f"sequence id {sequence_id} is out of range for sequence batching control '{control.name}', "
                f"model '{model}' expects '{control.datatype}'"
            )


def _places(config: SequenceConfig, batch: Sequence[SequenceRequest]) -> list[int]:
    """The row of each request."""
    return [request.slot for request in batch] if config.strategy == "direct" else list(range(len(batch)))


def _placed(feeds: Sequence[Arrays], places: Sequence[int]) -> Arrays:
    placed = {}
    for name, array in feeds[0].items():
        rows = _zeros((max(places) + 1, *array.shape[1:]), array.dtype)
        for place, feed in zip(places, feeds, strict=True):
            rows[place : place + 1] = feed[name]
        placed[name] = rows
    return placed


def _states(config: SequenceConfig, states: States) -> Arrays:
    """What the sequence's last request left, or what a sequence starts with."""
    return {
        state.input_name: states[state.input_name]
        if state.input_name in states
        else _zeros(_initial_shape(config, state), dtype_of(state.datatype))
        for state in config.states
    }


def _new_states(config: SequenceConfig, outputs: Arrays) -> States:
    """Copies, because a view would keep the whole batch's memory for as long as the sequence lasts."""
    return {state.input_name: outputs[state.output_name].copy() for state in config.states}


def _initial_shape(config: SequenceConfig, state: State) -> tuple[int, ...]:
    return (1, *state.initial_dims) if config.max_batch_size else state.initial_dims


def _control_rows(
    control: Control, config: SequenceConfig, batch: Sequence[SequenceRequest], places: Sequence[int]
) -> np.ndarray:
    rows = _zeros((max(places) + 1, 1), dtype_of(control.datatype))
    if control.false_true:
        rows[:] = control.false_true[0]
    for place, request in zip(places, batch, strict=True):
        rows[place, 0] = _control_value(control, request)
    return rows if config.max_batch_size else rows[0]


def _control_value(control: Control, request: SequenceRequest) -> float | bytes:
    match control.kind:
        case "CORRID":
            return request.sequence_id.encode() if isinstance(request.sequence_id, str) else request.sequence_id
        case "START":
            return control.false_true[request.sequence_start]
        case "END":
            return control.false_true[request.sequence_end]
        case "READY":
            return control.false_true[True]


def _zeros(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    return np.full(shape, b"", dtype) if dtype.hasobject else np.zeros(shape, dtype)
