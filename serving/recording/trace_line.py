"""One request as a line of JSON, and the line that a recording begins with.

Source: docs/recording.md. Rule: a large body is never encoded in one go, which would keep everybody else waiting.
"""

from base64 import b64encode
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from serving.errors import SlipwayError
from serving.protocols import compression
from serving.recording import outline
from serving.recording.calls import Call, GrpcCall, HttpCall, Pieces
from serving.recording.what_is_kept import model_and_version

FORMAT = 1

_LONGEST_TEXT = 64 * 1024  # bytes of a body that is written as it is
_PIECE = 192 * 1024  # bytes, a multiple of 3; they take 0.2 ms
_NANO = 9  # digits


class Line(NamedTuple):
    """`encoded` stands in its middle, in base64."""

    start: bytes
    encoded: bytes | memoryview = b""
    end: bytes = b"\n"

    @property
    def size(self) -> int:
        return len(self.start) + (len(self.encoded) + 2) // 3 * 4 + len(self.end)

    def pieces(self) -> Iterator[bytes]:
        yield self.start
        for begin in range(0, len(self.encoded), _PIECE):
            yield b64encode(self.encoded[begin : begin + _PIECE])
        yield self.end


def first_line(server_version: str, started: str, rate: float, with_bodies: bool) -> Line:
    """`started` is the time of day as ISO 8601 has it."""
    return Line(
        orjson.dumps(
            {
                "slipway_trace": FORMAT,
                "server_version": server_version,
                "started": started,
                "rate": rate,
                "bodies": with_bodies,
            }
        )
    )


def line(call: Call, with_body: bool) -> Line:
    return _http_line(call, with_body) if isinstance(call, HttpCall) else _grpc_line(call, with_body)


def _http_line(call: HttpCall, with_body: bool) -> Line:
    body = None if call.body is None else _joined(call.body)
    headers = dict(call.headers)
    model, version = model_and_version(call.path)
    is_infer = call.path.partition("?")[0].endswith("/infer")
    request_id, asked_model, told = outline.of_json(_json(body or b"", headers), is_infer)
    members = {
        "at": round(call.at, _NANO),
        "protocol": "http",
        "method": "POST",
        "path": call.path,
        "headers": headers,
        "model": model or asked_model,
        "version": version,
        "id": request_id,
        **_answer(call),
        "size": call.size,
    }
    return _with_body(members, body) if with_body and body is not None else _plain({**members, **told})


def _grpc_line(call: GrpcCall, with_body: bool) -> Line:
    message = call.message
    members = {
        "at": round(call.at, _NANO),
        "protocol": "grpc",
        "rpc": call.rpc,
        **({} if call.stream is None else {"stream": call.stream}),
        "headers": {} if call.timeout is None else {"grpc-timeout": f"{max(1, round(call.timeout * 1000))}m"},
        "model": message.model_name,
        "version": message.model_version,
        "id": message.id,
        **_answer(call),
        "size": call.size,
    }
    if with_body:
        return _in_base64(members, message.SerializeToString())
    return _plain({**members, **outline.of_message(message)})


def _answer(call: Call) -> dict[str, Any]:
    answer = call.answer
    members: dict[str, Any] = {
        "status": answer.status,
        "duration": round(answer.duration, _NANO),
        "answered": answer.size,
    }
    if answer.first_byte is not None:
        members["first_byte"] = round(answer.first_byte, _NANO)
    if answer.events is not None:
        members["events"] = answer.events
    return members


def _json(body: bytes | memoryview, headers: dict[str, str]) -> bytes:
    """What there is of it in the body; b"" where it is too large to look at."""
    coding = headers.get("content-encoding", "")
    if coding and len(body) <= outline.LARGEST:
        try:
            body = compression.decompress(bytes(body), coding, outline.LARGEST)
        except SlipwayError:
            return b""
    length = headers.get("inference-header-content-length", "")
    head = body[: int(length)] if length.isdecimal() and len(length) < 10 else body
    return bytes(head) if len(head) <= outline.LARGEST else b""


def _joined(body: Pieces) -> bytes | memoryview:
    return body[0] if len(body) == 1 else b"".join(body)


def _with_body(members: dict[str, Any], body: bytes | memoryview) -> Line:
    """As a text where it is one of JSON."""
    if len(body) > _LONGEST_TEXT or bytes(body[:1]) not in (b"{", b"["):
        return _in_base64(members, body)
    try:
        return _plain({**members, "body": bytes(body).decode()})
    except UnicodeDecodeError:
        return _in_base64(members, body)


def _in_base64(members: dict[str, Any], body: bytes | memoryview) -> Line:
    return Line(orjson.dumps(members)[:-1] + b',"body_base64":"', body, b'"}\n')


def _plain(members: dict[str, Any]) -> Line:
    return Line(orjson.dumps(members))
