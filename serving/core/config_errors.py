"""What protobuf says of a config that it can't read, with the name that was probably meant.

Rule: fields and values are named as config.pbtxt names them, also in errors over JSON.
"""

import re

from tritonclient.grpc.model_config_pb2 import ModelConfig

from serving.core.datatypes import to_config
from serving.core.did_you_mean import did_you_mean

_POOL = ModelConfig.DESCRIPTOR.file.pool
_UNKNOWN_FIELD = re.compile(r'Message type "(?P<type>[\w.]+)" has no field named "(?P<name>[^"]*)"')
_UNKNOWN_VALUE = re.compile(
    r'Enum type "(?P<type>[\w.]+)" has no value named (?P<name>\w+)|'
    r"Invalid enum value (?P<json_name>\S+) for enum type (?P<json_type>[\w.]+)"
)
_FIELDS_IN_CAMEL_CASE = re.compile(r"\s*Available Fields\(except extensions\): .*", re.DOTALL)


def explain(message: str) -> str:
    """protobuf's `message`, and a suggestion where it is about a name that there is not."""
    words = _FIELDS_IN_CAMEL_CASE.sub("", message).rstrip(". ")
    try:
        return words + _suggestion(message)
    except KeyError:  # the words of a config may look like protobuf's own
        return words


def _suggestion(message: str) -> str:
    if found := _UNKNOWN_FIELD.search(message):
        return did_you_mean(found["name"], _POOL.FindMessageTypeByName(found["type"]).fields_by_name)
    if found := _UNKNOWN_VALUE.search(message):
        values = _POOL.FindEnumTypeByName(found["type"] or found["json_type"]).values_by_name
        name = found["name"] or found["json_name"]
        datatype = to_config(name.upper())
        return did_you_mean(datatype if datatype in values else name, values)
    return ""
