"""Which tests need a GPU, and what they need besides."""

import onnxruntime
import pytest
import torch

DEVICE = "cuda:0"


def lacks(backend: str) -> str:
    """Why its models can't run on a GPU here; "" where they can."""
    if not torch.cuda.is_available():
        return "there is no GPU that PyTorch can use"
    if backend == "onnxruntime" and "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        return "this ONNX Runtime has no CUDA provider"
    return "only the model knows what it needs a GPU for" if backend == "python" else ""


needs_torch_gpu = pytest.mark.skipif(bool(lacks("pytorch")), reason=lacks("pytorch"))
needs_onnx_gpu = pytest.mark.skipif(bool(lacks("onnxruntime")), reason=lacks("onnxruntime"))
