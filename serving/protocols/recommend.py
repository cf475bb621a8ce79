"""What a user had so far in, what they may want next out: `[{"item", "score"}, ...]`, best first.

Rule: one history gives one list, a list of histories a list of lists; an item is called by its name, never its number,
and none that was sent is answered.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from serving.core.brief import brief
from serving.core.did_you_mean import instead
from serving.core.requests import TensorSpec
from serving.errors import BackendFailed, InvalidInput
from serving.protocols import hosted_json

HISTORY, ITEMS, SCORES = "history", "items", "scores"
DEFAULT_TOP_K = 5
PARAMETERS = (hosted_json.TOP_K,)
NOTHING = -1
"""In place of an item, before the first of a history."""


class UnknownItem(Exception):
    """`where` names an item that is not in the catalogue; `refusal` makes of it what the caller is told."""

    def __init__(self, where: str, item: str | int) -> None:
        super().__init__(where)
        self.where = where
        self.item = item


_BODY = '{"inputs": ["an item", "another"]}'


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What a model recommends: `numbers` of all items by name, of the last `length` of which it takes notice."""

    model: str
    numbers: Mapping[str, int]
    length: int
    rows: int


@dataclass(frozen=True, slots=True)
class RecommendRequest:
    """`history` is int64 [users, length], newest last; `sent` has all items of each user, however many; `batched` tells
    whether the caller sent a list of histories."""

    history: np.ndarray
    sent: tuple[frozenset[int], ...]
    batched: bool
    top_k: int


def length_of(inputs: Mapping[str, TensorSpec], outputs: Mapping[str, TensorSpec], labels: Mapping[str, object]) -> int:
    """Of a history, as the model takes it; 0 for a model that recommends nothing."""
    if inputs.keys() != {HISTORY} or not {ITEMS, SCORES} <= outputs.keys() or not labels.get(ITEMS):
        return 0
    kinds = (inputs[HISTORY].datatype, outputs[ITEMS].datatype, outputs[SCORES].datatype)
    if kinds != ("INT64", "INT64", "FP32") or outputs[ITEMS].shape != outputs[SCORES].shape:
        return 0
    match inputs[HISTORY].shape, outputs[ITEMS].shape:
        case (-1, int(length)), (-1, _) if length > 0:
            return length
    return 0


def decode(body: bytes, catalogue: Catalogue, top_k: int | None = None) -> RecommendRequest:
    """`top_k` is what the query said, or None. Raises `InvalidInput`, and `UnknownItem`."""
    inputs, parameters = hosted_json.decode(body, f"what a user had so far, such as {_BODY}", PARAMETERS)
    if type(inputs) is not list:
        raise InvalidInput(f"'inputs' must be a list of items' names, or a list of such lists, got {brief(inputs)}")
    batched = bool(inputs) and type(inputs[0]) is list
    users = inputs if batched else [inputs]
    if len(users) > catalogue.rows:
        raise InvalidInput(f"model '{catalogue.model}' takes 1 to {catalogue.rows} users at a time, got {len(users)}")
    rows = [_row(f"inputs[{number}]" if batched else "inputs", items, catalogue) for number, items in enumerate(users)]
    most = hosted_json.top_k(parameters.get("top_k", top_k), DEFAULT_TOP_K)
    history = np.array([_last(numbers, catalogue.length) for numbers in rows], np.int64)
    return RecommendRequest(history, tuple(map(frozenset, rows)), batched, most)


def refusal(unknown: UnknownItem, catalogue: Catalogue) -> InvalidInput:
    """With the nearest name. Takes a tenth of a second among 100,000."""
    hint = instead(str(unknown.item), catalogue.numbers)
    return InvalidInput(f"'{unknown.where}': model '{catalogue.model}' knows no item {brief(unknown.item)}{hint}")


def encode(
    items: np.ndarray, scores: np.ndarray, asked: RecommendRequest, names: Sequence[str]
) -> list[dict[str, Any]] | list[list[dict[str, Any]]]:
    """Of both outputs, [users, K], without what was sent. Raises `BackendFailed` for scores that JSON can't hold, and
    items without a name."""
    if not np.isfinite(scores).all():
        raise BackendFailed("the model answered scores that are not finite numbers")
    if ((items < 0) | (items >= len(names)))[scores > 0].any():
        raise BackendFailed("the model answered items that have no name")
    rows = [
        [{"item": names[item], "score": score} for item, score in islice(_new(*row), asked.top_k)]
        for row in zip(items.tolist(), scores.tolist(), asked.sent, strict=True)
    ]
    return rows if asked.batched else rows[0]


def _new(items: list[int], scores: list[float], sent: frozenset[int]) -> Iterator[tuple[int, float]]:
    return ((item, score) for item, score in zip(items, scores, strict=True) if score > 0 and item not in sent)


def _row(where: str, items: Any, catalogue: Catalogue) -> list[int]:
    if type(items) is not list:
        raise InvalidInput(f"'{where}' must be a list of items' names, got {brief(items)}")
    return [_number(f"{where}[{index}]", item, catalogue) for index, item in enumerate(items)]


def _last(numbers: list[int], length: int) -> list[int]:
    """As the model takes them, with nothing before the first."""
    last = numbers[-length:]
    return [NOTHING] * (length - len(last)) + last


def _number(where: str, item: Any, catalogue: Catalogue) -> int:
    if type(item) not in (str, int):
        raise InvalidInput(f"'{where}' must be an item's name, got {brief(item)}")
    found = catalogue.numbers.get(str(item))
    if found is None:
        raise UnknownItem(where, item)
    return found
