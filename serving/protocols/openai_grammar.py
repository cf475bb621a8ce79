"""What an answer must be: OpenAI's `response_format`, and vLLM's `structured_outputs` and `guided_...`.

Rule: at most one of them says something; the schema is passed on as JSON text and not looked into.
"""

from collections.abc import Callable
from typing import Any

import orjson

from serving.core.brief import brief
from serving.core.generation import Grammar, GrammarKind
from serving.errors import InvalidInput, Unsupported
from serving.protocols.openai_fields import Fields, text_item, wrong_type, wrong_value

_KINDS = tuple(GrammarKind)


def read(fields: Fields) -> Grammar | None:
    """Raises `InvalidInput`."""
    found = [*_response_format(fields), *_structured_outputs(fields), *_guided(fields)]
    if len(found) > 1:
        names = " and ".join(f"'{param}'" for param, _ in found[:2])
        raise InvalidInput(f"{names} contradict each other: give one of them", found[1][0], "invalid_value")
    return found[0][1] if found else None


def _response_format(fields: Fields) -> list[tuple[str, Grammar]]:
    form = fields.fields("response_format")
    if form is None:
        return []
    match form.required_text("type"):
        case "text":
            return []
        case "json_object":
            return [("response_format", Grammar(GrammarKind.JSON_OBJECT))]
        case "json_schema":
            return [("response_format", _json_schema(form))]
        case other:
            param = "response_format.type"
            raise wrong_value(param, f"'{param}' must be text, json_object or json_schema, got {brief(other)}")


def _json_schema(form: Fields) -> Grammar:
    named = form.fields("json_schema")
    if named is None:
        form.missing("json_schema")
    schema = named.object("schema")
    if schema is None:
        named.missing("schema")
    return Grammar(GrammarKind.JSON_SCHEMA, _as_text(named.param("schema"), schema))


def _structured_outputs(fields: Fields) -> list[tuple[str, Grammar]]:
    asked = fields.fields("structured_outputs")
    if asked is None:
        return []
    if asked.value("structural_tag") is not None:
        raise Unsupported("structural tags are not supported", asked.param("structural_tag"), "unsupported_parameter")
    return _each(asked, "")


def _guided(fields: Fields) -> list[tuple[str, Grammar]]:
    return _each(fields, "guided_")


def _each(fields: Fields, prefix: str) -> list[tuple[str, Grammar]]:
    found = []
    for kind in _KINDS:
        name = prefix + kind
        value = fields.value(name)
        if value is not None and value is not False:
            param = fields.param(name)
            found.append((param, Grammar(kind, _TEXTS[kind](param, value))))
    return found


def _schema(param: str, value: Any) -> str:
    """vLLM's clients send it as an object, or as JSON text."""
    if type(value) is str:
        try:
            orjson.loads(value)
        except orjson.JSONDecodeError as error:
            raise wrong_value(param, f"'{param}' is a string that is not JSON: {error}") from None
        return value
    if type(value) not in (dict, bool):
        raise wrong_type(param, "a JSON schema", value)
    return _as_text(param, value)


def _any_object(param: str, value: Any) -> str:
    if value is not True:
        raise wrong_type(param, "true or false", value)
    return ""


def _pattern(param: str, value: Any) -> str:
    if not text_item(param, value):
        raise wrong_value(param, f"'{param}' must not be empty")
    return str(value)


def _choices(param: str, value: Any) -> str:
    if type(value) is not list or not value:
        raise wrong_type(param, "a list of at least one string", value)
    for index, item in enumerate(value):
        text_item(f"{param}[{index}]", item)
    return _as_text(param, value)


def _as_text(param: str, value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # orjson reads deeper nesting than it writes
        raise wrong_value(param, f"'{param}' is nested too deeply") from None


_TEXTS: dict[GrammarKind, Callable[[str, Any], str]] = {
    GrammarKind.JSON_SCHEMA: _schema,
    GrammarKind.JSON_OBJECT: _any_object,
    GrammarKind.REGEX: _pattern,
    GrammarKind.CHOICE: _choices,
    GrammarKind.GRAMMAR: _pattern,
}
