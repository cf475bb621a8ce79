import ctypes
import gc

import onnxruntime
import pytest

from serving.backends.cuda_runtime import CudaRuntime, NoCuda
from tests.gpus import needs_onnx_gpu


@pytest.fixture
def cuda() -> CudaRuntime:
    onnxruntime.preload_dlls()
    return CudaRuntime(onnxruntime.cuda_version)


def test_a_version_that_is_not_installed_is_named() -> None:
    with pytest.raises(NoCuda, match=r"CUDA 999's libraries are not installed \(\S*cudart\S*999\S* can't be found\)"):
        CudaRuntime("999.1")


@needs_onnx_gpu
def test_gpus_are_counted(cuda: CudaRuntime) -> None:
    assert cuda.gpus() >= 1


def is_page_locked(address: int) -> bool:
    library = ctypes.CDLL(f"libcudart.so.{onnxruntime.cuda_version.partition('.')[0]}")
    found = library.cudaHostGetFlags(ctypes.byref(ctypes.c_uint()), ctypes.c_void_p(address)) == 0
    library.cudaGetLastError()
    return found


@needs_onnx_gpu
def test_memory_is_page_locked_while_anything_views_it(cuda: CudaRuntime) -> None:
    array = cuda.page_locked(1 << 20, 0)
    address, view = array.ctypes.data, array[-8:]
    del array
    gc.collect()
    view[...] = 7
    assert is_page_locked(address)
    assert view.tolist() == [7] * 8
    del view
    gc.collect()
    assert not is_page_locked(address)
