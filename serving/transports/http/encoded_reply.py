"""An infer reply's headers and body: encoded as its caller asked, and compressed where that pays.

Rule: every way to the tensor route answers with the same bytes.
"""

from functools import lru_cache
from typing import NamedTuple

from serving.core.requests import InferResponse
from serving.protocols import compression, v2_json
from serving.protocols.outputs import RequestedOutputs
from serving.transports.http.off_loop import COPYING
from serving.transports.http.tensor_request import HEADER_LENGTH, LENGTH, Headers

AS_IT_IS = "identity"

_WORTH_COMPRESSING = 1024  # bytes; a smaller reply fits one packet as it is


class EncodedReply(NamedTuple):
    headers: Headers
    body: bytes


def coding_for(accept_encoding: str) -> str:
    """ "" for a caller that says nothing."""
    return compression.choose(accept_encoding) if accept_encoding else AS_IT_IS


def size_to_encode(response: InferResponse, requested: RequestedOutputs, coding: str) -> int:
    """In bytes that are looked at one by one."""
    return sum(
        array.nbytes // COPYING
        if requested.of(name).is_binary and array.dtype != object and coding == AS_IT_IS
        else array.nbytes
        for name, array in response.outputs.items()
    )


def encoded_reply(response: InferResponse, requested: RequestedOutputs, coding: str) -> EncodedReply:
    """Raises `InvalidInput` for what can't be encoded as it is wanted."""
    body, header_length = v2_json.encode_response(response, requested)
    if len(body) < _WORTH_COMPRESSING:
        coding = AS_IT_IS
    if coding != AS_IT_IS:
        body = compression.compress(body, coding)
    return EncodedReply(reply_headers(len(body), header_length, coding), body)


@lru_cache(maxsize=1000)
def reply_headers(length: int, header_length: int | None, coding: str = AS_IT_IS) -> Headers:
    """`header_length` of the JSON before binary tensors, if there are some."""
    kind = b"application/json" if header_length is None else b"application/octet-stream"
    return (
        *([] if header_length is None else [(HEADER_LENGTH, b"%d" % header_length)]),
        *([] if coding == AS_IT_IS else [(b"content-encoding", coding.encode())]),
        (LENGTH, b"%d" % length),
        (b"content-type", kind),
    )
