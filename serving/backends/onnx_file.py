"""An ONNX file and the files of weights that it names, read into memory before ONNX Runtime sees any of them.

Rule: the runtime opens no file itself. So nothing outside the version's folder is read, whatever the model names, and a
file that is cut short while its model serves kills no one: left to itself the runtime maps such files into memory.
"""

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, EncodeError

from serving.errors import ModelLoadFailed
from serving.memory_limit import memory

_LARGE = 1 << 28  # bytes; what is smaller is read without asking for the memory that is left
_LONGEST = 200  # characters of a location that an error repeats
_CONVOLUTIONS = (b"\x22\x04Conv", b"\x22\x0dConvTranspose")  # a node's field op_type, its length, and what it is
_LOOPS = (b"\x22\x04Loop",)
_EXTERNAL = 1  # onnx.TensorProto.EXTERNAL
_AN_ADDRESS = "_ORT_MEM_ADDR_"  # ONNX Runtime takes a location with it, and its offset, for memory of the process
_AT_ONCE = getattr(os, "O_NONBLOCK", 0)  # a pipe that took a file's place would be waited for

# The part of onnx.proto that leads to tensors; whatever else a file holds is carried along unread.
# A field is its number and its type: a message's name, "bytes" or "place". A * repeats it.
_MESSAGES: Mapping[str, Mapping[str, tuple[int, str]]] = {
    "Model": {"graph": (7, "Graph"), "functions": (25, "Function*")},
    "Function": {"node": (7, "Node*"), "attribute_proto": (11, "Attribute*")},
    "Graph": {"node": (1, "Node*"), "initializer": (5, "Tensor*"), "sparse_initializer": (15, "Sparse*")},
    "Node": {"attribute": (5, "Attribute*")},
    "Attribute": {
        "t": (5, "Tensor"),
        "g": (6, "Graph"),
        "tensors": (10, "Tensor*"),
        "graphs": (11, "Graph*"),
        "sparse_tensor": (22, "Sparse"),
        "sparse_tensors": (23, "Sparse*"),
    },
    "Sparse": {"values": (1, "Tensor"), "indices": (2, "Tensor")},
    "Tensor": {
        "name": (8, "bytes"),
        "raw_data": (9, "bytes"),
        "external_data": (13, "Entry*"),
        "data_location": (14, "place"),
    },
    "Entry": {"key": (1, "bytes"), "value": (2, "bytes")},
}


@dataclass(frozen=True, slots=True)
class OnnxFile:
    """`files` are the contents of those that `content` names, by the names it gives them."""

    content: bytes
    files: Mapping[str, bytes]

    @property
    def has_convolutions(self) -> bool:
        """Whether a node seems to be one: weights may have such bytes too, about once in 10^14."""
        return any(kind in self.content for kind in _CONVOLUTIONS)

    @property
    def has_loops(self) -> bool:
        """Whether a node seems to run a graph as often as its inputs say."""
        return any(kind in self.content for kind in _LOOPS)


def read_onnx(path: Path) -> OnnxFile:
    """Raises `ModelLoadFailed` for weights that lie outside the file's folder, are missing or are too short.

    The runtime takes only the weights of the graph itself from `files`; those of graphs inside it, of attributes and
    of functions are put into `content`.
    """
    folder = path.parent.resolve()  # once, before anybody may put a link in its place
    content = _content(folder / path.name, f"'{path.name}'")
    if b"location" not in content:  # the key of a file's name: almost all models have none
        return OnnxFile(content, {})
    model = _new_model()
    try:
        model.ParseFromString(content)
    except DecodeError:
        raise ModelLoadFailed(f"'{path.name}' is no ONNX model, or was damaged") from None
    files = _Files(folder)
    for tensor in _external(model.graph.initializer):
        files.read(tensor)
    named = dict(files.contents)
    inner = list(_external(_inner_tensors(model)))
    for tensor in inner:
        _put_into(tensor, files.read(tensor))
    if inner:
        try:
            content = model.SerializeToString()
        except (EncodeError, ValueError):
            raise ModelLoadFailed(f"'{path.name}': the weights of its inner graphs are above 2 GB") from None
    return OnnxFile(content, named)


class _Files:
    """`contents` are those read so far, by location; `folder` leads over no link."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.contents: dict[str, bytes] = {}

    def read(self, tensor: Any) -> bytes:
        location = _entries(tensor).get("location", "")
        if location not in self.contents:
            what = f"tensor '{_text(tensor.name)}' has its data in '{location[:_LONGEST]}'"
            self.contents[location] = _content(_inside(self._folder, location, what), what, self._refuse)
        return self.contents[location]

    def _refuse(self, descriptor: int, what: str) -> None:
        _refuse_borrowed(descriptor, what)
        with suppress(OSError):  # other systems, and one without /proc, don't tell
            if not Path(f"/proc/self/fd/{descriptor}").readlink().is_relative_to(self._folder):
                raise ModelLoadFailed(f"{what}, in whose place a link out of the version's folder was put meanwhile")


def _inside(root: Path, location: str, what: str) -> Path:
    try:
        path = (root / location).resolve()
        is_file = path.is_file()
    except (ValueError, RuntimeError, OSError):  # a NUL, a loop of links, a name beyond the system's limits
        raise ModelLoadFailed(f"{what}, which is no file's name") from None
    if not location or Path(location).is_absolute() or not path.is_relative_to(root):
        raise ModelLoadFailed(f"{what}, which is not inside the version's folder, itself or by a link")
    if _AN_ADDRESS in location:
        raise ModelLoadFailed(f"{what}, which stands for memory of the server, not for a file")
    if not is_file:
        raise ModelLoadFailed(f"{what}, which is {'no ordinary file' if path.exists() else 'not there'}")
    return path


def _refuse_unordinary(descriptor: int, what: str) -> None:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise ModelLoadFailed(f"{what}, which is no ordinary file")


def _refuse_borrowed(descriptor: int, what: str) -> None:
    """A hard link to what not everybody may read, too: an archive that root unpacks may bring one."""
    _refuse_unordinary(descriptor, what)
    status = os.fstat(descriptor)
    if status.st_nlink > 1 and not status.st_mode & stat.S_IROTH:
        raise ModelLoadFailed(f"{what}, a hard link to a file that not everybody may read; make it a copy")


def _content(path: Path, what: str, refuse: Callable[[int, str], None] = _refuse_unordinary) -> bytes:
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | _AT_ONCE)) as file:
            refuse(file.fileno(), what)
            size = os.fstat(file.fileno()).st_size
            if size > _LARGE and size > memory().available:
                raise ModelLoadFailed(f"{what}: {size} bytes, which is more than the memory that is left")
            return file.read()
    except OSError as error:
        raise ModelLoadFailed(f"{what} can't be read: {error.strerror}") from None


def _put_into(tensor: Any, content: bytes) -> None:
    entries = _entries(tensor)
    offset = _number(tensor, entries.get("offset", "0"))
    length = _number(tensor, entries["length"]) if "length" in entries else len(content) - offset
    if length < 0 or offset + length > len(content):
        raise ModelLoadFailed(f"tensor '{_text(tensor.name)}' ends beyond its file of {len(content)} bytes")
    tensor.raw_data = content[offset : offset + length]
    tensor.ClearField("external_data")
    tensor.ClearField("data_location")


def _number(tensor: Any, text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 18:
        raise ModelLoadFailed(f"tensor '{_text(tensor.name)}' has its data at '{text[:50]}', which is no offset")
    return int(text)


def _external(tensors: Iterable[Any]) -> Iterator[Any]:
    return (tensor for tensor in tensors if tensor.data_location == _EXTERNAL)


def _inner_tensors(model: Any) -> Iterator[Any]:
    """All but the initializers of the graph itself."""
    yield from _below(model.graph)
    for function in model.functions:
        yield from _of_attributes(function.attribute_proto)
        for node in function.node:
            yield from _of_attributes(node.attribute)


def _below(graph: Any) -> Iterator[Any]:
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        yield from _of_attributes(node.attribute)


def _of_attributes(attributes: Iterable[Any]) -> Iterator[Any]:
    for attribute in attributes:
        yield attribute.t
        yield from attribute.tensors
        for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
            yield from (sparse.values, sparse.indices)
        for graph in (attribute.g, *attribute.graphs):
            yield from graph.initializer
            yield from _below(graph)


def _entries(tensor: Any) -> dict[str, str]:
    """Raises `ModelLoadFailed` where two could be meant: others might take the other."""
    entries = {_text(entry.key): _text(entry.value) for entry in tensor.external_data}
    if len(entries) < len(tensor.external_data):
        raise ModelLoadFailed(f"tensor '{_text(tensor.name)}' says twice where its data is")
    return entries


def _text(name: bytes) -> str:
    return name.decode(errors="replace")


def _new_model() -> Any:
    """Of a pool of its own, which the `onnx` package's descriptors of the same file can't collide with."""
    pool = descriptor_pool.DescriptorPool()
    pool.Add(_file_descriptor())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("slipway.Model"))()


def _file_descriptor() -> descriptor_pb2.FileDescriptorProto:
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="onnx_tensors.proto", package="slipway", syntax="proto2")
    places = file.enum_type.add(name="place")  # as the runtime has it: a number that it does not know is passed over
    places.value.add(name="DEFAULT", number=0)
    places.value.add(name="EXTERNAL", number=_EXTERNAL)
    types = {"bytes": field.TYPE_BYTES, "place": field.TYPE_ENUM}
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field_name, (number, kind) in fields.items():
            added = message.field.add(name=field_name, number=number)
            added.label = field.LABEL_REPEATED if kind.endswith("*") else field.LABEL_OPTIONAL
            added.type = types.get(kind, field.TYPE_MESSAGE)
            if kind != "bytes":
                added.type_name = f".slipway.{kind.removesuffix('*')}"
    return file
