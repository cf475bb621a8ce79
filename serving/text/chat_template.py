"""A conversation as the one text that a model was taught to go on with.

Rule: templates mean what they mean to transformers, run in a sandbox, and end: so many loop steps and characters.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import jinja2
from jinja2.exceptions import SecurityError
from jinja2.ext import loopcontrols

from serving.core.brief import brief
from serving.errors import InvalidInput, ModelLoadFailed
from serving.text.template_sandbox import Budget, Sandbox

_NO_TEMPLATE = (
    "the model has no chat template, so it can't be asked with messages; use /v1/completions with a prompt, or give "
    "it a 'chat_template' in its tokenizer_config.json"
)


class ChatTemplate:
    """Thread-safe. `source` "" is a model without one, which refuses every conversation."""

    def __init__(self, source: str, special_tokens: Mapping[str, str] | None = None) -> None:
        """`special_tokens` are names that the template may use, such as bos_token. Raises `ModelLoadFailed`."""
        self.source = source
        self._special_tokens = dict(special_tokens or {})
        self._template = _compiled(source)

    def __repr__(self) -> str:
        return f"<ChatTemplate of {len(self.source)} characters>"

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        now: datetime,
        add_generation_prompt: bool = True,
        arguments: Mapping[str, Any] | None = None,
    ) -> str:
        """`now` is the date that templates may ask for; `arguments` are values that the template knows by name.

        Raises `InvalidInput` with the template's own words.
        """
        if self._template is None:
            raise InvalidInput(_NO_TEMPLATE, "messages")
        names = {"tools": None, "documents": None, **self._special_tokens, **(arguments or {})}
        names |= {"messages": _without_nones(messages), "add_generation_prompt": add_generation_prompt}
        names["strftime_now"] = now.strftime
        return _written(self._template, names)


def choose(templates: Any, where: str) -> str:
    """The one for conversations of what a tokenizer_config.json has: a text, or a list of named ones, or an object of
    them; "" for none."""
    match templates:
        case None:
            return ""
        case str():
            return templates
        case list():
            named = {each.get("name"): each.get("template") for each in templates if type(each) is dict}
        case dict():
            named = templates
        case _:
            named = {}
    found = named.get("default")
    if type(found) is not str:
        raise ModelLoadFailed(
            f"'chat_template' in {where} should be a text, or a list of named texts with one named 'default'; "
            f"got {brief(templates)}"
        )
    return found


def _compiled(source: str) -> jinja2.Template | None:
    if not source:
        return None
    environment = Sandbox(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise_exception
    try:
        return environment.from_string(source)
    except (jinja2.TemplateError, RecursionError) as error:
        raise ModelLoadFailed(f"the chat template can't be read: {_words(error)}") from None


def _written(template: jinja2.Template, names: dict[str, Any]) -> str:
    budget = Budget()
    try:
        return "".join(map(budget.count, template.generate({**names, Budget.NAME: budget})))
    except jinja2.UndefinedError as error:
        raise InvalidInput(f"the chat template misses something in 'messages': {_words(error)}", "messages") from None
    except SecurityError as error:
        raise InvalidInput(f"the chat template does what it may not: {_words(error)}", "messages") from None
    except jinja2.TemplateError as error:
        raise InvalidInput(f"the chat template refused 'messages': {_words(error)}", "messages") from None
    except Exception as error:  # whatever a template does with values that it didn't expect
        raise InvalidInput(f"the chat template failed on 'messages': {_words(error)}", "messages") from None


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _without_nones(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Clients send `"tool_calls": null`, which most templates would write as the word None."""
    return [{key: value for key, value in message.items() if value is not None} for message in messages]


def _raise_exception(message: str) -> None:
    raise jinja2.TemplateError(message)


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)
