"""The tensor datatypes of the Open Inference Protocol and what each is in numpy and in config.pbtxt.

Rule: a datatype is always its protocol name (`"FP32"`); `BYTES` arrays have dtype object and hold `bytes`.
"""

import ml_dtypes
import numpy as np

from serving.errors import InvalidInput

DTYPES: dict[str, np.dtype] = {
    "BOOL": np.dtype(np.bool_),
    "UINT8": np.dtype(np.uint8),
    "UINT16": np.dtype(np.uint16),
    "UINT32": np.dtype(np.uint32),
    "UINT64": np.dtype(np.uint64),
    "INT8": np.dtype(np.int8),
    "INT16": np.dtype(np.int16),
    "INT32": np.dtype(np.int32),
    "INT64": np.dtype(np.int64),
    "FP16": np.dtype(np.float16),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "FP32": np.dtype(np.float32),
    "FP64": np.dtype(np.float64),
    "BYTES": np.dtype(np.object_),
}

_NAMES = {dtype: name for name, dtype in DTYPES.items()}


def dtype_of(datatype: str) -> np.dtype:
    """The numpy dtype of a protocol name. Raises `InvalidInput` for a name that is not in the table."""
    try:
        return DTYPES[datatype]
    except KeyError:
        raise InvalidInput(f"datatype '{datatype}' is not one of {', '.join(DTYPES)}") from None


def datatype_of(dtype: np.dtype) -> str:
    """The protocol name of a numpy dtype. Raises `InvalidInput` where the protocol has none."""
    try:
        return _NAMES[dtype]
    except KeyError:
        raise InvalidInput(f"numpy dtype '{dtype}' has no datatype in the inference protocol") from None


def integer_range(dtype: np.dtype) -> str:
    """In words; "" for what is no integer."""
    if dtype.kind not in "iu":
        return ""
    limits = np.iinfo(dtype)
    return f"{datatype_of(dtype)} takes integers from {limits.min} to {limits.max}"


def from_config(name: str) -> str:
    """`TYPE_FP32` -> `FP32`, `TYPE_STRING` -> `BYTES` (Triton's model_config.proto)."""
    return "BYTES" if name == "TYPE_STRING" else name.removeprefix("TYPE_")


def to_config(datatype: str) -> str:
    """`FP32` -> `TYPE_FP32`, `BYTES` -> `TYPE_STRING`."""
    return "TYPE_STRING" if datatype == "BYTES" else f"TYPE_{datatype}"
