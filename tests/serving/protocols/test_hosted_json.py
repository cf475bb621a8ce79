import base64
import json
from typing import Any

import pytest

from serving.errors import InvalidInput
from serving.protocols import hosted_json

KNOWN = ("threshold", "top_k")


def decode(document: object) -> tuple[Any, dict[str, Any]]:
    return hosted_json.decode(json.dumps(document).encode(), "a number", KNOWN)


@pytest.mark.parametrize("body", [b"{", b" \n[1]", b"\xef\xbb\xbf{}"])
def test_what_begins_as_json_is_json(body: bytes) -> None:
    assert hosted_json.is_json(body, "an image")
    assert not hosted_json.is_json(b"\x89PNG" + body, "an image")


def test_nothing_is_neither() -> None:
    with pytest.raises(InvalidInput, match="the body is empty; send a recording, or JSON"):
        hosted_json.is_json(b"", "a recording")


def test_inputs_and_parameters() -> None:
    assert decode({"inputs": 1, "parameters": {"top_k": 2, "threshold": None}}) == (1, {"top_k": 2})
    assert decode({"inputs": None, "parameters": None}) == (None, {})


def test_what_older_clients_say_besides_and_an_unknown_null_are_passed_over() -> None:
    older = {"options": {"wait_for_model": True}, "model": "m", "parameters": {"function_to_apply": None}}
    assert decode({"inputs": 1, **older}) == (1, {})


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ([], "must be an object with a member 'inputs': a number"),
        ({"input": 1}, "with a member 'inputs': a number"),
        ({"inputs": 1, "parameters": 1}, "'parameters' must be an object"),
        (
            {"inputs": 1, "parameters": {"topk": 1}},
            "unknown parameter 'topk'; did you mean 'top_k'. known: threshold, to",
        ),
        ({"inputs": 1, "parameters": {"function_to_apply": "none"}}, "'function_to_apply'; known: threshold, top_k"),
        ({"inputs": 1, "parameter": {}}, "unknown parameter 'parameter'; did you mean 'parameters'"),
        ({"inputs": 1, "treshold": 0.5}, "unknown parameter 'treshold'; did you mean 'threshold'"),
        ({"inputs": 1, "top_k": 1}, "'top_k' must be a member of 'parameters', not beside it"),
    ],
)
def test_what_is_wrong_is_said(document: object, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        decode(document)


def test_a_route_without_parameters_says_so() -> None:
    with pytest.raises(InvalidInput, match="unknown parameter 'top_k'; known: none"):
        hosted_json.decode(b'{"inputs": 1, "parameters": {"top_k": 1}}', "a number", ())


def test_a_file_is_base64_or_a_data_url() -> None:
    text = base64.b64encode(b"picture").decode()
    assert hosted_json.file(text, "an image") == b"picture"
    assert hosted_json.file(f"data:image/png;base64,{text}", "an image") == b"picture"
    with pytest.raises(InvalidInput, match="should be a recording in base64, but it is not base64"):
        hosted_json.file("***", "a recording")


def test_as_many_as_a_batch_holds() -> None:
    hosted_json.check_count(8, "m", 8)
    hosted_json.check_count(1, "m", 0)
    for count, limit in ((0, 8), (9, 8), (2, 0)):
        with pytest.raises(InvalidInput, match=f"model 'm' takes 1 to {limit or 1} examples at a time, got {count}"):
            hosted_json.check_count(count, "m", limit)
    with pytest.raises(InvalidInput, match="takes 1 to 8 recordings at a time, got 9"):
        hosted_json.check_count(9, "m", 8, "recordings")


def test_top_k_is_a_count() -> None:
    assert (hosted_json.top_k(None, 5), hosted_json.top_k(3, 5)) == (5, 3)
    for wrong in (0, True, 1.0, "1"):
        with pytest.raises(InvalidInput, match="'top_k' must be an integer >= 1, got"):
            hosted_json.top_k(wrong, 5)
