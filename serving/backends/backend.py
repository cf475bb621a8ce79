"""What a backend is, and the table of those there are.

Rule: a backend is one function, named here by import path and imported when the first model needs it, so that a
server without torch serves ONNX.
"""

from collections.abc import Callable, Collection, Generator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np

from serving.backends.wrong_files import refuse_placeholder
from serving.core.brief import what_it_has
from serving.core.isolation import is_isolated
from serving.core.model_config import DEFAULT_FILENAMES, ModelConfig, check_filename
from serving.core.requests import NO_PARAMETERS, Arrays, Parameters, TensorSpec, format_shape
from serving.core.torch_options import torch_options
from serving.errors import ModelLoadFailed

BACKENDS = {
    "onnxruntime": "serving.backends.ort:load",
    "pytorch": "serving.backends.torchscript:load",
    "python": "serving.backends.python:load",
}

# Backends whose files, or what lies beside them, say what goes in and out.
_DESCRIBE = {"onnxruntime": "serving.backends.ort:describe", "pytorch": "serving.backends.manifest:describe"}

_SAFELY_DESCRIBED = ("pytorch",)  # by a manifest, in JSON

# Backends whose models can share one pool of threads.
_SHARE_THREADS = {"onnxruntime": "serving.backends.ort:share_threads"}

# What loads a model of any backend in a process of its own, and what has its file read there.
_ISOLATED = "serving.backends.isolated:load"
_DESCRIBE_ISOLATED = "serving.backends.isolated:describe"

# What runs a backend's models, and its version.
_RUNTIMES = {"onnxruntime": "serving.backends.ort:RUNTIME", "pytorch": "serving.backends.torchscript:RUNTIME"}

Specs = tuple[TensorSpec, ...]


class ModelInstance(Protocol):
    """A loaded model. At most `concurrency` threads at a time call `run`; nothing may be called after `close`.

    One that is shared, see `are_shared`, stands for several instances, each with so many threads.
    """

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """What the model file itself says; where it says nothing, what the config says."""

    @property
    def outputs(self) -> tuple[TensorSpec, ...]: ...

    @property
    def concurrency(self) -> int: ...

    @property
    def reads_parameters(self) -> bool:
        """Whether only requests with the same parameters may run together."""

    def run(self, inputs: Arrays, parameters: Parameters = NO_PARAMETERS, /) -> Arrays:
        """All outputs by name. Input arrays are C-contiguous and aligned, may be read-only, and stay the caller's.

        An `InvalidInput` that it raises blames the caller; any other exception is the model's failure.
        """

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class InputMemory:
    """Where an instance likes its inputs to be: `allocate` gives so many bytes, to any thread.

    Inputs of `least` bytes or more are put there when several requests run together; where it `is_better` than what
    requests lie in, also that of one which runs alone. Batches get `size_for` so many rows, if it is there, those that
    are too many being copies of others, whose answers nobody gets.
    """

    allocate: Callable[[int], np.ndarray]
    least: int = 0
    is_better: bool = False
    size_for: Callable[[int], int] | None = None


PAGE_LOCKED_FROM = 1 << 18
"""Bytes from which a copy out of page-locked memory saves more than it takes to put them there."""

ORDINARY_MEMORY = InputMemory(lambda size: np.empty(size, np.uint8), least=32 << 20)
"""What is smaller comes from memory that the process has; what is larger from the system, page by page, each time."""


@runtime_checkable
class BufferedInstance(Protocol):
    """A `ModelInstance` that is done with its inputs when `run` returns, so that the next ones may be written over
    them. Its outputs may be views of them."""

    @property
    def input_memory(self) -> InputMemory | None:
        """None where it may keep its inputs after all."""


@runtime_checkable
class SteadyInstance(Protocol):
    """A `ModelInstance` that can tell whether its time can be told."""

    @property
    def is_steady(self) -> bool:
        """Whether any thread may run it, is held up by nothing but its computing, and by that equally long for inputs
        of equal shapes, whatever they hold."""


@runtime_checkable
class DecoupledInstance(Protocol):
    """A `ModelInstance` that answers one request 0 to n times."""

    def stream(
        self, inputs: Arrays, parameters: Parameters, is_cancelled: Callable[[], bool], /
    ) -> Generator[Arrays, None, None]:
        """Each response's outputs as soon as they are there; a caller that loses interest closes the generator.

        `is_cancelled` may be asked at any time, from the thread that iterates.
        """


Prove = Callable[[ModelInstance], object]
"""Runs an instance, and raises what is wrong with it."""


@runtime_checkable
class SupervisedInstance(Protocol):
    """A `ModelInstance` whose process may be down, and then is started again. May be asked from any thread."""

    @property
    def lacks(self) -> str:
        """Why it can't run anything now, in words; "" while it can."""

    @property
    def restarts(self) -> int: ...

    @property
    def restarts_are_in_vain(self) -> bool:
        """Whether it can't be kept up."""

    def prove_restarts(self, prove: Prove, /) -> None:
        """From now on, a process that is started again answers nothing else before it passed that."""


class Backend(Protocol):
    def __call__(self, directory: Path, config: ModelConfig, device: str) -> ModelInstance:
        """Load the config's file from a version `directory` onto `device`: `"cpu"`, `"cuda:0"` and so on, or `"model"`,
        where the model's own code decides.

        Raises `ModelLoadFailed` with a reason written for the model's owner, whatever the file holds.
        """


def find(name: str) -> Backend:
    """Raises `ModelLoadFailed` when the runtime behind the backend is not installed."""
    if name not in BACKENDS:
        raise ModelLoadFailed(f"unexpected backend '{name}', known are {', '.join(BACKENDS)}")
    return cast(Backend, _imported(name, BACKENDS[name]))


def loader(config: ModelConfig) -> Backend:
    """What loads a model where its config says: in this process, or in one for each instance.

    Raises `ModelLoadFailed`.
    """
    return cast(Backend, _imported(config.backend, _ISOLATED)) if is_isolated(config) else find(config.backend)


def are_shared(config: ModelConfig) -> bool:
    """Whether what is loaded once serves all instances of a device, so that its weights are in memory once.

    Raises `ModelLoadFailed` for parameters that are wrong.
    """
    if is_isolated(config):
        return False
    return config.backend == "onnxruntime" or (config.backend == "pytorch" and torch_options(config).weight_sharing)


def is_steady(instance: ModelInstance) -> bool:
    """Also False where nobody knows."""
    return isinstance(instance, SteadyInstance) and instance.is_steady


def input_memory(instance: ModelInstance) -> InputMemory | None:
    """None where batches need memory of their own each."""
    return instance.input_memory if isinstance(instance, BufferedInstance) else None


def describe(directory: Path, config: ModelConfig) -> tuple[Specs, Specs] | None:
    """The inputs and outputs of the file in a version `directory`; None where such files don't say.

    Raises `ModelLoadFailed`.
    """
    if config.backend not in _DESCRIBE:
        return None
    if not is_isolated(config) or config.backend in _SAFELY_DESCRIBED:
        return read_description(directory, config)
    return cast(tuple[Specs, Specs], _imported(config.backend, _DESCRIBE_ISOLATED)(directory, config))


def read_description(directory: Path, config: ModelConfig) -> tuple[Specs, Specs]:
    """The same in this process, of a backend whose files say it."""
    return cast(tuple[Specs, Specs], _imported(config.backend, _DESCRIBE[config.backend])(directory, config))


def share_threads() -> None:
    """One pool of threads for all models of a backend that are loaded from now on, in this process and for good.

    Raises `ModelLoadFailed` where the runtime is not installed.
    """
    for name, path in _SHARE_THREADS.items():
        _imported(name, path)()


def runtime(name: str) -> str:
    """What runs a backend's models, and its version. Raises `ModelLoadFailed` where it is not installed."""
    return str(_imported(name, _RUNTIMES[name]))


def _imported(name: str, path: str) -> Any:
    module, _, function = path.partition(":")
    try:
        return getattr(import_module(module), function)
    except ModuleNotFoundError as error:
        raise ModelLoadFailed(f"backend '{name}' needs the package '{error.name}', which is not installed") from None


def model_file(directory: Path, config: ModelConfig) -> Path:
    """Raises `ModelLoadFailed` where it is not there, is no model at all, or would be outside of `directory`."""
    check_filename(config.default_model_filename)
    usual = DEFAULT_FILENAMES[config.backend]
    path = directory / str(config.default_model_filename or usual)
    if not path.is_file():
        asks = f"the backend {config.backend} loads" if path.name == usual else "default_model_filename names"
        raise ModelLoadFailed(f"version {directory.name} has no file '{path.name}', which {asks}{_others(directory)}")
    refuse_placeholder(path)
    return path


def _others(directory: Path) -> str:
    try:
        names = [f"{path.name}/" if path.is_dir() else path.name for path in directory.iterdir()]
        return what_it_has(names) or "; its folder is empty"
    except OSError:
        return ""


def check_against_config(
    kind: str,
    in_file: tuple[TensorSpec, ...],
    in_config: tuple[TensorSpec, ...],
    of_any_shape: Collection[str] = (),
) -> None:
    """The config may name fewer outputs than the file has, and fix dimensions that the file leaves open."""
    names = ", ".join(spec.name for spec in in_file)
    if kind == "input" and len(in_file) != len(in_config):
        raise ModelLoadFailed(f"configuration expects {len(in_config)} inputs, model provides {len(in_file)}: {names}")
    by_name = {spec.name: spec for spec in in_file}
    for expected in in_config:
        found = by_name.get(expected.name)
        if found is None:
            raise ModelLoadFailed(f"unexpected inference {kind} '{expected.name}', allowed {kind}s are: {names}")
        if found.datatype != expected.datatype:
            raise ModelLoadFailed(
                f"configuration expects datatype {expected.datatype} for {kind} '{expected.name}', "
                f"model provides {found.datatype}"
            )
        if expected.name not in of_any_shape and not _shapes_agree(found.shape, expected.shape):
            raise ModelLoadFailed(
                f"{kind} '{expected.name}': the model has shape {format_shape(found.shape)}, the configuration "
                f"(with its batch dimension, if max_batch_size is set) {format_shape(expected.shape)}"
            )


def _shapes_agree(in_file: tuple[int, ...], in_config: tuple[int, ...]) -> bool:
    return len(in_file) == len(in_config) and all(
        found in (-1, expected) for found, expected in zip(in_file, in_config, strict=True)
    )
