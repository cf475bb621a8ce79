"""A version's first runs, before anybody waits for them: `model_warmup` samples, or rows of zeros where there are none.

Source: ModelWarmup in Triton's model_config.proto. Rule: a sample that its owner wrote must run; zeros may fail.
"""

import logging
import math
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from tritonclient.grpc.model_config_pb2 import DataType, ModelWarmup

from serving.backends.backend import DecoupledInstance, ModelInstance
from serving.core.datatypes import datatype_of, dtype_of, from_config
from serving.core.file_specs import file_input_specs
from serving.core.model_config import ModelConfig, input_specs
from serving.core.requests import NO_PARAMETERS, Arrays, format_shape
from serving.engine.inside import inside
from serving.errors import ModelLoadFailed

log = logging.getLogger("slipway")

FOLDER = "warmup"
"""In the model's folder, what `input_data_file` names."""

_PATIENCE = 5.0
"""Seconds that a row of zeros may take; there are models that never end on some inputs."""

_BLIND = ("onnxruntime", "pytorch")


Samples = Sequence[tuple[ModelWarmup, Arrays]]
"""What the config lists, and what each feeds the model."""


def read_samples(config: ModelConfig, folder: Path) -> Samples:
    """`folder` is the model's. Raises `ModelLoadFailed` naming the sample and the input."""
    return [(sample, sample_inputs(sample, config, folder)) for sample in config.model_warmup]


def warm_up(instances: Iterable[ModelInstance], config: ModelConfig, samples: Samples) -> None:
    """Run each instance. Raises `ModelLoadFailed` naming the sample that failed."""
    for instance in instances:
        for sample, inputs in samples:
            for _ in range(sample.count or 1):
                _run_sample(instance, sample.name, inputs, config)
        if not samples and may_be_fed_zeros(config):
            _run_zeros(instance)


def may_be_fed_zeros(config: ModelConfig) -> bool:
    """A graph has no side effects; a Python model may have some."""
    return config.backend in _BLIND


def random_data(datatype: str, shape: tuple[int, ...]) -> np.ndarray:
    """The same at each load. Small numbers, which are also valid places in a vocabulary."""
    generator = np.random.default_rng(0)
    if datatype == "BYTES":
        return np.array([b"%d" % n for n in generator.integers(0, 10, math.prod(shape))], np.object_).reshape(shape)
    dtype = dtype_of(datatype)
    return (generator.random(shape) if dtype.kind in "fV" else generator.integers(0, 2, shape)).astype(dtype)


def _run_sample(instance: ModelInstance, name: str, inputs: Arrays, config: ModelConfig) -> None:
    try:
        if config.model_transaction_policy.decoupled:
            assert isinstance(instance, DecoupledInstance)
            for _ in instance.stream(inputs, NO_PARAMETERS, lambda: False):
                pass
        else:
            instance.run(inputs)
    except Exception as error:  # a model may raise anything
        cause = None if config.backend in _BLIND else error  # where a model's own code failed; a runtime's says nothing
        raise ModelLoadFailed(f"failed to run warmup sample '{name}': {error}") from cause


def zeros(instance: ModelInstance) -> Arrays:
    """A row of the smallest size that the file allows."""
    return {
        spec.name: _filled(spec.datatype, tuple(1 if dim == -1 else dim for dim in spec.shape))
        for spec in instance.inputs
    }


def sample_inputs(sample: ModelWarmup, config: ModelConfig, folder: Path) -> Arrays:
    """What a sample feeds a model, whose `folder` it is. Raises `ModelLoadFailed` naming the sample and the input."""
    rows = sample.batch_size or 1
    if rows > max(1, config.max_batch_size):
        raise ModelLoadFailed(
            f"warmup sample '{sample.name}': batch_size {rows} is above max_batch_size {config.max_batch_size}"
        )
    inputs: dict[str, np.ndarray] = {}
    for name, given in sample.inputs.items():
        what = f"warmup sample '{sample.name}', input '{name}'"
        try:
            row = _row(what, given, folder)
        except (ValueError, MemoryError, OSError, RuntimeError) as error:
            words = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise ModelLoadFailed(f"{what}: {words}") from None
        inputs[name] = np.repeat(row[None], rows, axis=0) if config.max_batch_size else row
    _check_fit(sample.name, inputs, config)
    return inputs


def _check_fit(sample: str, inputs: Arrays, config: ModelConfig) -> None:
    """Controls and states of sequences may be in a sample, as the model's file has them."""
    callers = {spec.name: spec for spec in input_specs(config)}
    taken = {spec.name: spec for spec in file_input_specs(config)} | callers
    listing = ", ".join(f"'{spec.name}' ({spec.datatype} {format_shape(spec.shape)})" for spec in taken.values())
    for name in sorted(callers.keys() - inputs.keys() - {tensor.name for tensor in config.input if tensor.optional}):
        raise ModelLoadFailed(f"warmup sample '{sample}' has no input '{name}'; the model takes {listing}")
    for name, array in inputs.items():
        what = f"warmup sample '{sample}', input '{name}'"
        if name not in taken:
            raise ModelLoadFailed(f"{what}: there is no such input; the model takes {listing}")
        spec, datatype = taken[name], datatype_of(array.dtype)
        fits = len(array.shape) == len(spec.shape) and all(
            expected in (-1, size) for size, expected in zip(array.shape, spec.shape, strict=True)
        )
        if datatype != spec.datatype or not fits:
            raise ModelLoadFailed(f"{what} is {datatype} {format_shape(array.shape)}; the model takes {listing}")


def _run_zeros(instance: ModelInstance) -> None:
    warming = threading.Thread(target=_run_twice, args=[instance, zeros(instance)], name="warm-up", daemon=True)
    warming.start()
    warming.join(_PATIENCE)
    if warming.is_alive():
        log.warning("a row of zeros takes the model longer than %g s; a model_warmup sample can warm it", _PATIENCE)


def _run_twice(instance: ModelInstance, inputs: Arrays) -> None:
    """Runtimes that compile while they run (TorchScript) do so at the second run of a shape."""
    try:
        for _ in range(2):
            instance.run(inputs)
    except Exception as error:
        log.debug("zeros were no input to warm up with: %s", error)


def _row(what: str, given: ModelWarmup.Input, folder: Path) -> np.ndarray:
    """What the sample says of one input, without batch dimension."""
    if not given.data_type or any(dim < 0 for dim in given.dims):
        raise ModelLoadFailed(f"{what}: 'data_type' must be set, and 'dims' must not be negative")
    datatype, shape = from_config(DataType.Name(given.data_type)), tuple(given.dims)
    match given.WhichOneof("input_data_type"):
        case "random_data":
            return random_data(datatype, shape)
        case "input_data_file":
            return _from_file(what, datatype, shape, folder / FOLDER, given.input_data_file)
        case "zero_data":
            return _filled(datatype, shape)
        case _:
            raise ModelLoadFailed(f"{what}: one of 'zero_data', 'random_data' and 'input_data_file' must be set")


def _filled(datatype: str, shape: tuple[int, ...]) -> np.ndarray:
    return np.full(shape, b"", np.object_) if datatype == "BYTES" else np.zeros(shape, dtype_of(datatype))


def _from_file(what: str, datatype: str, shape: tuple[int, ...], folder: Path, name: str) -> np.ndarray:
    """Little-endian numbers, or texts that each follow their length in four bytes, as in the binary protocol."""
    path = inside(folder, name)
    if path is None or not path.is_file():
        raise ModelLoadFailed(f"{what}: there is no file '{name[:100]}' in the model's folder '{FOLDER}'")
    content = path.read_bytes()
    count = math.prod(shape)
    if datatype == "BYTES":
        return _texts(what, content, count).reshape(shape)
    dtype = dtype_of(datatype)
    if len(content) != count * dtype.itemsize:
        raise ModelLoadFailed(f"{what}: '{name[:100]}' has {len(content)} bytes, expected {count * dtype.itemsize}")
    return np.frombuffer(content, dtype).reshape(shape)


def _texts(what: str, content: bytes, count: int) -> np.ndarray:
    texts, start = np.empty(count, np.object_), 0
    for number in range(count):
        length = int.from_bytes(content[start : start + 4], "little")
        texts[number] = content[start + 4 : start + 4 + length]
        start += 4 + length
    if start != len(content):
        raise ModelLoadFailed(f"{what}: the file must hold {count} texts, each after its length in four bytes")
    return texts
