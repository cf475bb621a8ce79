import json
from typing import Any

import numpy as np
import pytest

from serving.core.requests import TensorSpec
from serving.errors import BackendFailed, InvalidInput
from serving.protocols import recommend
from serving.protocols.recommend import Catalogue

NAMES = ("tea 01", "tea 02", "coffee 01", "42")
CATALOGUE = Catalogue("m", {name: number for number, name in enumerate(NAMES)}, 3, 4)
HISTORY = TensorSpec("history", "INT64", (-1, 3))
ITEMS, SCORES = TensorSpec("items", "INT64", (-1, 2)), TensorSpec("scores", "FP32", (-1, 2))


def decode(inputs: Any, **parameters: Any) -> recommend.RecommendRequest:
    return recommend.decode(json.dumps({"inputs": inputs, "parameters": parameters}).encode(), CATALOGUE)


def length_of(history: TensorSpec = HISTORY, items: TensorSpec = ITEMS, labels: Any = NAMES) -> int:
    return recommend.length_of(
        {history.name: history}, {items.name: items, "scores": SCORES}, {"items": labels} if labels else {}
    )


@pytest.mark.parametrize(
    ("inputs", "history", "batched"),
    [
        (["tea 02"], [[-1, -1, 1]], False),
        ([], [[-1, -1, -1]], False),
        (["tea 01", "tea 02", "coffee 01", 42], [[1, 2, 3]], False),
        ([["tea 01"], [], ["tea 02", "tea 01"]], [[-1, -1, 0], [-1, -1, -1], [-1, 1, 0]], True),
    ],
)
def test_names_become_the_numbers_of_the_last_items(inputs: Any, history: list[list[int]], batched: bool) -> None:
    found = decode(inputs)
    assert (found.history.tolist(), found.history.dtype, found.batched) == (history, np.int64, batched)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ("tea 01", "must be a list of items' names"),
        ([["tea 01"], "tea 02"], r"'inputs\[1\]' must be a list"),
        ([True], r"'inputs\[0\]' must be an item's name, got True"),
        ([None], r"'inputs\[0\]' must be an item's name"),
        ([[]] * 5, "takes 1 to 4 users at a time, got 5"),
    ],
)
def test_what_is_wrong_is_named(inputs: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        decode(inputs)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        (["tea 1"], "'inputs[0]': model 'm' knows no item 'tea 1'; did you mean tea 01?"),
        ([["tea 01"], ["cofee 01"]], "'inputs[1][0]': model 'm' knows no item 'cofee 01'; did you mean coffee 01?"),
    ],
)
def test_an_unknown_item_is_told_with_the_nearest(inputs: Any, words: str) -> None:
    with pytest.raises(recommend.UnknownItem) as unknown:
        decode(inputs)
    assert str(recommend.refusal(unknown.value, CATALOGUE)) == words


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"inputs": [], "parameters": 1}', b"nothing"])
def test_a_body_is_an_object_with_inputs(body: bytes) -> None:
    with pytest.raises(InvalidInput):
        recommend.decode(body, CATALOGUE)


@pytest.mark.parametrize("top_k", [0, "2", 1.5])
def test_top_k_is_a_number_of_items(top_k: Any) -> None:
    with pytest.raises(InvalidInput, match="'top_k' must be an integer >= 1"):
        decode([], top_k=top_k)


def test_items_are_answered_by_name_and_what_has_no_score_is_none() -> None:
    items, scores = np.array([[2, 0, 1], [3, 1, 0]]), np.array([[0.5, 0.25, 0], [1, 0, 0]], np.float32)
    one = recommend.encode(items[:1], scores[:1], decode([]), NAMES)
    assert one == [{"item": "coffee 01", "score": 0.5}, {"item": "tea 01", "score": 0.25}]
    both = recommend.encode(items, scores, decode([[], []], top_k=1), NAMES)
    assert both == [[{"item": "coffee 01", "score": 0.5}], [{"item": "42", "score": 1.0}]]


def test_what_was_sent_is_not_answered_however_long_the_history_was() -> None:
    """The model reads three items of four; `top_k` is filled with what is left."""
    items, scores = np.array([[3, 0, 1]] * 2), np.array([[0.5, 0.3, 0.2]] * 2)
    long, short = ["tea 01", "coffee 01", "coffee 01", "coffee 01"], ["42"]
    first, second = recommend.encode(items, scores, decode([long, short], top_k=2), NAMES)
    assert first == [{"item": "42", "score": 0.5}, {"item": "tea 02", "score": 0.2}]
    assert second == [{"item": "tea 01", "score": 0.3}, {"item": "tea 02", "score": 0.2}]


@pytest.mark.parametrize(("item", "score"), [(4, 0.5), (-1, 0.5), (0, np.nan)])
def test_what_can_not_be_told_is_the_models_fault(item: int, score: float) -> None:
    with pytest.raises(BackendFailed):
        recommend.encode(np.array([[item]]), np.array([[score]], np.float32), decode([]), NAMES)


def test_a_model_is_known_by_its_tensors() -> None:
    assert length_of() == 3
    assert length_of(labels=()) == 0
    assert length_of(HISTORY.__class__("x", "INT64", (-1, 3))) == 0
    assert length_of(HISTORY.__class__("history", "FP32", (-1, 3))) == 0
    assert length_of(HISTORY.__class__("history", "INT64", (-1, -1))) == 0
    assert length_of(items=ITEMS.__class__("items", "INT64", (-1, 5))) == 0
