"""Which protocol a model is asked in. Rule: what somebody chose is what is used, or told why it can't be."""

from collections.abc import Sequence

from loadtests.asking import CannotTest
from loadtests.inputs.model import Model
from loadtests.inputs.openai_calls import CHAT, COMPLETIONS, EMBEDDINGS
from loadtests.inputs.people_calls import PEOPLES
from serving.core.did_you_mean import did_you_mean

AUTO = "auto"
V2, V2_BINARY, GRPC, GENERATE = "v2", "v2-binary", "grpc", "generate_stream"
TENSORS = (V2, V2_BINARY, GRPC)
WRITERS = (COMPLETIONS, CHAT, GENERATE)
PROTOCOLS = (*TENSORS, GENERATE, *PEOPLES, COMPLETIONS, CHAT, EMBEDDINGS)

_BINARY = "binary_tensor_data"


def chosen(protocol: str, scheme: str, model: Model, extensions: Sequence[str]) -> str:
    """`extensions` are those that the server says it has. Raises `CannotTest`."""
    check(protocol, scheme)
    if protocol == AUTO:
        protocol = _suitable(scheme, model, extensions)
    if protocol in TENSORS and model.decoupled and protocol != GRPC:
        raise CannotTest(
            f"model '{model.name}' answers a request any number of times, which --protocol {protocol} has no way for: "
            f"use {GENERATE}, {'completions, chat, ' if model.writes else ''}or {GRPC}"
        )
    return protocol


def check(protocol: str, scheme: str) -> None:
    """Whether the address is one for it. Raises `CannotTest`."""
    if protocol != AUTO and protocol not in PROTOCOLS:
        meant = did_you_mean(protocol, PROTOCOLS)
        raise CannotTest(f"--protocol '{protocol[:40]}' is none of {', '.join((AUTO, *PROTOCOLS))}{meant}")
    is_grpc = scheme in ("grpc", "grpcs")
    if protocol == GRPC and not is_grpc:
        raise CannotTest(
            f"--protocol {GRPC} needs the server's gRPC address, as in grpc://localhost:8001 (grpcs:// where it is "
            f"encrypted); an address with {scheme}:// is its HTTP one"
        )
    if protocol not in (GRPC, AUTO) and is_grpc:
        raise CannotTest(f"--protocol {protocol} needs the server's HTTP address, as in http://localhost:8000")


def _suitable(scheme: str, model: Model, extensions: Sequence[str]) -> str:
    if scheme in ("grpc", "grpcs"):
        return GRPC
    if model.writes:
        return COMPLETIONS
    if model.decoupled:
        return GENERATE
    return V2_BINARY if _BINARY in extensions else V2
