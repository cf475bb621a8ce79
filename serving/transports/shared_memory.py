"""Shared memory of callers on the same machine: POSIX segments that hold a request's inputs or take its outputs.

Source: Triton's shared_memory_manager.cc, whose words its clients' tests look for.
Rule: nothing is mapped, because a caller that truncates its segment would then kill the server; every use copies.
"""

import os
import stat
import sys
import weakref
from dataclasses import dataclass

import numpy as np

from serving.errors import InvalidInput, RegionNotFound, Unsupported

_FOLDER = b"/dev/shm"
_RESERVED = "triton_python_backend_shm_region_"
_LONGEST_KEY = 255  # bytes
_LONGEST_NAME = 1024  # characters
_LARGEST_SIZE = 2**64 - 1  # what Triton's protocol can say
MAX_REGIONS = 4096


@dataclass(frozen=True, slots=True)
class Region:
    """`byte_size` bytes of the segment `key`, from `offset`, under the caller's own `name`."""

    name: str
    key: str
    offset: int
    byte_size: int


class _Segment:
    """An open segment; the system may have it back when nothing refers to it any more."""

    __slots__ = ("__weakref__", "descriptor")

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        weakref.finalize(self, os.close, descriptor)

    def size(self) -> int:
        return os.fstat(self.descriptor).st_size


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a region that a request uses, valid until forgotten even where the region is unregistered before.

    Both methods may run in any thread.
    """

    region: Region
    offset: int
    byte_size: int
    _segment: _Segment

    def read(self) -> memoryview:
        """A copy. Raises `InvalidInput` where the segment has become smaller than when it was registered."""
        self._check_size()
        try:
            content = np.empty(self.byte_size, np.uint8).data
            self._fill(content)
        except (MemoryError, OSError) as error:
            raise self._failed("read", error) from None
        return content.toreadonly()

    def write(self, data: bytes | memoryview, what: str) -> None:
        """`what` names the data in errors, as in "output 'OUTPUT0'". Raises `InvalidInput` where it does not fit."""
        if len(data) > self.byte_size:
            raise InvalidInput(
                f"shared memory size specified with the request for {what} ({self.byte_size} bytes) "
                f"should be at least {len(data)} bytes to hold the results"
            )
        self._check_size()  # writing beyond the end would make the segment larger
        rest, at = memoryview(data), self._start
        try:
            while rest:
                count = os.pwrite(self._segment.descriptor, rest, at)
                rest, at = rest[count:], at + count
        except OSError as error:  # no memory is left for a segment of which no page was used yet
            raise self._failed("write", error) from None

    @property
    def _start(self) -> int:
        return self.region.offset + self.offset

    def _fill(self, content: memoryview) -> None:
        done = 0
        while done < self.byte_size:
            count = os.preadv(self._segment.descriptor, [content[done:]], self._start + done)
            if count == 0:
                raise self._shrunk()
            done += count

    def _check_size(self) -> None:
        if self._segment.size() < self._start + self.byte_size:
            raise self._shrunk()

    def _shrunk(self) -> InvalidInput:
        return InvalidInput(
            f"shared memory region '{self.region.name}' has shrunk: {self.byte_size} bytes at {self._start} "
            f"are beyond the {self._segment.size()} bytes that '{self.region.key}' has left"
        )

    def _failed(self, verb: str, error: MemoryError | OSError) -> InvalidInput:
        reason = error.strerror if isinstance(error, OSError) else "too large for the server's memory"
        return InvalidInput(
            f"Unable to {verb} {self.byte_size} bytes of shared memory region '{self.region.name}': {reason}"
        )


class SharedMemoryRegions:
    """Belongs to the event loop's thread. Unless `allowed`, only the status can be asked for."""

    def __init__(self, allowed: bool, max_regions: int = MAX_REGIONS) -> None:
        self._allowed = allowed
        self._max_regions = max_regions
        self._registered: dict[str, tuple[Region, _Segment]] = {}

    def __repr__(self) -> str:
        return f"<SharedMemoryRegions {len(self._registered)} registered>"

    def check_may_register(self, name: str, kind: str) -> None:
        """What comes before a look at the rest of a request. Raises `Unsupported`, `InvalidInput`."""
        self._check_allowed()
        if not name:
            raise InvalidInput(f"'region name' is necessary to register {kind} shared memory region")
        if len(name) > _LONGEST_NAME:
            raise InvalidInput(f"a region's name has at most {_LONGEST_NAME} characters, got {len(name)}")

    def register(self, name: str, key: str, offset: int, byte_size: int) -> None:
        """Raises `Unsupported`, and `InvalidInput` for whatever can't be opened or is not that large."""
        self.check_may_register(name, "system")
        _check_key(name, key)
        if name in self._registered:
            raise InvalidInput(f"shared memory region '{name}' already in manager")
        if len(self._registered) >= (limit := _most_regions(self._max_regions)):
            raise InvalidInput(f"failed to register shared memory region '{name}': there are {limit} already")
        segment = _open(key)
        _check_range(name, key, offset, byte_size, segment.size())
        self._registered[name] = Region(name, key, offset, byte_size), segment

    def unregister(self, name: str) -> None:
        """A region that is not registered is no error."""
        self._check_allowed()
        self._registered.pop(name, None)

    def unregister_all(self) -> None:
        self._check_allowed()
        self._registered.clear()

    def status(self, name: str = "") -> list[Region]:
        """Every region, or the named one. Raises `RegionNotFound`."""
        if not name:
            return [region for region, _ in self._registered.values()]
        if name not in self._registered:
            raise RegionNotFound(f"Unable to find system shared memory region: '{name}'")
        return [self._registered[name][0]]

    def window(self, name: str, offset: int, byte_size: int) -> Window:
        """Raises `RegionNotFound`, and `InvalidInput` for what lies outside of the region."""
        self._check_allowed()
        found = self._registered.get(name)  # at once: another thread may unregister it
        if found is None:
            raise RegionNotFound(f"Unable to find shared memory region: '{name}'")
        region, segment = found
        where = f"for shared memory region: '{name}'"
        if not 0 <= offset < region.byte_size:
            raise InvalidInput(f"Invalid offset {where}: it has {region.byte_size} bytes, got {offset}")
        if offset + byte_size > _LARGEST_SIZE:
            raise InvalidInput(
                f"Integer overflow detected: byte_size ({byte_size}) + offset ({offset}) exceeds maximum value "
                f"({_LARGEST_SIZE}) for region '{name}'"
            )
        if not 0 <= byte_size <= region.byte_size - offset:
            raise InvalidInput(
                f"Invalid offset + byte size {where}: it has {region.byte_size} bytes, got {offset} + {byte_size}"
            )
        return Window(region, offset, byte_size, segment)

    def read(self, name: str, offset: int, byte_size: int) -> memoryview:
        """A copy. Raises what `window` and `Window.read` raise."""
        return self.window(name, offset, byte_size).read()

    def write(self, name: str, offset: int, byte_size: int, data: bytes | memoryview, what: str) -> None:
        """Raises what `window` and `Window.write` raise."""
        self.window(name, offset, byte_size).write(data, what)

    def register_cuda(self, name: str) -> None:
        """Raises always: what Triton answers where it was built without GPUs."""
        self.check_may_register(name, "cuda")
        raise InvalidInput(f"failed to register CUDA shared memory region: '{name}', GPUs not supported")

    def unregister_cuda(self) -> None:
        """There are none."""
        self._check_allowed()

    def cuda_status(self, name: str = "") -> list[Region]:
        """None. Raises `RegionNotFound` where one is named."""
        if name:
            raise RegionNotFound(f"Unable to find cuda shared memory region: '{name}'")
        return []

    @property
    def allowed(self) -> bool:
        return self._allowed

    def _check_allowed(self) -> None:
        if not self._allowed:
            raise Unsupported(
                "Client shared memory is disabled. Start the server with '--allow-shared-memory' to enable."
            )


def _check_key(name: str, key: str) -> None:
    """Keys name a file, so what else a path may mean is refused."""
    refusal = f"cannot register shared memory region '{name}'"
    if key.lstrip("/").startswith(_RESERVED):
        raise InvalidInput(f"{refusal} with key '{key}' as the key contains the reserved prefix '{_RESERVED}'")
    is_plain = key.startswith("/") and key.count("/") == 1 and key.isprintable() and key not in ("/", "/.", "/..")
    if not is_plain or len(key.encode()) > _LONGEST_KEY:
        raise InvalidInput(
            f"{refusal} - invalid shm key '{key[:_LONGEST_KEY]}': "
            f"it must be a '/' and a name without another, of at most {_LONGEST_KEY} printable bytes"
        )


def _check_range(name: str, key: str, offset: int, byte_size: int, size: int) -> None:
    if offset < 0 or byte_size < 1 or offset + byte_size > size:
        raise InvalidInput(
            f"failed to register shared memory region '{name}': invalid args: "
            f"offset {offset} and byte_size {byte_size}, '{key}' has {size} bytes"
        )


def _most_regions(wanted: int) -> int:
    """Each holds a file descriptor, and connections need the other half."""
    descriptors = os.sysconf("SC_OPEN_MAX")  # -1 for no limit
    return wanted if descriptors < 0 else min(wanted, descriptors // 2)


def _open(key: str) -> _Segment:
    """A regular file and nothing that it could stand for; O_NONBLOCK because opening a pipe would wait for a reader."""
    if sys.platform != "linux":
        raise Unsupported("shared memory is supported on Linux only")
    refusal = f"Unable to open shared memory region: '{key}'"
    try:
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
        segment = _Segment(os.open(_FOLDER + key.encode(), flags))
    except OSError as error:
        raise InvalidInput(f"{refusal}: {error.strerror}") from None
    if not stat.S_ISREG(os.fstat(segment.descriptor).st_mode):
        raise InvalidInput(f"{refusal}: it is not a regular file")
    return segment
