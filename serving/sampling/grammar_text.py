"""What a request's grammar is in llguidance's words. Rule: what is compiled later is well-formed JSON, or text as it
came.

JSON has at most 40 blanks in one place: a model that can't go wrong otherwise may well write blanks for ever.
"""

import json
from typing import Any

from llguidance import LLMatcher
from llguidance.gbnf_to_lark import any_to_lark

from serving.core.brief import brief
from serving.core.generation import Grammar, GrammarKind
from serving.errors import InvalidInput

_LONGEST = 500_000  # characters
_MOST_CHOICES = 10_000
_BLANKS = r"[\x20\x0A\x0D\x09]{1,40}"
_PARAMS = {
    GrammarKind.JSON_SCHEMA: "response_format",
    GrammarKind.JSON_OBJECT: "response_format",
    GrammarKind.REGEX: "structured_outputs.regex",
    GrammarKind.CHOICE: "structured_outputs.choice",
    GrammarKind.GRAMMAR: "structured_outputs.grammar",
}
_NAMES = {
    GrammarKind.JSON_SCHEMA: "the JSON schema of the answer",
    GrammarKind.JSON_OBJECT: "the answer's format",
    GrammarKind.REGEX: "the regular expression of the answer",
    GrammarKind.CHOICE: "the list of possible answers",
    GrammarKind.GRAMMAR: "the grammar of the answer",
}


def llguidance_text(grammar: Grammar) -> str:
    """Raises `InvalidInput` where it is no JSON or no list of texts. Whether it makes sense is told by compiling."""
    if len(grammar.text) > _LONGEST:
        raise refused(grammar.kind, f"it has {len(grammar.text)} characters, and {_LONGEST} are possible")
    match grammar.kind:
        case GrammarKind.JSON_SCHEMA:
            return _of_schema(grammar, _loaded(grammar))
        case GrammarKind.JSON_OBJECT:
            return _of_schema(grammar, {"type": "object"})
        case GrammarKind.REGEX:
            return LLMatcher.grammar_from_regex(grammar.text)
        case GrammarKind.CHOICE:
            words = " | ".join(map(json.dumps, _choices(grammar)))
            return LLMatcher.grammar_from_lark(
                f"start: CHOICE\nCHOICE: {words}"
            )  # one word; each of its own costs more
        case GrammarKind.GRAMMAR:
            return LLMatcher.grammar_from_lark(_lark(grammar))


def refused(kind: GrammarKind, reason: str) -> InvalidInput:
    return InvalidInput(f"{_NAMES[kind]} can't be used: {reason}", _PARAMS[kind], "invalid_value")


def _of_schema(grammar: Grammar, schema: Any) -> str:
    text = json.dumps({} if schema is True else schema)
    try:
        return LLMatcher.grammar_from_json_schema(text, overrides={"whitespace_pattern": _BLANKS})
    except ValueError as error:
        raise refused(grammar.kind, str(error)) from None


def _choices(grammar: Grammar) -> list[str]:
    choices = _loaded(grammar)
    if not isinstance(choices, list) or not choices or not all(isinstance(each, str) for each in choices):
        raise refused(grammar.kind, f"expected at least one text, got {brief(choices)}")
    if len(choices) > _MOST_CHOICES:
        raise refused(grammar.kind, f"it has {len(choices)} texts, and {_MOST_CHOICES} are possible")
    return choices


def _lark(grammar: Grammar) -> str:
    """vLLM's examples are in GBNF, with `::=`."""
    try:
        return any_to_lark(grammar.text)
    except Exception as error:  # whatever a parser finds
        raise refused(grammar.kind, str(error)) from None


def _loaded(grammar: Grammar) -> Any:
    try:
        return json.loads(grammar.text)
    except (ValueError, RecursionError) as error:
        raise refused(grammar.kind, f"it is no JSON: {error}") from None
