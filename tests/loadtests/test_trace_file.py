"""tests/serving/recording/test_recorder.py reads what a server wrote; here is what else a file may be."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from loadtests.trace_file import RecordedRequest, RecordedTensor, Trace, TraceFileWrong, read_trace

FIRST = {
    "slipway_trace": 1,
    "server_version": "1.0",
    "started": "2026-11-26T12:00:00+00:00",
    "rate": 0.5,
    "bodies": True,
}
HTTP = {"at": 2, "protocol": "http", "method": "POST", "path": "/p", "size": 2, "body": "{}"}
GRPC = {"at": 1.5, "protocol": "grpc", "rpc": "ModelInfer", "size": 1, "body_base64": "AA=="}


def write(path: Path, *lines: Any, end: str = "") -> Path:
    texts = (line if type(line) is str else json.dumps(line) for line in lines)
    path.write_text("".join(f"{text}\n" for text in texts) + end)
    return path


def test_requests_are_in_the_order_of_their_arrival(tmp_path: Path) -> None:
    later = {**GRPC, "at": 3, "tensors": [{"name": "x", "datatype": "FP32", "shape": [1, 4]}], "of_a_later_server": 1}
    trace = read_trace(write(tmp_path / "t.jsonl", FIRST, HTTP, GRPC, later))
    assert trace == Trace(
        "1.0",
        datetime(2026, 11, 26, 12, tzinfo=UTC),
        0.5,
        True,
        (
            RecordedRequest(1.5, "grpc", rpc="ModelInfer", size=1, body=b"\0"),
            RecordedRequest(2, "http", "POST", "/p", size=2, body=b"{}"),
            RecordedRequest(
                3, "grpc", rpc="ModelInfer", size=1, body=b"\0", tensors=(RecordedTensor("x", "FP32", (1, 4)),)
            ),
        ),
    )


@pytest.mark.parametrize("end", ["", '{"at": 3, "proto', json.dumps(HTTP)])
def test_a_last_line_without_its_end_is_none(tmp_path: Path, end: str) -> None:
    assert len(read_trace(write(tmp_path / "t.jsonl", FIRST, HTTP, end=end)).requests) == 1


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([], "has no whole line"),
        ([HTTP], "line 1: a recording begins with a 'slipway_trace'"),
        ([{**FIRST, "slipway_trace": 2}], "line 1: 'slipway_trace' must be 1, .* got 2"),
        ([{**FIRST, "rate": 0}], "line 1: 'rate' must be above 0 and at most 1, got 0"),
        ([{**FIRST, "started": "today"}], "line 1: 'started' must be a time .* got 'today'"),
        ([FIRST, HTTP, "{"], "line 3: a JSON object was expected"),
        ([FIRST, HTTP, "[1]"], r"line 3: a JSON object was expected, got \[1\]"),
        ([FIRST, "[" * 100_000], "line 2: a JSON object was expected"),
        ([FIRST, {**HTTP, "protocol": "udp"}], "line 2: 'protocol' must be 'http' or 'grpc', got 'udp'"),
        ([FIRST, {**GRPC, "protocol": "http"}], "line 2: it has no 'method'"),
        ([FIRST, {**HTTP, "at": -1}], "line 2: 'at' must be a number, 0 or more, got -1"),
        ([FIRST, {**HTTP, "at": True}], "line 2: 'at' must be a number"),
        ([FIRST, {**HTTP, "size": 1.5}], "line 2: 'size' must be an integer, 0 or more, got 1.5"),
        ([FIRST, {**HTTP, "headers": {"a": 1}}], "line 2: 'headers' must be an object of texts"),
        ([FIRST, {**HTTP, "body": "\ud800"}], "line 2: 'body' can't be decoded"),
        ([FIRST, {**GRPC, "body_base64": "?"}], "line 2: 'body_base64' can't be decoded"),
        ([FIRST, {**GRPC, "tensors": [1]}], "line 2: 'tensors' must be a list of objects, got 1"),
        ([FIRST, {**GRPC, "tensors": [{"name": "x"}]}], "line 2: it has no 'shape'"),
        ([FIRST, {**HTTP, "status": []}], "line 2: 'status' must be a number, a code's name or null"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, lines: list[Any], told: str) -> None:
    with pytest.raises(TraceFileWrong, match=told):
        read_trace(write(tmp_path / "t.jsonl", *lines))
