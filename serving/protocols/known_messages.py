"""gRPC's messages around their tensors, remembered: clients that ask again and again send and get the same.

Rule: the same bytes around the tensors mean the same request, whatever the tensors; nothing is remembered that names
one request. Source of the bytes: protobuf's encoding, whose fields lie in the order of their numbers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from google.protobuf.message import DecodeError
from tritonclient.grpc.service_pb2 import ModelInferRequest, ModelInferResponse

from serving.core.datatypes import datatype_of
from serving.core.requests import InferRequest, InferResponse
from serving.protocols.known_headers import LONGEST, Known, KnownResponses, Layout, Place
from serving.protocols.v2_binary import encode_tensor

_RAW_INPUT, _RAW_OUTPUT = b"\x3a", b"\x32"  # fields 7 and 6, of bytes

_MOST_ALIKE = 8  # messages of one size

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class MessageLayout:
    """What lies `around` the tensors, with where each part of that begins, and where the tensors are."""

    around: tuple[tuple[int, bytes], ...]
    tensors: Layout

    def is_of(self, data: bytes) -> bool:
        """Whether a message of the same size differs in nothing but its tensors."""
        return all(data.startswith(part, at) for at, part in self.around)


def message_layout(data: bytes, message: ModelInferRequest, request: InferRequest) -> MessageLayout | None:
    """Of `data`, which was read as the other two. None where it names one request, has tensors whose elements are not
    what lies there, or does not end with them."""
    raw: Sequence[bytes] = message.raw_input_contents
    if message.id or len(raw) != len(request.inputs):
        return None
    if any(array.dtype.kind in "Ob" for array in request.inputs.values()):
        return None
    end, starts, around = len(data), [], []
    for content in reversed(raw):
        head = _RAW_INPUT + _varint(len(content))
        start = end - len(content)
        if not data.startswith(head, start - len(head)):
            return None
        starts.append(start)
        around.append((start - len(head), head))
        end = start - len(head)
    if end > LONGEST or not _is_without_tensors(data[:end]):
        return None
    places = tuple(
        Place(name, array.dtype, array.shape, start, array.size)
        for (name, array), start in zip(request.inputs.items(), reversed(starts), strict=True)
    )
    return MessageLayout(((0, data[:end]), *reversed(around)), Layout(places, len(data)))


class KnownMessages(Generic[T]):
    """By layout. Belongs to one thread."""

    def __init__(self) -> None:
        self._known: Known[int, tuple[tuple[MessageLayout, T], ...]] = Known()

    def __len__(self) -> int:
        """Sizes of messages."""
        return len(self._known)

    def find(self, data: bytes) -> tuple[MessageLayout, T] | None:
        for known in self._known.get(len(data)) or ():
            if known[0].is_of(data):
                return known
        return None

    def put(self, layout: MessageLayout, value: T) -> None:
        size = layout.tensors.size
        others = [known for known in self._known.get(size) or () if known[0] != layout]
        self._known.put(size, ((layout, value), *others[: _MOST_ALIKE - 1]))


class KnownReplies:
    """Belongs to one thread."""

    def __init__(self) -> None:
        self._known = KnownResponses(_without_tensors)

    def __len__(self) -> int:
        return len(self._known)

    def message(self, response: InferResponse) -> bytes:
        """As `v2_proto.encode_response` makes it where every output is wanted as it is."""
        return b"".join(self._pieces(response))

    def _pieces(self, response: InferResponse) -> Iterator[bytes | memoryview]:
        yield self._known.header(response)
        for array in response.outputs.values():
            data = encode_tensor(array)
            yield _RAW_OUTPUT + _varint(len(data))
            yield data


def _is_without_tensors(data: bytes) -> bool:
    """Whether it is a message by itself. What looked like a tensor may be the end of another field."""
    try:
        return not ModelInferRequest.FromString(data).raw_input_contents
    except DecodeError:
        return False


def _without_tensors(response: InferResponse) -> bytes:
    message = ModelInferResponse(model_name=response.model_name, model_version=response.model_version, id=response.id)
    for name, array in response.outputs.items():
        message.outputs.add(name=name, datatype=datatype_of(array.dtype), shape=array.shape)
    data: bytes = message.SerializeToString()
    return data


def _varint(number: int) -> bytes:
    digits = bytearray()
    while number >= 128:
        digits.append(number % 128 + 128)
        number //= 128
    digits.append(number)
    return bytes(digits)
