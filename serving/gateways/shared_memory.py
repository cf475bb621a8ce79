"""Memory that a gateway and the engine's process share, for bodies that are too large for a message.

Rule: it has no name anywhere, so it is gone with the last process that has it; it never shrinks, so that no process can
take from another what it reads. The first half is the gateway's to write, the second the engine's.
"""

import fcntl
import mmap
import os

from serving.gateways.frames import Place
from serving.gateways.places import Places

HALF = 256 * 1024 * 1024
"""Bytes. Only what was written once is really there."""


def create() -> int:
    """Its descriptor, which is the caller's."""
    descriptor = os.memfd_create("slipway-gateway", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, 2 * HALF)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
    return descriptor


class SharedMemory:
    def __init__(self, descriptor: int, is_gateway: bool) -> None:
        """Owns the descriptor."""
        self._map = mmap.mmap(descriptor, 2 * HALF)
        os.close(descriptor)
        self.ours = Places(Place(0 if is_gateway else HALF, HALF))

    def view(self, place: Place) -> memoryview:
        return memoryview(self._map)[place.offset : place.offset + place.size]

    def close(self) -> None:
        """Views stay as they are, and it with them."""
        del self._map
