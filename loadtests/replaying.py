"""A recording as a load: the requests that were recorded, at the times at which they came.

Source: docs/recording.md. Rule: what can't be sent again is left out, counted, and told with the reason.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

from tritonclient.grpc.service_pb2 import ModelInferRequest

from loadtests.asking import CannotTest
from loadtests.call import Call
from loadtests.inputs import words
from loadtests.inputs.calls import tensor_call
from loadtests.inputs.model import Learnt, Model
from loadtests.inputs.protocols import GRPC, V2, V2_BINARY
from loadtests.inputs.tensor_calls import SERVICE
from loadtests.inputs.tensors import tensors
from loadtests.inputs.wanted import Wanted
from loadtests.inputs.writing import writing
from loadtests.load import Replay
from loadtests.run import Target
from loadtests.targeting import Aim, described, greet
from loadtests.trace_file import RecordedRequest, Trace, TraceFileWrong, read_trace

_STREAMS = ("/generate_stream", "/v1/completions", "/v1/chat/completions")
_ASKED = ("/v1/completions", "/v1/chat/completions")
_SCHEMES = {"http": "http", "https": "http", "grpc": "grpc", "grpcs": "grpc"}

Models = Callable[[str], Model]
"""What a server says of a model, by its name. Raises `CannotTest`."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """`load` has a time for each of `calls`; `left_out` says why others are not there, and how many."""

    calls: tuple[Call, ...]
    load: Replay
    models: tuple[str, ...]
    left_out: Mapping[str, int]
    made_up: int

    @property
    def seconds(self) -> float:
        """A little more than until the last one leaves."""
        return self.load.times[-1] + 0.001


def replayed(path: Path, speed: float, aim: Aim) -> tuple[Target, Recorded, list[str]]:
    """The last is what to bear in mind. Raises `CannotTest`."""
    try:
        trace = read_trace(path)
    except TraceFileWrong as error:
        raise CannotTest(str(error)) from None
    except OSError as error:
        raise CannotTest(f"{path} can't be read: {error.strerror}") from None
    greet(aim)
    protocol = _SCHEMES[urlsplit(aim.url).scheme]

    @cache
    def model(name: str) -> Model:
        return described(replace(aim, model=name))

    found = recorded(trace, protocol, speed, model, aim.wanted.seed, aim.model)
    target = Target(
        aim.url,
        ", ".join(found.models),
        GRPC if protocol == "grpc" else V2,
        found.calls,
        aim.headers,
        aim.timeout,
        aim.trust,
    )
    return target, found, in_words(found, trace.rate)


def recorded(
    trace: Trace, protocol: str, speed: float, models: Models, seed: int = 0, only: str | None = None
) -> Recorded:
    """Those of a trace that came over `protocol`, "http" or "grpc", for the model `only` if one is given. Raises
    `CannotTest` where there are none."""
    left_out: Counter[str] = Counter()
    calls, times, names, made_up = list[Call](), list[float](), set[str](), 0
    random = Random(seed)
    for request in trace.requests:
        try:
            if only is not None and request.model != only:
                raise CannotTest(f"is for another model than --model {only}")
            calls.append(_call(request, protocol, models, random))
        except CannotTest as error:
            left_out[str(error)] += 1
            continue
        times.append(request.at)
        names.add(request.model)
        made_up += request.body is None
    if not calls:
        reasons = "; ".join(f"{reason} ({count})" for reason, count in left_out.items())
        raise CannotTest(f"nothing of the recording can be sent: {reasons or 'it has no requests'}")
    first = times[0]
    return Recorded(
        tuple(calls), Replay(tuple((time - first) / speed for time in times)), tuple(sorted(names)), left_out, made_up
    )


def _call(request: RecordedRequest, protocol: str, models: Models, random: Random) -> Call:
    if request.protocol != protocol:
        raise CannotTest(f"came over {request.protocol}, and the address that was given is for {protocol}")
    if request.body is None:
        return _made_up(request, models, random)
    return _again(request, request.body)


def _again(request: RecordedRequest, body: bytes) -> Call:
    if request.protocol == "grpc":
        return Call(SERVICE + request.rpc, body, rows=_rows(request), stream=request.rpc == "ModelStreamInfer")
    streams = request.events is not None and request.path.partition("?")[0].endswith(_STREAMS)
    headers = tuple(
        (name, value) for name, value in request.headers.items() if not (streams and name == "accept-encoding")
    )
    return Call(request.path, body, request.method, headers, _rows(request), streams)


def _made_up(request: RecordedRequest, models: Models, random: Random) -> Call:
    """Of the same shapes and lengths. Raises `CannotTest`."""
    if request.characters and request.path in _ASKED:
        return _again(request, _text(request, random))
    if not request.tensors:
        raise CannotTest("has no body, and nothing that says what was in it")
    model = models(request.model)
    shapes = {tensor.name: tensor.shape for tensor in request.tensors}
    wanted = Wanted(rows=_rows(request), shapes=shapes)
    protocol = GRPC if request.protocol == "grpc" else V2_BINARY
    lengths = writing(wanted, Learnt())
    made = tensor_call(protocol, model, tensors(model, wanted, lengths, random), {}, wanted)
    if request.protocol == "grpc":
        return _again(request, _named(made.body, request.version))
    return Call(request.path, made.body, request.method, made.headers, made.rows)


def _text(request: RecordedRequest, random: Random) -> bytes:
    text = words.text(request.characters, random)[: request.characters]
    asked = {"messages": [{"role": "user", "content": text}]} if "chat" in request.path else {"prompt": text}
    return json.dumps({"model": request.model, **asked, **request.settings}).encode()


def _named(body: bytes, version: str) -> bytes:
    message = ModelInferRequest.FromString(body)
    message.model_version = version
    named: bytes = message.SerializeToString()
    return named


def _rows(request: RecordedRequest) -> int:
    return max(1, request.tensors[0].shape[0]) if request.tensors and request.tensors[0].shape else 1


def in_words(found: Recorded, rate: float) -> list[str]:
    """What to bear in mind; `rate` is the share of all requests that were recorded."""
    words = [f"{count} recorded requests left out: each {reason}" for reason, count in found.left_out.items()]
    if found.made_up:
        words.append(f"{found.made_up} requests were recorded without bodies: theirs are made up, of the same shapes")
    if rate < 1:
        words.append(f"the recording has {rate:.2%} of all requests: --speed {1 / rate:g} has the rate of all")
    return words
