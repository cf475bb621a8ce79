import pytest

from serving.core.model_config import ModelConfig, parse
from serving.core.requests import TensorSpec
from serving.core.sequence_config import Control, SequenceConfig, State, control_specs, sequence_config, state_specs
from serving.errors import ModelLoadFailed

INPUT = 'input { name: "INPUT" data_type: TYPE_INT32 dims: 1 }'
START = 'control_input { name: "START" control { kind: CONTROL_SEQUENCE_START fp32_false_true: [0, 1] } }'
STATE = 'input_name: "S_IN" output_name: "S_OUT" data_type: TYPE_INT32'


def config(batching: str, max_batch_size: int = 8, rest: str = "") -> ModelConfig:
    return parse(f"max_batch_size: {max_batch_size} {INPUT} {rest} sequence_batching {{ {batching} }}", "m")


def read(batching: str = "", max_batch_size: int = 8) -> SequenceConfig:
    result = sequence_config(config(batching, max_batch_size))
    assert result is not None
    return result


def corrid(fields: str) -> str:
    return f'control_input {{ name: "CORRID" control {{ kind: CONTROL_SEQUENCE_CORRID {fields} }} }}'


def state(initial: str, dims: str = "dims: [2, -1]") -> str:
    return f"state {{ {STATE} {dims} initial_state {{ {initial} }} }}"


def test_a_model_without_sequence_batching_has_none() -> None:
    assert sequence_config(parse(INPUT, "m")) is None


def test_defaults_are_tritons() -> None:
    assert read() == SequenceConfig(
        strategy="direct",
        slots=8,
        max_batch_size=8,
        max_queue_delay=0.0,
        minimum_slot_utilization=0.0,
        preferred_batch_sizes=(),
        max_idle=1.0,
        controls=(),
        states=(),
    )


def test_direct_has_a_slot_for_each_row_and_one_without_batches() -> None:
    assert read("direct { }", max_batch_size=4).slots == 4
    assert read("direct { }", max_batch_size=0).slots == 1


def test_what_direct_says_is_read_in_seconds() -> None:
    result = read(
        "max_sequence_idle_microseconds: 5000000 "
        "direct { max_queue_delay_microseconds: 2000 minimum_slot_utilization: 0.5 }"
    )
    assert (result.max_idle, result.max_queue_delay, result.minimum_slot_utilization) == (5.0, 0.002, 0.5)


def test_what_oldest_says_is_read() -> None:
    result = read(
        "oldest { max_candidate_sequences: 40 preferred_batch_size: [6, 4] max_queue_delay_microseconds: 2000 }"
    )
    assert (result.strategy, result.slots, result.max_batch_size) == ("oldest", 40, 8)
    assert (result.preferred_batch_sizes, result.max_queue_delay) == ((4, 6), 0.002)


def test_oldest_alone_prefers_whole_batches_of_as_many_candidates() -> None:
    result = read("oldest { }")
    assert (result.slots, result.preferred_batch_sizes) == (8, (8,))


def test_controls_have_the_datatype_of_their_values() -> None:
    result = read(
        f"{START} {corrid('data_type: TYPE_STRING')}"
        'control_input { name: "END" control { kind: CONTROL_SEQUENCE_END int32_false_true: [-1, 7] } }'
        'control_input { name: "READY" control { kind: CONTROL_SEQUENCE_READY bool_false_true: [false, true] } }'
    )
    assert result.controls == (
        Control("START", "START", "FP32", (0.0, 1.0)),
        Control("CORRID", "CORRID", "BYTES"),
        Control("END", "END", "INT32", (-1, 7)),
        Control("READY", "READY", "BOOL", (False, True)),
    )


def test_a_states_variable_dimensions_start_with_one() -> None:
    assert read(f"state {{ {STATE} dims: [2, -1] }}").states == (State("S_IN", "S_OUT", "INT32", (2, -1), (2, 1)),)


def test_a_states_initial_dims_can_be_given() -> None:
    text = state('name: "zeros" data_type: TYPE_INT32 dims: [2, 0] zero_data: true')
    assert read(text).states[0].initial_dims == (2, 0)


def test_the_file_has_controls_and_states_with_a_batch_dimension_when_the_model_batches() -> None:
    text = f"{START} state {{ {STATE} dims: [2, -1] }}"
    batched, single = read(text), read(text, max_batch_size=0)
    assert control_specs(batched) == (TensorSpec("START", "FP32", (-1, 1)),)
    assert control_specs(single) == (TensorSpec("START", "FP32", (1,)),)
    assert state_specs(batched) == (
        (TensorSpec("S_IN", "INT32", (-1, 2, -1)),),
        (TensorSpec("S_OUT", "INT32", (-1, 2, -1)),),
    )
    assert state_specs(single)[0] == (TensorSpec("S_IN", "INT32", (2, -1)),)


@pytest.mark.parametrize(
    ("batching", "reason"),
    [
        ("iterative_sequence: true", "'sequence_batching.iterative_sequence': .* not supported"),
        ("direct { minimum_slot_utilization: 1.5 }", r"minimum slot utilization must be in range \(0.0, 1.0\] for m"),
        ("direct { minimum_slot_utilization: -0.5 }", "minimum slot utilization must be in range"),
        ("direct { minimum_slot_utilization: nan }", "minimum slot utilization must be in range .* got nan"),
        ("oldest { max_candidate_sequences: -1 }", "oldest.max_candidate_sequences' must not be negative"),
        ("oldest { preferred_batch_size: 0 }", "preferred batch size must be positive for m, got 0"),
        ("oldest { preferred_batch_size: 9 }", "preferred batch size must be <= max batch size for m, got 9"),
        (START.replace('name: "START"', ""), "control tensor must have a name for m"),
        (START.replace('"START"', '"INPUT"'), "'INPUT' is also listed as an input"),
        ('control_input { name: "C" }', "'C' must specify a 'control'"),
        (START + START, "'START' is specified for multiple control kinds"),
        (START + START.replace('"START"', '"S2"'), "multiple CONTROL_SEQUENCE_START tensors for m"),
        (
            'control_input { name: "C" control { } control { kind: CONTROL_SEQUENCE_END } }',
            "'C' is specified for multiple control kinds",
        ),
        ('control_input { name: "C" control { kind: 9 } }', "'C' has unknown kind 9"),
        (
            'control_input { name: "C" control { } }',
            "must specify either 'int32_false_true', 'fp32_false_true' or 'bool_false_true' for CONTROL_SEQUENCE_START",
        ),
        (START.replace("fp32", "int32_false_true: [0, 1] fp32"), "specifies more than one from 'int32_false_true'"),
        (START.replace("[0, 1]", "[1]"), "'fp32_false_true' must have exactly 2 entries for CONTROL_SEQUENCE_START"),
        (corrid("data_type: TYPE_FP32"), "CONTROL_SEQUENCE_CORRID for m, got TYPE_FP32. Allowed data types are"),
        (corrid(""), "CONTROL_SEQUENCE_CORRID for m, got TYPE_INVALID"),
        (corrid("data_type: 77"), "data_type 77 is not one of"),
        (corrid("data_type: TYPE_INT32 int32_false_true: [0, 1]"), "must not specify 'int32_false_true'"),
        ("state { }", "state must specify 'input_name'"),
        ('state { input_name: "S_IN" }', "state must specify 'output_name'"),
        ('state { input_name: "S_IN" output_name: "S_OUT" }', "'S_IN' must specify 'data_type'"),
        (f"state {{ {STATE} dims: 0 }}", "'S_IN' dimension must be integer >= 1, or -1"),
        (f"state {{ {STATE} dims: 1 }}".replace("TYPE_INT32", "77"), "data_type 77 is not one of"),
        (f"state {{ {STATE} dims: 1 }}".replace("S_IN", "INPUT"), "'INPUT' is also the name of another input"),
        (START + f"state {{ {STATE} dims: 1 }}".replace("S_IN", "START"), "'START' is also the name of another input"),
        (f"state {{ {STATE} dims: 1 }} state {{ {STATE} dims: 1 }}", "input_name 'S_IN' specified more than once"),
        (
            f"state {{ {STATE} dims: 1 }} state {{ {STATE} dims: 1 }}".replace("S_IN", "OTHER", 1),
            "output_name 'S_OUT' specified more than once",
        ),
        (state("data_type: TYPE_INT32"), "'initial_state' of sequence batching state 'S_IN' must specify 'name'"),
        (state('name: "i" data_type: TYPE_FP32'), "has data_type TYPE_FP32, the state TYPE_INT32"),
        (state('name: "i" data_type: TYPE_INT32 data_file: "f"'), "'data_file' is not supported, only 'zero_data'"),
        (state('name: "i" data_type: TYPE_INT32 dims: [2, 1]'), "must specify 'zero_data: true'"),
        (state('name: "i" data_type: TYPE_INT32 dims: [2, -1] zero_data: true'), "contains variable dimensions"),
        (
            state('name: "i" data_type: TYPE_INT32 dims: [3, 1] zero_data: true'),
            r"has dims \[3, 1\], the state \[2, -1",
        ),
        (state('name: "i" data_type: TYPE_INT32 dims: [2] zero_data: true'), r"has dims \[2\], the state \[2, -1\]"),
        (f"state {{ {STATE} dims: 1 initial_state {{ }} initial_state {{ }} }}", "at most one element, got 2"),
    ],
)
def test_what_cannot_be_served_is_refused_with_a_reason(batching: str, reason: str) -> None:
    with pytest.raises(ModelLoadFailed, match=reason):
        sequence_config(config(batching))


def test_a_state_without_dims_is_one_value_a_row_and_refused_without_rows() -> None:
    assert read(f"state {{ {STATE} }}").states[0].dims == ()
    with pytest.raises(ModelLoadFailed, match="'S_IN' must specify 'dims'"):
        read(f"state {{ {STATE} }}", max_batch_size=0)


def test_a_response_cache_would_answer_for_another_sequence() -> None:
    with pytest.raises(ModelLoadFailed, match="Response Cache does not currently support model m"):
        sequence_config(config("", rest="response_cache { enable: true }"))
