import json
from typing import Any

import pytest

from serving.core.generation import Grammar, GrammarKind
from serving.errors import InvalidInput, Unsupported
from serving.protocols import openai_grammar
from serving.protocols.openai_fields import Fields

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}
TEXT = json.dumps(SCHEMA, separators=(",", ":"))

DEEP = json.loads('{"a":' * 500 + "1" + "}" * 500)


def read(**body: Any) -> Grammar | None:
    return openai_grammar.read(Fields(body))


def format_of(schema: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "n", "strict": True, "schema": schema}}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, None),
        ({"response_format": {"type": "text"}, "structured_outputs": {}, "guided_json": None}, None),
        ({"response_format": {"type": "json_object"}}, Grammar(GrammarKind.JSON_OBJECT)),
        ({"response_format": format_of(SCHEMA)}, Grammar(GrammarKind.JSON_SCHEMA, TEXT)),
        ({"guided_json": SCHEMA}, Grammar(GrammarKind.JSON_SCHEMA, TEXT)),
        ({"guided_json": TEXT}, Grammar(GrammarKind.JSON_SCHEMA, TEXT)),
        ({"guided_regex": "a+"}, Grammar(GrammarKind.REGEX, "a+")),
        ({"guided_choice": ["a", 'b"']}, Grammar(GrammarKind.CHOICE, '["a","b\\""]')),
        ({"guided_grammar": "start: /x/"}, Grammar(GrammarKind.GRAMMAR, "start: /x/")),
        ({"structured_outputs": {"json": SCHEMA, "regex": None}}, Grammar(GrammarKind.JSON_SCHEMA, TEXT)),
        ({"structured_outputs": {"json_object": True}}, Grammar(GrammarKind.JSON_OBJECT)),
        ({"structured_outputs": {"json_object": False}}, None),
    ],
)
def test_each_way_to_ask(body: dict[str, Any], expected: Grammar | None) -> None:
    assert read(**body) == expected


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"response_format": "json"}, "response_format"),
        ({"response_format": {}}, "response_format.type"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"response_format": {"type": "json_schema", "json_schema": {}}}, "response_format.json_schema.schema"),
        ({"response_format": format_of("x")}, "response_format.json_schema.schema"),
        (
            {"response_format": format_of(json.loads('{"a":' * 500 + "1" + "}" * 500))},
            "response_format.json_schema.schema",
        ),
        ({"guided_json": "{"}, "guided_json"),
        ({"guided_json": 7}, "guided_json"),
        ({"guided_regex": ""}, "guided_regex"),
        ({"guided_choice": []}, "guided_choice"),
        ({"guided_choice": ["a", 1]}, "guided_choice[1]"),
        ({"structured_outputs": {"choice": "a"}}, "structured_outputs.choice"),
        ({"structured_outputs": {"json_object": 1}}, "structured_outputs.json_object"),
        ({"structured_outputs": {"regex": "a", "json_object": True}}, "structured_outputs.regex"),
        ({"response_format": {"type": "json_object"}, "guided_regex": "a"}, "guided_regex"),
    ],
)
def test_what_is_wrong_is_named(body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(**body)
    assert caught.value.param == param


def test_structural_tags_are_refused() -> None:
    with pytest.raises(Unsupported) as caught:
        read(structured_outputs={"structural_tag": "{}"})
    assert caught.value.param == "structured_outputs.structural_tag"
