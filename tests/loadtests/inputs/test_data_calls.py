import json
from typing import Any

import numpy as np
import pytest
from tritonclient.grpc.service_pb2 import ModelInferRequest

from loadtests.asking import CannotTest
from loadtests.inputs.data_calls import calls, suitable
from loadtests.inputs.data_file import Arrays, Files, Item, Items
from loadtests.inputs.model import Model
from loadtests.inputs.wanted import Span, Wanted
from serving.core.requests import TensorSpec

MODEL = Model("m", (TensorSpec("x", "FP32", (-1, 2)),), (TensorSpec("y", "FP32", (-1, 2)),), 8)
WRITER = Model("m", (TensorSpec("text_input", "BYTES", (1,)),), parameters={"generation.task": "text-generation"})
DETECTOR = Model("m", outputs=tuple(TensorSpec(name, "FP32", (-1,)) for name in ("boxes", "scores", "classes")))
V2 = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [2, 2], "data": [1, 2, 3, 4]}], "id": "7"}


def items(*values: Any) -> Items:
    return Items(tuple(Item(f"file, line {number}", value) for number, value in enumerate(values, 1)))


@pytest.mark.parametrize(
    ("given", "model", "protocol"),
    [
        (items("a prompt"), WRITER, "auto"),
        (items("a text"), MODEL, "classify"),
        (items(V2), MODEL, "v2"),
        (items({"inputs": [1, 2]}), MODEL, "classify"),
        (items({"inputs": "..."}), DETECTOR, "detect"),
        (items({"messages": []}), WRITER, "chat"),
        (items({"prompt": "a"}), WRITER, "completions"),
        (items({"input": "a"}), MODEL, "embeddings"),
        (items({"text_input": "a"}), WRITER, "generate_stream"),
        (Files((b"",), False), DETECTOR, "detect"),
        (Files((b"",), True), MODEL, "transcribe"),
        (Arrays("f", {}), MODEL, "auto"),
    ],
)
def test_what_is_given_says_how_it_is_meant(given: Any, model: Model, protocol: str) -> None:
    assert suitable(given, model) == protocol


def test_bodies_are_sent_as_they_stand() -> None:
    [call] = calls(items(V2), "v2", MODEL, Wanted())
    assert (json.loads(call.body), call.rows) == (V2, 2)
    [call] = calls(items({"inputs": [[1, 2], [3, 4]]}), "classify", MODEL, Wanted())
    assert (call.path, call.rows) == ("/v1/models/m/classify", 2)
    [call] = calls(items({"prompt": "a", "max_tokens": 3}), "completions", WRITER, Wanted(stream=False))
    assert json.loads(call.body) == {"model": "m", "prompt": "a", "max_tokens": 3, "stream": False}
    [call] = calls(items({"text_input": "a"}), "generate_stream", WRITER, Wanted(hang_up_after=2))
    assert (json.loads(call.body), call.hang_up_after) == ({"text_input": "a"}, 2)


def test_tensors_in_json_are_sent_in_any_protocol() -> None:
    [call] = calls(items({**V2, "parameters": {"priority": 1}}), "grpc", MODEL, Wanted())
    message = ModelInferRequest.FromString(call.body)
    assert message.raw_input_contents[0] == np.array([1, 2, 3, 4], np.float32).tobytes()
    assert (message.parameters["priority"].int64_param, call.rows) == (1, 2)


def test_prompts_and_files_come_in_order_and_in_groups() -> None:
    wanted = Wanted(rows=2, max_tokens=Span(4, 4))
    found = calls(items("a", "b", "c"), "completions", WRITER, wanted)
    assert [json.loads(call.body)["prompt"] for call in found] == [["a", "b"], "c"]
    found = calls(Files((b"1", b"2", b"3"), False), "classify", MODEL, wanted)
    assert [call.rows for call in found] == [2, 1]
    [call] = calls(items("a"), "generate_stream", WRITER, wanted)
    assert json.loads(call.body) == {"text_input": "a", "stream": True, "max_tokens": 4}


@pytest.mark.parametrize(
    ("given", "protocol", "words"),
    [
        (items(V2, {"prompt": "a"}), "v2", r"file, line 2: --protocol v2 sends \{\"inputs\": \[\{\"name\""),
        (items(V2), "classify", r"line 1: --protocol classify sends \{\"inputs\": \.\.\.\}"),
        (items({"prompt": "a"}), "chat", r"--protocol chat sends \{\"messages\""),
        (items("a"), "v2", "line 1: --protocol v2 sends .*, got 'a'"),
        (items("a", 7), "completions", "line 1|line 2"),
        (items({"inputs": [{"name": "x", "datatype": "FP32", "shape": [3], "data": [1]}]}), "v2", "line 1: .*'x'"),
        (Files((b"",), True), "classify", "recordings go to --protocol transcribe"),
        (Files((b"",), False), "v2", "pictures go to classify or detect"),
        (Arrays("f", {}), "chat", "f holds tensors, which --protocol chat does not send"),
    ],
)
def test_what_a_protocol_does_not_send_is_told_with_its_line(given: Any, protocol: str, words: str) -> None:
    with pytest.raises(CannotTest, match=words):
        calls(given, protocol, MODEL, Wanted())
