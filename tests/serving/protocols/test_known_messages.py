"""What is remembered of a message reads what decoding reads, or does not claim the message."""

from dataclasses import replace

import numpy as np
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from tritonclient.grpc.service_pb2 import ModelInferRequest, ModelInferResponse

from serving.core.datatypes import DTYPES, datatype_of
from serving.core.requests import Arrays, InferRequest, InferResponse
from serving.errors import InvalidInput
from serving.protocols import known_headers, v2_proto
from serving.protocols.known_messages import KnownMessages, KnownReplies, MessageLayout, message_layout
from serving.protocols.outputs import RequestedOutputs, Window
from serving.protocols.v2_binary import encode_tensor

MODEL, VERSION, ID, INPUT, RAW, UNKNOWN = 1, 2, 3, 5, 7, 100
"""Fields of a request, and one that it does not have."""

LONG = known_headers.LONGEST

Read = tuple[InferRequest, RequestedOutputs]


def field(number: int, content: bytes) -> bytes:
    """As protobuf writes one of bytes."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(number: int) -> bytes:
    return bytes([number]) if number < 128 else bytes([number % 128 + 128]) + varint(number // 128)


def tensor(name: str, datatype: str, *shape: int) -> bytes:
    """An input without its contents."""
    message = ModelInferRequest.InferInputTensor(name=name, datatype=datatype, shape=shape)
    return field(INPUT, message.SerializeToString())


def asking(model: str = "m", version: str = "", request_id: str = "", **inputs: np.ndarray) -> ModelInferRequest:
    message = ModelInferRequest(model_name=model, model_version=version, id=request_id)
    for name, array in inputs.items():
        message.inputs.add(name=name, datatype=datatype_of(array.dtype), shape=array.shape)
        message.raw_input_contents.append(bytes(encode_tensor(array)))
    return message


def numbers(datatype: str, *shape: int) -> np.ndarray:
    return np.arange(np.prod(shape)).astype(DTYPES[datatype]).reshape(shape)


def no_window(*_: object) -> Window:
    raise NotImplementedError


def decoded(data: bytes) -> Read | None:
    """None for bytes that decoding refuses."""
    try:
        return v2_proto.decode_request(ModelInferRequest.FromString(data), no_window)
    except (DecodeError, InvalidInput, NotImplementedError):
        return None


def layout(data: bytes) -> MessageLayout | None:
    """None also of bytes that decoding refuses."""
    read = decoded(data)
    return None if read is None else message_layout(data, ModelInferRequest.FromString(data), read[0])


def as_read(inputs: Arrays) -> dict[str, tuple[np.dtype, tuple[int, ...], bytes]]:
    return {name: (array.dtype, array.shape, bytes(encode_tensor(array))) for name, array in inputs.items()}


def check(found: MessageLayout, of: bytes, other: bytes) -> None:
    """`found` is the layout of the one, and claims the other."""
    first, second = decoded(of), decoded(other)
    assert first is not None
    assert second is not None, "what is claimed can be read"
    assert replace(first[0], inputs={}) == replace(second[0], inputs={})
    assert first[1] == second[1]
    inputs = found.tensors.read(other)
    assert as_read(inputs) == as_read(second[0].inputs)
    assert list(inputs) == list(second[0].inputs)
    assert not any(array.flags.writeable for array in inputs.values())


def with_everything() -> ModelInferRequest:
    message = asking("m", "3", a=numbers("FP32", 2, 3), b=numbers("INT64", 1), c=numbers("FP16", 0, 4))
    message.parameters["priority"].int64_param = 2
    message.parameters["timeout"].int64_param = 5000
    message.parameters["own"].string_param = "x"
    message.outputs.add(name="d")
    message.outputs.add(name="e")
    return message


TWO_ROWS = numbers("FP32", 2, 4)
USUAL = {
    "one input": asking(x=TWO_ROWS),
    "version": asking(version="3", x=TWO_ROWS),
    "everything": with_everything(),
    "no elements": asking(x=numbers("FP32", 0, 4)),
    "a number alone": asking(x=numbers("FP64")),
    "long tensors": asking(x=numbers("UINT8", 127), y=numbers("UINT8", 128), z=numbers("INT32", 16_384)),
    "no inputs": asking(),
    **{datatype: asking(x=numbers(datatype, 3)) for datatype in DTYPES if datatype not in ("BOOL", "BYTES")},
}


@pytest.mark.parametrize("message", USUAL.values(), ids=USUAL)
def test_the_usual_message_has_a_layout_that_reads_it(message: ModelInferRequest) -> None:
    data = message.SerializeToString()
    found = layout(data)
    assert found is not None
    assert found.is_of(data)
    check(found, data, data)


def test_another_one_of_the_same_kind_is_read_by_the_first_one_s_layout() -> None:
    first, second = (
        asking(x=TWO_ROWS + n, y=numbers("INT8", 2) + n).SerializeToString() for n in (np.int8(0), np.int8(7))
    )
    found = layout(first)
    assert found is not None
    assert found.is_of(second)
    check(found, first, second)


TEXT = np.array([b"a", b"bc"], object)
RAW_ROW = field(RAW, numbers("FP32", 2).tobytes())
HEAD = field(MODEL, b"m") + tensor("x", "FP32", 2)


def typed() -> bytes:
    message = ModelInferRequest(model_name="m")
    message.inputs.add(name="x", datatype="INT32", shape=[2]).contents.int_contents.extend([1, 2])
    return bytes(message.SerializeToString())


UNUSUAL = {
    "id": asking(request_id="7", x=TWO_ROWS).SerializeToString(),
    "BOOL": asking(x=np.array([True, False])).SerializeToString(),
    "BOOL of other bytes than 0 and 1": field(MODEL, b"m") + tensor("x", "BOOL", 2) + field(RAW, b"\2\0"),
    "BYTES": asking(x=TEXT).SerializeToString(),
    "typed contents": typed(),
    "tensors first": RAW_ROW + HEAD,
    "tensors amid": field(MODEL, b"m") + RAW_ROW + tensor("x", "FP32", 2),
    "the model's name last": HEAD + RAW_ROW + field(MODEL, b"n"),
    "an unknown field last": HEAD + RAW_ROW + field(UNKNOWN, b"z"),
    "an unknown field that ends as the tensors do": HEAD + RAW_ROW + field(UNKNOWN, b"z" + RAW_ROW),
    "a name that ends as the tensors do": tensor("x", "UINT8", 1) + field(RAW, b"v") + field(MODEL, b"m:\1v"),
    "a tensor's length in more bytes than it needs": HEAD + b"\x3a\x88\x00" + RAW_ROW[2:],
    "much around the tensors": asking("m" * LONG, x=TWO_ROWS).SerializeToString(),
}


@pytest.mark.parametrize("data", UNUSUAL.values(), ids=UNUSUAL)
def test_what_is_more_than_numbers_at_the_end_of_a_message_has_no_layout(data: bytes) -> None:
    assert decoded(data) is not None, "or there is nothing to read in another way"
    assert layout(data) is None


@pytest.mark.parametrize(
    "data",
    [
        asking("mm", "12", x=numbers("UINT8", 2), y=numbers("UINT16", 1)).SerializeToString(),
        field(UNKNOWN, b"ab") + field(MODEL, b"n") + HEAD + RAW_ROW,
        HEAD + tensor("y", "FP32", 0) + RAW_ROW + field(RAW, b""),
    ],
    ids=["two inputs", "unknown and repeated fields", "no elements last"],
)
def test_a_message_that_differs_in_any_byte_is_read_as_it_is_or_not_claimed(data: bytes) -> None:
    found, claimed = layout(data), 0
    assert found is not None
    for place in range(len(data)):
        for byte in range(256):
            other = data[:place] + bytes([byte]) + data[place + 1 :]
            if found.is_of(other):
                claimed += 1
                check(found, data, other)
    tensors = sum(place.count * place.dtype.itemsize for place in found.tensors.tensors)
    around = len(data) - tensors
    assert claimed == 256 * tensors + around, "all that differ in their tensors, and the message itself elsewhere"


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """Fields in an order that protobuf takes and nobody writes, some twice, and some that it does not know."""
    dtypes = draw(st.lists(st.sampled_from(list(DTYPES.values())), max_size=3))
    heads, raw = [field(MODEL, b"m")], []
    for name, dtype in zip("abc", dtypes, strict=False):
        shape = draw(st.lists(st.integers(0, 3), max_size=2))
        count = int(np.prod(shape))
        is_text = dtype.kind == "O"  # of empty ones
        size = count * (4 if is_text else dtype.itemsize)
        heads.append(tensor(name, datatype_of(dtype), *shape))
        raw.append(field(RAW, bytes(size) if is_text else draw(st.binary(min_size=size, max_size=size))))
    heads += draw(st.lists(st.sampled_from([field(MODEL, b"o"), field(VERSION, b"1"), field(ID, b"i")]), max_size=1))
    unknown = st.sampled_from([b"", b"z", *raw, *(b"z" + each for each in raw), b"".join(raw)])
    others = draw(st.lists(unknown.map(lambda content: field(UNKNOWN, content)), max_size=2))
    pieces = [*draw(st.permutations(heads)), *raw]
    for other in others:
        pieces.insert(draw(st.integers(0, len(pieces))), other)
    return b"".join(pieces)


@given(messages(), st.data())
def test_whatever_the_message_what_its_layout_claims_is_read_as_it_is(data: bytes, draw: st.DataObject) -> None:
    found = layout(data)
    if found is None:
        return
    other = bytearray(data)
    tensors = [place.offset for place in found.tensors.tensors if place.count]
    places = st.integers(0, len(data) - 1) | st.sampled_from(tensors or [0])
    for place in draw.draw(st.lists(places, max_size=4)):
        other[place] = draw.draw(st.integers(0, 255))
    if found.is_of(bytes(other)):
        check(found, data, bytes(other))


def test_messages_of_one_size_are_told_apart() -> None:
    known: KnownMessages[str] = KnownMessages()
    datas = {name: asking(name, x=TWO_ROWS).SerializeToString() for name in "abcd"}
    for name, data in datas.items():
        found = layout(data)
        assert found is not None
        known.put(found, name)
    assert len(known) == 1
    for name in "abcd":
        again = known.find(asking(name, x=TWO_ROWS + 1).SerializeToString())
        assert again is not None
        assert again[1] == name
    assert known.find(asking("e", x=TWO_ROWS).SerializeToString()) is None
    assert known.find(asking("long", x=TWO_ROWS).SerializeToString()) is None


def test_what_is_said_of_a_layout_last_is_true_and_takes_no_other_s_place() -> None:
    known: KnownMessages[int] = KnownMessages()
    data, other = (asking(name, x=TWO_ROWS).SerializeToString() for name in "ab")
    found, another = layout(data), layout(other)
    assert found is not None
    assert another is not None
    known.put(another, -1)
    for number in range(20):
        known.put(found, number)
        assert known.find(data) == (found, number)
    assert known.find(other) == (another, -1)


def test_messages_that_are_known_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_headers, "MOST", 3)
    known: KnownMessages[int] = KnownMessages()
    datas = [
        asking(f"{number:09}", x=numbers("UINT8", size)).SerializeToString()
        for size in range(5)
        for number in range(100)
    ]
    for number, data in enumerate(datas):
        found = layout(data)
        assert found is not None
        known.put(found, number)
    assert len(known) == 3
    remembered = [number for number, data in enumerate(datas) if known.find(data)]
    assert remembered == [*range(292, 300), *range(392, 400), *range(492, 500)], "the last ones of each size"


def replied(outputs: Arrays, request_id: str = "", version: str = "1") -> InferResponse:
    return InferResponse("m", version, outputs, request_id)


def encoded(response: InferResponse) -> bytes:
    return bytes(v2_proto.encode_response(response, RequestedOutputs()).SerializeToString())


REPLIES = {
    "several outputs": {"c": numbers("FP32", 2, 2), "d": numbers("INT8", 2), "e": TEXT},
    "no elements": {"c": numbers("FP32", 0, 4), "d": numbers("INT64", 3, 0)},
    "no outputs": {},
    "a number alone": {"c": numbers("FP32")},
    "long": {"c": numbers("UINT8", 127), "d": numbers("UINT8", 128), "e": numbers("INT32", 70_000)},
    "every other column": {"c": numbers("FP32", 4, 6)[:, ::2], "d": numbers("INT16", 3, 2).T},
    "BYTES": {"c": TEXT},
    **{datatype: {"c": numbers(datatype, 2, 3)} for datatype in DTYPES if datatype != "BYTES"},
}


@pytest.mark.parametrize("outputs", REPLIES.values(), ids=REPLIES)
def test_a_reply_is_what_encoding_writes(outputs: Arrays) -> None:
    known = KnownReplies()
    for made in (
        replied(outputs),
        replied(outputs),
        replied(outputs, "7"),
        replied(outputs),
        replied(outputs, "", "2"),
    ):
        data = known.message(made)
        assert data == encoded(made)
        assert ModelInferResponse.FromString(data) == v2_proto.encode_response(made, RequestedOutputs())


def test_replies_that_differ_in_their_tensors_alone_have_their_own() -> None:
    known = KnownReplies()
    for number in range(3):
        made = replied({"c": TWO_ROWS + number, "d": np.array([b"a" * 50 * number], object)})
        assert known.message(made) == encoded(made)
    assert len(known) == 1


def test_replies_that_differ_in_anything_else_are_told_apart() -> None:
    known = KnownReplies()
    kinds = [
        replied({"c": TWO_ROWS}),
        replied({"d": TWO_ROWS}),
        replied({"c": TWO_ROWS.reshape(4, 2)}),
        replied({"c": TWO_ROWS.astype(np.int32)}),
        replied({"c": TWO_ROWS, "d": TWO_ROWS}),
        replied({"d": TWO_ROWS, "c": TWO_ROWS}),
        replied({"c": TWO_ROWS}, version="2"),
        InferResponse("n", "1", {"c": TWO_ROWS}),
    ]
    for made in (*kinds, *kinds):
        assert known.message(made) == encoded(made)
    assert len(known) == len(kinds)


def test_replies_that_name_a_request_or_say_much_are_not_kept() -> None:
    known = KnownReplies()
    for made in (replied({"c": TWO_ROWS}, "7"), replied({"c" * LONG: TWO_ROWS})):
        assert known.message(made) == encoded(made)
    assert len(known) == 0


def test_replies_that_are_known_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_headers, "MOST", 3)
    known = KnownReplies()
    for rows in range(10):
        known.message(replied({"c": numbers("FP32", rows)}))
    assert len(known) == 3


def test_an_output_without_a_datatype_is_an_error_as_ever() -> None:
    made = replied({"c": np.array(["text"])})
    with pytest.raises(InvalidInput) as known:
        KnownReplies().message(made)
    with pytest.raises(InvalidInput) as usual:
        encoded(made)
    assert str(known.value) == str(usual.value)
