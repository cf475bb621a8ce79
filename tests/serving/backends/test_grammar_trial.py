import json
from typing import Any

import pytest
from llguidance import LLMatcher

from serving.backends.grammar_trial import GrammarTrial
from serving.sampling.grammar import LIMITS

TRIAL = GrammarTrial(cpu_seconds=1)


def nested(depth: int) -> dict[str, Any]:
    if depth == 0:
        return {"type": "integer"}
    branch = nested(depth - 1)
    return {"oneOf": [{"type": "string"}, {"type": "object", "properties": {"a": branch}, "required": ["a"]}]}


def schema(document: Any) -> str:
    return LLMatcher.grammar_from_json_schema(json.dumps(document))


def chain(rules: int) -> str:
    """Each refers to the next one: what compiles it recurses as deeply."""
    links = "\n".join(f'a{number}: a{number + 1} | "x"' for number in range(rules))
    return LLMatcher.grammar_from_lark(f'start: a0\n{links}\na{rules}: "y"')


@pytest.mark.parametrize(
    "grammar",
    [
        schema({"type": "object"}),
        schema(nested(16)),
        schema({"enum": [f"value {number}" for number in range(2000)]}),
        LLMatcher.grammar_from_regex("(a{1000}){1000}"),
        LLMatcher.grammar_from_regex("(a|b)*a(a|b){200}"),
        chain(20),
    ],
    ids=["object", "nested 16 times", "enum", "repetition", "many states", "rules"],
)
def test_what_can_be_compiled_passes(grammar: str) -> None:
    assert TRIAL(grammar, LIMITS) == ""


@pytest.mark.parametrize(
    "grammar",
    [
        schema({"type": "integer", "multipleOf": 999_983}),
        schema({"allOf": [{"type": "integer", "multipleOf": prime} for prime in (7, 11, 13, 17, 19, 23)]}),
        chain(20_000),
    ],
    ids=["states", "product", "stack"],
)
def test_what_explodes_is_refused_and_nothing_else_ends(grammar: str) -> None:
    assert "make it simpler" in TRIAL(grammar, LIMITS)


def test_what_is_wrong_is_told_in_the_words_of_the_library() -> None:
    assert "unclosed group" in TRIAL(LLMatcher.grammar_from_regex("(a"), LIMITS)
    assert "too large" in TRIAL(schema({"allOf": [union(number) for number in range(16)]}), LIMITS)


def union(number: int) -> dict[str, Any]:
    return {
        "anyOf": [
            {"type": "object", "properties": {f"{side}{number}": {}}, "required": [f"{side}{number}"]} for side in "ab"
        ]
    }
