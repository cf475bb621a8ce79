import pytest

from serving.backends.gpu_faults import gpu_fault, lasting_fault

TORCH_MEMORY = """CUDA out of memory. Tried to allocate 3.73 GiB. GPU 0 has a total capacity of 139.80 GiB of which
 139.29 GiB is free. Including non-PyTorch memory, this process has 518.00 MiB memory in use."""
TORCH_ASSERT = """CUDA error: device-side assert triggered
Search for `cudaErrorAssert' in https://docs.nvidia.com/cuda/cuda-runtime-api/group__CUDART__TYPES.html for more.
CUDA kernel errors might be asynchronously reported at some other API call."""
ORT_LIMIT = """[ONNXRuntimeError] : 1 : FAIL : /onnxruntime_src/onnxruntime/core/framework/bfc_arena.cc:360 void*
 onnxruntime::BFCArena::AllocateRawInternal(size_t, bool, onnxruntime::Stream*) Available memory of 34797312 is smaller
 than requested bytes of 409600000""".replace("\n", "")
ORT_MEMORY = """[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Non-zero status code returned while running Conv node.
 bfc_arena.cc:376 Failed to allocate memory for requested buffer of size 536870912"""
ORT_FAILURE = """[ONNXRuntimeError] : 1 : FAIL : CUDA failure 700: an illegal memory access was encountered ; GPU=0 ;
 hostname=vm ; file=/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_stream_handle.cc ; line=1"""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TORCH_MEMORY, "the GPU is out of memory, 3.73 GiB more were asked for; a smaller max_batch_size"),
        (ORT_LIMIT, "(gpu_mem_limit) is used up: 34797312 bytes are left, 409600000 were asked for; a smaller"),
        (
            ORT_MEMORY,
            "the model's device is out of memory, 536870912 bytes more were asked for; a smaller max_batch_size",
        ),
        ("CUDA failure 2: out of memory ; GPU=0", "the GPU is out of memory; a smaller max_batch_size"),
        (TORCH_ASSERT, "the GPU failed (device-side assert triggered); CUDA may refuse this process everything"),
        (ORT_FAILURE, "the GPU failed (700: an illegal memory access was encountered); CUDA may refuse"),
    ],
)
def test_what_a_runtime_says_becomes_what_to_do(text: str, words: str) -> None:
    assert words in gpu_fault(text)


@pytest.mark.parametrize("text", ["", "Got invalid dimensions for input: x", "index out of range in self"])
def test_other_failures_are_not_a_gpus(text: str) -> None:
    assert gpu_fault(text) == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TORCH_ASSERT, "a GPU failed for good: device-side assert triggered"),
        (ORT_FAILURE, "a GPU failed for good: an illegal memory access was encountered"),
        (TORCH_MEMORY, ""),
        (ORT_MEMORY, ""),
        ("CUDA error: invalid configuration argument", ""),
    ],
)
def test_what_a_process_does_not_recover_from_is_told_apart(text: str, words: str) -> None:
    assert lasting_fault(f"the model failed on this request: {gpu_fault(text)}") == words


def test_a_model_that_speaks_like_cuda_is_believed_nothing() -> None:
    assert lasting_fault("the model failed on this request: RuntimeError: device-side assert triggered") == ""
