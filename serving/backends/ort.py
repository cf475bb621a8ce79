"""ONNX models on ONNX Runtime.

Rule: a session reads and writes numpy arrays and any number of threads run it at once, so that a device has one,
whatever the number of its instances.
"""

import ctypes
import math
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from serving.backends import vnni
from serving.backends.backend import (
    ORDINARY_MEMORY,
    InputMemory,
    ModelInstance,
    Specs,
    check_against_config,
    model_file,
)
from serving.backends.cores import usable_cores
from serving.backends.gpu_faults import gpu_fault
from serving.backends.onnx_file import OnnxFile, read_onnx
from serving.backends.ort_gpu import gpu_memory, missing_library
from serving.backends.steady_sizes import SteadySizes
from serving.backends.wrong_files import refuse_what_is_no_onnx
from serving.core.datatypes import DTYPES
from serving.core.file_specs import file_input_specs, file_output_specs
from serving.core.instance_groups import no_gpus
from serving.core.model_config import ModelConfig
from serving.core.onnx_options import GraphLevel, OnnxOptions, onnx_options, providers
from serving.core.ragged_config import ragged_config
from serving.core.requests import NO_PARAMETERS, Arrays, Parameters, TensorSpec
from serving.errors import BackendFailed, InvalidInput, ModelLoadFailed

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
_LEVELS = {
    GraphLevel.ALL: ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
    GraphLevel.EXTENDED: ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    GraphLevel.BASIC: ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    GraphLevel.DISABLE_ALL: ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
}
_NEWER_IR = re.compile(r"Unsupported model IR version: (\d+), max supported IR version: (\d+)")
_NEWER_OPSET = re.compile(
    r"Opset (\d+) is under development.*official support for domain (\S+) is till opset (\d+)", re.S
)

# Weights that it was given no memory for would else come from the server's working directory.
_WHERE_IT_LOOKS, _NOWHERE = "session.model_external_initializers_file_folder_path", "/dev/null"

RUNTIME = f"onnxruntime {ort.__version__}"

Provider = tuple[str, dict[str, str]]

_THREADS_ARE_SHARED = threading.Event()  # ONNX Runtime's own state, which it can't be asked for


class OrtInstance:
    concurrency = 1
    reads_parameters = False

    def __init__(
        self,
        session: ort.InferenceSession,
        defaults: Specs = (),
        arena_shrinkage: str = "",
        memory: InputMemory = ORDINARY_MEMORY,
        is_steady: bool = False,
    ) -> None:
        """`defaults` are inputs that the graph has a value for, which takes their place where they are absent.
        `arena_shrinkage` names the devices whose memory is given back after each run, such as `cpu:0`."""
        self.input_memory = memory
        self._session = session
        self._run_options = ort.RunOptions()
        if arena_shrinkage:
            self._run_options.add_run_config_entry("memory.enable_memory_arena_shrinkage", arena_shrinkage)
        self.inputs = (*(_spec(tensor) for tensor in session.get_inputs()), *defaults)
        self.outputs = tuple(_spec(tensor) for tensor in session.get_outputs())
        self._output_names = [spec.name for spec in self.outputs]
        self.is_steady = is_steady and all(spec.datatype != "BYTES" for spec in self.inputs)  # texts are of any length
        self._has_text = any(spec.datatype == "BYTES" for spec in (*self.inputs, *self.outputs))
        self._has_bf16 = any(spec.datatype == "BF16" for spec in (*self.inputs, *self.outputs))

    def run(self, inputs: Arrays, _: Parameters = NO_PARAMETERS, /) -> Arrays:
        try:
            feed = _each(inputs, _as_text) if self._has_text else inputs
            outputs = dict(zip(self._output_names, self._run(feed), strict=True))
        except Exception as error:
            if fault := gpu_fault(str(error)):
                raise BackendFailed(fault) from error
            raise
        return _each(outputs, _as_bytes) if self._has_text else outputs

    def _run(self, feed: Arrays) -> list[np.ndarray]:
        if not self._has_bf16:
            return self._session.run(self._output_names, feed, self._run_options)  # type: ignore[no-any-return]
        values = {name: _value(array) for name, array in feed.items()}
        outputs = self._session.run_with_ort_values(self._output_names, values, self._run_options)
        return [_array(value) for value in outputs]

    def close(self) -> None:
        del self._session


def load(directory: Path, config: ModelConfig, device: str) -> ModelInstance:
    options = onnx_options(config)
    wanted = providers(options, device)
    check_providers(wanted, config)
    memory = ORDINARY_MEMORY if device == "cpu" else gpu_memory(config, device)
    path = model_file(directory, config)
    file = read_file(path)
    session = open_session(path.name, file, options, wanted)
    unusable = {name for name, _ in wanted} - set(session.get_providers())
    if unusable:  # it warns and goes on where a library is missing
        raise no_gpus(config, f"ONNX Runtime can't use {', '.join(sorted(unusable))}{missing_library()}")
    if device != "cpu" and file.has_convolutions:
        memory = replace(memory, size_for=SteadySizes(config.max_batch_size).size_for)
    is_steady = device == "cpu" and not file.has_loops
    instance = OrtInstance(session, _defaults(session, config), options.arena_shrinkage, memory, is_steady)
    check_against_config("input", instance.inputs, file_input_specs(config))
    ragged = ragged_config(config)
    scattered = () if ragged is None else ragged.scattered
    check_against_config("output", instance.outputs, file_output_specs(config), of_any_shape=scattered)
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


def share_threads() -> None:
    """One pool, as large as the process has cores, for all sessions that are made from now on; own counts are void.

    ONNX Runtime keeps it for the process, and then takes no session with threads of its own.
    """
    if not _THREADS_ARE_SHARED.is_set():
        ort.set_global_thread_pool_sizes(usable_cores(), 1)
        _THREADS_ARE_SHARED.set()


def describe(directory: Path, config: ModelConfig) -> tuple[Specs, Specs]:
    """What the file says of its inputs and outputs. Raises `ModelLoadFailed`."""
    options = replace(onnx_options(config), intra_op_threads=1, graph_level=GraphLevel.DISABLE_ALL)  # it never runs
    path = model_file(directory, config)
    session = open_session(path.name, read_file(path), options, [("CPUExecutionProvider", {})])
    return tuple(map(_spec, session.get_inputs())), tuple(map(_spec, session.get_outputs()))


def check_providers(wanted: list[Provider], config: ModelConfig) -> None:
    available = ort.get_available_providers()
    missing = [name for name, _ in wanted if name not in available]
    if "CUDAExecutionProvider" in missing:
        raise no_gpus(
            config,
            "this ONNX Runtime has no CUDA provider; install Slipway's gpu extra instead of cpu, or use KIND_CPU",
        )
    if missing:
        raise ModelLoadFailed(
            f"optimization.execution_accelerators needs {', '.join(missing)}, which this ONNX Runtime does not have; "
            f"it has {', '.join(available)}"
        )


def read_file(path: Path) -> OnnxFile:
    refuse_what_is_no_onnx(path)
    return read_onnx(path)


def open_session(name: str, file: OnnxFile, options: OnnxOptions, wanted: list[Provider]) -> ort.InferenceSession:
    """Nothing keeps a file open, or reads one again, once it is there."""
    session_options = _session_options(options)
    try:
        if file.files:  # they are copied, and may go once the session is made
            session_options.add_external_initializers_from_files_in_memory(
                list(file.files), list(file.files.values()), [len(content) for content in file.files.values()]
            )
        session = ort.InferenceSession(file.content, session_options, providers=wanted, enable_fallback=0)
    except Exception as error:  # ONNX Runtime has one exception class per status code and no common base but this
        raise ModelLoadFailed(f"ONNX Runtime can't load '{name}': {_brief(error)}") from None
    session._model_bytes = None  # kept for another try, which `enable_fallback` switches off; as large as the weights
    return session


def _session_options(chosen: OnnxOptions) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = chosen.intra_op_threads or usable_cores()  # ONNX Runtime itself counts the machine's
    options.inter_op_num_threads = chosen.inter_op_threads
    options.execution_mode = ort.ExecutionMode.ORT_PARALLEL if chosen.is_parallel else ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = _LEVELS[chosen.graph_level]
    options.enable_cpu_mem_arena = chosen.mem_arena
    options.enable_mem_pattern = chosen.mem_pattern
    options.log_severity_level = 3
    # A thread that spins takes a core from the event loop and from other models: from one layer to the next is enough.
    # The pool that sessions can share spins for milliseconds after each run, and can't be told not to from Python.
    options.use_per_session_threads = not _THREADS_ARE_SHARED.is_set()
    options.add_session_config_entry("session.intra_op.spin_duration_us", "50")
    options.add_session_config_entry(_WHERE_IT_LOOKS, _NOWHERE)
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    if not vnni.is_exact():  # sums of products of bytes would be cut off; it takes twice the time
        options.add_session_config_entry("session.x64quantprecision", "1")
    return options


def _spec(tensor: ort.NodeArg) -> TensorSpec:
    if tensor.type not in _DATATYPES:
        raise ModelLoadFailed(f"tensor '{tensor.name}' is a {tensor.type}, which the inference protocol can't carry")
    shape = tuple(dim if isinstance(dim, int) else -1 for dim in tensor.shape)  # symbolic dimensions have a name
    return TensorSpec(tensor.name, _DATATYPES[tensor.type], shape)


def _brief(error: Exception) -> str:
    """ONNX Runtime's own words, or ours where its are long and about something else."""
    text = str(error).strip()
    if fault := gpu_fault(text):
        return fault
    version = ort.__version__
    if newer := _NEWER_IR.search(text):
        return (
            f"it is of ONNX IR version {newer[1]}, and ONNX Runtime {version} reads those up to {newer[2]}; export it "
            "for an older one, or install a newer onnxruntime"
        )
    if newer := _NEWER_OPSET.search(text):
        return (
            f"it uses opset {newer[1]} of {newer[2]}, and ONNX Runtime {version} knows those up to {newer[3]}; export "
            "it for an older one, or install a newer onnxruntime"
        )
    return text


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


def _each(arrays: Arrays, change: Callable[[str, np.ndarray], np.ndarray]) -> Arrays:
    return {name: change(name, array) if array.dtype == object else array for name, array in arrays.items()}


def _as_text(name: str, array: np.ndarray) -> np.ndarray:
    """ONNX Runtime takes `str`, the protocol carries `bytes`. Raises `InvalidInput` for other than UTF-8."""
    try:
        return _map(bytes.decode, array)
    except UnicodeDecodeError:
        raise InvalidInput(f"input '{name}' holds bytes that are not UTF-8, which an ONNX model can't be fed") from None


def _as_bytes(_: str, array: np.ndarray) -> np.ndarray:
    return _map(str.encode, array)


def _map(function: Callable[[Any], Any], array: np.ndarray) -> np.ndarray:
    mapped = np.empty(array.size, dtype=object)
    mapped[:] = [function(element) for element in array.flat]
    return mapped.reshape(array.shape)
