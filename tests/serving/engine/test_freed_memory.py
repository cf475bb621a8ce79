import ctypes
import sys

import psutil
import pytest

from serving.engine.freed_memory import give_back


@pytest.mark.skipif(sys.platform != "linux", reason="it is glibc's")
def test_freed_blocks_go_back_to_the_system() -> None:
    """Blocks below glibc's threshold for mapping them alone, the last of which keeps the heap from shrinking."""
    c = ctypes.CDLL(None)
    if not hasattr(c, "malloc_trim"):
        pytest.skip("no glibc")
    c.malloc.restype, c.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    size = 100_000
    blocks = [c.malloc(size) for _ in range(1000)]
    for block in blocks:
        ctypes.memset(block, 1, size)
    for block in blocks[:-1]:
        c.free(block)
    kept = psutil.Process().memory_info().rss
    give_back()
    assert kept - psutil.Process().memory_info().rss > 50_000_000
    c.free(blocks[-1])
