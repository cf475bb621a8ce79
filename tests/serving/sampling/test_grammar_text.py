import json

import pytest

from serving.core.generation import Grammar, GrammarKind
from serving.errors import InvalidInput
from serving.sampling.grammar_text import llguidance_text


@pytest.mark.parametrize(
    ("grammar", "reason"),
    [
        (Grammar(GrammarKind.JSON_SCHEMA, "{"), "it is no JSON"),
        (Grammar(GrammarKind.JSON_SCHEMA, '{"type": "object"}} , "lark_grammar": "x"'), "it is no JSON"),
        (Grammar(GrammarKind.JSON_SCHEMA, "[" * 100_000), "it is no JSON"),
        (Grammar(GrammarKind.CHOICE, "[]"), "expected at least one text, got a list of 0"),
        (Grammar(GrammarKind.CHOICE, '["a", 7]'), "expected at least one text"),
        (Grammar(GrammarKind.CHOICE, '"a"'), "expected at least one text, got 'a'"),
        (Grammar(GrammarKind.CHOICE, json.dumps(["a"] * 10_001)), "it has 10001 texts, and 10000 are possible"),
        (Grammar(GrammarKind.REGEX, "a" * 500_001), "it has 500001 characters, and 500000 are possible"),
        (Grammar(GrammarKind.GRAMMAR, "root ::= ("), "Expected"),
        (Grammar(GrammarKind.GRAMMAR, "root ::= " + "(" * 5000 + '"a"' + ")" * 5000), "can't be used"),
    ],
)
def test_what_can_be_nothing_is_refused_with_its_parameter(grammar: Grammar, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason) as raised:
        llguidance_text(grammar)
    assert (
        raised.value.param
        == {
            GrammarKind.JSON_SCHEMA: "response_format",
            GrammarKind.CHOICE: "structured_outputs.choice",
            GrammarKind.REGEX: "structured_outputs.regex",
            GrammarKind.GRAMMAR: "structured_outputs.grammar",
        }[grammar.kind]
    )


def test_both_kinds_of_grammars_are_understood() -> None:
    assert llguidance_text(Grammar(GrammarKind.GRAMMAR, 'root ::= "a"')).endswith('start: "a"\n')
    assert llguidance_text(Grammar(GrammarKind.GRAMMAR, 'start: "a"')) == 'start: "a"'
