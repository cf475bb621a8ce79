"""The messages of a conversation, as a chat template takes them.

Rule: a message's content is one text; what is no text is refused by name.
"""

from collections.abc import Mapping
from typing import Any

from serving.core.brief import brief
from serving.errors import InvalidInput, Unsupported
from serving.protocols.openai_fields import Fields, text_item, wrong_type, wrong_value

Message = Mapping[str, Any]

_MAX_MESSAGES = 10_000
_TEXT_PARTS = ("text", "input_text", "output_text", "refusal")


def read(fields: Fields) -> tuple[Message, ...]:
    """Raises `InvalidInput`."""
    found = fields.value("messages")
    if found is None:
        fields.missing("messages")
    if type(found) is not list:
        raise wrong_type("messages", "a list of messages", found)
    if not 1 <= len(found) <= _MAX_MESSAGES:
        raise wrong_value("messages", f"'messages' must be 1 to {_MAX_MESSAGES} messages, got {len(found)}")
    return tuple(_message(f"messages[{index}]", message) for index, message in enumerate(found))


def _message(param: str, message: Any) -> Message:
    if type(message) is not dict:
        raise wrong_type(param, "an object with 'role' and 'content'", message)
    fields = Fields(message, param)
    role = fields.required_text("role")
    content = message.get("content")
    if content is None and not _may_be_silent(role, message):
        fields.missing("content")
    known = {name: value for name, value in message.items() if value is not None}
    return known if content is None else {**known, "content": _content(f"{param}.content", content)}


def _may_be_silent(role: str, message: dict[str, Any]) -> bool:
    """An assistant may have called a tool instead, or thought, or refused."""
    return role == "assistant" and len(message) > 1


def _content(param: str, content: Any) -> str:
    if type(content) is str:
        return content
    if type(content) is not list:
        raise wrong_type(param, "a string or a list of parts", content)
    return "\n".join(_part(f"{param}[{index}]", part) for index, part in enumerate(content))


def _part(param: str, part: Any) -> str:
    if type(part) is str:
        return part
    if type(part) is not dict:
        raise wrong_type(param, "a part with 'type' and 'text'", part)
    fields = Fields(part, param)
    kind = fields.text("type", "text")
    if kind not in _TEXT_PARTS:
        raise Unsupported(
            f"'{param}' is of type {brief(kind)}, and the model reads text only", f"{param}.type", "unsupported_value"
        )
    name = "refusal" if kind == "refusal" else "text"
    if part.get(name) is None:
        raise InvalidInput(f"'{param}' must have a member '{name}'", f"{param}.{name}", "missing_required_parameter")
    return text_item(f"{param}.{name}", part[name])
