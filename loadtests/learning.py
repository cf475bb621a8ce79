"""What is found out of a model by asking it, where its metadata don't tell what requests may hold.

Rule: a few requests at most, and what a server does not say is done without.
"""

import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from random import Random
from typing import Any
from urllib.parse import quote

from loadtests.asking import CannotTest, NotThere
from loadtests.inputs import words
from loadtests.inputs.model import Learnt, Model, WordCost
from loadtests.inputs.openai_calls import CHAT, COMPLETIONS, EMBEDDINGS, PATHS, from_texts
from loadtests.inputs.protocols import GENERATE
from loadtests.inputs.wanted import Span, Wanted
from loadtests.inputs.writing import Writing
from serving.core import columns
from serving.core.columns import Column
from serving.protocols.people_routes import CLASSIFY, RECOMMEND

Ask = Callable[[str, Any], Any]
"""The document at a path, or the answer to one that is sent there. Raises `CannotTest`."""

_FEW, _MORE = 4, 12  # words of the texts by which it is learnt how many tokens a word is
_THE_COLUMNS = re.compile(r"the columns are (.+)", re.DOTALL)
_COLUMN = re.compile(r"(.+?) \(([^()]*)\)(?:, |$)")
_MOST_ITEMS = 1000


def learnt(protocol: str, model: Model, ask: Ask | None) -> Learnt:
    """`ask` is None where there is only gRPC. Raises `CannotTest`."""
    if ask is None:
        return Learnt()
    if protocol == CLASSIFY and not model.reads_texts:
        return Learnt(columns=_columns(model, ask))
    if protocol == RECOMMEND:
        return Learnt(items=_items(model, ask))
    if protocol in (COMPLETIONS, CHAT, EMBEDDINGS) or (protocol == GENERATE and model.writes):
        found = Learnt(max_length=_max_length(model, ask))
        with suppress(NotThere):  # a server of Triton's that has no such route
            found = replace(found, cost=_cost(COMPLETIONS if protocol == GENERATE else protocol, model, ask))
        return found
    return Learnt()


def _columns(model: Model, ask: Ask) -> tuple[Column, ...]:
    """A row without any is refused with their names; () where there are none, or too many to be listed."""
    if len(model.inputs) != 1 or model.inputs[0].datatype != "FP32":
        return ()
    try:
        ask(f"/v1/models/{quote(model.name, safe='')}/classify", {"inputs": {}})
    except CannotTest as refused:
        listed = _THE_COLUMNS.search(str(refused))
        found = tuple(map(_column, _COLUMN.findall(listed[1]))) if listed else ()
        return found if (len(found),) == model.own_shape(model.inputs[0]) else ()
    return ()


def _column(found: tuple[str, str]) -> Column:
    name, kind = found
    if kind == columns.NUMBER:
        return columns.number(name)
    return columns.category(name, [value for value in kind.split(", ") if value != "..."])


def _items(model: Model, ask: Ask) -> tuple[str, ...]:
    """Those that a user without a history is recommended, and is then with these."""
    path = f"/v1/models/{quote(model.name, safe='')}/{RECOMMEND}"
    found: dict[str, None] = {}
    for _ in range(3):
        more = ask(path, {"inputs": list(found), "parameters": {"top_k": _MOST_ITEMS}})
        found |= {str(each["item"]): None for each in more}
        if not more or len(found) >= _MOST_ITEMS:
            break
    return tuple(found)


def _max_length(model: Model, ask: Ask) -> int:
    with suppress(CannotTest, TypeError, KeyError):
        for card in ask("/v1/models", None)["data"]:
            if card.get("id") == model.name:
                return int(card.get("max_model_len") or 0)
    return 0


def _cost(protocol: str, model: Model, ask: Ask) -> WordCost:
    """From how many tokens a server counts in two texts; a token a word where it counts none."""
    few, more = (_counted(protocol, model, count, ask) for count in (_FEW, _MORE))
    each = (more - few) / (_MORE - _FEW)
    return WordCost(max(0.0, few - each * _FEW), each) if each > 0 else WordCost()


def _counted(protocol: str, model: Model, count: int, ask: Ask) -> int:
    random = Random(0)
    short = Writing(Span(1, 1), Span(1, 1), WordCost())
    call = from_texts(protocol, model.name, [words.text(count, random)], Wanted(stream=False), short, random)
    answer = ask(PATHS[protocol], json.loads(call.body))
    usage = answer.get("usage") if isinstance(answer, dict) else None
    return int((usage or {}).get("prompt_tokens") or 0)
