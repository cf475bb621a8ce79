from typing import Any

import pytest

from loadtests.asking import CannotTest, NotThere
from loadtests.inputs.model import Learnt, Model
from loadtests.learning import learnt
from serving.core import columns
from serving.core.requests import TensorSpec

TABLE = Model("m", (TensorSpec("row", "FP32", (-1, 2)),), (), 8)
WRITER = Model("m", parameters={"generation.task": "text-generation"})


def refused(words: str) -> Any:
    def ask(_: str, __: Any) -> Any:
        raise CannotTest(words)

    return ask


def test_columns_are_told_by_who_refuses_a_row_without_them() -> None:
    table = (columns.number("age (years)"), columns.category("colour", ["red", "blue"]))
    found = learnt("classify", TABLE, refused(f"400: no column; the columns are {columns.described(table)}"))
    assert found.columns == table


@pytest.mark.parametrize("words", ["names no columns", "the columns are a (number)", "the columns are a, b (x"])
def test_columns_that_are_not_all_told_are_none(words: str) -> None:
    assert learnt("classify", TABLE, refused(words)).columns == ()


def test_items_are_those_that_are_recommended() -> None:
    def ask(_: str, body: Any) -> Any:
        return [{"item": name, "score": 1} for name in "abcde" if name not in body["inputs"]][:2]

    assert learnt("recommend", TABLE, ask).items == ("a", "b", "c", "d", "e")


def test_how_many_tokens_a_word_is_is_counted() -> None:
    def ask(path: str, body: Any) -> Any:
        if path == "/v1/models":
            return {"data": [{"id": "other"}, {"id": "m", "max_model_len": 500}]}
        return {"usage": {"prompt_tokens": 7 + 2 * len(body["prompt"].split())}}

    found = learnt("completions", WRITER, ask)
    assert (found.cost.own, found.cost.each, found.max_length) == (7.0, 2.0, 500)
    assert found.cost.words(107) == 50


def test_a_word_is_a_token_where_nobody_counts() -> None:
    assert learnt("completions", WRITER, lambda *_: {}) == Learnt()

    def without(*_: Any) -> Any:
        raise NotThere("404")

    assert learnt("generate_stream", WRITER, without) == Learnt()
    assert learnt("grpc", WRITER, None) == Learnt()
