"""What a runtime says when a GPU fails, in words for the model's owner.

Rule: only its text is looked at, since the runtimes' exception classes differ between releases.
"""

import re

_TORCH_MEMORY = re.compile(r"CUDA out of memory\. Tried to allocate ([\d.]+ \w+)")
_ORT_LIMIT = re.compile(r"Available memory of (\d+) is smaller than requested bytes of (\d+)")
_ORT_MEMORY = re.compile(r"Failed to allocate memory for requested buffer of size (\d+)")  # of whichever device
_CUDA_MEMORY = "CUDA failure 2: out of memory"
_TORCH_FAILURE = re.compile(r"CUDA error: ([^\n]+)")
_ORT_FAILURE = re.compile(r"CUDA failure (\d+: [^;\n]+)")

_LASTING = re.compile(
    r"an illegal memory access was encountered|device-side assert triggered|unspecified launch failure|"
    r"misaligned address|an illegal instruction was encountered|hardware stack error|invalid program counter|"
    r"operation not supported on global/shared address space|the launch timed out and was terminated|"
    r"uncorrectable ECC error encountered|context is destroyed"
)
"""In CUDA's words, after which it refuses a process everything."""

_LESS = "a smaller max_batch_size, fewer instances or fewer models on it need less"


def gpu_fault(text: str) -> str:
    """ "" where it is none."""
    if found := _TORCH_MEMORY.search(text):
        return f"the GPU is out of memory, {found[1]} more were asked for; {_LESS}"
    if found := _ORT_LIMIT.search(text):
        return (
            f"the GPU memory that the model may use (gpu_mem_limit) is used up: {found[1]} bytes are left, {found[2]} "
            f"were asked for; {_LESS}"
        )
    if found := _ORT_MEMORY.search(text):
        return f"the model's device is out of memory, {found[1]} bytes more were asked for; {_LESS}"
    if _CUDA_MEMORY in text:
        return f"the GPU is out of memory; {_LESS}"
    if found := _TORCH_FAILURE.search(text) or _ORT_FAILURE.search(text):
        return (
            f"the GPU failed ({found[1].strip()}); CUDA may refuse this process everything until it is started again. "
            'A model with parameters.isolation "process" takes no other with it'
        )
    return ""


def lasting_fault(text: str) -> str:
    """Of an error's text: "" unless the GPU is of no use to this process any more."""
    found = _LASTING.search(text) if "the GPU failed (" in text else None
    return f"a GPU failed for good: {found[0]}" if found else ""
