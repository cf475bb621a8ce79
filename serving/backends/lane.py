"""A way into another process and back: one small message at a time through a socket, tensors through shared memory.

Rule: the memory has no name anywhere: it is gone with the last process that has it, however that one ends. It grows,
and never shrinks, so that no process can take from another what it reads.
"""

import fcntl
import json
import mmap
import os
import select
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from serving.backends import tensor_layout
from serving.backends.tensor_layout import Tensor
from serving.core.requests import Arrays

_SMALLEST = 1 << 16  # bytes of memory
_LENGTH = 4  # bytes that say how long a message is

Head = Mapping[str, Any]
"""What JSON can hold."""

Tensors = tuple[Tensor, ...]


class Gone(Exception):
    """Nobody is at the other end any more."""


@dataclass(frozen=True, slots=True)
class Message:
    """`tensors` are in the lane's memory until something else is written there."""

    head: Head
    tensors: Tensors = ()


class Lane:
    """One end of it; one end at a time writes."""

    def __init__(self, connection: socket.socket, descriptor: int) -> None:
        """Owns both."""
        self.is_spent = False
        """Whether it can't be used any more, because something in its memory, or on its way, is of an earlier call."""
        self._connection = connection
        self._memory = _Memory(descriptor)

    @classmethod
    def open(cls) -> tuple["Lane", list[int]]:
        """And what the other process is given of it: the descriptors of its socket and of the memory, for it to own."""
        ours, theirs = socket.socketpair()
        descriptor = os.memfd_create("slipway", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(descriptor, _SMALLEST)
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
        return cls(ours, descriptor), [theirs.detach(), os.dup(descriptor)]

    def write(self, arrays: Arrays, behind: Tensors = ()) -> Tensors:
        """Copy them into its memory, behind what is still needed there."""
        placed = tensor_layout.place(arrays, tensor_layout.end_of(behind))
        tensors = tuple(each.tensor for each in placed)
        if placed:
            tensor_layout.write(placed, self.memory(tensors))
        return tensors

    def memory(self, tensors: Tensors) -> np.ndarray:
        """Its bytes, at least as far as they reach, which `tensor_layout.read` makes arrays of."""
        return self._memory.array(tensor_layout.end_of(tensors))

    def copies(self, tensors: Tensors) -> Arrays:
        arrays = tensor_layout.read(tensors, self.memory(tensors))
        return {name: array if array.dtype == object else array.copy() for name, array in arrays.items()}

    def send(self, head: Head, tensors: Tensors = ()) -> None:
        """`tensors` were written. Raises `Gone`."""
        send(self._connection, {**head, "tensors": tensor_layout.to_document(tensors)})

    def receive(self) -> Message:
        """Blocks. Raises `Gone`."""
        head = receive(self._connection)
        return Message(head, tensor_layout.from_document(head["tensors"]))

    def has_message(self, seconds: float = 0.0) -> bool:
        """Whether there is one, or nobody to send one, within so many seconds."""
        poll = select.poll()  # has no highest descriptor, as `select` has
        poll.register(self._connection, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def hang_up(self) -> None:
        """Whoever waits for a message at either end is told that there is none. May be called from any thread."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Arrays in its memory stay as they are."""
        self._connection.close()
        self._memory.close()


class _Memory:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._map = mmap.mmap(descriptor, os.fstat(descriptor).st_size)

    def array(self, size: int) -> np.ndarray:
        """All of its bytes, at least `size`."""
        if size > len(self._map):
            if size > os.fstat(self._descriptor).st_size:
                os.ftruncate(self._descriptor, 1 << (size - 1).bit_length())
            self._map = mmap.mmap(self._descriptor, os.fstat(self._descriptor).st_size)
        return np.frombuffer(self._map, np.uint8)

    def close(self) -> None:
        os.close(self._descriptor)
        del self._map


def send(connection: socket.socket, head: Head) -> None:
    """Raises `Gone`."""
    text = json.dumps(head).encode()
    try:
        connection.sendall(len(text).to_bytes(_LENGTH, "little") + text)
    except OSError:
        raise Gone from None


def receive(connection: socket.socket) -> Head:
    """Blocks. Raises `Gone`."""
    length = int.from_bytes(_exactly(connection, _LENGTH), "little")
    head: Head = json.loads(_exactly(connection, length))
    return head


def _exactly(connection: socket.socket, count: int) -> bytes:
    content = b""
    while len(content) < count:
        try:
            part = connection.recv(count - len(content))
        except OSError:
            part = b""
        if not part:
            raise Gone
        content += part
    return content
