from typing import Any

import pytest

from serving.errors import InvalidInput
from serving.protocols import parameters


def test_what_the_server_knows_is_told_apart_from_the_callers_own() -> None:
    read = parameters.read(
        {"timeout": 1500, "priority": 3, "sequence_id": 2**64 - 1, "sequence_end": True, "mine": 1.5, "other": "x"}
    )
    assert read.timeout == pytest.approx(1.5e-3)
    assert (read.priority, read.sequence_id, read.sequence_start, read.sequence_end) == (3, 2**64 - 1, False, True)
    assert read.custom == {"mine": 1.5, "other": "x"}


def test_a_request_without_parameters_is_outside_any_sequence() -> None:
    assert not parameters.read({}).sequence_id
    assert parameters.read({}).custom == {}


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("timeout", "1", "Unable to parse 'timeout': expected microseconds, 0 to 9223372036854775807, got '1'"),
        ("timeout", 2**63, "'timeout'"),
        ("timeout", True, "'timeout'"),
        ("priority", -1, "'priority'"),
        ("priority", 2**64, "'priority'"),
        ("sequence_id", 1.0, "'sequence_id': expected a string or 0 to 18446744073709551615, got 1.0"),
        ("sequence_id", 2**64, "'sequence_id'"),
        ("sequence_id", True, "'sequence_id'"),
        ("sequence_start", 1, "'sequence_start': expected true or false, got 1"),
        ("sequence_end", None, "'sequence_end'"),
        ("binary_data_output", "true", "'binary_data_output'"),
        ("triton_final_response", True, "reserved for Triton usage"),
        ("mine", None, "parameter 'mine' has invalid type. It should be either 'int', 'bool', or 'string'"),
        ("mine", {}, "parameter 'mine' has invalid type"),
    ],
)
def test_every_wrong_value_is_named(name: str, value: Any, reason: str) -> None:
    with pytest.raises(InvalidInput) as failure:
        parameters.read({name: value})
    assert reason in str(failure.value)
