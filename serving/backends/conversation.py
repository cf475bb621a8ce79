"""What is said over a lane: a request and its answer, or a decoupled model's answers one by one.

    ask          inputs ─▶ ... ◀─ outputs or an error
    ask_stream   inputs ─▶ ... ◀─ outputs, "next" ─▶ ... ◀─ outputs, "next" ─▶ ... ◀─ the end or an error
                 "stop" ─▶ at any time, once; the end follows

Rule: inputs are read where they lie, and their memory is used again only when the model has let go of them; outputs
are copied out of it.
"""

import traceback
import weakref
from collections.abc import Callable, Generator
from contextlib import closing, suppress

import numpy as np

from serving.backends import tensor_layout
from serving.backends.backend import DecoupledInstance, ModelInstance
from serving.backends.lane import Gone, Head, Lane, Message, Tensors
from serving.core.brief import words_of
from serving.core.requests import Arrays, Parameters
from serving.errors import (
    BackendFailed,
    BodyTooLarge,
    DeadlineExceeded,
    InvalidInput,
    RegionNotFound,
    SlipwayError,
    Unsupported,
)

_POLL = 0.05  # seconds; whether a caller is still there can only be asked
_NEXT: Head = {"what": "next"}
_STOP: Head = {"what": "stop"}

_TOLD_AS_THEY_ARE = {
    kind.__name__: kind
    for kind in (Unsupported, BodyTooLarge, RegionNotFound, InvalidInput, DeadlineExceeded, BackendFailed)
}


class ModelTraceback(Exception):
    """What a model raised, as its process would print it; for the log."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def ask(lane: Lane, inputs: Arrays, parameters: Parameters) -> Arrays:
    """Raises what the model does, and `Gone`."""
    lane.is_spent = True
    lane.send({"what": "run", "parameters": dict(parameters)}, lane.write(inputs))
    answer = lane.receive()
    outputs = lane.copies(answer.tensors)
    _end(lane, answer)
    return outputs


def ask_stream(
    lane: Lane, inputs: Arrays, parameters: Parameters, is_cancelled: Callable[[], bool]
) -> Generator[Arrays, None, None]:
    """As `DecoupledInstance.stream`. Raises `Gone` too."""
    lane.is_spent = True
    lane.send({"what": "stream", "parameters": dict(parameters)}, lane.write(inputs))
    try:
        while (answer := _awaited(lane, is_cancelled)) is not None:
            if answer.head["is_end"]:
                _end(lane, answer)
                return
            yield lane.copies(answer.tensors)
            lane.send(_NEXT)
    except GeneratorExit:
        with suppress(Gone):
            _stop(lane)
        raise
    _stop(lane)


def answer_one(lane: Lane, instance: ModelInstance) -> None:
    """The next request, in the model's process. Raises `Gone`."""
    message = lane.receive()
    if message.head["what"] == "stop":  # it was on its way when the last stream ended
        return
    memory = lane.memory(message.tensors)
    held = weakref.ref(memory)
    head, tensors = _answered(lane, instance, message, memory)
    del memory
    lane.send({**head, "is_end": True, "is_held": held() is not None}, tensors)


def _awaited(lane: Lane, is_cancelled: Callable[[], bool]) -> Message | None:
    """None when the caller has left."""
    while not is_cancelled():
        if lane.has_message(_POLL):
            return lane.receive()
    return None


def _stop(lane: Lane) -> None:
    """Returns when the model has: what it does in its `finally` is done."""
    lane.send(_STOP)
    while not (answer := lane.receive()).head["is_end"]:
        pass
    with suppress(SlipwayError):  # nobody is there to be told
        _end(lane, answer)


def _end(lane: Lane, answer: Message) -> None:
    """The lane may be used again, unless the model holds on to inputs that lie there. Raises what the model did."""
    lane.is_spent = bool(answer.head["is_held"])
    if "error" in answer.head:
        kind = _TOLD_AS_THEY_ARE[answer.head["error"]]
        raise kind(answer.head["text"]) from ModelTraceback(answer.head["traceback"])


def _answered(lane: Lane, instance: ModelInstance, message: Message, memory: np.ndarray) -> tuple[Head, Tensors]:
    """The last message, and what it wrote for it; nothing here outlives it."""
    try:
        inputs, parameters = tensor_layout.read(message.tensors, memory), message.head["parameters"]
        if message.head["what"] == "run":
            return {}, lane.write(instance.run(inputs, parameters), behind=message.tensors)
        assert isinstance(instance, DecoupledInstance)
        with closing(instance.stream(inputs, parameters, lane.has_message)) as responses:
            for outputs in responses:
                lane.send({"is_end": False}, lane.write(outputs, behind=message.tensors))
                if lane.receive().head["what"] == "stop":
                    break
    except Gone:
        raise
    except BaseException as error:  # a model may raise anything
        return _failure(error), ()
    return {}, ()


def _failure(error: BaseException) -> Head:
    """Whatever else it is, is the model's failure in its own words."""
    name = next((name for name, kind in _TOLD_AS_THEY_ARE.items() if isinstance(error, kind)), None)
    return {
        "error": name or BackendFailed.__name__,
        "text": str(error) if name else f"{type(error).__name__}: {words_of(error)}",
        "traceback": "".join(traceback.format_exception(error)),
    }
