"""Requests of one's own, out of a file, as calls. Rule: they are sent in the file's order, and none is left out."""

import json
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any, NoReturn

from loadtests.asking import CannotTest
from loadtests.call import Call
from loadtests.inputs import openai_calls, people_calls, tensor_calls
from loadtests.inputs.array_rows import in_requests
from loadtests.inputs.calls import tensor_call
from loadtests.inputs.data_file import Arrays, Files, Given, Item
from loadtests.inputs.model import Learnt, Model
from loadtests.inputs.openai_calls import CHAT, COMPLETIONS, EMBEDDINGS, PATHS
from loadtests.inputs.people_calls import PEOPLES
from loadtests.inputs.protocols import AUTO, GENERATE, TENSORS, V2
from loadtests.inputs.tensors import Tensors
from loadtests.inputs.wanted import Wanted
from loadtests.inputs.writing import Writing, writing
from serving.core.brief import brief
from serving.errors import InvalidInput
from serving.protocols import v2_json
from serving.protocols.people_routes import CLASSIFY, DETECT, RECOMMEND, TRANSCRIBE, route

_MEMBERS = {"messages": CHAT, "prompt": COMPLETIONS, "input": EMBEDDINGS}
_NEEDED = {
    CHAT: '{"messages": [...]}',
    COMPLETIONS: '{"prompt": ...}',
    EMBEDDINGS: '{"input": ...}',
    GENERATE: "an object with the model's inputs",
    **dict.fromkeys(PEOPLES, '{"inputs": ...}'),
    **dict.fromkeys(TENSORS, '{"inputs": [{"name": ..., "datatype": ..., "shape": ..., "data": ...}]}'),
}


def suitable(given: Given, model: Model) -> str:
    """The protocol in which it is meant to be sent; `AUTO` where that is the model's own."""
    outputs = [spec.name for spec in model.outputs]
    match given:
        case Files(_, True):
            return TRANSCRIBE
        case Files():
            return DETECT if route(outputs) == DETECT else CLASSIFY
        case Arrays():
            return AUTO
    first = given.items[0].value
    if isinstance(first, str):
        return AUTO if model.writes else EMBEDDINGS if "embedding" in outputs else CLASSIFY
    if not isinstance(first, dict):
        return AUTO
    for member, protocol in _MEMBERS.items():
        if member in first:
            return protocol
    if "inputs" in first:
        return V2 if _has_tensors(first) else route(outputs)
    return GENERATE


def calls(given: Given, protocol: str, model: Model, wanted: Wanted) -> tuple[Call, ...]:
    """Raises `CannotTest`."""
    match given:
        case Files(contents, are_recordings):
            return tuple(_files(contents, are_recordings, protocol, model, wanted))
        case Arrays():
            if protocol not in (*TENSORS, GENERATE):
                raise CannotTest(f"{given.where} holds tensors, which --protocol {protocol} does not send")
            parts = in_requests(given, model, wanted.rows)
            return tuple(tensor_call(protocol, model, part, {}, wanted) for part in parts)
    lengths, random = writing(wanted, Learnt()), Random(wanted.seed)
    if all(isinstance(item.value, str) for item in given.items):
        return tuple(_texts(given.items, protocol, model, wanted, lengths, random))
    return tuple(_body(item, protocol, model, wanted) for item in given.items)


def _files(
    contents: Sequence[bytes], are_recordings: bool, protocol: str, model: Model, wanted: Wanted
) -> Iterator[Call]:
    if protocol not in ((TRANSCRIBE,) if are_recordings else (CLASSIFY, DETECT)):
        kind = "recordings go to --protocol transcribe" if are_recordings else "pictures go to classify or detect"
        raise CannotTest(f"--protocol {protocol}: {kind}")
    for first in range(0, len(contents), wanted.rows):
        yield people_calls.from_files(protocol, model, contents[first : first + wanted.rows])


def _texts(
    items: Sequence[Item], protocol: str, model: Model, wanted: Wanted, lengths: Writing, random: Random
) -> Iterator[Call]:
    for first in range(0, len(items), wanted.rows):
        texts = [item.value for item in items[first : first + wanted.rows]]
        if protocol in PATHS:
            yield openai_calls.from_texts(protocol, model.name, texts, wanted, lengths, random)
        elif protocol == CLASSIFY:
            inputs = texts[0] if wanted.rows == 1 else texts
            yield people_calls.from_inputs(protocol, model, inputs, wanted, len(texts))
        elif protocol == GENERATE and model.writes:
            yield _prompt(texts[0], model, wanted, lengths, random)
        else:
            raise _misfit(items[0], protocol)


def _prompt(text: str, model: Model, wanted: Wanted, lengths: Writing, random: Random) -> Call:
    document = {"text_input": text, "stream": True, **lengths.options(random)}
    return tensor_calls.generate_body(model, document, wanted.hang_up_after)


def _body(item: Item, protocol: str, model: Model, wanted: Wanted) -> Call:
    document = item.value
    if not isinstance(document, dict):
        raise _misfit(item, protocol)
    if protocol in PATHS and any(_MEMBERS.get(member) == protocol for member in document):
        return openai_calls.from_body(protocol, model.name, {**wanted.extra, **document}, wanted)
    if protocol == GENERATE:
        return tensor_calls.generate_body(model, {**wanted.extra, **document}, wanted.hang_up_after)
    if protocol in PEOPLES and "inputs" in document and not _has_tensors(document):
        rows = _examples(protocol, document["inputs"])
        return people_calls.from_body(protocol, model, {**wanted.extra, **document}, rows)
    if protocol in TENSORS and _has_tensors(document):
        return _tensors(item, protocol, model, wanted)
    raise _misfit(item, protocol)


def _tensors(item: Item, protocol: str, model: Model, wanted: Wanted) -> Call:
    """In JSON as it stands, else as what it says."""
    body = json.dumps(item.value).encode()
    try:
        request, _ = v2_json.decode_request(model.name, "", body, None, _no_window)
    except InvalidInput as error:
        raise CannotTest(f"{item.where}: {error}") from None
    rows = max((array.shape[0] for array in request.inputs.values() if array.ndim), default=1)
    rows = rows if model.max_batch_size else 1
    if protocol == V2:
        return Call(tensor_calls.path(model, "infer"), body, headers=tensor_calls.JSON, rows=rows)
    parameters = item.value.get("parameters") or {}
    return tensor_call(protocol, model, Tensors(request.inputs, rows), parameters, wanted)


def _no_window(region: str, _: int, __: int) -> NoReturn:
    raise InvalidInput(f"a file can't mean shared memory, such as '{region[:100]}'")


def _has_tensors(document: Any) -> bool:
    inputs = document.get("inputs")
    return isinstance(inputs, list) and bool(inputs) and isinstance(inputs[0], dict) and "datatype" in inputs[0]


def _examples(protocol: str, inputs: Any) -> int:
    if not isinstance(inputs, list) or not inputs:
        return 1
    several: tuple[Callable[..., Any], ...] = (list, dict) if protocol == RECOMMEND else (list, dict, str)
    return len(inputs) if type(inputs[0]) in several else 1


def _misfit(item: Item, protocol: str) -> CannotTest:
    return CannotTest(f"{item.where}: --protocol {protocol} sends {_NEEDED[protocol]}, got {brief(item.value)}")
