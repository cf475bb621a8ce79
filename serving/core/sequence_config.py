"""A config's `sequence_batching` block, checked and read into what the scheduler and the execution need of it.

Rule: times are in seconds, datatypes are the protocol's names, and Triton's defaults are filled in.
The messages are Triton's (core/src/model_config_utils.cc and sequence_batch_scheduler.cc) where it has one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from tritonclient.grpc.model_config_pb2 import DataType, ModelSequenceBatching

from serving.core.datatypes import from_config
from serving.core.model_config import ModelConfig
from serving.core.requests import TensorSpec
from serving.errors import ModelLoadFailed

ControlKind = Literal["START", "END", "READY", "CORRID"]
Strategy = Literal["direct", "oldest"]

DEFAULT_MAX_IDLE = 1.0  # seconds

_KINDS: dict[int, ControlKind] = {
    ModelSequenceBatching.Control.CONTROL_SEQUENCE_START: "START",
    ModelSequenceBatching.Control.CONTROL_SEQUENCE_END: "END",
    ModelSequenceBatching.Control.CONTROL_SEQUENCE_READY: "READY",
    ModelSequenceBatching.Control.CONTROL_SEQUENCE_CORRID: "CORRID",
}
_FALSE_TRUE = {"int32_false_true": "INT32", "fp32_false_true": "FP32", "bool_false_true": "BOOL"}
_CORRID_DATATYPES = ("UINT64", "INT64", "UINT32", "INT32", "BYTES")


@dataclass(frozen=True, slots=True)
class Control:
    """An input that tells the model about sequences. CORRID is the id itself; the others have two values."""

    name: str
    kind: ControlKind
    datatype: str
    false_true: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class State:
    """An output of one request that is an input of its sequence's next.

    `dims` and `initial_dims` have no batch dimension; a sequence starts with zeros (empty strings) of `initial_dims`.
    """

    input_name: str
    output_name: str
    datatype: str
    dims: tuple[int, ...]
    initial_dims: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SequenceConfig:
    """`slots` is how many sequences one instance has in hand at a time; `max_batch_size` 0 is a model without batches.

    `max_queue_delay` and `max_idle` are in seconds. With `minimum_slot_utilization` 0 direct holds nothing back.
    """

    strategy: Strategy
    slots: int
    max_batch_size: int
    max_queue_delay: float
    minimum_slot_utilization: float
    preferred_batch_sizes: tuple[int, ...]
    max_idle: float
    controls: tuple[Control, ...]
    states: tuple[State, ...]


def sequence_config(config: ModelConfig) -> SequenceConfig | None:
    """None for a model without `sequence_batching`. Raises `ModelLoadFailed` naming the field."""
    if not config.HasField("sequence_batching"):
        return None
    batching, model = config.sequence_batching, str(config.name)
    if batching.iterative_sequence:
        raise ModelLoadFailed("'sequence_batching.iterative_sequence': iterative sequences are not supported")
    if config.response_cache.enable:
        raise ModelLoadFailed(
            f"Response Cache does not currently support model {model} with sequence batching scheduler. "
            "Please disable the response cache."
        )
    controls = _controls(batching, [tensor.name for tensor in config.input], model)
    taken = [*(tensor.name for tensor in config.input), *(control.name for control in controls)]
    oldest = batching.WhichOneof("strategy_choice") == "oldest"
    rows = max(1, config.max_batch_size)
    strategy = batching.oldest if oldest else batching.direct
    return SequenceConfig(
        strategy="oldest" if oldest else "direct",
        slots=_candidates(batching.oldest, model) or rows if oldest else rows,
        max_batch_size=int(config.max_batch_size),
        max_queue_delay=strategy.max_queue_delay_microseconds * 1e-6,
        minimum_slot_utilization=_utilization(batching.direct, model),
        preferred_batch_sizes=_preferred(batching.oldest, rows, model) if oldest else (),
        max_idle=batching.max_sequence_idle_microseconds * 1e-6 or DEFAULT_MAX_IDLE,
        controls=controls,
        states=_states(batching.state, taken, config.max_batch_size > 0, model),
    )


def control_specs(config: SequenceConfig) -> tuple[TensorSpec, ...]:
    """The inputs that a model file has for its controls."""
    shape = (-1, 1) if config.max_batch_size else (1,)
    return tuple(TensorSpec(control.name, control.datatype, shape) for control in config.controls)


def state_specs(config: SequenceConfig) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
    """The inputs, and the outputs, that a model file has for its states."""
    batch = (-1,) if config.max_batch_size else ()
    return (
        tuple(TensorSpec(state.input_name, state.datatype, (*batch, *state.dims)) for state in config.states),
        tuple(TensorSpec(state.output_name, state.datatype, (*batch, *state.dims)) for state in config.states),
    )


def _candidates(oldest: ModelSequenceBatching.StrategyOldest, model: str) -> int:
    if oldest.max_candidate_sequences < 0:
        raise ModelLoadFailed(f"'sequence_batching.oldest.max_candidate_sequences' must not be negative for {model}")
    return int(oldest.max_candidate_sequences)


def _utilization(direct: ModelSequenceBatching.StrategyDirect, model: str) -> float:
    """Triton's range leaves 0 out, and 0 is what it reads where nothing is set."""
    if not 0.0 <= direct.minimum_slot_utilization <= 1.0:
        raise ModelLoadFailed(
            f"sequence batching minimum slot utilization must be in range (0.0, 1.0] for {model}, "
            f"got {direct.minimum_slot_utilization:g}"
        )
    return float(direct.minimum_slot_utilization)


def _preferred(oldest: ModelSequenceBatching.StrategyOldest, rows: int, model: str) -> tuple[int, ...]:
    """Smallest first."""
    for size in oldest.preferred_batch_size:
        if size <= 0:
            raise ModelLoadFailed(f"sequence batching preferred batch size must be positive for {model}, got {size}")
        if size > rows:
            raise ModelLoadFailed(
                f"sequence batching preferred batch size must be <= max batch size for {model}, got {size}"
            )
    return tuple(sorted(oldest.preferred_batch_size)) or (rows,)


def _controls(batching: ModelSequenceBatching, inputs: Sequence[str], model: str) -> tuple[Control, ...]:
    controls: list[Control] = []
    for tensor in batching.control_input:
        name = str(tensor.name)
        if not name:
            raise ModelLoadFailed(f"sequence batching control tensor must have a name for {model}")
        if name in inputs:
            raise ModelLoadFailed(f"sequence batching control tensor '{name}' is also listed as an input for {model}")
        if not tensor.control:
            raise ModelLoadFailed(f"sequence batching control tensor '{name}' must specify a 'control' for {model}")
        if len(tensor.control) > 1 or any(control.name == name for control in controls):
            raise ModelLoadFailed(
                f"sequence batching control tensor '{name}' is specified for multiple control kinds for {model}"
            )
        control = _control(name, tensor.control[0], model)
        if any(other.kind == control.kind for other in controls):
            raise ModelLoadFailed(
                f"sequence batching specifies multiple CONTROL_SEQUENCE_{control.kind} tensors for {model}"
            )
        controls.append(control)
    return tuple(controls)


def _control(name: str, control: ModelSequenceBatching.Control, model: str) -> Control:
    if control.kind not in _KINDS:  # protobuf lets any number through
        raise ModelLoadFailed(f"sequence batching control tensor '{name}' has unknown kind {control.kind} for {model}")
    kind = _KINDS[control.kind]
    where = f"for CONTROL_SEQUENCE_{kind} for {model}"
    given = [field for field in _FALSE_TRUE if getattr(control, field)]
    if kind == "CORRID":
        if given:
            raise ModelLoadFailed(f"sequence batching must not specify '{given[0]}' {where}")
        return Control(name, kind, _corrid_datatype(control.data_type, model))
    if not given:
        raise ModelLoadFailed(f"sequence batching must specify either {_or(_FALSE_TRUE)} {where}")
    if len(given) > 1:
        raise ModelLoadFailed(f"sequence batching specifies more than one from {_or(_FALSE_TRUE)} {where}")
    values = tuple(getattr(control, given[0]))
    if len(values) != 2:
        raise ModelLoadFailed(
            f"sequence batching control '{given[0]}' must have exactly 2 entries {where}, got {len(values)}"
        )
    return Control(name, kind, _FALSE_TRUE[given[0]], values)


def _corrid_datatype(data_type: int, model: str) -> str:
    name = _type_name(data_type)
    datatype = "BYTES" if name == "TYPE_STRING" else name.removeprefix("TYPE_")
    if datatype not in _CORRID_DATATYPES:
        raise ModelLoadFailed(
            f"unexpected data type for control CONTROL_SEQUENCE_CORRID for {model}, got {name}. "
            "Allowed data types are TYPE_UINT64, TYPE_INT64, TYPE_UINT32, TYPE_INT32 and TYPE_STRING"
        )
    return datatype


def _states(
    states: Iterable[ModelSequenceBatching.State], taken: Sequence[str], batched: bool, model: str
) -> tuple[State, ...]:
    """`taken` are the names that other inputs have."""
    checked: list[State] = []
    for state in states:
        new = _state(state, batched, model)
        if new.input_name in taken:
            raise ModelLoadFailed(
                f"sequence batching state input_name '{new.input_name}' is also the name of another input for {model}"
            )
        for field in ("input_name", "output_name"):
            if any(getattr(other, field) == getattr(new, field) for other in checked):
                raise ModelLoadFailed(
                    f"sequence batching state {field} '{getattr(new, field)}' specified more than once for {model}"
                )
        checked.append(new)
    return tuple(checked)


def _state(state: ModelSequenceBatching.State, batched: bool, model: str) -> State:
    for field in ("input_name", "output_name"):
        if not getattr(state, field):
            raise ModelLoadFailed(f"sequence batching state must specify '{field}' for {model}")
    where = f"sequence batching state '{state.input_name}'"
    if not state.data_type:
        raise ModelLoadFailed(f"{where} must specify 'data_type' for {model}")
    if not (state.dims or batched):
        raise ModelLoadFailed(f"{where} must specify 'dims' for {model}")
    if any(dim < 1 and dim != -1 for dim in state.dims):
        raise ModelLoadFailed(
            f"{where} dimension must be integer >= 1, or -1 to indicate a variable-size dimension for {model}"
        )
    datatype = from_config(_type_name(state.data_type))
    return State(str(state.input_name), str(state.output_name), datatype, tuple(state.dims), _initial_dims(state))


def _initial_dims(state: ModelSequenceBatching.State) -> tuple[int, ...]:
    """Without `initial_state` a variable dimension starts with size 1, as in Triton."""
    if not state.initial_state:
        return tuple(1 if dim == -1 else int(dim) for dim in state.dims)
    where = f"'initial_state' of sequence batching state '{state.input_name}'"
    if len(state.initial_state) > 1:
        raise ModelLoadFailed(f"{where} must contain at most one element, got {len(state.initial_state)}")
    initial = state.initial_state[0]
    if not initial.name:
        raise ModelLoadFailed(f"{where} must specify 'name'")
    if initial.data_type != state.data_type:
        raise ModelLoadFailed(
            f"{where} has data_type {_type_name(initial.data_type)}, the state {_type_name(state.data_type)}"
        )
    if initial.WhichOneof("state_data") == "data_file":
        raise ModelLoadFailed(f"{where}: 'data_file' is not supported, only 'zero_data'")
    if not initial.zero_data:
        raise ModelLoadFailed(f"{where} must specify 'zero_data: true'")
    if any(dim < 0 for dim in initial.dims):
        raise ModelLoadFailed(f"{where} contains variable dimensions: {list(initial.dims)}")
    fits = len(initial.dims) == len(state.dims) and all(
        expected in (-1, found) for found, expected in zip(initial.dims, state.dims, strict=True)
    )
    if not fits:
        raise ModelLoadFailed(f"{where} has dims {list(initial.dims)}, the state {list(state.dims)}")
    return tuple(initial.dims)


def _type_name(data_type: int) -> str:
    if data_type not in DataType.values():  # protobuf lets any number through
        raise ModelLoadFailed(f"data_type {data_type} is not one of {', '.join(DataType.keys())}")
    return str(DataType.Name(data_type))


def _or(names: Iterable[str]) -> str:
    *first, last = (f"'{name}'" for name in names)
    return f"{', '.join(first)} or {last}"
