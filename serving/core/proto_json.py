"""Triton's protobuf messages as the JSON that its HTTP endpoints write.

Rule: fields in snake_case, enums by name, unset primitive fields printed, and int64 as numbers, where protobuf's
own JSON has strings (Triton turns them back; perf_analyzer reads numbers).
"""

from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

_INT64 = {FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64}


def to_json(message: Message) -> dict[str, Any]:
    document = MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    return _with_numbers(document, message.DESCRIPTOR)


def _with_numbers(document: dict[str, Any], descriptor: Descriptor) -> dict[str, Any]:
    return {name: _value(value, descriptor.fields_by_name[name]) for name, value in document.items()}


def _value(value: Any, field: FieldDescriptor) -> Any:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        of_map = field.message_type.fields_by_name["value"]
        return {key: _value(item, of_map) for key, item in value.items()}
    if isinstance(value, list):
        return [_value(item, field) for item in value]
    if field.message_type is not None:
        return _with_numbers(value, field.message_type)
    return int(value) if field.cpp_type in _INT64 else value
