"""As many different requests as wanted, in any protocol. Rule: the same seed makes the same requests."""

from random import Random

from loadtests.asking import CannotTest
from loadtests.call import Call
from loadtests.inputs import openai_calls, people_calls, tensor_calls
from loadtests.inputs.model import Learnt, Model
from loadtests.inputs.openai_calls import EMBEDDINGS, PATHS
from loadtests.inputs.people_calls import PEOPLES
from loadtests.inputs.protocols import GENERATE, GRPC, V2
from loadtests.inputs.sequences import sequences
from loadtests.inputs.tensor_calls import Parameters
from loadtests.inputs.tensors import Tensors, tensors
from loadtests.inputs.wanted import Wanted
from loadtests.inputs.writing import writing


def made_up(protocol: str, model: Model, wanted: Wanted, learnt: Learnt) -> tuple[Call, ...]:
    """Raises `CannotTest`."""
    random = Random(wanted.seed)
    lengths = writing(wanted, learnt, protocol != EMBEDDINGS)
    if protocol in PATHS:
        return tuple(openai_calls.made_up(protocol, model.name, wanted, lengths, random) for _ in range(wanted.count))
    if protocol in PEOPLES:
        return tuple(people_calls.made_up(protocol, model, wanted, learnt, random) for _ in range(wanted.count))
    if model.takes_sequences:
        return sequences(
            wanted, lambda told: tensor_call(protocol, model, tensors(model, wanted, lengths, random), told, wanted)
        )
    return tuple(
        tensor_call(protocol, model, tensors(model, wanted, lengths, random), {}, wanted) for _ in range(wanted.count)
    )


def tensor_call(protocol: str, model: Model, given: Tensors, parameters: Parameters, wanted: Wanted) -> Call:
    """Raises `CannotTest`."""
    if protocol == V2:
        return tensor_calls.json_call(model, given, {**_parameters(wanted), **parameters})
    if protocol == GRPC:
        return tensor_calls.grpc_call(model, given, {**_parameters(wanted), **parameters}, wanted.hang_up_after)
    if protocol == GENERATE:
        return tensor_calls.generate_call(model, given, {**wanted.extra, **parameters}, wanted.hang_up_after)
    return tensor_calls.binary_call(model, given, {**_parameters(wanted), **parameters})


def _parameters(wanted: Wanted) -> Parameters:
    """Raises `CannotTest` for what is no request parameter."""
    for name, value in wanted.extra.items():
        if not isinstance(value, bool | int | str | float):
            raise CannotTest(f"--extra: '{name}' would be a request parameter, which is a number, a text or a boolean")
    return wanted.extra
