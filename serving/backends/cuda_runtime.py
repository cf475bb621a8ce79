"""NVIDIA's CUDA runtime: how many GPUs there are, and memory that they read fastest.

Rule: no framework is needed; what is not there is said in words that tell what to install.
"""

import ctypes
import os
import weakref

import numpy as np

_PORTABLE = 1  # cudaHostAllocPortable: page-locked for all GPUs


class NoCuda(Exception):
    """Why no GPU can be had."""


class CudaRuntime:
    def __init__(self, version: str) -> None:
        """Of a version such as `13.0`. Raises `NoCuda` where the library is not installed."""
        self._major = version.partition(".")[0]
        name = f"cudart64_{self._major}.dll" if os.name == "nt" else f"libcudart.so.{self._major}"
        try:
            self._library = ctypes.CDLL(name)
        except OSError:
            raise NoCuda(f"CUDA {self._major}'s libraries are not installed ({name} can't be found)") from None

    def gpus(self) -> int:
        """How many there are, at least one. Raises `NoCuda`."""
        count = ctypes.c_int()
        code = self._library.cudaGetDeviceCount(ctypes.byref(count))
        if code or not count.value:
            raise NoCuda(
                f"CUDA {self._major} finds none ({self._words(code)}); see whether nvidia-smi lists one, and a driver "
                f"that is new enough for CUDA {self._major}"
            )
        return count.value

    def page_locked(self, size: int, gpu: int) -> np.ndarray:
        """So many bytes, freed once nothing views them any more; ordinary memory where there is no more of it."""
        self._library.cudaSetDevice(gpu)  # another would be set up for this thread, which takes its memory
        address = ctypes.c_void_p()
        if self._library.cudaHostAlloc(ctypes.byref(address), ctypes.c_size_t(size), _PORTABLE):
            self._library.cudaGetLastError()  # else the next call that looks for an error finds this one
            return np.empty(size, np.uint8)
        block = (ctypes.c_uint8 * size).from_address(address.value or 0)
        weakref.finalize(block, self._library.cudaFreeHost, address).atexit = False
        return np.ndarray(size, np.uint8, memoryview(block))

    def _words(self, code: int) -> str:
        if not code:
            return "it counts 0"
        self._library.cudaGetErrorString.restype = ctypes.c_char_p
        return str(self._library.cudaGetErrorString(code).decode())
