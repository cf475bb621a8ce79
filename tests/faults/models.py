"""Models that fail for real at some rows and answer all others."""

from pathlib import Path

import numpy as np

from tests.tiny_models import write_config, write_onnx


def add_growing(root: Path, name: str = "growing") -> None:
    """filled = as many ones as the largest `size` of the batch says, in each row, if there is memory for them."""
    folder = write_config(
        root,
        name,
        """backend: "onnxruntime" max_batch_size: 8
        input { name: "size" data_type: TYPE_INT64 dims: 1 } output { name: "filled" data_type: TYPE_FP32 dims: -1 }
        dynamic_batching { max_queue_delay_microseconds: 50000 }""",
    )
    write_onnx(
        folder / "1" / "model.onnx",
        """g (int64[n, 1] size) => (float[n, m] filled) {
            whole = Shape <start=0, end=1> (size)
            largest = ReduceMax <keepdims=0> (size)
            length = Reshape (largest, one)
            shape = Concat <axis=0> (whole, length)
            filled = ConstantOfShape <value = float[1] {1.0}> (shape)
        }""",
        one=np.array([1], np.int64),
    )


def add_logarithm(root: Path, name: str, extra: str = "") -> None:
    """y = log x over rows of 4 floats: -infinity for 0, NaN below it."""
    folder = write_config(
        root,
        name,
        f"""backend: "onnxruntime" max_batch_size: 8
        input {{ name: "x" data_type: TYPE_FP32 dims: 4 }} output {{ name: "y" data_type: TYPE_FP32 dims: 4 }}
        dynamic_batching {{ max_queue_delay_microseconds: 50000 }} {extra}""",
    )
    write_onnx(folder / "1" / "model.onnx", "g (float[n, 4] x) => (float[n, 4] y) { y = Log(x) }")
