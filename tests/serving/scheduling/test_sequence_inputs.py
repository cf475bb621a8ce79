from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from serving.core.requests import Arrays
from serving.core.sequence_config import Control, SequenceConfig, State
from serving.errors import BackendFailed, InvalidInput
from serving.scheduling.sequence_inputs import answers, assemble, check, state_key

START = Control("START", "START", "INT32", (0, 1))
END = Control("END", "END", "FP32", (-1.0, 1.0))
READY = Control("READY", "READY", "BOOL", (False, True))
CORRID = Control("CORRID", "CORRID", "UINT64")
SUM = State("SUM_IN", "SUM_OUT", "INT32", (2,), (2,))
GROWING = State("PAST", "PRESENT", "FP32", (-1, 3), (0, 3))
TEXT = State("WORDS_IN", "WORDS_OUT", "BYTES", (1,), (1,))


@dataclass(eq=False)
class Request:
    inputs: Arrays = field(default_factory=dict)
    slot: int = 0
    sequence_id: int | str = 1
    sequence_start: bool = False
    sequence_end: bool = False
    sequence_state: dict[str, np.ndarray] = field(default_factory=dict)


def config(
    *parts: Control | State, strategy: Any = "direct", max_batch_size: int = 8, slots: int = 8
) -> SequenceConfig:
    return SequenceConfig(
        strategy=strategy,
        slots=slots,
        max_batch_size=max_batch_size,
        max_queue_delay=0.0,
        minimum_slot_utilization=0.0,
        preferred_batch_sizes=(),
        max_idle=1.0,
        controls=tuple(part for part in parts if isinstance(part, Control)),
        states=tuple(part for part in parts if isinstance(part, State)),
    )


def row(*values: int) -> dict[str, np.ndarray]:
    return {"x": np.array([values], np.int32)}


def test_direct_puts_each_request_at_its_slot_and_zeros_elsewhere() -> None:
    inputs = assemble(config(), [Request(row(7, 8), slot=3), Request(row(5, 6), slot=1)])
    assert inputs["x"].dtype == np.int32
    assert inputs["x"].tolist() == [[0, 0], [5, 6], [0, 0], [7, 8]]


def test_rows_of_absent_slots_hold_empty_strings() -> None:
    text = {"x": np.array([[b"hello"]], object)}
    assert assemble(config(), [Request(text, slot=1)])["x"].tolist() == [[b""], [b"hello"]]


def test_the_first_slots_alone_are_not_copied_twice() -> None:
    request = Request(row(1))
    assert assemble(config(), [request])["x"] is request.inputs["x"]


def test_oldest_stacks_in_order_whatever_the_slots() -> None:
    batch = [Request(row(1), slot=9, sequence_id=5), Request(row(2), slot=0, sequence_id=6)]
    inputs = assemble(config(READY, CORRID, strategy="oldest"), batch)
    assert inputs["x"].tolist() == [[1], [2]]
    assert inputs["READY"].tolist() == [[True], [True]]
    assert inputs["CORRID"].tolist() == [[5], [6]]


def test_controls_tell_each_row_of_its_sequence_and_absent_slots_are_not_ready() -> None:
    batch = [
        Request(row(1), slot=0, sequence_id=2**64 - 1, sequence_start=True),
        Request(row(2), slot=2, sequence_id=6, sequence_end=True),
    ]
    inputs = assemble(config(START, END, READY, CORRID), batch)
    assert {name: array.dtype.name for name, array in inputs.items()} == {
        "x": "int32",
        "START": "int32",
        "END": "float32",
        "READY": "bool",
        "CORRID": "uint64",
    }
    assert inputs["START"].tolist() == [[1], [0], [0]]
    assert inputs["END"].tolist() == [[-1.0], [-1.0], [1.0]]
    assert inputs["READY"].tolist() == [[True], [False], [True]]
    assert inputs["CORRID"].tolist() == [[2**64 - 1], [0], [6]]


def test_a_text_id_is_bytes_and_an_absent_one_empty() -> None:
    inputs = assemble(config(Control("C", "CORRID", "BYTES")), [Request(row(1), slot=1, sequence_id="caf\u00e9")])
    assert inputs["C"].tolist() == [[b""], ["caf\u00e9".encode()]]


def test_only_the_configured_controls_are_fed() -> None:
    assert assemble(config(READY), [Request(row(1))]).keys() == {"x", "READY"}


def test_without_batches_a_request_is_alone_and_controls_have_one_value() -> None:
    only = config(START, SUM, strategy="oldest", max_batch_size=0)
    request = Request({"x": np.float32(3).reshape(())}, slot=4, sequence_start=True)
    inputs = assemble(only, [request])
    assert inputs["x"].shape == ()
    assert inputs["START"].tolist() == [1]
    assert inputs["SUM_IN"].tolist() == [0, 0]
    [answer] = answers(only, [request], {"y": np.zeros(()), "SUM_OUT": np.array([1, 2], np.int32)})
    assert answer.outputs["y"].shape == ()
    assert answer.states["SUM_IN"].tolist() == [1, 2]


def test_a_sequence_starts_with_zeros_and_goes_on_with_what_it_has() -> None:
    goes_on = Request(row(1), slot=0, sequence_state={"SUM_IN": np.array([[4, 5]], np.int32)})
    starts = Request(row(1), slot=2, sequence_start=True)
    inputs = assemble(config(SUM), [goes_on, starts])
    assert inputs["SUM_IN"].dtype == np.int32
    assert inputs["SUM_IN"].tolist() == [[4, 5], [0, 0], [0, 0]]


def test_initial_states_may_be_empty_or_text() -> None:
    inputs = assemble(config(GROWING, TEXT), [Request(row(1), sequence_start=True)])
    assert inputs["PAST"].shape == (1, 0, 3)
    assert inputs["WORDS_IN"].tolist() == [[b""]]


def test_direct_gives_each_request_the_row_of_its_slot() -> None:
    batch = [Request(slot=3), Request(slot=1)]
    outputs = {"y": np.array([[0], [10], [20], [30]])}
    assert [answer.outputs["y"].tolist() for answer in answers(config(), batch, outputs)] == [[[30]], [[10]]]


def test_oldest_gives_rows_in_order() -> None:
    batch = [Request(slot=3), Request(slot=1)]
    result = answers(config(strategy="oldest"), batch, {"y": np.array([[1], [2]])})
    assert [answer.outputs["y"].tolist() for answer in result] == [[[1]], [[2]]]


def test_new_states_are_copies_of_the_requests_rows() -> None:
    output = np.array([[1, 1], [2, 2]], np.int32)
    result = answers(config(SUM), [Request(slot=0), Request(slot=1)], {"SUM_OUT": output})
    assert [answer.states["SUM_IN"].tolist() for answer in result] == [[[1, 1]], [[2, 2]]]
    assert not any(np.shares_memory(answer.states["SUM_IN"], output) for answer in result)


def test_state_carried_over_three_requests_is_what_a_loop_computes() -> None:
    setup, request, total = config(SUM, CORRID), Request(slot=1), np.zeros((1, 2), np.int32)
    for values in ([1, 2], [30, 40], [500, 600]):
        request.inputs = {"x": np.array([values], np.int32)}
        inputs = assemble(setup, [request])
        [answer] = answers(setup, [request], {"SUM_OUT": inputs["x"] + inputs["SUM_IN"]})
        request.sequence_state.update(answer.states)
        total += request.inputs["x"]
    assert request.sequence_state["SUM_IN"].tolist() == total.tolist() == [[531, 642]]


def test_outputs_of_too_few_rows_are_the_models_failure() -> None:
    with pytest.raises(BackendFailed, match="should be 4, the rows of the batch"):
        answers(config(), [Request(slot=3)], {"y": np.zeros((1, 1))})


def test_a_missing_state_output_is_the_models_failure() -> None:
    with pytest.raises(BackendFailed, match="no output 'SUM_OUT', which is a state"):
        answers(config(SUM), [Request()], {"y": np.zeros((1, 1))})


def test_only_states_of_variable_size_keep_sequences_apart() -> None:
    both, long, short = config(SUM, GROWING), np.zeros((1, 9, 3)), np.zeros((1, 0, 3))
    assert state_key(both, {"PAST": long}) != state_key(both, {})
    assert state_key(both, {"PAST": short, "SUM_IN": np.ones((1, 2))}) == state_key(both, {})
    assert state_key(config(SUM), {"SUM_IN": np.ones((1, 2))}) == state_key(config(SUM), {})


@pytest.mark.parametrize(
    ("datatype", "sequence_id"),
    [("UINT64", 2**64 - 1), ("INT64", -(2**63)), ("UINT32", 2**32 - 1), ("INT32", -5), ("BYTES", "42")],
)
def test_ids_that_the_model_can_hold_pass(datatype: str, sequence_id: int | str) -> None:
    setup = config(Control("ID", "CORRID", datatype))
    check(setup, "m", sequence_id, 1)
    assert assemble(setup, [Request(row(1), sequence_id=sequence_id)])["ID"].shape == (1, 1)


@pytest.mark.parametrize(
    ("datatype", "sequence_id", "reason"),
    [
        ("UINT64", "42", "control 'ID' data-type is 'BYTES', but model 'm' expects 'UINT64'"),
        ("BYTES", 42, "control 'ID' data-type is 'UINT64', but model 'm' expects 'BYTES'"),
        ("UINT64", -1, "sequence id -1 is out of range for .* 'ID', model 'm' expects 'UINT64'"),
        ("INT64", 2**63, "out of range"),
        ("UINT32", 2**32, "out of range"),
        ("INT32", 2**31, "out of range"),
        ("INT32", 0, "model 'm' must specify a non-zero or non-empty correlation ID"),
        ("BYTES", "", "model 'm' must specify a non-zero or non-empty correlation ID"),
    ],
)
def test_ids_that_the_model_cannot_hold_are_refused(datatype: str, sequence_id: int | str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        check(config(Control("ID", "CORRID", datatype)), "m", sequence_id, 1)


def test_without_a_corrid_control_any_id_will_do() -> None:
    check(config(), "m", -1, 1)
    check(config(), "m", "text", 1)


@pytest.mark.parametrize("rows", [0, 2])
def test_several_rows_are_refused(rows: int) -> None:
    with pytest.raises(InvalidInput, match="model 'm' must specify batch-size 1 due to requirements of sequence"):
        check(config(), "m", 1, rows)
