"""What protobuf says of a config that it can't read, with the name that was probably meant.

Rule: fields and values are named as config.pbtxt names them, also in errors over JSON.
"""

import re
from collections.abc import Iterable
from difflib import get_close_matches

from tritonclient.grpc.model_config_pb2 import ModelConfig

from serving.core.datatypes import to_config

_POOL = ModelConfig.DESCRIPTOR.file.pool
_UNKNOWN_FIELD = re.compile(r'Message type "(?P<type>[\w.]+)" has no field named "(?P<name>[^"]*)"')
_UNKNOWN_VALUE = re.compile(
    r'Enum type "(?P<type>[\w.]+)" has no value named (?P<name>\w+)|'
    r"Invalid enum value (?P<json_name>\S+) for enum type (?P<json_type>[\w.]+)"
)
_FIELDS_IN_CAMEL_CASE = re.compile(r"\s*Available Fields\(except extensions\): .*", re.DOTALL)
_SIMILAR = 0.5


def explain(message: str) -> str:
    """protobuf's `message`, and a suggestion where it is about a name that there is not."""
    words = _FIELDS_IN_CAMEL_CASE.sub("", message).rstrip(". ")
    try:
        return words + _suggestion(message)
    except KeyError:  # the words of a config may look like protobuf's own
        return words


def _suggestion(message: str) -> str:
    if found := _UNKNOWN_FIELD.search(message):
        return _did_you_mean(found["name"], _POOL.FindMessageTypeByName(found["type"]).fields_by_name)
    if found := _UNKNOWN_VALUE.search(message):
        values = _POOL.FindEnumTypeByName(found["type"] or found["json_type"]).values_by_name
        return _did_you_mean(found["name"] or found["json_name"], values)
    return ""


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    by_letters = {_letters(each): each for each in known}
    datatype = to_config(name.upper())
    if datatype in by_letters.values():
        return f"; did you mean {datatype}?"
    similar = get_close_matches(_letters(name[:100]), by_letters, n=1, cutoff=_SIMILAR)
    if similar:
        return f"; did you mean {by_letters[similar[0]]}?"
    return f"; known are {', '.join(by_letters.values())}"


def _letters(name: str) -> str:
    return name.replace("_", "").lower()
