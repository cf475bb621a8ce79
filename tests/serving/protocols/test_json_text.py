import gc
import json
import math
import re
import tracemalloc
from contextlib import suppress

import numpy as np
import pytest

from serving.errors import InvalidInput
from serving.protocols import json_text


def test_not_a_number_literals_are_read_and_written() -> None:
    values = json_text.loads(b"[NaN, Infinity, -Infinity]")
    assert math.isnan(values[0])
    assert values[1:] == [math.inf, -math.inf]
    assert (
        json_text.dumps({"data": json_text.with_literals(np.float32([np.nan, np.inf, -np.inf]))})
        == b'{"data":[NaN,Infinity,-Infinity]}'
    )


def test_arrays_are_written_in_their_shortest_form() -> None:
    assert json_text.dumps({"data": np.float32([0.1, 2])}) == b'{"data":[0.1,2.0]}'


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[1,]",
        b"{'a': 1}",
        b"\xff",
        b'{"a": 1} x',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[NaN" + b"[" * 100_000,
        b"[NaN, " + b"1" * 10_000 + b"]",
        b'"\\ud800"',
        b'["\\ud800", NaN]',
        b'{"\\ud800": NaN}',
    ],
)
def test_what_is_not_json_is_refused_in_words(text: bytes) -> None:
    with pytest.raises(InvalidInput, match="failed to parse the request JSON buffer"):
        json_text.loads(text)


def test_a_byte_order_mark_is_skipped() -> None:
    assert json_text.loads(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


def test_views_are_read_without_what_follows_them() -> None:
    assert json_text.loads(memoryview(b'{"a": 1}binary')[:8]) == {"a": 1}
    assert json_text.loads(json.dumps({"é": "ü"}).encode()) == {"é": "ü"}


@pytest.mark.parametrize("ending", [b"0]", b"NaN]", b"?"])
def test_a_large_document_is_read_without_looking_for_cycles(ending: bytes) -> None:
    """Else it is done once for every few hundred lists in it."""
    text = b"[" + b"[0]," * 200_000 + ending
    phases: list[str] = []
    gc.callbacks.append(lambda phase, _: phases.append(phase))
    try:
        with suppress(InvalidInput):
            json_text.loads(text)
    finally:
        gc.callbacks.pop()
    assert phases.count("start") < 10
    assert gc.isenabled()


@pytest.mark.parametrize(("unit", "bracket"), [(b"{},", "{"), (b'{"a":NaN},', "{"), (b"[],", "[")])
def test_a_large_text_that_is_mostly_brackets_is_refused_before_they_take_memory(unit: bytes, bracket: str) -> None:
    text = b"[" + unit * 2_000_000 + b"0]"
    gc.collect()
    tracemalloc.start()
    try:
        with pytest.raises(InvalidInput, match=f"times '{re.escape(bracket)}', at most"):
            json_text.loads(text)
        assert tracemalloc.get_traced_memory()[1] < 4 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_what_is_refused_is_not_kept_with_the_reason() -> None:
    with pytest.raises(InvalidInput) as told:
        json_text.loads(b"[" + b" " * 100_000)
    assert told.value.__context__ is None
