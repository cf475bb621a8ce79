"""ONNX models on ONNX Runtime.

Rule: a session reads and writes numpy arrays and is safe to run from several threads; here each instance owns one.
"""

import ctypes
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

# ONNX Runtime uploads usage data unless this is set before it is imported; an operator may set it to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime as ort

from serving.backends.backend import ModelInstance, Specs, check_against_config, model_file
from serving.core.datatypes import DTYPES
from serving.core.file_specs import file_input_specs, file_output_specs
from serving.core.model_config import ModelConfig, thread_count
from serving.core.requests import NO_PARAMETERS, Arrays, Parameters, TensorSpec
from serving.errors import InvalidInput, ModelLoadFailed

_DATATYPES = {
    "tensor(bool)": "BOOL",
    "tensor(uint8)": "UINT8",
    "tensor(uint16)": "UINT16",
    "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64",
    "tensor(int8)": "INT8",
    "tensor(int16)": "INT16",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(float16)": "FP16",
    "tensor(bfloat16)": "BF16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(string)": "BYTES",
}
_BF16 = DTYPES["BF16"]
_ONNX_BFLOAT16 = 16  # onnx.TensorProto.BFLOAT16
_PROVIDERS = {"cpu": ["CPUExecutionProvider"], "cuda": ["CUDAExecutionProvider", "CPUExecutionProvider"]}


class OrtInstance:
    concurrency = 1
    reads_parameters = False

    def __init__(self, session: ort.InferenceSession, defaults: Specs = ()) -> None:
        """`defaults` are inputs that the graph has a value for, which takes their place where they are absent."""
        self._session = session
        self.inputs = (*(_spec(tensor) for tensor in session.get_inputs()), *defaults)
        self.outputs = tuple(_spec(tensor) for tensor in session.get_outputs())
        self._output_names = [spec.name for spec in self.outputs]
        self._text_inputs = {spec.name for spec in self.inputs if spec.datatype == "BYTES"}
        self._has_bf16 = any(spec.datatype == "BF16" for spec in (*self.inputs, *self.outputs))

    def run(self, inputs: Arrays, _: Parameters = NO_PARAMETERS, /) -> Arrays:
        feed = {name: _as_text(name, array) if name in self._text_inputs else array for name, array in inputs.items()}
        outputs = dict(zip(self._output_names, self._run(feed), strict=True))
        return {name: _as_bytes(array) if array.dtype == object else array for name, array in outputs.items()}

    def _run(self, feed: Arrays) -> list[np.ndarray]:
        if not self._has_bf16:
            return self._session.run(self._output_names, feed)  # type: ignore[no-any-return]
        values = {name: _value(array) for name, array in feed.items()}
        return [_array(value) for value in self._session.run_with_ort_values(self._output_names, values)]

    def close(self) -> None:
        del self._session


def load(directory: Path, config: ModelConfig, device: str) -> ModelInstance:
    if device == "cuda" and "CUDAExecutionProvider" not in ort.get_available_providers():
        raise ModelLoadFailed(
            "instance_group has kind KIND_GPU but this ONNX Runtime has no CUDA provider: "
            "install Slipway's gpu extra instead of cpu, or use KIND_CPU"
        )
    session = _session(model_file(directory, config), config, device)
    if _PROVIDERS[device][0] not in session.get_providers():  # it warns and goes on where a library is missing
        raise ModelLoadFailed("instance_group has kind KIND_GPU but ONNX Runtime can't use the GPU; its log says why")
    instance = OrtInstance(session, _defaults(session, config))
    check_against_config("input", instance.inputs, file_input_specs(config))
    check_against_config("output", instance.outputs, file_output_specs(config))
    return instance


def _defaults(session: ort.InferenceSession, config: ModelConfig) -> Specs:
    """The config's inputs that are initializers of the graph, which optional ones must be.

    Raises `ModelLoadFailed`.
    """
    listed = {tensor.name: tensor.optional for tensor in config.input}
    found = tuple(_spec(tensor) for tensor in session.get_overridable_initializers() if tensor.name in listed)
    for name, is_optional in listed.items():
        if is_optional and name not in {spec.name for spec in found}:
            raise ModelLoadFailed(
                f"optional input '{name}' has no default in the file: the graph has no initializer of its name"
            )
    return found


def describe(directory: Path, config: ModelConfig) -> tuple[Specs, Specs]:
    """What the file says of its inputs and outputs. Raises `ModelLoadFailed`."""
    session = _session(model_file(directory, config), config, "cpu")
    return tuple(map(_spec, session.get_inputs())), tuple(map(_spec, session.get_outputs()))


def _session(path: Path, config: ModelConfig, device: str) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = thread_count(config, "intra_op_thread_count")
    options.inter_op_num_threads = thread_count(config, "inter_op_thread_count")
    options.log_severity_level = 3
    # A thread that spins while it waits takes a core from the event loop and from the other models.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return ort.InferenceSession(path, options, providers=_PROVIDERS[device])
    except Exception as error:  # ONNX Runtime has one exception class per status code and no common base but this
        raise ModelLoadFailed(f"ONNX Runtime can't load '{path.name}': {_brief(error, path)}") from None


def _spec(tensor: ort.NodeArg) -> TensorSpec:
    if tensor.type not in _DATATYPES:
        raise ModelLoadFailed(f"tensor '{tensor.name}' is a {tensor.type}, which the inference protocol can't carry")
    shape = tuple(dim if isinstance(dim, int) else -1 for dim in tensor.shape)  # symbolic dimensions have a name
    return TensorSpec(tensor.name, _DATATYPES[tensor.type], shape)


def _brief(error: Exception, path: Path) -> str:
    """ONNX Runtime's own words without the server's folders in them."""
    return str(error).replace(f"{path.parent}/", "").replace(str(path.parent), "the version's folder")


def _value(array: np.ndarray) -> ort.OrtValue:
    """ONNX Runtime's Python API has no numpy type for bfloat16; it takes its bits."""
    if array.dtype == _BF16:
        return ort.OrtValue.ortvalue_from_numpy_with_onnx_type(array.view(np.uint16), _ONNX_BFLOAT16)
    return ort.OrtValue.ortvalue_from_numpy(array)


def _array(value: ort.OrtValue) -> np.ndarray:
    """A copy, since the memory goes with the value."""
    if value.data_type() != "tensor(bfloat16)":
        return value.numpy()  # type: ignore[no-any-return]
    shape = tuple(value.shape())
    bits = (ctypes.c_uint16 * math.prod(shape)).from_address(value.data_ptr()) if math.prod(shape) else ()
    return np.array(bits, np.uint16).reshape(shape).view(_BF16)


def _as_text(name: str, array: np.ndarray) -> np.ndarray:
    """ONNX Runtime takes `str`, the protocol carries `bytes`. Raises `InvalidInput` for other than UTF-8."""
    try:
        return _map(bytes.decode, array)
    except UnicodeDecodeError:
        raise InvalidInput(f"input '{name}' holds bytes that are not UTF-8, which an ONNX model can't be fed") from None


def _as_bytes(array: np.ndarray) -> np.ndarray:
    return _map(str.encode, array)


def _map(function: Callable[[Any], Any], array: np.ndarray) -> np.ndarray:
    mapped = np.empty(array.size, dtype=object)
    mapped[:] = [function(element) for element in array.flat]
    return mapped.reshape(array.shape)
