"""What a load is aimed at: the server is asked about its model, requests are made, and one of them is tried.

Rule: whatever keeps requests from being answered is told before the load begins, in the server's words.
"""

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from loadtests.asking import UNTRUSTED, WHO_ASKS, CannotTest, NotThere, document, is_address, only_model, unreachable
from loadtests.call import Call, Header
from loadtests.clients.client import Reply
from loadtests.clients.clients import client
from loadtests.clients.trust import THE_KNOWN, Trust, ssl_context
from loadtests.inputs import calls, data_calls, data_file
from loadtests.inputs.model import Model, from_documents
from loadtests.inputs.openai_calls import PATHS
from loadtests.inputs.protocols import AUTO, GRPC, TENSORS, V2, check, chosen
from loadtests.inputs.wanted import Wanted
from loadtests.learning import Ask, learnt
from loadtests.outcomes import NO_ANSWER, TIMED_OUT
from loadtests.run import Target

if TYPE_CHECKING:
    from loadtests.asking_grpc import GrpcServer

_SCHEMES = ("http", "https", "grpc", "grpcs")


@dataclass(frozen=True, slots=True)
class Aim:
    """What a person says of it. `model` None is the only one; `data` is a file with requests."""

    url: str
    model: str | None = None
    protocol: str = AUTO
    data: Path | None = None
    wanted: Wanted = field(default_factory=Wanted)
    headers: tuple[Header, ...] = ()
    timeout: float = 30.0
    trust: Trust = THE_KNOWN


def target(aim: Aim) -> Target:
    """Raises `CannotTest`."""
    scheme = _scheme(aim.url)
    check(aim.protocol, scheme)
    with _told_faults(aim):
        model, extensions, ask = _asked_by_grpc(aim) if scheme.startswith("grpc") else _asked_by_http(aim)
        protocol, requests = _requests(aim, scheme, model, extensions, ask)
        made = Target(aim.url, model.name, protocol, requests, aim.headers, aim.timeout, aim.trust)
        asyncio.run(_try(made))
    return made


def greet(aim: Aim) -> None:
    """Raises `CannotTest` where no server answers, without sending it a request for a model."""
    scheme = _scheme(aim.url)
    with _told_faults(aim), suppress(NotThere):
        if scheme.startswith("grpc"):
            _grpc(aim).greet()
        else:
            encryption = ssl_context(aim.trust) if scheme == "https" else None
            document(aim.url, "/v2", dict(aim.headers), None, encryption)


@contextmanager
def _told_faults(aim: Aim) -> Iterator[None]:
    """Of certificates, which are read from a file or, with --insecure over gRPC, from the server."""
    try:
        yield
    except OSError as error:
        if not aim.trust.ca_file or aim.trust.anyone:
            raise CannotTest(unreachable(aim.url, error)) from None
        raise CannotTest(f"--ca-file {aim.trust.ca_file}: {error.strerror or error}") from None


def described(aim: Aim) -> Model:
    """Raises `CannotTest`."""
    return (_asked_by_grpc if _scheme(aim.url).startswith("grpc") else _asked_by_http)(aim)[0]


def _scheme(url: str) -> str:
    if not is_address(url, _SCHEMES):
        raise CannotTest(
            f"'{url}' is no address of a server: it is like http://localhost:8000, https://... or grpc://localhost:8001"
        )
    return urlsplit(url).scheme


def _asked_by_grpc(aim: Aim) -> tuple[Model, Sequence[str], Ask | None]:
    server = _grpc(aim)
    name = aim.model or server.only_model()
    return from_documents(server.metadata(name), server.config(name)), (), None


def _grpc(aim: Aim) -> "GrpcServer":
    from loadtests.asking_grpc import GrpcServer

    return GrpcServer(aim.url, aim.headers, aim.trust)


def _asked_by_http(aim: Aim) -> tuple[Model, Sequence[str], Ask | None]:
    headers = dict(aim.headers)
    encryption = ssl_context(aim.trust) if aim.url.startswith("https") else None

    def ask(path: str, body: Any = None) -> Any:
        sent = None if body is None else json.dumps(body).encode()
        return document(aim.url, path, headers, sent, encryption)

    name = aim.model or only_model(aim.url, headers, encryption)
    path = f"/v2/models/{quote(name, safe='')}"
    try:
        metadata = ask(path)
    except NotThere as error:
        return _openai_only(name, ask, error), (), ask
    return from_documents(metadata, _told(partial(ask, f"{path}/config"), {})), _extensions(ask), ask


def _openai_only(name: str, ask: Ask, error: NotThere) -> Model:
    """A server without tensors. Raises the error where it does not have this model either."""
    cards = _told(partial(ask, "/v1/models", None), {})
    if not isinstance(cards, dict) or name not in [card.get("id") for card in cards.get("data") or ()]:
        raise error
    return Model(name)


def _extensions(ask: Ask) -> Sequence[str]:
    said = _told(partial(ask, "/v2", None), {})
    return said.get("extensions") or () if isinstance(said, dict) else ()


def _told(ask: Any, otherwise: Any) -> Any:
    try:
        return ask()
    except CannotTest:
        return otherwise


def _requests(
    aim: Aim, scheme: str, model: Model, extensions: Sequence[str], ask: Ask | None
) -> tuple[str, tuple[Call, ...]]:
    if aim.data is None:
        protocol = chosen(aim.protocol, scheme, model, extensions)
        return protocol, calls.made_up(protocol, model, aim.wanted, learnt(protocol, model, ask))
    given = data_file.read(aim.data)
    protocol = aim.protocol
    if protocol == AUTO:
        meant = data_calls.suitable(given, model)
        protocol = AUTO if meant == V2 and scheme.startswith(GRPC) else meant
    protocol = chosen(protocol, scheme, model, extensions)
    return protocol, data_calls.calls(given, protocol, model, aim.wanted)


async def _try(made: Target) -> None:
    """Raises `CannotTest` where the first request is not answered."""
    sending = client(made.protocol, made.url, made.headers, made.timeout, made.trust)
    try:
        reply = await sending.send(made.calls[0])
    finally:
        await sending.close()
    if not 200 <= reply.status < 300:
        raise CannotTest(_refusal(made, reply))


def _refusal(made: Target, reply: Reply) -> str:
    if reply.status == NO_ANSWER:
        untrusted = UNTRUSTED if "CERTIFICATE_VERIFY_FAILED" in reply.message else "is it running?"
        return f"no server answers at {made.url}: {reply.message}; {untrusted}"
    if reply.status == TIMED_OUT:
        return f"the first request got {reply.message}: allow more with --timeout"
    if reply.status in (401, 403):
        return f"{made.url} wants to know who asks ({reply.status}: {reply.message}): {WHO_ASKS}"
    return f"the first request was answered with {reply.status}: {reply.message}{_advice(made, reply.status)}"


def _advice(made: Target, status: int) -> str:
    if status in (429, 503):
        return ". Is the model ready, and the server free?"
    if made.calls[0].stream or made.protocol in PATHS:
        return ". Say how long texts are with --prompt-tokens and --max-tokens, or send your own with --data FILE"
    if made.protocol in TENSORS:
        return ". Say what inputs are like with --shape and --values, or send your own with --data FILE"
    return ". Send requests of your own with --data FILE"
